"""Layers and alarms at a moment that is not now, from what the store kept: observations, and the log of events."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from twin.crs import WGS84
from twin.forecasts import JUDGED
from twin.layer import Layer, Severity
from twin.moment import Moment
from twin.state import BBox, LayerState

Record = dict[str, Any]

_OBSERVED = (
    "SELECT d.asset_id, d.observed_property, o.phenomenon_time, o.result FROM datastream d "
    "JOIN asset a ON a.id = d.asset_id CROSS JOIN LATERAL (SELECT phenomenon_time, result FROM observation "
    "WHERE datastream_id = d.id AND phenomenon_time <= $2 AND phenomenon_time > $3 "
    "ORDER BY phenomenon_time DESC LIMIT 1) o WHERE a.layer = $1 AND ($4::int IS NULL OR a.id = $4)"
)
_FORECAST = (
    "SELECT DISTINCT ON (d.id) d.asset_id, d.observed_property, v.valid_at AS phenomenon_time, v.result "
    "FROM forecast f JOIN forecast_value v ON v.forecast_id = f.id JOIN datastream d ON d.id = v.datastream_id "
    "JOIN asset a ON a.id = d.asset_id WHERE a.layer = $1 AND ($4::int IS NULL OR a.id = $4) AND v.member = $5 "
    "AND f.issued <= $2 AND f.issued > $2::timestamptz - $7::interval "
    "AND v.valid_at <= $3 AND v.valid_at > greatest($2, $3::timestamptz - $6::interval) "
    "ORDER BY d.id, f.issued DESC, v.valid_at DESC"
)
"""Of each datastream the newest forecast that had been issued, at the last time it speaks of before the moment."""
_STEP, _ISSUED = timedelta(minutes=20), timedelta(hours=3)
"""A forecast speaks for this long after its valid time, and for this long after it was issued."""
_LOG = (
    "SELECT DISTINCT ON (alarm) (e.detail->>'alarm')::bigint AS alarm, e.layer, e.asset_id, e.severity, "
    "e.detail->>'rule' AS rule, e.detail->>'state' AS state, (e.detail->>'result')::float8 AS result, "
    "e.detail->>'by' AS acknowledged_by, coalesce((e.detail->>'is_confirmed')::bool, true) AS is_confirmed, "
    "e.phenomenon_time AS changed, e.kind, max(e.phenomenon_time) FILTER "
    "(WHERE e.kind = 'alarm_raised') OVER (PARTITION BY e.detail->>'alarm') AS onset FROM event e "
    "WHERE e.layer = ANY($1) AND e.detail ? 'alarm' AND e.phenomenon_time <= $2 AND e.result_time <= $3 "
    "ORDER BY alarm, e.seq DESC"
)
"""The last word of the log on each alarm; every event of an alarm says in which state it left it."""
STANDING = ("UNACK", "ACKED", "DSUPR")
"""States of the alarms that the map shows."""
LISTED = ("UNACK", "ACKED", "RTNUN")
"""States of the alarms that an operator's list shows."""
_REGISTER = (
    "SELECT a.id, a.key, a.name_ko, a.name_en, u.name_ko AS unit_ko, u.name_en AS unit_en, a.quality, a.attributes, "
    "ST_X(p) AS lon, ST_Y(p) AS lat FROM asset a LEFT JOIN admin_unit u ON u.id = a.unit_id "
    f"LEFT JOIN LATERAL ST_Transform(a.geom, {WGS84}) p ON true WHERE a.id = ANY($1)"
)


async def observed_at(
    db: asyncpg.Connection, layer: Layer, moment: Moment, now: datetime, asset: int | None = None
) -> list[Any]:
    """Return of each datastream of a layer the newest observation that counts at a moment; of a later one its forecast.

    What is past the layer's retention does not count. Of an observation the store keeps when it was made, not when it
    arrived: one that came late is there as if it had come in time.
    """
    at = moment.observed(now)
    rows: list[Any] = await db.fetch(_OBSERVED, layer.id, at, at - timedelta(days=layer.retention_days), asset)
    if moment.is_forecast(now):
        ask = (layer.id, moment.known(now), moment.shown(now), asset, JUDGED, _STEP, _ISSUED)
        expected = {(row["asset_id"], row["observed_property"]): row for row in await db.fetch(_FORECAST, *ask)}
        rows = [*(row for row in rows if (row["asset_id"], row["observed_property"]) not in expected),
                *expected.values()]  # fmt: skip
    return rows


async def alarms_at(
    db: asyncpg.Connection, layers: list[str], moment: Moment, now: datetime, states: Sequence[str] = LISTED
) -> list[Record]:
    """Return the alarms that needed somebody (or were in some other states) at a moment, as the log tells it."""
    rows = await db.fetch(_LOG, layers, moment.observed(now), moment.known(now))
    return [dict(row) for row in rows if row["state"] in states]


async def state_at(db: asyncpg.Connection, layer: Layer, moment: Moment, now: datetime) -> LayerState:
    """Return a layer as it was, or is expected to be, at a moment."""
    state = LayerState(layer)
    await state.load_register(db)
    state.put(await observed_at(db, layer, moment, now), is_moving=layer.is_moving)
    worst: dict[int, int] = {}
    for row in await alarms_at(db, [layer.id], moment, now, STANDING):
        if row["is_confirmed"] and row["asset_id"] is not None:
            rank = Severity(row["severity"]).rank
            worst[row["asset_id"]] = max(rank, worst.get(row["asset_id"], 0))
    for asset_id, rank in worst.items():
        state.set_severity(asset_id, rank)
    return state


async def items_at(
    db: asyncpg.Connection, layer: Layer, moment: Moment, now: datetime, bbox: BBox | None, limit: int, offset: int
) -> tuple[int, list[Record]]:
    """Return how many assets of a layer lie in a bbox at a moment, and a page of them in the order of their ids."""
    state = await state_at(db, layer, moment, now)
    rows = state.within(bbox)
    page = rows[offset : offset + limit]
    facts = {row["id"]: dict(row) for row in await db.fetch(_REGISTER, [int(state.asset[row]) for row in page])}
    return len(rows), [facts[int(state.asset[row])] | state.told(row) for row in page]


async def names_of(db: asyncpg.Connection, assets: list[int]) -> Mapping[int, Record]:
    """Return key, names, district and place [deg, WGS84] of assets by id."""
    return {row["id"]: dict(row) for row in await db.fetch(_REGISTER, assets)}
