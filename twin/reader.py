"""Every question that screens and clients may ask of the store, answered within the caller's clearance."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import asyncpg

from twin.access import AccessClass, Caller
from twin.alarms import SHOWN
from twin.crs import KOREA_CENTRAL, WGS84
from twin.errors import NotFound, Refused
from twin.feed import EVENT_COLUMNS, EVENT_TABLES, event_for
from twin.figures import figures_of
from twin.layer import SOURCE_SILENT, Layer, Severity
from twin.moment import DRILL, LIVE, NOW, Moment
from twin.past import LISTED, alarms_at, items_at, names_of, observed_at, state_at
from twin.runs import Runs
from twin.state import BBox
from twin.units import UNITS

ITEM_LIMIT = 10_000
OBSERVATION_LIMIT = 50_000
PEOPLE = ("acknowledged_by", "shelved_by", "shelved_reason")
"""What an alarm tells of people."""

_WORST = (
    f"LATERAL (SELECT al.severity FROM alarm al WHERE al.asset_id = a.id AND {SHOWN} "
    "ORDER BY array_position(ARRAY['danger', 'alarm', 'caution'], al.severity) LIMIT 1)"
)

_UNSPOKEN = (
    "SELECT DISTINCT ON (s.incident_id) s.id FROM alarm s WHERE s.branch = $3 AND s.state = 'DSUPR' "
    "AND s.silenced_by = 'incident' AND s.is_standing AND s.is_confirmed AND NOT EXISTS (SELECT FROM alarm o "
    "WHERE o.incident_id = s.incident_id AND o.is_standing AND o.state IN ('UNACK', 'ACKED')) ORDER BY s.incident_id, "
    "array_position(ARRAY['danger', 'alarm', 'caution'], s.severity), s.onset"
)
"""What was announced of an incident has ended, and what joined it in silence still stands: nobody calls, it is seen."""


class Reader:
    """Asks through a pool; holds no state of its own."""

    def __init__(self, pool: asyncpg.Pool, layers: Mapping[str, Layer]) -> None:
        self._pool = pool
        self._layers = layers
        rules = [(layer.id, rule.rule, rule.property) for layer in layers.values() for rule in layer.alarms]
        self._watched = [list(column) for column in zip(*rules, strict=True)] or [[], [], []]

    async def city(self) -> dict[str, Any]:
        """Return what the city is: seed, version, and whether its base is real (`official`) or `synthetic`."""
        rows = await self._pool.fetch("SELECT key, value FROM meta")
        known = {row["key"]: row["value"] for row in rows}
        quality = await self._pool.fetchval("SELECT quality FROM base_layer WHERE id = 'admin_unit'")
        return {"seed": known.get("city_seed"), "version": known.get("city_version"), "quality": quality}

    def layer(self, caller: Caller, layer_id: str, at: datetime | None = None) -> Layer:
        """Return a layer the caller may see.

        Parameters
        ----------
        at
            The moment that is asked about; None is the present.

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
        if not caller.may_see_layer(layer, at):
            then = "" if at is None else f" of {at.isoformat()}"
            raise Refused(f"layer {layer_id!r}{then} is {layer.access}; {caller.name} may not see it")
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
            if caller.may_see_layer(layer)
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
        moment: Moment = NOW,
        now: datetime | None = None,
    ) -> dict[str, Any]:
        """Return assets of a layer with their newest results, as a GeoJSON FeatureCollection (WGS84).

        Parameters
        ----------
        bbox
            Only assets in it.
        interval
            Only assets whose newest observation lies in it; None at an end leaves it open. Only of the present.
        moment, now
            Another moment than now, and what time it is.
        """
        if not moment.is_now and now is not None:
            moment = await self.resolve(caller, moment)
        layer = self.layer(caller, layer_id, _asked(moment, now))
        limit = min(limit, ITEM_LIMIT)
        if not moment.is_now and now is not None:
            async with self._pool.acquire() as db:
                matched, told = await items_at(db, layer, moment, now, bbox, limit, offset)
            return _collection(matched, told)
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
        return _collection(rows[0]["matched"] if rows else 0, rows)

    async def resolve(self, caller: Caller, moment: Moment) -> Moment:
        """Return where the branch of a moment left the live city: of a run, when it was asked for.

        Raises
        ------
        NotFound
            There is no such run.
        """
        if moment.run is None:
            return moment
        run = await Runs(self._pool).get(caller, moment.run)
        return replace(moment, as_of=min(moment.as_of or run["asked"], run["asked"]), valid_at=None)

    async def frames(
        self, caller: Caller, layer_ids: Sequence[str], bbox: BBox, moment: Moment, now: datetime
    ) -> list[bytes]:
        """Return one frame a layer (see `twin.frame`): all of it within a bbox at a moment, as screens get it live."""
        moment = await self.resolve(caller, moment)
        layers = [self.layer(caller, layer_id, _asked(moment, now)) for layer_id in layer_ids]
        at_ms = int(moment.shown(now).timestamp() * 1000)
        async with self._pool.acquire() as db:
            states = [await state_at(db, layer, moment, now) for layer in layers]
        return [state.encode(-1, bbox, at_ms) or b"" for state in states]

    async def figures(self, caller: Caller, moment: Moment, now: datetime) -> dict[str, Any]:
        """Return the figures that a caller may see at another moment than now."""
        moment = await self.resolve(caller, moment)
        layers = [one for one in self._layers.values() if one.figures and caller.may_see(one.access_class)]
        at = moment.shown(now).timestamp()
        async with self._pool.acquire() as db:
            states = [await state_at(db, layer, moment, now) for layer in layers]
        return {"version": None, "at": at, "heard": None, "figures": figures_of(states, at)}

    async def asset(
        self, caller: Caller, asset_id: int, moment: Moment = NOW, now: datetime | None = None
    ) -> dict[str, Any]:
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
        moment = await self.resolve(caller, moment)
        layer = self.layer(caller, row["layer"], _asked(moment, now))
        streams = await self._pool.fetch(
            "SELECT d.id, d.observed_property, l.result, l.phenomenon_time FROM datastream d "
            "LEFT JOIN latest l ON l.datastream_id = d.id WHERE d.asset_id = $1 ORDER BY d.id",
            asset_id,
        )
        told = [dict(stream) for stream in streams]
        if not moment.is_now and now is not None:
            async with self._pool.acquire() as db:
                then = {one["observed_property"]: one for one in await observed_at(db, layer, moment, now, asset_id)}
            for stream in told:
                one = then.get(stream["observed_property"], {})
                stream |= {name: one.get(name) for name in ("result", "phenomenon_time")}
        events = await self._pool.fetch(
            f"SELECT {EVENT_COLUMNS} FROM {EVENT_TABLES} WHERE e.asset_id = $1 "
            "AND ($2::timestamptz IS NULL OR e.result_time <= $2) "
            "AND ($3::timestamptz IS NULL OR e.phenomenon_time >= $3) ORDER BY e.seq DESC LIMIT 10",
            asset_id, None if now is None else moment.known(now), caller.since(layer),
        )  # fmt: skip
        standing = (await self.alarms(caller, moment, now))["alarms"]
        return dict(row) | {
            "datastreams": told,
            "alarms": [alarm for alarm in standing if alarm["asset"] == asset_id],
            "events": [event_for(caller, dict(event)) for event in events],
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
        if granted := caller.since(layer):
            start = max(start or granted, granted)
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

    async def alarms(
        self, caller: Caller, moment: Moment = NOW, now: datetime | None = None, states: Sequence[str] = LISTED
    ) -> dict[str, Any]:
        """Return the alarms that need somebody (or those of some other states), by priority.

        What still stands comes first; then severity, unacknowledged before acknowledged, the longest first. `result`
        is what raised an alarm, `latest` the newest value of the property that its rule watches, made at `latest_time`;
        neither is kept for the past. Of an incident whose standing alarms are all silent now the worst is in the list.
        """
        branch = moment.branch if moment.branch.startswith(DRILL) else LIVE  # a drill has no past of its own
        moment = await self.resolve(caller, moment)
        seen = caller.seen(self._layers.values(), _asked(moment, now))
        if branch == LIVE and not moment.is_now and now is not None:
            return self._told(caller, await self._alarms_at(moment, now, seen, states))
        rows = await self._pool.fetch(
            "SELECT al.id, al.layer, al.rule, al.state, al.severity, al.result, al.onset, al.changed, "
            "al.acknowledged_by, al.acknowledged_until, al.shelved_by, al.shelved_until, al.shelved_reason, "
            "al.silenced_by, al.incident_id AS incident, al.is_standing, a.id AS asset, a.key, "
            "a.name_ko, a.name_en, u.name_ko AS unit_ko, "
            "u.name_en AS unit_en, "
            "ST_X(p) AS lon, ST_Y(p) AS lat, l.result AS latest, l.phenomenon_time AS latest_time "
            "FROM alarm al LEFT JOIN asset a ON a.id = al.asset_id LEFT JOIN admin_unit u ON u.id = a.unit_id "
            f"LEFT JOIN LATERAL ST_Transform(a.geom, {WGS84}) p ON true "
            "LEFT JOIN unnest($4::text[], $5::text[], $6::text[]) w (layer, rule, property) "
            "ON (w.layer, w.rule) = (al.layer, al.rule) "
            "LEFT JOIN datastream d ON d.asset_id = al.asset_id AND d.observed_property = w.property "
            "AND al.branch = 'live' "
            "LEFT JOIN latest l ON l.datastream_id = d.id "
            f"WHERE al.branch = $3 AND (al.state = ANY($2) OR $7 AND al.id IN ({_UNSPOKEN})) AND al.layer = ANY($1) "
            "ORDER BY al.state = 'RTNUN', "
            "array_position(ARRAY['danger', 'alarm', 'caution'], al.severity), al.state <> 'UNACK', al.onset",
            seen,
            list(states),
            branch,
            *self._watched,
            tuple(states) == LISTED,
        )
        return self._told(caller, [self._alarm(row) for row in rows])

    @staticmethod
    def _told(caller: Caller, alarms: list[dict[str, Any]]) -> dict[str, Any]:
        """Return a list of alarms without the names of people for who may see public layers only."""
        nobody = {} if caller.may_see(AccessClass.INTERNAL) else dict.fromkeys(PEOPLE)
        return {"alarms": [alarm | {name: None for name in nobody if name in alarm} for alarm in alarms]}

    async def _alarms_at(
        self, moment: Moment, now: datetime, seen: list[str], states: Sequence[str]
    ) -> list[dict[str, Any]]:
        async with self._pool.acquire() as db:
            rows = await alarms_at(db, seen, moment, now, states)
            named = await names_of(db, [row["asset_id"] for row in rows if row["asset_id"] is not None])
        names = ("key", "name_ko", "name_en", "unit_ko", "unit_en", "lon", "lat", "latest", "latest_time")
        for row in rows:
            asset = named.get(row["asset_id"], {})
            row |= {"id": row["alarm"], "asset": row["asset_id"]} | {name: asset.get(name) for name in names}
        rows.sort(key=lambda row: (row["state"] == "RTNUN", -Severity(row["severity"]).rank, row["state"] != "UNACK",
                                   row["onset"] or row["changed"]))  # fmt: skip
        return [self._alarm(row) for row in rows]

    def _alarm(self, row: Mapping[str, Any]) -> dict[str, Any]:
        layer = self._layers[row["layer"]]
        return dict(row) | texts_of(layer, row["rule"])

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
        seen = caller.seen(self._layers.values())
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


def texts_of(layer: Layer, rule_id: str) -> dict[str, Any]:
    """Return what an alarm's rule says, with the unit of the property that it watches."""
    facts = layer.alarm_facts(rule_id)
    if facts is None:  # taken out of the layer while the alarm stood
        named = {"ko": rule_id, "en": rule_id}
        texts: dict[str, Any] = dict.fromkeys(("title", "cause", "consequence", "action"), named)
        return texts | {"unit": "", "property": None, "respond_within_s": None, "is_vital": False}
    texts = {name: getattr(facts, name).model_dump() for name in ("title", "cause", "consequence", "action")}
    if rule_id == SOURCE_SILENT:
        texts["title"] = {"ko": f"{layer.title.ko}: 자료 끊김", "en": f"{layer.title.en}: no data"}
    prop = next((prop for prop in layer.properties if prop.id == getattr(facts, "property", None)), None)
    return texts | {
        "unit": UNITS[prop.unit] if prop else "",
        "property": prop.id if prop else None,
        "respond_within_s": facts.respond_within_s,
        "is_vital": facts.is_vital,
    }


def _asked(moment: Moment, now: datetime | None) -> datetime | None:
    """Return the time that a question is about; None is the present."""
    return None if moment.is_now or now is None else moment.observed(now)


def _collection(matched: int, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "numberMatched": matched,
        "numberReturned": len(rows),
        "features": [_feature(row) for row in rows],
    }


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
