"""Analyses for planners: where no camera looks, where parking is short, how long help takes, what stands in the water.

Each is a table by district (or place) and shapes for the map. What a planner may not see one by one, the cameras, is
only counted: the answer names no camera.
"""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from backend.cameras import LAYER as CAMERAS
from backend.cameras import elevation_in
from backend.hub import Hub
from twin.access import AccessClass, Caller
from twin.analyses import Facts
from twin.crs import KOREA_CENTRAL, WGS84, transformer
from twin.districts import districts, outlines
from twin.errors import BadInput, NotFound, Refused
from twin.resources import Resources
from twin.runs import Runs
from twin.sight import Camera, Obstacles, is_clear
from twin.state import LayerState

Record = dict[str, Any]
Floats = NDArray[np.float64]
PARKING = "parking"
SAMPLE_M = 25.0
"""Distance between two points of a street that a camera sees or does not [m]."""
FULL, TIGHT = 0.95, 0.85
"""Occupancies from which a district is short of spaces, and nearly so [-]."""
SOON_MIN, LATE_MIN = 5.0, 8.0
"""A fire engine is there in good time, and late [min]."""
WET_M = 0.3
"""Depth from which a place stands in the water [m]."""
NAMES = ("blind", "shortage", "response", "water")
"""The analyses; `water` is of a run."""
COLUMNS: dict[str, tuple[tuple[str, str], ...]] = {
    "blind": (("street_km", "km"), ("seen_km", "km"), ("blind_share", "%"), ("cameras", "")),
    "shortage": (("lots", ""), ("spaces", ""), ("free", ""), ("occupancy", "%"), ("full_lots", ""),
                ("spaces_per_100_homes", "")),
    "response": (("people", ""), ("minutes", "min"), ("farthest", "min"), ("within_5", "%"), ("within_8", "%")),
    "water": (("what", ""), ("depth", "m"), ("after", "min")),
}  # fmt: skip
"""Keys and units of the columns, after the name of the row."""


BLIND = {"ko": "카메라가 보지 못하는 길", "en": "no camera sees this street"}
SEEN = {"ko": "카메라가 보는 길", "en": "a camera sees this street"}


