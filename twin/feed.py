"""Reading the feed: what was committed, in the order of commit, from wherever the reader stands."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg

from twin.access import AccessClass, Caller
from twin.alarms import SHOWN
from twin.crs import WGS84
from twin.db import connect
from twin.store import CHANNEL

EVENT_COLUMNS = (
    "e.seq, e.layer, e.kind, e.severity, e.asset_id AS asset, a.key, a.name_ko, a.name_en, e.phenomenon_time, "
    "e.result_time, ST_X(p) AS lon, ST_Y(p) AS lat, e.detail"
)
EVENT_TABLES = (
    f"event e LEFT JOIN asset a ON a.id = e.asset_id LEFT JOIN LATERAL ST_Transform(e.geom, {WGS84}) p ON true"
)
PEOPLE = ("by", "reason", "note")
"""Parts of an event's detail that people wrote or that name them."""


def event_for(caller: Caller, event: dict[str, Any]) -> dict[str, Any]:
    """Return an event as a caller may see it: without names and words of people below the class internal."""
    if caller.may_see(AccessClass.INTERNAL) or not event["detail"]:
        return event
    return event | {"detail": {key: one for key, one in event["detail"].items() if key not in PEOPLE}}


@dataclass(frozen=True, slots=True)
class Position:
    """Where a reader stands: generation of the feed, sequence of the events."""

    gen: int
    seq: int


@dataclass(frozen=True, slots=True)
class Commit:
    """One feed row."""

    gen: int
    payload: bytes


class FeedReader:
    """One connection that waits for the writer's wake-up and reads what came."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.db: asyncpg.Connection | None = None
        self._wake = asyncio.Event()

    async def open(self) -> Position:
        """Connect, listen, and return the newest position."""
        if self.db is not None:
            self.db.terminate()
        self.db = await connect(self._dsn)
        await self.db.add_listener(CHANNEL, lambda *_: self._wake.set())
        row = await self.db.fetchrow(
            "SELECT (SELECT coalesce(max(gen), 0) FROM feed) AS gen, (SELECT coalesce(max(seq), 0) FROM event) AS seq"
        )
        return Position(row["gen"], row["seq"])

    async def epoch(self) -> str:
        """Return the epoch of the store."""
        assert self.db is not None
        return str(await self.db.fetchval("SELECT value FROM meta WHERE key = 'epoch'"))

    async def commits(self, after: int) -> list[Commit]:
        """Return the feed rows after a generation."""
        assert self.db is not None
        rows = await self.db.fetch("SELECT gen, payload FROM feed WHERE gen > $1 ORDER BY gen LIMIT 500", after)
        return [Commit(row["gen"], row["payload"]) for row in rows]

    async def events(self, after: int, until: int | None = None, limit: int = 1000) -> list[dict[str, Any]]:
        """Return the events after a sequence number, as the screens get them."""
        assert self.db is not None
        rows = await self.db.fetch(
            f"SELECT {EVENT_COLUMNS} FROM {EVENT_TABLES} WHERE e.seq > $1 AND ($2::bigint IS NULL OR e.seq <= $2) "
            "ORDER BY e.seq LIMIT $3",
            after,
            until,
            limit,
        )
        return [dict(row) for row in rows]

    async def standing(self, assets: list[int]) -> dict[int, str]:
        """Return the worst standing severity of each asset that has one."""
        assert self.db is not None
        rows = await self.db.fetch(
            f"SELECT asset_id, severity FROM alarm WHERE asset_id = ANY($1) AND {SHOWN} "
            "ORDER BY array_position(ARRAY['caution', 'alarm', 'danger'], severity)",
            assets,
        )
        return {row["asset_id"]: row["severity"] for row in rows}

    async def wakes(self, at_least_every_s: float) -> AsyncIterator[None]:
        """Yield at each wake-up, and after a while without one (a notification may be lost with its connection).

        Raises
        ------
        OSError
            The connection is gone.
        """
        while True:
            try:
                async with asyncio.timeout(at_least_every_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            if self.db is None or self.db.is_closed():
                raise ConnectionResetError("the store closed the feed's connection")
            yield
