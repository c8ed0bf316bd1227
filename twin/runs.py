"""The queue of simulation runs: asked for by a caller, taken by the worker, one after the other."""

from datetime import datetime
from secrets import token_hex
from typing import Any

import asyncpg

from twin.access import AccessClass, Caller
from twin.errors import BadInput, NotFound, Refused

Record = dict[str, Any]
QUEUE_LIMIT = 20
"""Runs that may wait at a time."""
_UNDER_WAY = "('queued', 'running', 'cancelling')"


def require_planner(caller: Caller) -> None:
    """Let only those near simulations who may see what they stand on.

    Raises
    ------
    Refused
        The caller may see public layers only.
    """
    if not caller.may_see(AccessClass.INTERNAL):
        raise Refused(f"simulations are internal; {caller.name} may not see them")


class Runs:
    """Asks and answers through a pool or a connection; holds no state of its own."""

    def __init__(self, db: asyncpg.Pool | asyncpg.Connection) -> None:
        self._db = db

    async def submit(self, caller: Caller, simulation: str, title: str, scenario: Record, now: datetime) -> Record:
        """Queue a run.

        Raises
        ------
        Refused
            The caller may not simulate.
        BadInput
            Too many runs wait already.
        """
        require_planner(caller)
        waiting = await self._db.fetchval("SELECT count(*) FROM run WHERE state = 'queued'")
        if waiting >= QUEUE_LIMIT:
            raise BadInput(f"{waiting} runs wait already; the limit is {QUEUE_LIMIT}: cancel one or wait")
        row = await self._db.fetchrow(
            "INSERT INTO run (id, simulation, title, scenario, state, progress, note, asked_by, asked, result) "
            "VALUES ($1, $2, $3, $4, 'queued', 0, '', $5, $6, '{}') RETURNING *",
            token_hex(6), simulation, title, scenario, caller.name, now,
        )  # fmt: skip
        return dict(row)

    async def get(self, caller: Caller, run_id: str) -> Record:
        """Return one run.

        Raises
        ------
        NotFound
            There is none of this name.
        """
        require_planner(caller)
        row = await self._db.fetchrow("SELECT * FROM run WHERE id = $1", run_id)
        if row is None:
            raise NotFound(f"there is no run {run_id[:40]!r}")
        return dict(row)

    async def newest(self, caller: Caller, limit: int = 50) -> list[Record]:
        """Return the newest runs, without their scenarios."""
        require_planner(caller)
        rows = await self._db.fetch(
            "SELECT id, simulation, title, state, progress, note, asked_by, asked, started, ended, result "
            "FROM run ORDER BY asked DESC, id LIMIT $1", limit,
        )  # fmt: skip
        return [dict(row) for row in rows]

    async def cancel(self, caller: Caller, run_id: str, now: datetime) -> Record:
        """Cancel a run: one that waits at once, one that runs as soon as it hears of it. Doing it twice is no error."""
        await self.get(caller, run_id)
        row = await self._db.fetchrow(
            "UPDATE run SET state = CASE state WHEN 'queued' THEN 'cancelled' ELSE 'cancelling' END, "
            "ended = CASE state WHEN 'queued' THEN $2::timestamptz END "
            "WHERE id = $1 AND state IN ('queued', 'running') RETURNING *",
            run_id, now,
        )  # fmt: skip
        return dict(row) if row else await self.get(caller, run_id)

    async def take(self, now: datetime) -> Record | None:
        """Take the run that waits longest, or None."""
        row = await self._db.fetchrow(
            "UPDATE run SET state = 'running', started = $1 WHERE id = (SELECT id FROM run WHERE state = 'queued' "
            "ORDER BY asked, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING *", now,
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

    async def requeue(self) -> None:
        """Queue again what a worker that died had taken; what was being cancelled is."""
        await self._db.execute(
            "UPDATE run SET state = CASE state WHEN 'running' THEN 'queued' ELSE 'cancelled' END "
            "WHERE state IN ('running', 'cancelling')"
        )