class Analyses:
    """Computes on demand; what follows from the register alone is kept until the city changes."""

    def __init__(self, pool: asyncpg.Pool, hub: Hub, resources: Resources, terrain: Path, folder: Path) -> None:
        self._pool, self._hub, self._resources = pool, hub, resources
        self._facts, self._runs = Facts(pool), Runs(pool)
        self._terrain, self._folder = terrain, folder
        self._kept: dict[tuple[str, str], Record] = {}
        self._lock = asyncio.Lock()

    async def answer(self, caller: Caller, name: str, run: str | None = None) -> Record:
        """Return `columns`, `rows` and `features` (GeoJSON, WGS84) of an analysis.

        Raises
        ------
        Refused
            The caller may see public layers only.
        NotFound
            There is no such analysis, or no such run.
        BadInput
            The water is asked for without a flood run that is done.
        """
        caller.require_class(AccessClass.INTERNAL, "analyses")
        if name not in NAMES:
            raise NotFound(f"there is no analysis {name[:40]!r}; there are {', '.join(NAMES)}")
        columns = [{"id": key, "unit": unit} for key, unit in COLUMNS[name]]
        if name == "water":
            found = await self._water(caller, run)
        elif name == "shortage":
            found = await self._parking(caller)
        else:
            found = await self._keep(name, self._blind if name == "blind" else self._response)
        return {"id": name, "columns": columns} | found

    async def _keep(self, name: str, work: Callable[[], Awaitable[Record]]) -> Record:
        async with self._lock:  # two who ask at once wait for one answer
            key = (name, await self._facts.version())
            if key not in self._kept:
                self._kept = {old: told for old, told in self._kept.items() if old[0] != name} | {key: await work()}
            return self._kept[key]

    async def _units(self) -> list[Record]:
        return await districts(self._pool)

    async def _outlines(self) -> dict[int, Record]:
        return await outlines(self._pool)

    async def _blind(self) -> Record:
        streets, assets = await self._facts.streets(), await self._facts.assets([CAMERAS])
        lines = shapely.from_wkb(np.array([one["geom"] for one in streets], object))
        box = tuple(float(side) for side in shapely.total_bounds(lines))
        buildings = await self._resources.buildings((box[0], box[1], box[2], box[3]))
        return await asyncio.to_thread(blind, await self._units(), streets, assets, lines, buildings, self._terrain)

    async def _response(self) -> Record:
        units, shapes = await self._units(), await self._outlines()
        streets = await self._resources.network()
        nodes = [one for one in await self._facts.nodes() if one["id"] in streets.nodes]
        stations = [one for one in await self._facts.facilities() if one["kind"] == "fire"]
        homes = await self._facts.homes()

        def work() -> Record:
            tree = cKDTree([(one["x"], one["y"]) for one in nodes])
            index = np.array([streets.nodes[one["id"]] for one in nodes])
            start = np.unique(index[tree.query([(one["x"], one["y"]) for one in stations])[1]])
            seconds = dijkstra(streets.graph, indices=start, min_only=True)
            at = seconds[index[tree.query([(one["x"], one["y"]) for one in homes])[1]]] / 60
            return response(units, shapes, homes, at)

        return await asyncio.to_thread(work)

    async def _parking(self, caller: Caller) -> Record:
        state = self._hub.states.get(PARKING)
        if state is None or not caller.may_see_layer(state.layer):
            raise Refused(f"the layer {PARKING!r} may not be seen by {caller.name}")
        assets = await self._facts.assets([PARKING])
        totals = {one["id"]: float(one["attributes"].get("spaces_total", np.nan)) for one in assets}
        return parking(await self._units(), await self._outlines(), state, totals)

    async def _water(self, caller: Caller, run_id: str | None) -> Record:
        if run_id is None:
            raise BadInput("which water? name a flood run that is done: run=<id>")
        run = await self._runs.get(caller, run_id)
        depth = run["result"].get("depth")
        if depth is None:
            raise BadInput(f"run {run_id} is {run['simulation']}, {run['state']}: it holds no water")
        layers = {one.layer.id: one.layer for one in self._hub.states.values() if not one.layer.registers_assets}
        seen = [name for name, layer in layers.items() if caller.may_see_layer(layer)]
        assets = [one for one in await self._facts.assets(seen) if one["attributes"].get("is_public", True)]
        titles = {name: layers[name].title.model_dump() for name in seen}
        path = self._folder / run_id / depth["file"]
        return await asyncio.to_thread(water, depth, path, await self._facts.facilities(), assets, titles)


def feature(geometry: Record, level: int, text: Record) -> Record:
    """Return a shape for the map: `level` 0 (quiet) to 3 (worst), and its words in both languages."""
    told = {"level": level, "ko": text["ko"], "en": text["en"]}
    return {"type": "Feature", "geometry": geometry, "properties": told}


def collection(features: list[Record]) -> Record:
    """Return GeoJSON."""
    return {"type": "FeatureCollection", "features": features}


def _named(unit: Record, ko: str, en: str) -> Record:
    return {"ko": f"{unit['name_ko']} {ko}", "en": f"{unit['name_en']} {en}"}


