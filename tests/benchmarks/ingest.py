"""Idempotent ingest through `ObservationStore.append`, beside SQLAlchemy; and a steady 50,000 observations/s."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from typing import Any

import numpy as np
import sqlalchemy
from sqlalchemy.orm import DeclarativeBase, Session

from tests.benchmarks.city import private_settings, store
from tests.benchmarks.table import Figure
from twin import clock, db
from twin.batch import Batch, Observations
from twin.model import Observation
from twin.settings import Settings
from twin.store import ObservationStore

TITLE = "observations into the partitioned store"
STREAMS = 20_000
BATCH = 5_000
RATE, OFFERED = 50_000, 51_000
"""Rate to be reached, and the slightly higher one that is offered [observations/s]."""
COPY = "observation_peer"
Rows = list[tuple[int, int, int, int, int, float]]


class _Base(DeclarativeBase):
    pass


class Peer(_Base):
    """The same table, written by the ORM."""

    __table__ = sqlalchemy.Table(
        COPY, _Base.metadata, *(sqlalchemy.Column(c.name, c.type, primary_key=c.primary_key)
                                for c in Observation.__table__.columns),
    )  # fmt: skip


def rows_of(batch: int, start_us: int) -> Rows:
    """Return the rows of a batch: (layer, asset, property, datastream, time [us], result)."""
    first = batch * BATCH
    return [
        (0, 1 + n % STREAMS, 0, 1 + n % STREAMS, start_us + batch * 100_000 + n % 1000, 20.0 + n % 7)
        for n in range(first, first + BATCH)
    ]


def measure(is_quick: bool) -> tuple[list[Figure], list[str]]:
    """Run both parts."""
    with private_settings() as settings, store(settings):
        figures = _ratios(settings, repetitions=1 if is_quick else 5)
        figures += asyncio.run(_sustain(settings, seconds=5 if is_quick else 60))
    return figures, []


def _ratios(settings: Settings, repetitions: int) -> list[Figure]:
    engine = db.engine(settings.dsn())
    with engine.begin() as sql:
        sql.execute(sqlalchemy.text(f"CREATE TABLE {COPY} (LIKE observation INCLUDING ALL) "
                                    "PARTITION BY RANGE (phenomenon_time)"))  # fmt: skip
        for day in range(-1, 2):
            sql.execute(sqlalchemy.text(
                f"CREATE TABLE {COPY}_{day + 1} PARTITION OF {COPY} FOR VALUES FROM "
                f"((current_date + {day})::timestamptz) TO ((current_date + {day + 1})::timestamptz)"
            ))  # fmt: skip
    ways: dict[str, tuple[int, Callable[[Rows], Any], Callable[[list[Any]], None]]] = {
        "ours": (20, lambda rows: rows, lambda batches: asyncio.run(_append(settings, batches))),
        "ORM": (5, _dicts, lambda batches: _add_all(engine, batches)),
        "bulk": (8, _dicts, lambda batches: _bulk(engine, batches)),
    }
    rates: dict[str, list[float]] = {way: [] for way in ways}
    batch, start_us = 0, int(clock.now().timestamp() * 1e6) - 3_600_000_000
    for repetition in range(repetitions):
        for turn in range(len(ways)):
            way = list(ways)[(repetition + turn) % len(ways)]
            count, shape, write = ways[way]
            batches = [shape(rows_of(batch + n, start_us)) for n in range(count)]
            batch += count
            started = time.perf_counter()
            write(batches)
            rates[way].append(count * BATCH / (time.perf_counter() - started))
    to_orm, to_bulk = (
        median(a / b for a, b in zip(rates["ours"], rates[peer], strict=True)) for peer in ("ORM", "bulk")
    )
    return [
        Figure("ours, idempotent, with latest and feed", median(rates["ours"]), "rows/s"),
        Figure("SQLAlchemy session.add_all + commit", median(rates["ORM"]), "rows/s"),
        Figure("SQLAlchemy bulk insert of dicts", median(rates["bulk"]), "rows/s"),
        Figure("ours / add_all", to_orm, "x", at_least=5),
        Figure("ours / bulk insert", to_bulk, "x"),
    ]


async def _append(settings: Settings, batches: list[Rows]) -> None:
    connection = await db.connect(settings.dsn())
    ours = ObservationStore(connection)
    await ours.prepare()
    for rows in batches:
        assert await ours.append(Batch(Observations.of(("waste_bin",), rows)), clock.now()) == BATCH
    await connection.close()


def _dicts(rows: Rows) -> list[dict[str, Any]]:
    return [
        {"datastream_id": stream, "phenomenon_time": datetime.fromtimestamp(time_us / 1e6, UTC), "result": result}
        for _, _, _, stream, time_us, result in rows
    ]


def _add_all(engine: sqlalchemy.Engine, batches: list[list[dict[str, Any]]]) -> None:
    with Session(engine) as session:
        for rows in batches:
            session.add_all([Peer(**row) for row in rows])
            session.commit()
            session.expunge_all()


def _bulk(engine: sqlalchemy.Engine, batches: list[list[dict[str, Any]]]) -> None:
    with Session(engine) as session:
        for rows in batches:
            session.execute(sqlalchemy.insert(Peer), rows)
            session.commit()


async def _sustain(settings: Settings, seconds: int) -> list[Figure]:
    """Offer a batch every 100 ms; a commit that is late delays the next ones, and that is measured too."""
    connection = await db.connect(settings.dsn())
    ours = ObservationStore(connection)
    await ours.prepare()
    start_us = int(clock.now().timestamp() * 1e6)
    commits, delays = [], []
    period, count = BATCH / OFFERED, seconds * OFFERED // BATCH
    stream = np.arange(BATCH)
    started = time.perf_counter()
    for batch in range(count):
        due = started + batch * period
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        streams = (batch * BATCH + stream) % STREAMS + 1
        observations = Observations(
            ("waste_bin",), np.zeros(BATCH, np.uint16), streams.astype(np.uint32), np.zeros(BATCH, np.uint16),
            streams.astype(np.int32), start_us + batch * 100_000 + stream, stream % 97 * 1.0,
        )  # fmt: skip
        begun = time.perf_counter()
        await ours.append(Batch(observations), clock.now())
        ended = time.perf_counter()
        commits.append((ended - begun) * 1e3)
        delays.append((ended - due) * 1e3)
    rate = count * BATCH / max(time.perf_counter() - started, count * period)
    stored = await connection.fetchval("SELECT count(*) FROM observation WHERE phenomenon_time >= $1",
                                       datetime.fromtimestamp(start_us / 1e6, UTC))  # fmt: skip
    await connection.close()
    assert stored == count * BATCH, (stored, count * BATCH)
    return [
        Figure(f"sustained for {seconds} s, {STREAMS:,} datastreams", rate, "rows/s", at_least=RATE),
        Figure("commit p50", float(np.percentile(commits, 50)), "ms"),
        Figure("commit p99", float(np.percentile(commits, 99)), "ms", at_most=150),
        Figure("from due to committed p99", float(np.percentile(delays, 99)), "ms"),
    ]
