"""Every question that screens and clients may ask of the store, answered within the caller's clearance."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg

from twin.access import Caller
from twin.alarms import EVENT_KIND, State, Trigger, after
from twin.batch import NewEvent, Observations
from twin.crs import KOREA_CENTRAL, WGS84
from twin.errors import NotFound, Refused
from twin.feed import EVENT_COLUMNS, EVENT_TABLES
from twin.keeping import SILENT, SILENT_TEXTS
from twin.layer import Layer
from twin.state import BBox
from twin.store import FEED_LOCK, announce, write_events
from twin.units import UNITS

ITEM_LIMIT = 10_000
OBSERVATION_LIMIT = 50_000

_WORST = (
    "LATERAL (SELECT al.severity FROM alarm al WHERE al.asset_id = a.id AND al.state IN ('UNACK', 'ACKED') "
    "ORDER BY array_position(ARRAY['danger', 'alarm', 'caution'], al.severity) LIMIT 1)"
)


class Reader:
    """Asks through a pool; holds no state of its own."""

    def __init__(self, pool: asyncpg.Pool, layers: Mapping[str, Layer]) -> None:
        self._pool = pool
        self._layers = layers

    async def city(self) -> dict[str, Any]:
        """Return what the city is: seed, version, and whether its base is real (`official`) or `synthetic`."""
        rows = await self._pool.fetch("SELECT key, value FROM meta")
        known = {row["key"]: row["value"] for row in rows}
        quality = await self._pool.fetchval("SELECT quality FROM base_layer WHERE id = 'admin_unit'")
        return {"seed": known.get("city_seed"), "version": known.get("city_version"), "quality": quality}

    def layer(self, caller: Caller, layer_id: str) -> Layer:
        """Return a layer the caller may see.

        Raises
        ------
        NotFound
            There is none of this name.
        Refused
            The caller may not see it.
        """
        layer = self._layers.get(layer_id)
        if layer is None:
            raise NotFound(f"there is no layer {layer_id!r}")
        if not caller.may_see(layer.access_class):
            raise Refused(f"layer {layer_id!r} is {layer.access}; {caller.name} may not see it")
        return layer

    async def layers(self, caller: Caller) -> dict[str, Any]:
        """Return the live layers the caller may see, and the base layers with their origin."""
        counts = {
            row["layer"]: row
            for row in await self._pool.fetch(
                "SELECT a.layer, count(DISTINCT a.id) AS n, max(l.phenomenon_time) AS latest FROM asset a "
                "LEFT JOIN datastream d ON d.asset_id = a.id LEFT JOIN latest l ON l.datastream_id = d.id GROUP BY 1"
            )
        }
        live = [
            layer.model_dump(mode="json")
            | {
                "asset_count": counts[layer.id]["n"] if layer.id in counts else 0,
                "latest": counts[layer.id]["latest"] if layer.id in counts else None,
            }
            for layer in self._layers.values()
            if caller.may_see(layer.access_class)
        ]
        base = await self._pool.fetch("SELECT * FROM base_layer ORDER BY id")
        return {"layers": live, "base": [dict(row) for row in base]}

    async def items(
        self,
        caller: Caller,
        layer_id: str,
        bbox: BBox | None = None,
        interval: tuple[datetime | None, datetime | None] | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> dict[str, Any]:
        """Return assets of a layer with their newest results, as a GeoJSON FeatureCollection (WGS84).

        Parameters
        ----------
        bbox
            Only assets in it.
        interval
            Only assets whose newest observation lies in it; None at an end leaves it open.
        """
        layer = self.layer(caller, layer_id)
        limit = min(limit, ITEM_LIMIT)
        start, end = interval or (None, None)
        rows = await self._pool.fetch(
            "SELECT a.id, a.key, a.name_ko, a.name_en, u.name_ko AS unit_ko, u.name_en AS unit_en, a.quality, "
            "a.attributes, ST_X(p) AS lon, ST_Y(p) AS lat, v.time AS phenomenon_time, "
            "coalesce(v.results, '{}') AS results, w.severity, count(*) OVER () AS matched "
            "FROM asset a LEFT JOIN admin_unit u ON u.id = a.unit_id "
            f"LEFT JOIN LATERAL ST_Transform(a.geom, {WGS84}) p ON true LEFT JOIN LATERAL (SELECT "
            "max(l.phenomenon_time) AS time, jsonb_object_agg(d.observed_property, l.result) AS results "
            "FROM datastream d JOIN latest l ON l.datastream_id = d.id WHERE d.asset_id = a.id) v ON true "
            f"LEFT JOIN {_WORST} w ON true WHERE a.layer = $1 AND ($2::float8[] IS NULL OR a.geom && "
            f"ST_Transform(ST_MakeEnvelope($2[1], $2[2], $2[3], $2[4], {WGS84}), {KOREA_CENTRAL})) "
            "AND ($3::timestamptz IS NULL OR v.time >= $3) AND ($4::timestamptz IS NULL OR v.time <= $4) "
            "ORDER BY a.key LIMIT $5 OFFSET $6",
            layer.id, list(bbox) if bbox else None, start, end, limit, offset,
        )  # fmt: skip
        if not rows and offset:  # past the end: the count comes with the first page
            found = await self.items(caller, layer_id, bbox, interval, 1)
            return found | {"numberReturned": 0, "features": []}
        matched = rows[0]["matched"] if rows else 0
        return {
            "type": "FeatureCollection",
            "numberMatched": matched,
            "numberReturned": len(rows),
            "features": [_feature(row) for row in rows],
        }

    async def asset(self, caller: Caller, asset_id: int) -> dict[str, Any]:
        """Return all there is to know of one asset."""
        row = await self._pool.fetchrow(
            "SELECT a.id, a.layer, a.key, a.name_ko, a.name_en, a.quality, a.attributes, ST_X(p) AS lon, "
            "ST_Y(p) AS lat, u.name_ko AS unit_ko, u.name_en AS unit_en FROM asset a "
            "LEFT JOIN admin_unit u ON u.id = a.unit_id "
            f"LEFT JOIN LATERAL ST_Transform(a.geom, {WGS84}) p ON true WHERE a.id = $1",
            asset_id,
        )
        if row is None:
            raise NotFound(f"there is no asset {asset_id}")
        self.layer(caller, row["layer"])
        streams = await self._pool.fetch(
            "SELECT d.id, d.observed_property, l.result, l.phenomenon_time FROM datastream d "
            "LEFT JOIN latest l ON l.datastream_id = d.id WHERE d.asset_id = $1 ORDER BY d.id",
            asset_id,
        )
        events = await self._pool.fetch(
            f"SELECT {EVENT_COLUMNS} FROM {EVENT_TABLES} WHERE e.asset_id = $1 ORDER BY e.seq DESC LIMIT 10", asset_id
        )
        return dict(row) | {
            "datastreams": [dict(stream) for stream in streams],
            "alarms": [alarm for alarm in (await self.alarms(caller))["alarms"] if alarm["asset"] == asset_id],
            "events": [dict(event) for event in events],
        }

    async def observations(
        self, caller: Caller, datastream: int, start: datetime | None, end: datetime | None, limit: int = 1000
    ) -> dict[str, Any]:
        """Return the newest `limit` observations of a datastream within a time, oldest first."""
        row = await self._pool.fetchrow(
            "SELECT d.observed_property, a.layer FROM datastream d JOIN asset a ON a.id = d.asset_id WHERE d.id = $1",
            datastream,
        )
        if row is None:
            raise NotFound(f"there is no datastream {datastream}")
        layer = self.layer(caller, row["layer"])
        unit = next((prop.unit for prop in layer.properties if prop.id == row["observed_property"]), "deg")
        rows = await self._pool.fetch(
            "SELECT phenomenon_time, result FROM observation WHERE datastream_id = $1 "
            "AND ($2::timestamptz IS NULL OR phenomenon_time >= $2) "
            "AND ($3::timestamptz IS NULL OR phenomenon_time <= $3) ORDER BY phenomenon_time DESC LIMIT $4",
            datastream, start, end, min(limit, OBSERVATION_LIMIT),
        )  # fmt: skip
        return {
            "id": datastream,
            "observed_property": row["observed_property"],
            "unit": unit,
            "observations": [[one["phenomenon_time"], one["result"]] for one in reversed(rows)],
        }

    async def alarms(self, caller: Caller) -> dict[str, Any]:
        """Return the alarms that need somebody, by priority.

        What still stands comes first; then severity, unacknowledged before acknowledged, the longest first.
        """
        seen = [layer.id for layer in self._layers.values() if caller.may_see(layer.access_class)]
        rows = await self._pool.fetch(
            "SELECT al.id, al.layer, al.rule, al.state, al.severity, al.result, al.onset, al.changed, "
            "al.acknowledged_by, a.id AS asset, a.key, a.name_ko, a.name_en, u.name_ko AS unit_ko, "
            "u.name_en AS unit_en, "
            "ST_X(p) AS lon, ST_Y(p) AS lat "
            "FROM alarm al LEFT JOIN asset a ON a.id = al.asset_id LEFT JOIN admin_unit u ON u.id = a.unit_id "
            f"LEFT JOIN LATERAL ST_Transform(a.geom, {WGS84}) p ON true "
            "WHERE al.state IN ('UNACK', 'ACKED', 'RTNUN') AND al.layer = ANY($1) ORDER BY al.state = 'RTNUN', "
            "array_position(ARRAY['danger', 'alarm', 'caution'], al.severity), al.state <> 'UNACK', al.onset",
            seen,
        )
        return {"alarms": [self._alarm(row) for row in rows]}

    def _alarm(self, row: Mapping[str, Any]) -> dict[str, Any]:
        layer = self._layers[row["layer"]]
        rule = next((rule for rule in layer.alarms if rule.rule == row["rule"]), None)
        if rule is None:  # of the layer as a whole, or taken out of the layer while the alarm stood
            named = {"ko": row["rule"], "en": row["rule"]}
            texts: dict[str, Any] = dict.fromkeys(("title", "cause", "consequence", "action"), named)
            more: dict[str, Any] = {"unit": "", "property": None, "respond_within_s": None}
            if row["rule"] == SILENT:
                texts |= SILENT_TEXTS | {"title": {
                    "ko": f"{layer.title.ko}: 자료 끊김", "en": f"{layer.title.en}: no data"
                }}  # fmt: skip
            return dict(row) | texts | more
        prop = next(prop for prop in layer.properties if prop.id == rule.property)
        texts = {name: getattr(rule, name).model_dump() for name in ("title", "cause", "consequence", "action")}
        more = {"unit": UNITS[prop.unit], "property": prop.id, "respond_within_s": rule.respond_within_s}
        return dict(row) | texts | more

    async def acknowledge(self, caller: Caller, alarm_id: int, now: datetime) -> dict[str, Any]:
        """Acknowledge an alarm; doing it twice changes nothing."""
        async with self._pool.acquire() as db, db.transaction():
            row = await db.fetchrow("SELECT * FROM alarm WHERE id = $1 FOR UPDATE", alarm_id)
            if row is None:
                raise NotFound(f"there is no alarm {alarm_id}")
            self.layer(caller, row["layer"])
            state = after(State(row["state"]), Trigger.ACKNOWLEDGE)
            if state != row["state"]:
                await db.execute(
                    "UPDATE alarm SET state = $2, changed = $3, acknowledged_by = $4 WHERE id = $1",
                    alarm_id, state, now, caller.name,
                )  # fmt: skip
                detail = {"alarm": alarm_id, "rule": row["rule"], "state": state, "by": caller.name}
                event = NewEvent(
                    row["layer"], f"alarm:{alarm_id}:ack:{now.timestamp()}", EVENT_KIND[Trigger.ACKNOWLEDGE],
                    row["severity"], row["asset_id"], now, detail,
                )  # fmt: skip
                await db.execute("SELECT pg_advisory_xact_lock($1)", FEED_LOCK)
                await write_events(db, [event], now)
                await announce(db, 0, Observations.of((), []).payload())
        return {"id": alarm_id, "state": state}

    async def rejects(self, limit: int = 100) -> dict[str, Any]:
        """Return how many messages were refused by layer and reason, and the newest of them."""
        counts = await self._pool.fetch("SELECT layer, reason, n, last FROM reject_count ORDER BY n DESC")
        newest = await self._pool.fetch("SELECT * FROM reject ORDER BY id DESC LIMIT $1", min(limit, 1000))
        return {"counts": [dict(row) for row in counts], "rejects": [dict(row) for row in newest]}

    async def search(self, caller: Caller, text: str, limit: int = 20) -> dict[str, Any]:
        """Return places, units, markets, addresses and assets whose name holds a text, the best first."""
        text = text.strip()
        if not text:
            return {"results": []}
        seen = [layer.id for layer in self._layers.values() if caller.may_see(layer.access_class)]
        pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        rows = await self._pool.fetch(
            "SELECT kind, name_ko, name_en, detail, ST_X(p) AS lon, ST_Y(p) AS lat, layer, asset FROM ("
            "SELECT 1 AS o, 'unit' AS kind, name_ko, name_en, NULL AS detail, ST_PointOnSurface(geom) AS geom, "
            "NULL AS layer, NULL::int AS asset FROM admin_unit WHERE name_ko ILIKE $1 OR name_en ILIKE $1 "
            "UNION ALL SELECT 2, 'market', name_ko, name_en, shop_count::text, ST_Centroid(geom), NULL, NULL "
            "FROM market WHERE name_ko ILIKE $1 OR name_en ILIKE $1 "
            "UNION ALL SELECT 3, 'place', name_ko, name_en, kind, geom, NULL, NULL FROM facility "
            "WHERE name_ko ILIKE $1 OR name_en ILIKE $1 "
            "UNION ALL SELECT 4, 'asset', name_ko, name_en, key, geom, layer, id FROM asset "
            "WHERE layer = ANY($2) AND geom IS NOT NULL AND (name_ko ILIKE $1 OR name_en ILIKE $1 OR key ILIKE $1) "
            "UNION ALL SELECT 5, 'address', text_ko, NULL, NULL, geom, NULL, NULL FROM address WHERE text_ko ILIKE $1"
            f") r, LATERAL ST_Transform(geom, {WGS84}) p "
            "ORDER BY lower(name_ko) <> lower($3), name_ko NOT ILIKE $3 || '%', o, length(name_ko), name_ko LIMIT $4",
            pattern, seen, text, min(limit, 100),
        )  # fmt: skip
        return {"results": [dict(row) for row in rows]}


def _feature(row: Mapping[str, Any]) -> dict[str, Any]:
    at = None if row["lon"] is None else {"type": "Point", "coordinates": [round(row["lon"], 7), round(row["lat"], 7)]}
    names = (
        "key",
        "name_ko",
        "name_en",
        "unit_ko",
        "unit_en",
        "quality",
        "attributes",
        "results",
        "phenomenon_time",
        "severity",
    )
    return {"type": "Feature", "id": row["id"], "geometry": at, "properties": {name: row[name] for name in names}}
