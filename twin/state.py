"""The newest value of every asset, in columns: what screens are shown, kept in memory and fed by the feed."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import asyncpg
import numpy as np
from numpy.typing import NDArray

from twin import frame
from twin.alarms import SHOWN
from twin.crs import WGS84
from twin.layer import Layer, Severity

BBox = tuple[float, float, float, float]

_ROWS = (
    f"SELECT a.id, a.unit_id, ST_X(p) AS lon, ST_Y(p) AS lat FROM asset a, LATERAL ST_Transform(a.geom, {WGS84}) p "
    "WHERE a.layer = $1 AND ($2::int[] IS NULL OR a.id = ANY($2)) ORDER BY a.id"
)
_VALUES = (
    "SELECT d.asset_id, d.observed_property, l.phenomenon_time, l.result FROM latest l "
    "JOIN datastream d ON d.id = l.datastream_id JOIN asset a ON a.id = d.asset_id WHERE a.layer = $1"
)
_STANDING = f"SELECT asset_id, severity FROM alarm WHERE layer = $1 AND {SHOWN} AND asset_id IS NOT NULL"


class LayerState:
    """The assets of one layer: row by row position, time, severity and newest results.

    Attributes
    ----------
    asset
        Asset ids, shape (n,), ascending while no asset was added.
    lon, lat
        WGS84 [deg], shape (n,); NaN when unknown.
    time
        Newest observation [s since 1970], shape (n,); NaN when none.
    result
        Shape (n, properties) in the order of the layer's `properties`; NaN when unknown.
    severity
        Rank of the worst standing alarm, 0 none, shape (n,).
    unit
        Id of the administrative unit, 0 outside all of them, shape (n,).
    when
        Time of the newest result of each datastream [s since 1970], shape (n, observed); -inf when none.
    gen
        Generation of the last change of each row, shape (n,); counted by this object, from 1.
    """

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.gen_max = 0
        self._index = {name: index for index, name in enumerate(layer.observed)}
        self._skip = len(layer.observed) - len(layer.properties)  # longitude and latitude of a moving layer
        self._row_of: dict[int, int] = {}
        self._resize([])

    def _resize(self, assets: list[int]) -> None:
        n = len(assets)
        self.asset: NDArray[np.uint32] = np.array(assets, np.uint32)
        self.lon, self.lat, self.time = (np.full(n, np.nan) for _ in range(3))
        self.result = np.full((n, len(self.layer.properties)), np.nan)
        self.when = np.full((n, len(self.layer.observed)), -np.inf)
        self.severity: NDArray[np.uint8] = np.zeros(n, np.uint8)
        self.unit: NDArray[np.int32] = np.zeros(n, np.int32)
        self.gen: NDArray[np.int64] = np.zeros(n, np.int64)
        self._row_of = {asset: row for row, asset in enumerate(assets)}

    async def load(self, db: asyncpg.Connection) -> None:
        """Read the whole layer from the store."""
        await self.load_register(db)
        self.put(await db.fetch(_VALUES, self.layer.id))
        for row in await db.fetch(_STANDING, self.layer.id):
            at = self._row_of[row["asset_id"]]
            self.severity[at] = max(self.severity[at], Severity(row["severity"]).rank)

    async def load_register(self, db: asyncpg.Connection) -> None:
        """Read the assets, without what was observed of them."""
        rows = await db.fetch(_ROWS, self.layer.id, None)
        self._resize([row["id"] for row in rows])
        self.lon[:] = [np.nan if row["lon"] is None else row["lon"] for row in rows]
        self.lat[:] = [np.nan if row["lat"] is None else row["lat"] for row in rows]
        self.unit[:] = [row["unit_id"] or 0 for row in rows]

    def put(self, observed: Iterable[Mapping[str, Any]], *, is_moving: bool = False) -> None:
        """Take one observation a datastream (asset_id, observed_property, phenomenon_time, result).

        Parameters
        ----------
        is_moving
            The assets are where these observations say, and nowhere without them; else where the register says.
        """
        if is_moving:
            self.lon[:], self.lat[:] = np.nan, np.nan
        for row in observed:
            at, index = self._row_of[row["asset_id"]], self._index.get(row["observed_property"])
            if index is None:  # a property that the layer no longer has
                continue
            if index >= self._skip:
                self.result[at, index - self._skip] = row["result"]
            elif is_moving:
                (self.lon, self.lat)[index][at] = row["result"]
            self.when[at, index] = row["phenomenon_time"].timestamp()
            self.time[at] = np.fmax(self.time[at], self.when[at, index])

    async def add(self, db: asyncpg.Connection, assets: Iterable[int]) -> None:
        """Append rows for assets that were registered since."""
        for row in await db.fetch(_ROWS, self.layer.id, [int(asset) for asset in assets if asset not in self._row_of]):
            self._row_of[row["id"]] = len(self.asset)
            self.asset = np.append(self.asset, np.uint32(row["id"]))
            self.lon = np.append(self.lon, np.nan if row["lon"] is None else row["lon"])
            self.lat = np.append(self.lat, np.nan if row["lat"] is None else row["lat"])
            self.time = np.append(self.time, np.nan)
            self.result = np.vstack([self.result, np.full((1, self.result.shape[1]), np.nan)])
            self.when = np.vstack([self.when, np.full((1, self.when.shape[1]), -np.inf)])
            self.severity = np.append(self.severity, np.uint8(0))
            self.unit = np.append(self.unit, np.int32(row["unit_id"] or 0))
            self.gen = np.append(self.gen, 0)

    def unknown(self, assets: NDArray[np.uint32]) -> list[int]:
        """Return those asset ids that have no row yet."""
        return [asset for asset in np.unique(assets).tolist() if asset not in self._row_of]

    def update(
        self,
        asset: NDArray[np.uint32],
        observed: NDArray[np.uint16],
        time: NDArray[np.float64],
        result: NDArray[np.float64],
    ) -> None:
        """Take observations (columns of equal length; `observed` indexes the layer's `observed`).

        One that is older than the newest of its datastream is passed over: a late message overwrites nothing.
        """
        row = np.fromiter((self._row_of.get(one, -1) for one in asset.tolist()), np.intp, len(asset))
        fresh = (row >= 0) & (time >= self.when[row, observed])
        row, observed, time, result = row[fresh], observed[fresh], time[fresh], result[fresh]
        self.when[row, observed] = time
        own = observed >= self._skip
        self.result[row[own], observed[own] - self._skip] = result[own]
        if self.layer.is_moving:
            for target, index in ((self.lon, 0), (self.lat, 1)):
                here = observed == index
                target[row[here]] = result[here]
        np.fmax.at(self.time, row, time)
        self.gen_max += 1
        self.gen[row] = self.gen_max

    def set_severity(self, asset: int, severity: int) -> None:
        """Set the rank of the worst standing alarm of an asset."""
        row = self._row_of.get(asset)
        if row is not None and self.severity[row] != severity:
            self.gen_max += 1
            self.severity[row], self.gen[row] = severity, self.gen_max

    def within(self, bbox: BBox | None) -> NDArray[np.intp]:
        """Return the rows that lie in a bbox (WGS84); all of them without one."""
        if bbox is None:
            return np.arange(len(self.asset))
        west, south, east, north = bbox
        inside = (self.lon >= west) & (self.lon <= east) & (self.lat >= south) & (self.lat <= north)
        return np.flatnonzero(inside)

    def told(self, row: int) -> dict[str, Any]:
        """Return what is known of one row: lon, lat, phenomenon_time, results, severity; None for what is not."""

        def number(value: float) -> float | None:
            return None if np.isnan(value) else float(value)

        when = number(self.time[row])
        results = {prop.id: float(value) for prop, value in zip(self.layer.properties, self.result[row], strict=True)
                   if not np.isnan(value)}  # fmt: skip
        rank = int(self.severity[row])
        return {
            "lon": number(self.lon[row]),
            "lat": number(self.lat[row]),
            "phenomenon_time": None if when is None else datetime.fromtimestamp(when, UTC),
            "results": results,
            "severity": list(Severity)[rank] if rank else None,
        }

    def newest(self) -> float:
        """Return the newest observation time of the layer [s since 1970]; NaN when there is none."""
        return float(np.nanmax(self.time)) if np.isfinite(self.time).any() else float("nan")

    def encode(self, since: int, bbox: BBox, now_ms: int) -> bytes | None:
        """Encode what changed after generation `since` within a bbox (WGS84); the whole when `since` is negative.

        Returns
        -------
        A frame (see `twin.frame`), or None when there is nothing to say. Moving layers are not cut to the bbox:
        a ship that left the view would otherwise stand still at its edge for ever.
        """
        is_full = since < 0
        wanted = self.gen > since
        if not self.layer.is_moving:
            inside = np.zeros(len(wanted), bool)
            inside[self.within(bbox)] = True
            wanted &= inside
        rows = np.flatnonzero(wanted)
        if not len(rows) and not is_full:
            return None
        columns: list[frame.Column] = [("asset", self.asset[rows])]
        if is_full or self.layer.is_moving:
            columns += [(name, _fixed(part[rows])) for name, part in (("longitude", self.lon), ("latitude", self.lat))]
        columns += [("time", self.time[rows]), ("severity", self.severity[rows])]
        for index, prop in enumerate(self.layer.properties):
            kind: Any = np.float64 if prop.kind == "time" else np.float32
            columns.append((prop.id, self.result[rows, index].astype(kind)))
        head = {"layer": self.layer.id, "gen": self.gen_max, "at": now_ms, "full": is_full}
        return frame.encode(head, columns)


def _fixed(degrees: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return degrees as int32 at 1e-7 degree; unknown is -2^31."""
    return np.where(np.isnan(degrees), -(2.0**31), np.rint(degrees * 1e7)).astype(np.int32)
