"""The one writer of what is measured: a batch becomes durable in one transaction, once, in order, and is announced.

Observations go as binary COPY into a stage table and from there, without duplicates, into the daily partitions; the
feed row is written in the same transaction under a lock that makes `gen` the order of commit.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import asyncpg
import numpy as np

from twin.alarms import EVENT_KIND, State, Trigger, after
from twin.batch import Batch, NewEvent, Observations, Rejected
from twin.crs import KOREA_CENTRAL, WGS84, transformer
from twin.rules import Transition

FEED_LOCK = 20230714
"""Advisory lock that orders `gen` and `seq`."""
CHANNEL = "gunsan_feed"
_PG_EPOCH_US = 946_684_800_000_000
_COPY_ROW = np.dtype(
    [
        ("fields", ">i2"), ("n1", ">i4"), ("stream", ">i4"), ("n2", ">i4"), ("time", ">i8"), ("n3", ">i4"),
        ("result", ">f8"), ("n4", ">i4"), ("is_newest", "?"),
    ]
)  # fmt: skip
_COPY_HEAD = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_TAIL = b"\xff\xff"


def copy_bytes(observations: Observations) -> bytes:
    """Return the rows (datastream_id, phenomenon_time, result, is_newest) in PostgreSQL's binary COPY format."""
    rows = np.zeros(len(observations), _COPY_ROW)
    rows["fields"], rows["n1"], rows["n2"], rows["n3"], rows["n4"] = 4, 4, 8, 8, 1
    rows["stream"] = observations.datastream
    rows["time"] = observations.time_us - _PG_EPOCH_US
    rows["result"] = observations.result
    rows["is_newest"][observations.newest()] = True
    return _COPY_HEAD + rows.tobytes() + _COPY_TAIL


class ObservationStore:
    """Appends batches through one connection of its own."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._db = connection
        self._days: set[date] = set()

    async def prepare(self) -> None:
        """Make the session's stage table."""
        await self._db.execute(
            "CREATE TEMP TABLE IF NOT EXISTS stage (datastream_id int, phenomenon_time timestamptz, result float8, "
            "is_newest bool) ON COMMIT DELETE ROWS"
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
            await self._db.execute("SELECT pg_advisory_xact_lock($1)", FEED_LOCK)
            events = [*batch.events, *[await self._apply(change) for change in batch.transitions]]
            await write_events(self._db, events, now)
            if len(observations) or events:
                await announce(self._db, len(observations), observations.payload())
        return inserted

    async def _write_observations(self, observations: Observations) -> int:
        await self._db.copy_to_table("stage", source=BytesIO(copy_bytes(observations)), format="binary")
        tag = await self._db.execute(
            "INSERT INTO observation SELECT datastream_id, phenomenon_time, result FROM stage ON CONFLICT DO NOTHING"
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

    async def _apply(self, change: Transition) -> NewEvent:
        return await apply_transition(self._db, change)


async def apply_transition(db: asyncpg.Connection, change: Transition) -> NewEvent:
    """Move an alarm by its table and return the event that records it; runs inside the caller's transaction."""
    trigger = Trigger.RAISE if change.is_raised else Trigger.CLEAR
    row = await db.fetchrow(
        "SELECT id, state FROM alarm WHERE layer = $1 AND asset_id IS NOT DISTINCT FROM $2 AND rule = $3 FOR UPDATE",
        change.layer,
        change.asset_id,
        change.rule,
    )
    state = after(State(row["state"]) if row else State.NORM, trigger)
    at, onset = (datetime.fromtimestamp(moment, UTC) for moment in (change.at, change.onset))
    result = None if np.isnan(change.result) else change.result
    alarm_id = await db.fetchval(
        "INSERT INTO alarm (layer, asset_id, rule, state, severity, result, onset, changed) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (layer, asset_id, rule) DO UPDATE SET "
        "state = excluded.state, severity = excluded.severity, result = excluded.result, onset = excluded.onset, "
        "changed = excluded.changed, acknowledged_by = CASE WHEN excluded.state = 'UNACK' THEN NULL "
        "ELSE alarm.acknowledged_by END RETURNING id",
        change.layer,
        change.asset_id,
        change.rule,
        state,
        change.severity,
        result,
        onset,
        at,
    )
    return NewEvent(
        layer=change.layer,
        key=f"alarm:{alarm_id}:{trigger}:{change.at}",
        kind=EVENT_KIND[trigger],
        severity=change.severity,
        asset_id=change.asset_id,
        phenomenon_time=at,
        detail={"alarm": alarm_id, "rule": change.rule, "result": result, "state": state},
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


async def announce(db: asyncpg.Connection, n: int, payload: bytes) -> None:
    """Write the feed row and wake the readers; the caller's transaction holds `FEED_LOCK`."""
    await db.execute("INSERT INTO feed (gen, n, payload) VALUES (nextval('feed_gen'), $1, $2)", n, payload)
    await db.execute(f"NOTIFY {CHANNEL}")
