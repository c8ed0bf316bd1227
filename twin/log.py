"""The log: every sign-in, every change by a person, every download, camera view and share, chained row to row.

Reads of public data are not in it. There is one way in, `append`; the service calls it for every answer that it gives
(`backend/logged.py`), and for what is seen over a WebSocket.
"""

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from twin.access import Caller, Right
from twin.chain import FORMAT, START, hash_of
from twin.clock import KST
from twin.errors import BadInput
from twin.log_model import KEPT

Record = dict[str, Any]
LOCK = 8051
"""Advisory lock under which rows are chained, one writer after the other."""
WORKS = ("sign_in", "sign_out", "download", "camera_view", "share_opened", "share_camera", "share_seen",
         "review_signed", "log_purged")  # fmt: skip
"""Names of work that are no route's."""
LONGEST = 500
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Deed:
    """What is to be written; see `twin.log_model.LogRow`."""

    account: str
    place: str
    work: str
    subject: str = ""
    reason: str = ""
    ground: str = ""
    outcome: str = "done"


async def append(db: asyncpg.Connection, deed: Deed, now: datetime) -> Record:
    """Chain one row to the log; concurrent writers wait for each other."""
    told = {name: _text(value) for name, value in asdict(deed).items()}
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        last = await _last(db)
        row = told | {"seq": last["seq"] + 1, "at": stamp(now), "previous": last["hash"]}
        row["hash"] = hash_of(row)
        await db.execute(
            "INSERT INTO log (seq, at, account, place, work, subject, reason, ground, outcome, previous, hash) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            row["seq"], now, *(told[name] for name in Deed.__slots__), row["previous"], row["hash"],
        )  # fmt: skip
    return row


async def _last(db: asyncpg.Connection) -> Record:
    """Return number and hash of the row that the next one follows."""
    row = await db.fetchrow("SELECT seq, hash FROM log ORDER BY seq DESC LIMIT 1")
    return dict(row) if row else await anchor(db)


async def anchor(db: asyncpg.Connection) -> Record:
    """Return number and hash of the row before the first that is kept."""
    row = await db.fetchrow("SELECT seq, hash FROM log_anchor")
    return dict(row) if row else {"seq": 0, "hash": START}


def stamp(time: datetime) -> str:
    """Return a time as it stands in the canonical JSON: UTC, microseconds."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def _text(value: str) -> str:
    """Return text that the store can keep: no NUL, no lone surrogate, not endless."""
    return value.replace("\x00", "").encode("utf-8", "replace").decode()[:LONGEST]


def told_of(row: asyncpg.Record) -> Record:
    """Return a row as it is exported."""
    return dict(row) | {"at": stamp(row["at"])}


class Log:
    """Reads and writes through a pool; holds no state of its own."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def write(self, deed: Deed, now: datetime) -> Record:
        """Chain one row to the log."""
        async with self._pool.acquire() as db:
            return await append(db, deed, now)

    async def head(self, until: datetime | None = None) -> Record:
        """Return number, hash and time of the newest row (before a time)."""
        async with self._pool.acquire() as db:
            return await head(db, until)

    async def rows(
        self, *, since: datetime, until: datetime, account: str = "", work: str = "", before: int | None = None
    ) -> list[Record]:
        """Return rows of a time, newest first, at most a page.

        Parameters
        ----------
        account, work
            Only of this account; only work that begins so.
        before
            Only rows with a smaller number.
        """
        rows = await self._pool.fetch(
            "SELECT * FROM log WHERE at >= $1 AND at < $2 AND ($3 = '' OR account = $3) "
            "AND starts_with(work, $4) AND ($5::bigint IS NULL OR seq < $5) ORDER BY seq DESC LIMIT $6",
            since, until, account, work, before, PAGE,
        )  # fmt: skip
        return [told_of(row) for row in rows]

    async def export(self) -> AsyncIterator[bytes]:
        """Yield the whole log as JSON lines, as `twin.chain` verifies them."""
        async with self._pool.acquire() as db:
            async for line in lines(db):
                yield line