def blind(
    units: list[Record], streets: list[Record], assets: list[Record], lines: NDArray[np.object_],
    buildings: list[tuple[bytes, float]], terrain: Path,
) -> Record:  # fmt: skip
    """Return how much of the streets of each district some camera sees, by line of sight, and the parts none sees.

    Parameters
    ----------
    streets, lines
        One direction of each street, and its line [m].
    buildings
        Footprint (WKB) and height [m] of what blocks a view.
    """
    count = np.maximum(1, np.round(shapely.length(lines) / SAMPLE_M)).astype(int)
    owner = np.repeat(np.arange(len(lines)), count)
    share = np.concatenate([(np.arange(n) + 0.5) / n for n in count])
    points = shapely.get_coordinates(shapely.line_interpolate_point(lines[owner], share, normalized=True))
    obstacles = Obstacles(shapely.from_wkb([shape for shape, _ in buildings]), [height for _, height in buildings])
    box = shapely.total_bounds(lines)
    elevation = elevation_in(terrain, (float(box[0]), float(box[1]), float(box[2]), float(box[3])))
    tree, seen = cKDTree(points), np.zeros(len(points), bool)
    for asset in assets:
        camera = _camera(asset)
        for number in tree.query_ball_point((camera.x, camera.y), camera.range_m):
            if not seen[number] and _looks_at(camera, points[number]):
                place = (float(points[number, 0]), float(points[number, 1]))
                seen[number] = is_clear(camera, place, elevation, obstacles)
    metres = (shapely.length(lines) / count)[owner]
    unit_of = np.array([one["unit_id"] or 0 for one in streets])[owner]
    rows = []
    for unit in units:
        here = unit_of == unit["id"]
        whole, visible = metres[here].sum() / 1000, metres[here & seen].sum() / 1000
        cameras = sum(asset["unit_id"] == unit["id"] for asset in assets)
        share_blind = 100 * (1 - visible / whole) if whole else None
        rows.append(unit | {"street_km": whole, "seen_km": visible, "blind_share": share_blind, "cameras": cameras})
    return {"rows": sorted(rows, key=lambda one: -(one["blind_share"] or 0)),
            "features": collection(_blind_parts(lines, owner, share, count, seen))}  # fmt: skip


def _camera(asset: Record) -> Camera:
    given = asset["attributes"]
    return Camera(
        asset["id"], asset["x"], asset["y"], given.get("direction_deg"), given.get("field_of_view_deg", 60),
        given.get("range_m", 100), given.get("height_m", 5), (), works=True,
    )  # fmt: skip


def _looks_at(camera: Camera, place: Floats) -> bool:
    if camera.direction_deg is None:
        return True
    bearing = np.degrees(np.arctan2(place[0] - camera.x, place[1] - camera.y)) % 360
    return bool(abs((bearing - camera.direction_deg + 180) % 360 - 180) <= camera.field_of_view_deg / 2)


def _blind_parts(
    lines: NDArray[np.object_], owner: NDArray[np.intp], share: Floats, count: NDArray[np.intp], seen: NDArray[np.bool_]
) -> list[Record]:
    """Return the streets in two shapes: what no camera sees, and what one sees."""
    half = 0.5 / count[owner]
    convert = transformer(KOREA_CENTRAL, WGS84)
    ends = [
        shapely.get_coordinates(shapely.line_interpolate_point(lines[owner], share + side * half, normalized=True))
        for side in (-1, 1)
    ]
    start, end = (np.round(np.stack(convert.transform(at[:, 0], at[:, 1]), axis=1), 5).tolist() for at in ends)
    breaks = np.flatnonzero((np.diff(owner) != 0) | (np.diff(seen.astype(int)) != 0)) + 1
    parts: dict[bool, list[list[list[float]]]] = {False: [], True: []}
    for run in np.split(np.arange(len(owner)), breaks):
        parts[bool(seen[run[0]])].append([start[run[0]], *(end[number] for number in run)])
    return [
        feature({"type": "MultiLineString", "coordinates": parts[False]}, 3, BLIND),
        feature({"type": "MultiLineString", "coordinates": parts[True]}, 0, SEEN),
    ]


def response(units: list[Record], shapes: dict[int, Record], homes: list[Record], minutes: Floats) -> Record:
    """Return the minutes of the nearest fire engine to the people of each district, on free streets.

    Parameters
    ----------
    minutes
        Road time to each of the homes [min]; infinity where no road leads.
    """
    unit_of, households = (np.array([one[key] for one in homes]) for key in ("unit_id", "households"))
    rows, features = [], []
    for unit in units:
        here = unit_of == unit["id"]
        weight, at = households[here], minutes[here]
        can = np.isfinite(at)
        told: Record = {"people": unit["population"], "minutes": None, "farthest": None, "within_5": None,
                        "within_8": None}  # fmt: skip
        if weight.sum() and can.any():
            told |= {"minutes": float(weight[can] @ at[can] / weight[can].sum()), "farthest": float(at[can].max()),
                     "within_5": 100 * float(weight[at <= SOON_MIN].sum() / weight.sum()),
                     "within_8": 100 * float(weight[at <= LATE_MIN].sum() / weight.sum())}  # fmt: skip
        rows.append(unit | told)
        mean = told["minutes"]
        level = 3 if mean is None or mean > LATE_MIN else 2 if mean > SOON_MIN else 1 if mean > SOON_MIN / 2 else 0
        text = "–" if mean is None else f"{mean:.1f}"
        features.append(feature(shapes[unit["id"]], level, _named(unit, f"소방차 {text}분", f"fire engine {text} min")))
    return {"rows": sorted(rows, key=lambda one: -(one["minutes"] or np.inf)), "features": collection(features)}


