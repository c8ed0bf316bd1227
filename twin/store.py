"""The one writer of what is measured: a batch becomes durable in one transaction, once, in order, and is announced.

Observations go as binary COPY into a stage table and from there, without duplicates, into the daily partitions; the
feed row is written in the same transaction under a lock that makes `gen` the order of commit.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import asyncpg
import numpy as np

from twin.batch import Batch, NewEvent, Observations, Rejected
from twin.crs import KOREA_CENTRAL, WGS84, transformer
from twin.desk import take_transitions
from twin.layer import Layer

FEED_LOCK = 20230714
"""Advisory lock that orders `gen` and `seq`."""
CHANNEL = "gunsan_feed"
_PG_EPOCH_US = 946_684_800_000_000
_COPY_ROW = np.dtype(
    [
        ("fields", ">i2"), ("n1", ">i4"), ("stream", ">i4"), ("n2", ">i4"), ("time", ">i8"), ("n3", ">i4"),
        ("result", ">f8"), ("n4", ">i4"), ("is_newest", "?"), ("n5", ">i4"), ("is_kept", "?"),
    ]
)  # fmt: skip
_COPY_HEAD = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_TAIL = b"\xff\xff"


def copy_bytes(observations: Observations, unkept: frozenset[str] = frozenset()) -> bytes:
    """Return the rows (datastream_id, phenomenon_time, result, is_newest, is_kept) in PostgreSQL's binary COPY format.

    Parameters
    ----------
    unkept
        Layers of which only the newest value is kept.
    """
    rows = np.zeros(len(observations), _COPY_ROW)
    rows["fields"], rows["n1"], rows["n2"], rows["n3"], rows["n4"] = 5, 4, 8, 8, 1
    rows["n5"], rows["is_kept"] = 1, np.array([one not in unkept for one in observations.layers])[observations.layer]
    rows["stream"] = observations.datastream
    rows["time"] = observations.time_us - _PG_EPOCH_US
    rows["result"] = observations.result
    rows["is_newest"][observations.newest()] = True
    return _COPY_HEAD + rows.tobytes() + _COPY_TAIL


class ObservationStore:
    """Appends batches through one connection of its own."""

    def __init__(self, connection: asyncpg.Connection, layers: Mapping[str, Layer] | None = None) -> None:
        self._db, self._layers = connection, layers or {}
        self._unkept = frozenset(key for key, layer in self._layers.items() if not layer.keeps_history)
        self._days: set[date] = set()

    async def prepare(self) -> None:
        """Make the session's stage table."""
        await self._db.execute(
            "CREATE TEMP TABLE IF NOT EXISTS stage (datastream_id int, phenomenon_time timestamptz, result float8, "
            "is_newest bool, is_kept bool) ON COMMIT DELETE ROWS"
        )

    async def make_partitions(self, days: Iterable[date]) -> None:
        """Make the daily partitions [UTC days] that are not there yet."""
        for day in sorted(set(days) - self._days):
            await self._db.execute(
                f"CREATE TABLE IF NOT EXISTS observation_{day:%Y%m%d} PARTITION OF observation "
                f"FOR VALUES FROM ('{day}T00:00Z') TO ('{day + timedelta(days=1)}T00:00Z')"
            )
            self._days.add(day)

    async def append(self, batch: Batch, now: datetime) -> int:
        """Write a batch in one transaction and announce it.

        Returns
        -------
        Number of observations that were new.
        """
        observations = batch.observations
        await self.make_partitions(
            datetime.fromtimestamp(int(day) * 86400, UTC).date()
            for day in np.unique(observations.time_us // 86_400_000_000)
        )
        async with self._db.transaction():
            inserted = await self._write_observations(observations) if len(observations) else 0
            await self._update_assets(batch)
            await self._write_rejects(batch.rejects, now)
            await lock_feed(self._db)
            events = [*batch.events, *await take_transitions(self._db, self._layers, batch.transitions, now)]
            await write_events(self._db, events, now)
            if len(observations) or events:
                await announce(self._db, len(observations), observations.payload())
        return inserted

    async def _write_observations(self, observations: Observations) -> int:
        await self._db.copy_to_table("stage", source=BytesIO(copy_bytes(observations, self._unkept)), format="binary")
        tag = await self._db.execute(
            "INSERT INTO observation SELECT datastream_id, phenomenon_time, result FROM stage WHERE is_kept "
            "ON CONFLICT DO NOTHING"
        )
        await self._db.execute(
            "INSERT INTO latest SELECT datastream_id, phenomenon_time, result FROM stage WHERE is_newest "
            "ON CONFLICT (datastream_id) DO UPDATE SET phenomenon_time = excluded.phenomenon_time, "
            "result = excluded.result WHERE excluded.phenomenon_time > latest.phenomenon_time"
        )
        return int(tag.rsplit(" ", 1)[1])

    async def _update_assets(self, batch: Batch) -> None:
        if batch.moved:
            lon, lat = zip(*batch.moved.values(), strict=True)
            x, y = transformer(WGS84, KOREA_CENTRAL).transform(lon, lat)
            await self._db.execute(
                f"UPDATE asset SET geom = ST_SetSRID(ST_MakePoint(x, y), {KOREA_CENTRAL}) "
                "FROM unnest($1::int[], $2::float8[], $3::float8[]) AS n(i, x, y) WHERE id = i",
                list(batch.moved),
                list(x),
                list(y),
            )
        if batch.attributes:
            await self._db.executemany(
                "UPDATE asset SET attributes = attributes || $2 WHERE id = $1 AND NOT attributes @> $2",
                list(batch.attributes.items()),
            )

    async def _write_rejects(self, rejects: list[Rejected], now: datetime) -> None:
        if not rejects:
            return
        await self._db.executemany(
            "INSERT INTO reject (at, layer, source, reason, text, sample) VALUES ($1, $2, $3, $4, $5, $6)",
            [(now, row.layer, row.source, row.reason, row.text[:1000], row.sample[:500]) for row in rejects],
        )
        await self._db.executemany(
            "INSERT INTO reject_count VALUES ($1, $2, 1, $3) ON CONFLICT (layer, reason) "
            "DO UPDATE SET n = reject_count.n + 1, last = excluded.last",
            [(row.layer, row.reason, now) for row in rejects],
        )


async def write_events(db: asyncpg.Connection, events: list[NewEvent], now: datetime) -> None:
    """Store events once each; the caller's transaction holds `FEED_LOCK`, so that `seq` is the order of commit."""
    await db.executemany(
        "INSERT INTO event (seq, layer, key, kind, severity, asset_id, phenomenon_time, result_time, detail, geom) "
        "SELECT nextval('event_seq'), $1, $2, $3, $4, $5::int, $6, $7, $8, (SELECT geom FROM asset WHERE id = $5::int) "
        "ON CONFLICT (layer, key) DO NOTHING",
        [
            (row.layer, row.key, row.kind, row.severity, row.asset_id, row.phenomenon_time, now, row.detail)
            for row in events
        ],
    )


async def lock_feed(db: asyncpg.Connection) -> None:
    """Take the lock that orders the feed, for the rest of the transaction; before any row, so that nobody deadlocks."""
    await db.execute("SELECT pg_advisory_xact_lock($1)", FEED_LOCK)


async def publish(db: asyncpg.Connection, events: list[NewEvent], now: datetime) -> None:
    """Store events that come without observations and wake the readers; the caller's transaction holds the lock."""
    await write_events(db, events, now)
    await announce(db, 0, Observations.of((), []).payload())


async def announce(db: asyncpg.Connection, n: int, payload: bytes) -> None:
    """Write the feed row and wake the readers; the caller's transaction holds `FEED_LOCK`."""
    await db.execute("INSERT INTO feed (gen, n, payload) VALUES (nextval('feed_gen'), $1, $2)", n, payload)
    await db.execute(f"NOTIFY {CHANNEL}")
