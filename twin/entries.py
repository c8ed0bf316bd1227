"""Entries of the office: what a screen shows because somebody said so, with who and when."""

from datetime import datetime
from typing import Any

import asyncpg

from twin.access import Caller, Right
from twin.errors import BadInput, NotFound

Record = dict[str, Any]
KINDS = ("wall_layout", "wall_shown", "placard", "schedule", "news", "video", "pledge", "indicator", "complaint_word")
"""What may be entered; each kind has its own screen."""
KEY_LIMIT, MANY = 200, 5_000


class Entries:
    """Reads and writes through a pool; holds no state of its own."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def list(self, kind: str) -> list[Record]:
        """Return all entries of a kind, by key."""
        rows = await self._pool.fetch("SELECT * FROM entry WHERE kind = $1 ORDER BY key", kind)
        return [dict(row) for row in rows]

    async def get(self, kind: str, key: str) -> Record | None:
        """Return one entry, or None."""
        row = await self._pool.fetchrow("SELECT * FROM entry WHERE kind = $1 AND key = $2", kind, key)
        return dict(row) if row else None

    async def put(self, caller: Caller, kind: str, values: dict[str, Record], now: datetime) -> None:
        """Enter things by key; all of them or none.

        Raises
        ------
        BadInput
            The kind is unknown, a key is empty or too long, or there are too many at once.
        """
        caller.require(Right.EDIT, "an entry of the office")
        if kind not in KINDS:
            raise BadInput(f"nothing of the kind {kind[:40]!r} is entered; there are {', '.join(KINDS)}")
        if len(values) > MANY:
            raise BadInput(f"{len(values)} entries at once; the limit is {MANY}")
        if bad := [key for key in values if not key.strip() or len(key) > KEY_LIMIT]:
            raise BadInput(f"key {bad[0][:40]!r} has {len(bad[0])} characters; it needs 1 to {KEY_LIMIT}")
        async with self._pool.acquire() as db, db.transaction():
            await db.executemany(
                "INSERT INTO entry (kind, key, value, changed, changed_by) VALUES ($1, $2, $3, $4, $5) "
                "ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, changed = excluded.changed, "
                "changed_by = excluded.changed_by",
                [(kind, key, value, now, caller.name) for key, value in values.items()],
            )

    async def delete(self, caller: Caller, kind: str, key: str) -> None:
        """Take an entry away.

        Raises
        ------
        NotFound
            There is none of this name.
        """
        caller.require(Right.EDIT, "an entry of the office")
        if await self._pool.execute("DELETE FROM entry WHERE kind = $1 AND key = $2", kind, key) == "DELETE 0":
            raise NotFound(f"there is no {kind} {key[:40]!r}")