def parking(units: list[Record], shapes: dict[int, Record], state: LayerState, totals: dict[int, float]) -> Record:
    """Return spaces and how full they are by district, now; a lot that nothing is heard of does not count.

    Parameters
    ----------
    totals
        Spaces of each lot by its id.
    """
    names = [prop.id for prop in state.layer.properties]
    free = state.result[:, names.index("spaces_free")]
    rows, features = [], []
    total = np.array([totals.get(int(asset), np.nan) for asset in state.asset])
    for unit in units:
        here = (state.unit == unit["id"]) & ~np.isnan(free) & ~np.isnan(total)
        spaces, left = float(total[here].sum()), float(free[here].sum())
        taken = 1 - left / spaces if spaces else None
        full = int((free[here] < 1).sum())
        per_homes = 100 * spaces / unit["households"] if unit["households"] else None
        share = None if taken is None else 100 * taken
        told = {"lots": int(here.sum()), "spaces": spaces, "free": left, "occupancy": share, "full_lots": full}
        rows.append(unit | told | {"spaces_per_100_homes": per_homes})
        level = 0 if taken is None or taken < TIGHT / 1.2 else 1 if taken < TIGHT else 2 if taken < FULL else 3
        words = "–" if taken is None else f"{100 * taken:.0f} %"
        features.append(feature(shapes[unit["id"]], level, _named(unit, f"주차 {words}", f"parking {words} taken")))
    return {"rows": sorted(rows, key=lambda one: -(one["occupancy"] or 0)), "features": collection(features)}


def water(
    depth: Record, path: Path, facilities: list[Record], assets: list[Record], titles: dict[str, Record]
) -> Record:
    """Return the places and things that stand in the water of a run: what, how deep at most, and after how long.

    Parameters
    ----------
    depth
        How the frames of the run lie: `nx, ny, times_s, step_m, corners` (nw, ne, se, sw in lon, lat).
    path
        The frames, uint8 (times, ny, nx), gzipped.
    """
    shape = (len(depth["times_s"]), depth["ny"], depth["nx"])
    frames = np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8).reshape(shape)
    nw, ne, _, sw = (np.array(corner) for corner in depth["corners"])
    things = [*facilities, *assets]
    at = np.array([(one["lon"], one["lat"]) for one in things])
    u, v = np.linalg.solve(np.column_stack([ne - nw, sw - nw]), (at - nw).T)
    column, row = (u * depth["nx"]).astype(int), (v * depth["ny"]).astype(int)
    inside = (u >= 0) & (u < 1) & (v >= 0) & (v < 1)
    times, rows, features = depth["times_s"], [], []
    for number in np.flatnonzero(inside):
        curve, one = frames[:, row[number], column[number]] * depth["step_m"], things[number]
        if curve.max() < WET_M:
            continue
        first = times[int(np.argmax(curve >= WET_M))] / 60
        what = titles.get(one.get("layer", ""), {"ko": one.get("kind", ""), "en": one.get("kind", "")})
        deepest = float(curve.max())
        rows.append({"name_ko": one["name_ko"] or one.get("key"), "name_en": one["name_en"], "what": what,
                     "kind": one.get("kind"), "depth": deepest, "after": first})  # fmt: skip
        level = 1 if deepest < 2 * WET_M else 2 if deepest < 4 * WET_M else 3
        words = {
            "ko": f"{rows[-1]['name_ko']} {deepest:.2f} m",
            "en": f"{one['name_en'] or one['name_ko']} {deepest:.2f} m",
        }
        features.append(feature({"type": "Point", "coordinates": at[number].tolist()}, level, words))
    return {
        "rows": sorted(rows, key=lambda one: (one["kind"] is None, -one["depth"])),
        "features": collection(features),
    }
