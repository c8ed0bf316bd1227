"""Housekeeping: a source that fell silent, and what is past its retention."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from layers import load_layers
from twin.keeping import NOTICES_KEPT, purge, watch_silence
from twin.layer import SOURCE_SILENT
from twin.store import ObservationStore

SPECS = [layer.spec for layer in load_layers().values()]
RAIN = load_layers()["rain"].spec
NOON = datetime(2026, 7, 14, 3, 0, tzinfo=UTC)
STALE = timedelta(seconds=RAIN.stale_after_s)
SECOND = timedelta(seconds=1)


@pytest.fixture
async def heard_at_noon(db: asyncpg.Connection) -> asyncpg.Connection:
    """A store in which a rain gauge spoke once, at noon."""
    await ObservationStore(db).make_partitions([NOON.date()])
    await db.execute("DELETE FROM datastream")
    stream = await db.fetchval(
        "INSERT INTO datastream (asset_id, observed_property) SELECT id, 'rain_1h' FROM asset "
        "WHERE layer = 'rain' ORDER BY key LIMIT 1 RETURNING id"
    )
    for table in ("observation", "latest"):
        await db.execute(f"INSERT INTO {table} VALUES ($1, $2, 12.0)", stream, NOON)
    return db


async def standing(db: asyncpg.Connection) -> list[str]:
    rows = await db.fetch("SELECT layer FROM alarm WHERE rule = $1 AND is_standing", SOURCE_SILENT)
    return [row["layer"] for row in rows]


async def test_a_source_is_silent_after_its_time_and_not_before(heard_at_noon: asyncpg.Connection) -> None:
    await watch_silence(heard_at_noon, SPECS, NOON + STALE, NOON)
    assert await standing(heard_at_noon) == []
    await watch_silence(heard_at_noon, SPECS, NOON + STALE + SECOND, NOON)
    assert await standing(heard_at_noon) == ["rain"]


async def test_no_source_is_silent_because_the_twin_was_off(heard_at_noon: asyncpg.Connection) -> None:
    back = NOON + 10 * STALE
    await watch_silence(heard_at_noon, SPECS, back + STALE, back)
    assert await standing(heard_at_noon) == []
    await watch_silence(heard_at_noon, SPECS, back + STALE + SECOND, back)
    assert await standing(heard_at_noon) == ["rain"]


async def test_a_restart_does_not_clear_the_alarm_of_a_silent_source(heard_at_noon: asyncpg.Connection) -> None:
    await watch_silence(heard_at_noon, SPECS, NOON + 2 * STALE, NOON)
    await watch_silence(heard_at_noon, SPECS, NOON + 3 * STALE, NOON + 3 * STALE)
    assert await standing(heard_at_noon) == ["rain"]


async def test_days_past_the_longest_retention_are_dropped(heard_at_noon: asyncpg.Connection) -> None:
    longest = timedelta(days=max(spec.retention_days for spec in SPECS))
    await purge(heard_at_noon, SPECS, NOON + timedelta(days=RAIN.retention_days))
    assert await heard_at_noon.fetchval("SELECT count(*) FROM observation") == 1
    await purge(heard_at_noon, SPECS, NOON + longest + timedelta(days=3))
    assert await heard_at_noon.fetchval("SELECT count(*) FROM observation") == 0


async def test_a_closed_incident_forgets_whom_it_told_and_keeps_that_it_did(db: asyncpg.Connection) -> None:
    made = []
    for state, closed in (("closed", NOON), ("closed", NOON + NOTICES_KEPT), ("acknowledged", None)):
        number = await db.fetchval(
            "INSERT INTO incident (branch, topic, title_ko, title_en, severity, state, opened, changed, closed) "
            "VALUES ('live', 'fire', 'f', 'f', 'alarm', $1, $2, $2, $3) RETURNING id", state, NOON, closed,
        )  # fmt: skip
        made.append(number)
        await db.execute(
            "INSERT INTO notice (incident_id, position, role, name, channel, address, message, state, asked_by, asked) "
            "VALUES ($1, 1, 'owner', '김', 'smtp', 'kim@shop.test', $2, 'sent', 'op', $3)", number, {"a": 1}, NOON,
        )  # fmt: skip
    await purge(db, SPECS, NOON + NOTICES_KEPT + SECOND)
    rows = {row["incident_id"]: row for row in await db.fetch("SELECT * FROM notice")}
    gone, *kept = (rows[number] for number in made)
    assert (gone["name"], gone["address"], gone["message"], gone["state"]) == ("owner", None, {}, "sent")
    assert {(row["name"], row["address"]) for row in kept} == {("김", "kim@shop.test")}