async def head(db: asyncpg.Connection, until: datetime | None = None) -> Record:
    """Return number, hash and time of the newest row (before a time); the anchor when there is none."""
    row = await db.fetchrow(
        "SELECT seq, hash, at FROM log WHERE $1::timestamptz IS NULL OR at < $1 ORDER BY seq DESC LIMIT 1", until
    )
    return dict(row) if row else await anchor(db) | {"at": None}


async def lines(db: asyncpg.Connection) -> AsyncIterator[bytes]:
    """Yield the log line by line, as of one moment: first format, anchor and head, then the rows."""
    async with db.transaction(isolation="repeatable_read", readonly=True):
        top = {"format": FORMAT, "anchor": await anchor(db), "head": await _last(db)}
        yield orjson.dumps(top) + b"\n"
        async for row in db.cursor("SELECT * FROM log ORDER BY seq", prefetch=PAGE):
            yield orjson.dumps(told_of(row)) + b"\n"


def day_end(day: date) -> datetime:
    """Return when a day (KST) is over."""
    return datetime(day.year, day.month, day.day, tzinfo=KST) + timedelta(days=1)


async def publish_head(db: asyncpg.Connection, folder: Path, now: datetime) -> Path | None:
    """Write the head of yesterday (KST) into a file of its own, once; nothing is ever written over.

    Returns
    -------
    The file, or None when it was there already.
    """
    day = (now.astimezone(KST) - timedelta(days=1)).date()
    path = folder / f"head-{day}.txt"
    if path.exists():
        return None
    found = await head(db, day_end(day))
    folder.mkdir(parents=True, exist_ok=True)
    at = "" if found["at"] is None else stamp(found["at"])
    with path.open("x", encoding="utf-8") as file:
        file.write(f"date {day}\nseq {found['seq']}\nhash {found['hash']}\nat {at}\n")
    return path


async def purge_log(db: asyncpg.Connection, now: datetime) -> int:
    """Cut the old head of the log, and keep the last row's hash as the anchor; the newest row always stays.

    Returns
    -------
    How many rows went.
    """
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        keep = await db.fetchval(
            "SELECT coalesce(min(seq) FILTER (WHERE at >= $1::timestamptz - $2::text::interval), max(seq)) FROM log",
            now, KEPT,
        )  # fmt: skip
        last = await db.fetchrow("SELECT seq, hash FROM log WHERE seq < $1 ORDER BY seq DESC LIMIT 1", keep)
        if last is None:
            return 0
        await db.execute(
            "INSERT INTO log_anchor (id, seq, hash, at) VALUES (1, $1, $2, $3) "
            "ON CONFLICT (id) DO UPDATE SET seq = $1, hash = $2, at = $3", last["seq"], last["hash"], now,
        )  # fmt: skip
        gone = await db.execute("DELETE FROM log WHERE seq <= $1", last["seq"])
        said = f"rows to {last['seq']}, hash {last['hash']}"
        await append(db, Deed("clock", "worker", "log_purged", said, f"older than {KEPT}"), now)
    return int(gone.split()[-1])


def require_audit(caller: Caller) -> None:
    """Let only those at the log who may audit.

    Raises
    ------
    Refused
        The caller may not.
    """
    caller.require(Right.AUDIT, "the log")


def month_of(text: str) -> tuple[datetime, datetime]:
    """Return begin and end of a month `YYYY-MM` (KST).

    Raises
    ------
    BadInput
        It is none.
    """
    try:
        start = datetime.strptime(text, "%Y-%m").replace(tzinfo=KST)
    except ValueError as error:
        raise BadInput(f"month {text[:20]!r} is not of the form YYYY-MM") from error
    return start, (start.replace(day=28) + timedelta(days=4)).replace(day=1)
