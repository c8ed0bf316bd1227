"""The queue of simulation runs: asked for by a caller, taken by the worker, one after the other."""

from datetime import datetime
from secrets import token_hex
from typing import Any

import asyncpg

from twin.access import AccessClass, Caller, Right
from twin.errors import BadInput, NotFound

Record = dict[str, Any]
QUEUE_LIMIT = 20
"""Runs that may wait at a time."""
COST_LIMIT_MKRW = 10_000_000
ASKED, LIVE = "asked", "live"
"""Lanes of the queue: what somebody asked for, and what the clock starts."""
_UNDER_WAY = "('queued', 'running', 'cancelling')"


class Runs:
    """Asks and answers through a pool or a connection; holds no state of its own."""

    def __init__(self, db: asyncpg.Pool | asyncpg.Connection) -> None:
        self._db = db

    async def submit(
        self, caller: Caller, simulation: str, title: str, scenario: Record, now: datetime, lane: str = ASKED
    ) -> Record:
        """Queue a run.

        Raises
        ------
        Refused
            The caller may not simulate.
        BadInput
            Too many runs wait already.
        """
        caller.require(Right.SIMULATE, "a run")
        waiting = await self._db.fetchval("SELECT count(*) FROM run WHERE state = 'queued' AND lane = $1", lane)
        if waiting >= QUEUE_LIMIT:
            raise BadInput(f"{waiting} runs wait already; the limit is {QUEUE_LIMIT}: cancel one or wait")
        row = await self._db.fetchrow(
            "INSERT INTO run (id, simulation, title, scenario, state, progress, note, asked_by, asked, result, lane) "
            "VALUES ($1, $2, $3, $4, 'queued', 0, '', $5, $6, '{}', $7) RETURNING *",
            token_hex(6), simulation, title, scenario, caller.name, now, lane,
        )  # fmt: skip
        return dict(row)

    async def get(self, caller: Caller, run_id: str) -> Record:
        """Return one run.

        Raises
        ------
        NotFound
            There is none of this name.
        """
        caller.require_class(AccessClass.INTERNAL, "runs")
        row = await self._db.fetchrow("SELECT * FROM run WHERE id = $1", run_id)
        if row is None:
            raise NotFound(f"there is no run {run_id[:40]!r}")
        return dict(row)

    async def newest(
        self, caller: Caller, limit: int = 50, lane: str = ASKED, state: str | None = None
    ) -> list[Record]:
        """Return the newest runs of a lane (in a state), without their scenarios."""
        caller.require_class(AccessClass.INTERNAL, "runs")
        rows = await self._db.fetch(
            "SELECT id, simulation, title, state, progress, note, asked_by, asked, started, ended, result "
            "FROM run WHERE lane = $2 AND ($3::text IS NULL OR state = $3) ORDER BY asked DESC, id LIMIT $1",
            limit, lane, state,
        )  # fmt: skip
        return [dict(row) for row in rows]

    async def price(self, caller: Caller, run_id: str, million_krw: float | None) -> Record:
        """Keep what the measures of a run that is done cost [million KRW], or forget it.

        Raises
        ------
        BadInput
            It is negative, or the run has not ended well.
        """
        caller.require(Right.SIMULATE, "the cost of a run")
        run = await self.get(caller, run_id)
        if run["state"] != "done":
            raise BadInput(f"run {run_id} is {run['state']}; a cost is given to one that is done")
        if million_krw is not None and not 0 <= million_krw < COST_LIMIT_MKRW:
            raise BadInput(f"a cost of {million_krw} million KRW; it needs 0 to {COST_LIMIT_MKRW:,}")
        cost = {} if million_krw is None else {"cost_mkrw": float(million_krw)}
        row = await self._db.fetchrow(
            "UPDATE run SET result = (result - 'cost_mkrw') || $2 WHERE id = $1 RETURNING *", run_id, cost
        )
        return dict(row)

    async def cancel(self, caller: Caller, run_id: str, now: datetime) -> Record:
        """Cancel a run: one that waits at once, one that runs as soon as it hears of it. Doing it twice is no error."""
        caller.require(Right.SIMULATE, "cancelling a run")
        await self.get(caller, run_id)
        row = await self._db.fetchrow(
            "UPDATE run SET state = CASE state WHEN 'queued' THEN 'cancelled' ELSE 'cancelling' END, "
            "ended = CASE state WHEN 'queued' THEN $2::timestamptz END "
            "WHERE id = $1 AND state IN ('queued', 'running') RETURNING *",
            run_id, now,
        )  # fmt: skip
        return dict(row) if row else await self.get(caller, run_id)

    async def take(self, now: datetime, lane: str = ASKED) -> Record | None:
        """Take the run of a lane that waits longest, or None."""
        row = await self._db.fetchrow(
            "UPDATE run SET state = 'running', started = $1 WHERE id = (SELECT id FROM run WHERE state = 'queued' "
            "AND lane = $2 ORDER BY asked, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING *", now, lane,
        )  # fmt: skip
        return dict(row) if row else None

    async def report(self, run_id: str, progress: float, note: str) -> bool:
        """Write how far a run is; return whether it is still wanted."""
        state = await self._db.fetchval(
            f"UPDATE run SET progress = $2, note = $3 WHERE id = $1 AND state IN {_UNDER_WAY} RETURNING state",
            run_id, progress, note,
        )  # fmt: skip
        return bool(state == "running")

    async def finish(self, run_id: str, state: str, note: str, result: Record, now: datetime) -> None:
        """Write how a run ended."""
        await self._db.execute(
            "UPDATE run SET state = $2, note = $3, result = $4, ended = $5, "
            "progress = CASE $2 WHEN 'done' THEN 1 ELSE progress END WHERE id = $1",
            run_id, state, note, result, now,
        )  # fmt: skip

    async def requeue(self, lane: str = ASKED) -> None:
        """Queue again what a worker that died had taken; what was being cancelled is."""
        await self._db.execute(
            "UPDATE run SET state = CASE state WHEN 'running' THEN 'queued' ELSE 'cancelled' END "
            "WHERE state IN ('running', 'cancelling') AND lane = $1", lane,
        )  # fmt: skip

    async def drop(self, lane: str, keep: int) -> list[str]:
        """Forget all but the newest runs of a lane that have ended; return their ids."""
        rows = await self._db.fetch(
            f"DELETE FROM run WHERE lane = $1 AND state NOT IN {_UNDER_WAY} AND id NOT IN "
            "(SELECT id FROM run WHERE lane = $1 ORDER BY asked DESC LIMIT $2) RETURNING id", lane, keep,
        )  # fmt: skip
        return [row["id"] for row in rows]
