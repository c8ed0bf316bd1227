"""Forecasts: stored when issued, scored when their time comes."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from twin.access import AccessClass, Caller

Record = dict[str, Any]
Value = tuple[int, datetime, str, float]
"""Datastream, valid time, member, result."""
JUDGED, REFERENCE = "middle", "persistence"
SCORED = "flood"
"""Simulation whose forecasts are held against gauges; of the others nothing is observed but themselves."""
MATCH = timedelta(minutes=5)
"""An observation counts for a valid time up to so much later."""
THRESHOLD = "caution_m"
"""Attribute of an asset above which the water is an event."""


class Forecasts:
    """Keeps and judges forecasts through a pool or a connection."""

    def __init__(self, db: asyncpg.Pool | asyncpg.Connection) -> None:
        self._db = db

    async def store(
        self, name: str, simulation: str, issued: datetime, inputs: Record, receipt: Record, values: Iterable[Value]
    ) -> None:
        """Keep a forecast as it is issued; once it stands it is never changed."""
        await self._db.execute(
            "INSERT INTO forecast (id, simulation, issued, inputs, receipt) VALUES ($1, $2, $3, $4, $5) "
            "ON CONFLICT DO NOTHING", name, simulation, issued, inputs, receipt,
        )  # fmt: skip
        await self._db.executemany(
            "INSERT INTO forecast_value (forecast_id, datastream_id, valid_at, member, result) "
            "VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            [(name, *value) for value in values],
        )

    async def observe(self, now: datetime) -> int:
        """Write what was observed beside the values whose time has come; return how many there were."""
        done = await self._db.execute(
            "UPDATE forecast_value v SET observed = (SELECT result FROM observation o "
            "WHERE o.datastream_id = v.datastream_id AND o.phenomenon_time > v.valid_at - $2::interval "
            "AND o.phenomenon_time <= v.valid_at ORDER BY o.phenomenon_time DESC LIMIT 1) "
            "FROM forecast f WHERE f.id = v.forecast_id AND f.simulation = $3 "
            "AND observed IS NULL AND valid_at <= $1 AND valid_at > $1::timestamptz - interval '1 day'",
            now, MATCH, SCORED, timeout=60,
        )  # fmt: skip
        return int(done.split()[-1])

    async def purge(self, simulation: str, before: datetime) -> None:
        """Forget what is too old to say anything about the forecasts of today."""
        await self._db.execute(
            "DELETE FROM forecast WHERE simulation = $1 AND issued < $2", simulation, before, timeout=60
        )

    async def score(self, caller: Caller, now: datetime, within: timedelta = timedelta(days=1)) -> Record:
        """Judge the middle member of all forecasts that were issued within a time.

        Returns
        -------
        `since`, and `rows`: one for each property and hour of lead, with `n`, `bias`, `rmse`, `rmse_reference` (what
        persistence would have got) in the unit of the property, and of the events (values above the asset's caution)
        `hits`, `misses`, `false_alarms`, `csi` [-]; `lead_s` is how long before its first valid time an event was
        first forecast, the mean over the events that were. Water that stood above the caution already when the
        forecast was issued is no event that could be foretold.
        """
        caller.require_class(AccessClass.INTERNAL, "forecasts")
        since = now - within
        rows = await self._db.fetch(
            """
            WITH judged AS (
                SELECT d.observed_property AS property, v.valid_at, v.observed, v.result, r.result AS reference,
                    ceil(extract(epoch FROM v.valid_at - f.issued) / 3600)::int AS hour,
                    (a.attributes ->> $2)::float8 AS threshold
                FROM forecast f JOIN forecast_value v ON v.forecast_id = f.id AND v.member = $3
                JOIN forecast_value r ON r.forecast_id = f.id AND r.datastream_id = v.datastream_id
                    AND r.valid_at = v.valid_at AND r.member = $4
                JOIN datastream d ON d.id = v.datastream_id JOIN asset a ON a.id = d.asset_id
                WHERE f.simulation = $5 AND f.issued > $1 AND v.observed IS NOT NULL AND v.valid_at > f.issued
            )
            SELECT property, hour, count(*) AS n, avg(result - observed) AS bias,
                sqrt(avg((result - observed) ^ 2)) AS rmse, sqrt(avg((reference - observed) ^ 2)) AS rmse_reference,
                count(*) FILTER (WHERE observed >= threshold AND result >= threshold) AS hits,
                count(*) FILTER (WHERE observed >= threshold AND result < threshold) AS misses,
                count(*) FILTER (WHERE observed < threshold AND result >= threshold) AS false_alarms
            FROM judged GROUP BY property, hour ORDER BY property, hour
            """,
            since, THRESHOLD, JUDGED, REFERENCE, SCORED, timeout=60,
        )  # fmt: skip
        leads = await self._leads(since)
        return {"since": since, "rows": [_judged(dict(row), leads) for row in rows]}

    async def _leads(self, since: datetime) -> dict[str, float]:
        """Return the mean lead time [s] of forecast events by property."""
        rows = await self._db.fetch(
            """
            WITH event AS (
                SELECT v.datastream_id, d.observed_property AS property, min(v.valid_at) AS onset,
                    (a.attributes ->> $2)::float8 AS threshold
                FROM forecast f JOIN forecast_value v ON v.forecast_id = f.id
                JOIN datastream d ON d.id = v.datastream_id JOIN asset a ON a.id = d.asset_id
                WHERE f.simulation = $5 AND f.issued > $1 AND v.member = $4
                    AND v.observed >= (a.attributes ->> $2)::float8
                    AND v.result < (a.attributes ->> $2)::float8 GROUP BY 1, 2, 4
            )
            SELECT e.property, extract(epoch FROM e.onset - min(f.issued))::float8 AS lead
            FROM event e JOIN forecast_value v ON v.datastream_id = e.datastream_id AND v.member = $3
                AND v.valid_at <= e.onset AND v.result >= e.threshold
            JOIN forecast f ON f.id = v.forecast_id AND f.simulation = $5 AND f.issued > $1
            GROUP BY e.datastream_id, e.property, e.onset
            """,
            since, THRESHOLD, JUDGED, REFERENCE, SCORED, timeout=60,
        )  # fmt: skip
        found: defaultdict[str, list[float]] = defaultdict(list)
        for row in rows:
            found[row["property"]].append(row["lead"])
        return {name: sum(some) / len(some) for name, some in found.items()}


def _judged(row: Record, leads: dict[str, float]) -> Record:
    events = row["hits"] + row["misses"] + row["false_alarms"]
    return row | {"csi": row["hits"] / events if events else None, "lead_s": leads.get(row["property"])}
