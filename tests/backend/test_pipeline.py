"""The corridor on a real PostGIS: from the bytes of a message to rows, feed, alarms and rejects."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from backend.intake import Message, Outcome
from backend.pipeline import Pipeline
from layers import load_layers
from twin import clock
from twin.settings import Settings


@pytest.fixture
async def pipeline(settings: Settings, db: asyncpg.Connection) -> Pipeline:
    pipeline = Pipeline(settings.dsn(), load_layers())
    await pipeline.open()
    yield pipeline
    pipeline.close()


def lot(free: int, at: datetime, key: str = "A-1") -> dict:
    return {"lot": key, "time": at.isoformat(), "spaces_free": free, "spaces_total": 100}


async def send(pipeline: Pipeline, layer: str, *payloads: object) -> list[Outcome]:
    outcomes: list[Outcome] = []
    messages = [
        Message(
            layer, body if isinstance(body, bytes) else json.dumps(body).encode(), "test", clock.now(), outcomes.append
        )
        for body in payloads
    ]
    await pipeline.handle(messages)
    return outcomes


def sample_of(layer: str) -> dict:
    return json.loads(load_layers()[layer].sample)


async def test_message_becomes_observations_latest_and_feed(pipeline: Pipeline, db: asyncpg.Connection) -> None:
    now = clock.now().replace(microsecond=0)
    [outcome] = await send(pipeline, "air_quality", flat("air_quality", now))
    assert outcome.accepted == 1, outcome
    n = await db.fetchval("SELECT count(*) FROM observation")
    assert n == await db.fetchval("SELECT count(*) FROM latest") > 0
    assert await db.fetchval("SELECT min(phenomenon_time) FROM observation") == now
    assert await db.fetchval("SELECT sum(n) FROM feed") == n


async def test_same_message_twice_is_stored_once(pipeline: Pipeline, db: asyncpg.Connection) -> None:
    message = flat("air_quality", clock.now())
    await send(pipeline, "air_quality", message, message)
    first = await db.fetchval("SELECT count(*) FROM observation")
    await send(pipeline, "air_quality", message)
    assert await db.fetchval("SELECT count(*) FROM observation") == first


async def test_late_observation_is_kept_but_does_not_become_the_latest(
    pipeline: Pipeline, db: asyncpg.Connection
) -> None:
    now = clock.now()
    await send(pipeline, "air_quality", flat("air_quality", now))
    await send(pipeline, "air_quality", flat("air_quality", now - timedelta(hours=1)))
    assert await db.fetchval("SELECT count(DISTINCT phenomenon_time) FROM observation") == 2
    assert await db.fetchval("SELECT min(phenomenon_time) FROM latest") == now.replace(tzinfo=UTC)


async def test_bad_row_is_counted_and_the_others_are_kept(pipeline: Pipeline, db: asyncpg.Connection) -> None:
    now = clock.now()
    good, unknown = flat("air_quality", now), flat("air_quality", now, key="nobody")
    future = flat("air_quality", now + timedelta(hours=1))
    [outcome] = await send(pipeline, "air_quality", [unknown, good, future])
    assert outcome.accepted == 1
    assert {reason for reason, _ in outcome.rejects} == {"unknown_asset", "in_the_future"}
    assert {row["reason"]: row["n"] for row in await db.fetch("SELECT reason, n FROM reject_count")} == {
        "unknown_asset": 1,
        "in_the_future": 1,
    }


async def test_garbage_unknown_layers_and_binary_noise_are_rejected_not_fatal(
    pipeline: Pipeline, db: asyncpg.Connection
) -> None:
    for layer, body in (("air_quality", b"\x00\xff not json"), ("no_such_layer", b"{}"), ("vessel", b"\x00" * 50)):
        [outcome] = await send(pipeline, layer, body)
        assert outcome.accepted == 0
        assert outcome.rejects
    assert await db.fetchval("SELECT count(*) FROM reject") >= 3


async def test_alarm_rises_once_stands_and_clears(pipeline: Pipeline, db: asyncpg.Connection) -> None:
    start = clock.now() - timedelta(hours=10)
    pause = timedelta(seconds=1 + load_layers()["waste_bin"].spec.alarms[0].delay_s)
    for step, fill in enumerate((50, 95, 96, 97, 50)):
        await send(pipeline, "waste_bin", flat("waste_bin", start + step * pause, fill=fill))
    kinds = [row["kind"] for row in await db.fetch("SELECT kind FROM event ORDER BY seq")]
    assert kinds == ["alarm_raised", "alarm_cleared"]
    assert await db.fetchval("SELECT state FROM alarm") == "RTNUN"


async def test_restart_neither_loses_nor_repeats_an_alarm(
    settings: Settings, pipeline: Pipeline, db: asyncpg.Connection
) -> None:
    start = clock.now() - timedelta(hours=10)
    pause = timedelta(seconds=1 + load_layers()["waste_bin"].spec.alarms[0].delay_s)
    full = flat("waste_bin", start + pause, fill=95)
    await send(pipeline, "waste_bin", flat("waste_bin", start, fill=95), full)
    again = Pipeline(settings.dsn(), load_layers())
    await again.open()
    await send(again, "waste_bin", full)
    await send(again, "waste_bin", flat("waste_bin", start + 2 * pause, fill=97))
    assert await db.fetchval("SELECT count(*) FROM event") == 1
    await send(again, "waste_bin", flat("waste_bin", start + 3 * pause, fill=10))
    assert await db.fetchval("SELECT count(*) FROM event") == 2
    again.close()


async def test_nothing_is_acknowledged_before_the_commit(
    settings: Settings, pipeline: Pipeline, db: asyncpg.Connection
) -> None:
    seen: list[int] = []

    async def count() -> int:
        return await db.fetchval("SELECT count(*) FROM observation")

    done = asyncio.Event()
    body = json.dumps(flat("air_quality", clock.now())).encode()
    runner = asyncio.create_task(pipeline.run())
    await db.execute("BEGIN")
    await db.execute("LOCK TABLE observation IN ACCESS EXCLUSIVE MODE")
    await pipeline.put(Message("air_quality", body, "test", clock.now(), lambda outcome: done.set()))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(done.wait(), 0.5)
    await db.execute("COMMIT")
    await asyncio.wait_for(done.wait(), 5)
    seen.append(await count())
    assert seen[0] > 0
    runner.cancel()


async def test_lost_database_connection_loses_no_message(
    settings: Settings, pipeline: Pipeline, db: asyncpg.Connection
) -> None:
    runner = asyncio.create_task(pipeline.run())
    outcomes: list[Outcome] = []
    now = clock.now()
    for second in range(50):
        body = json.dumps(flat("air_quality", now - timedelta(seconds=second))).encode()
        await pipeline.put(Message("air_quality", body, "test", clock.now(), outcomes.append))
        if second % 10 == 5:
            await asyncio.sleep(0.02)
            await db.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND usename = 'gunsan'"
            )
    async with asyncio.timeout(20):
        while len(outcomes) < 50:
            await asyncio.sleep(0.02)
    assert await db.fetchval("SELECT count(DISTINCT phenomenon_time) FROM observation") == 50
    runner.cancel()


def flat(layer: str, at: datetime, key: str = "A-1", fill: float | None = None) -> dict:
    """Return a message of a flat layer: the sample's first row with another asset, time, and fill."""
    spec = load_layers()[layer].spec
    rows = json.loads(load_layers()[layer].sample)
    row = dict(rows[0] if isinstance(rows, list) else rows)
    row[spec.message.asset], row[spec.message.time] = key, at.isoformat()
    if fill is not None:
        watched = spec.alarms[0].property
        field = next(prop.field or prop.id for prop in spec.properties if prop.id == watched)
        row[field] = fill
    return row
