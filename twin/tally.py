"""Counting what happened: events by day, by district, by what their detail says."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

Record = dict[str, Any]
_WHERE = (
    "FROM event e LEFT JOIN asset a ON a.id = e.asset_id WHERE e.layer = $1 AND e.kind = ANY($2) "
    "AND e.phenomenon_time >= $3 AND e.phenomenon_time < $4 AND ($5::int IS NULL OR a.unit_id = $5)"
)


class Tally:
    """Counts events of one layer; whoever asks must have asked `Reader.layer` first."""

    def __init__(self, pool: asyncpg.Pool, layer: str, kinds: Sequence[str]) -> None:
        self._pool, self._layer, self._kinds = pool, layer, list(kinds)

    async def by_day(self, since: datetime, until: datetime, unit: int | None = None) -> list[Record]:
        """Return `day` (a date in Korea) and `n`, the oldest first; days without any are left out."""
        return await self._count(
            f"SELECT (e.phenomenon_time AT TIME ZONE 'Asia/Seoul')::date AS day, count(*) AS n {_WHERE} "
            "GROUP BY 1 ORDER BY 1", since, until, unit,
        )  # fmt: skip

    async def by_unit(self, since: datetime, until: datetime) -> dict[int, int]:
        """Return how many by district; 0 stands for what lies in none."""
        rows = await self._count(
            f"SELECT coalesce(a.unit_id, 0) AS unit, count(*) AS n {_WHERE} GROUP BY 1", since, until, None
        )
        return {row["unit"]: row["n"] for row in rows}

    async def by_detail(self, name: str, since: datetime, until: datetime, unit: int | None = None) -> list[Record]:
        """Return `what` and `n` by a word of the detail, or by each word of a list there; the most first."""
        return await self._count(
            "SELECT what, count(*) AS n FROM (SELECT jsonb_array_elements_text(CASE jsonb_typeof(e.detail->$6) "
            f"WHEN 'array' THEN e.detail->$6 ELSE jsonb_build_array(e.detail->$6) END) AS what {_WHERE}) w "
            "WHERE what IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1", since, until, unit, name,
        )  # fmt: skip

    async def newest(self, since: datetime, until: datetime, limit: int = 50) -> list[Record]:
        """Return the newest events with their place."""
        return await self._count(
            "SELECT e.seq, e.kind, e.severity, e.phenomenon_time, e.detail, a.name_ko, a.name_en, a.unit_id "
            f"{_WHERE} ORDER BY e.phenomenon_time DESC LIMIT $6", since, until, None, limit,
        )  # fmt: skip

    async def _count(self, sql: str, since: datetime, until: datetime, unit: int | None, *more: Any) -> list[Record]:
        rows = await self._pool.fetch(sql, self._layer, self._kinds, since, until, unit, *more)
        return [dict(row) for row in rows]


async def raised(pool: asyncpg.Pool, layers: Sequence[str], since: datetime, until: datetime) -> list[Record]:
    """Return alarms that were raised within a time, by layer, rule and severity: `n` and the first and last time."""
    rows = await pool.fetch(
        "SELECT layer, detail->>'rule' AS rule, severity, count(*) AS n, min(phenomenon_time) AS first, "
        "max(phenomenon_time) AS last FROM event WHERE layer = ANY($1) AND kind = 'alarm_raised' "
        "AND phenomenon_time >= $2 AND phenomenon_time < $3 GROUP BY 1, 2, 3 "
        "ORDER BY array_position(ARRAY['danger', 'alarm', 'caution'], severity), n DESC", list(layers), since, until,
    )  # fmt: skip
    return [dict(row) for row in rows]


async def first_day(pool: asyncpg.Pool) -> datetime | None:
    """Return when the first event that is kept was written; None in a city in which nothing has happened."""
    first: datetime | None = await pool.fetchval("SELECT result_time FROM event ORDER BY seq LIMIT 1")
    return first
