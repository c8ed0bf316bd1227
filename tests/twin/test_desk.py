"""The desk on a real PostGIS: what it decided in memory is what stands in the store, and operators move it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import groupby

import asyncpg
import pytest

from layers import load_layers
from tests.twin import storm
from twin.access import ANONYMOUS, OPERATOR
from twin.alarm_actions import AlarmActions
from twin.alarms import State
from twin.annunciation import Annunciator
from twin.board import Board
from twin.db import open_pool
from twin.desk import take_transitions
from twin.errors import BadInput, Conflict, Refused
from twin.incidents import Incidents
from twin.keeping import keep_desk
from twin.reader import Reader
from twin.rules import Transition
from twin.settings import Settings
from twin.store import lock_feed, publish

SPECS = {key: layer.spec for key, layer in load_layers().items()}
NOON = datetime(2026, 7, 14, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOURS = 2.5


@pytest.fixture
async def pool(settings: Settings, db: asyncpg.Connection) -> AsyncIterator[asyncpg.Pool]:
    pool = await open_pool(settings.dsn(), 4)
    await db.execute("DELETE FROM maintenance")
    yield pool
    await pool.close()


async def take(db: asyncpg.Connection, changes: list[Transition]) -> None:
    now = datetime.fromtimestamp(changes[0].at, UTC)
    async with db.transaction():
        await lock_feed(db)
        await publish(db, await take_transitions(db, SPECS, changes, now), now)


async def fire(db: asyncpg.Connection, rule: str = "fire_flame", layer: str = "market_fire", *, on: bool = True) -> int:
    """Let a condition begin (or end) at the first asset of a layer; return the alarm's number."""
    asset = await db.fetchval("SELECT id FROM asset WHERE layer = $1 ORDER BY key LIMIT 1", layer)
    at = NOON.timestamp()
    facts = SPECS[layer].alarm_facts(rule)
    assert facts is not None
    await take(db, [Transition(layer, asset, rule, facts.severity, on, 1.0, at, at)])
    return await db.fetchval("SELECT id FROM alarm WHERE asset_id = $1 AND rule = $2", asset, rule)


async def state_of(db: asyncpg.Connection, alarm: int) -> str:
    return await db.fetchval("SELECT state FROM alarm WHERE id = $1", alarm)


async def test_the_store_decides_as_the_board_in_memory_does(pool: asyncpg.Pool, db: asyncpg.Connection) -> None:
    await db.executemany(
        "INSERT INTO asset (layer, key, name_ko, quality, attributes) VALUES ($1, $2, $3, 'synthetic', $4)",
        [
            ("cctv" if n >= storm.FIRST_CAMERA else "water_level", f"storm-{n}", site.name_ko, dict(site.attributes))
            for n, site in storm.assets().items()
        ],
    )
    known = {row["key"]: row["id"] for row in await db.fetch("SELECT key, id FROM asset WHERE key LIKE 'storm-%'")}
    found = [
        Transition(c.layer, known[f"storm-{c.asset_id}"], c.rule, c.severity, c.is_raised, c.result, c.at, c.onset,
                   c.is_confirmed)
        for c in storm.changes(1)[0] if c.at < HOURS * 3600
    ]  # fmt: skip
    sites = {known[f"storm-{n}"]: site for n, site in storm.assets().items()}
    board = Board(sites={n: type(s)(s.name_ko, s.name_en, None, attributes=s.attributes) for n, s in sites.items()})
    expected = []
    for _, group in groupby(found, key=lambda change: change.at):
        changes = list(group)
        desk = Annunciator(board, SPECS)
        for change in changes:
            desk.take(change)
        expected += [(e.at, *e.alarm.key[1:]) for e in desk.entries if e.announces and e.alarm]
        await take(db, changes)
    rows = await db.fetch(
        "SELECT phenomenon_time, asset_id, detail FROM event WHERE (detail->>'announces')::bool ORDER BY seq"
    )
    heard = [(row["phenomenon_time"].timestamp(), row["asset_id"], row["detail"]["rule"]) for row in rows]
    assert [(round(at, 3), *rest) for at, *rest in heard] == [(round(at, 3), *rest) for at, *rest in expected]
    assert len(heard) > 10
    orphans = "SELECT count(*) FROM alarm WHERE state = 'DSUPR' AND (incident_id IS NULL OR NOT EXISTS "
    orphans += "(SELECT FROM incident_alarm m WHERE m.alarm_id = alarm.id AND m.incident_id = alarm.incident_id))"
    assert await db.fetchval(orphans) == 0
    assert await db.fetchval("SELECT count(*) FROM alarm WHERE state = 'DSUPR'") > 10
    await db.execute("TRUNCATE alarm, event, incident_alarm, incident_task, incident_entry")
    await db.execute("DELETE FROM asset WHERE key LIKE 'storm-%'")


async def test_a_fire_opens_an_incident_with_its_playbook(pool: asyncpg.Pool, db: asyncpg.Connection) -> None:
    alarm = await fire(db)
    incidents = Incidents(pool, SPECS)
    [row] = (await incidents.list(OPERATOR))["incidents"]
    assert (row["topic"], row["severity"], row["state"], row["alarms"], row["unit_ko"]) == (
        "fire", "danger", "new", 1, "수송동",
    )  # fmt: skip
    told = await incidents.get(OPERATOR, row["id"])
    assert [entry["kind"] for entry in told["timeline"]] == ["opened", "announced"]
    assert told["tasks"]
    told = await incidents.move(OPERATOR, row["id"], "acknowledge", NOON + MINUTE)
    assert (told["state"], await state_of(db, alarm)) == ("acknowledged", "ACKED")
    assert {one["mark"]: one["after_s"] for one in told["ledger"]}["acknowledged"] == 60
    with pytest.raises(Conflict, match="still stand"):
        await incidents.move(OPERATOR, row["id"], "close", NOON + MINUTE, reason="done")
    await fire(db, on=False)
    told = await incidents.move(OPERATOR, row["id"], "close", NOON + MINUTE, reason="done")
    assert (told["state"], told["standing"]) == ("closed", 0)
    await fire(db)  # it burns again: a new case
    assert len((await incidents.list(OPERATOR))["incidents"]) == 1


async def test_what_is_put_aside_holds_no_incident_open_and_what_is_new_since_is_told(
    pool: asyncpg.Pool, db: asyncpg.Connection
) -> None:
    alarm, incidents = await fire(db, "heavy_rain_1h", "rain"), Incidents(pool, SPECS)
    [row] = (await incidents.list(OPERATOR))["incidents"]
    assert (row["standing"], row["holding"], row["has_grown"]) == (1, 1, False)
    await incidents.move(OPERATOR, row["id"], "acknowledge", NOON + MINUTE)
    await fire(db, "extreme_rain_1h", "rain")
    assert (await incidents.get(OPERATOR, row["id"]))["has_grown"]
    await fire(db, "extreme_rain_1h", "rain", on=False)
    for one in await db.fetch("SELECT id FROM alarm WHERE is_standing"):
        await AlarmActions(pool, SPECS).shelve(OPERATOR, one["id"], "gauge is cleaned", NOON + 30 * MINUTE, NOON)
    told = await incidents.get(OPERATOR, row["id"])
    assert (told["standing"], told["holding"]) == (1, 0)
    told = await incidents.move(OPERATOR, row["id"], "close", NOON + MINUTE, reason="dry again")
    assert (told["state"], told["has_grown"]) == ("closed", False)
    assert await state_of(db, alarm) == "SHLVD"


async def test_a_vital_alarm_cannot_be_shelved(pool: asyncpg.Pool, db: asyncpg.Connection) -> None:
    alarm = await fire(db)
    with pytest.raises(Conflict, match="vital"):
        await AlarmActions(pool, SPECS).shelve(OPERATOR, alarm, "nuisance", NOON + MINUTE, NOON)
    assert await state_of(db, alarm) == "UNACK"


async def test_an_alarm_tells_the_newest_value_beside_the_one_that_raised_it(
    pool: asyncpg.Pool, db: asyncpg.Connection
) -> None:
    alarm, reader = await fire(db, "leakage"), Reader(pool, SPECS)
    [row] = (await reader.alarms(OPERATOR))["alarms"]
    assert (row["id"], row["result"]) == (alarm, 1.0)
    await db.execute(
        "WITH d AS (INSERT INTO datastream (asset_id, observed_property) VALUES ($1, 'leakage_current') "
        "ON CONFLICT (asset_id, observed_property) DO UPDATE SET asset_id = excluded.asset_id RETURNING id) "
        "INSERT INTO latest SELECT id, $2, 44 FROM d ON CONFLICT (datastream_id) DO UPDATE "
        "SET phenomenon_time = excluded.phenomenon_time, result = excluded.result", row["asset"], NOON + MINUTE,
    )  # fmt: skip
    [row] = (await reader.alarms(OPERATOR))["alarms"]
    assert (row["result"], row["latest"], row["latest_time"]) == (1.0, 44.0, NOON + MINUTE)


async def test_a_silent_alarm_is_listed_when_nothing_that_is_seen_stands_for_its_incident(
    pool: asyncpg.Pool, db: asyncpg.Connection
) -> None:
    first, reader = await fire(db), Reader(pool, SPECS)
    second = await fire(db, "fire_heat")
    assert await state_of(db, second) == "DSUPR"
    await db.execute("UPDATE alarm SET silenced_by = 'incident' WHERE id = $1", second)
    assert [row["id"] for row in (await reader.alarms(OPERATOR))["alarms"]] == [first]
    await db.execute("UPDATE alarm SET state = 'NORM', is_standing = false WHERE id = $1", first)
    [row] = (await reader.alarms(OPERATOR))["alarms"]
    assert (row["id"], row["state"], row["severity"]) == (second, "DSUPR", "danger")


async def test_a_shelved_alarm_is_listed_and_comes_back(pool: asyncpg.Pool, db: asyncpg.Connection) -> None:
    alarm, actions, reader = await fire(db, "leakage"), AlarmActions(pool, SPECS), Reader(pool, SPECS)
    await actions.shelve(OPERATOR, alarm, "wet wall, electrician on the way", NOON + 30 * MINUTE, NOON)
    [row] = (await reader.alarms(OPERATOR, states=["SHLVD"]))["alarms"]
    assert (row["shelved_by"], row["shelved_reason"]) == ("operator", "wet wall, electrician on the way")
    assert (await reader.alarms(OPERATOR))["alarms"] == []
    await keep_desk(db, SPECS.values(), NOON + 29 * MINUTE)
    assert await state_of(db, alarm) == "SHLVD"
    await keep_desk(db, SPECS.values(), NOON + 30 * MINUTE)
    assert await state_of(db, alarm) == "UNACK"


async def test_shelving_needs_a_reason_and_an_end_that_comes(pool: asyncpg.Pool, db: asyncpg.Connection) -> None:
    alarm, actions = await fire(db, "leakage"), AlarmActions(pool, SPECS)
    for reason, until in (("", NOON + MINUTE), ("why", NOON), ("why", NOON + timedelta(hours=25))):
        with pytest.raises(BadInput):
            await actions.shelve(OPERATOR, alarm, reason, until, NOON)
    await actions.shelve(OPERATOR, alarm, "why", NOON + MINUTE, NOON)
    assert (await actions.unshelve(OPERATOR, alarm, NOON))["state"] == State.ACKED
    with pytest.raises(Conflict):
        await actions.unshelve(OPERATOR, alarm, NOON)


async def test_maintenance_keeps_an_asset_silent_until_it_ends(pool: asyncpg.Pool, db: asyncpg.Connection) -> None:
    actions = AlarmActions(pool, SPECS)
    asset = await db.fetchval("SELECT id FROM asset WHERE layer = 'market_fire' ORDER BY key LIMIT 1")
    await actions.begin_maintenance(OPERATOR, asset, "battery", NOON + MINUTE, NOON)
    alarm = await fire(db)
    assert await state_of(db, alarm) == "OOSRV"
    [row] = (await actions.maintenance(OPERATOR))["maintenance"]
    assert (row["asset_id"], row["reason"]) == (asset, "battery")
    await keep_desk(db, SPECS.values(), NOON + MINUTE)
    assert await state_of(db, alarm) == "UNACK"


async def test_an_acknowledgement_expires_by_the_clock(pool: asyncpg.Pool, db: asyncpg.Connection) -> None:
    alarm, actions = await fire(db), AlarmActions(pool, SPECS)
    assert (await actions.acknowledge(OPERATOR, alarm, NOON))["state"] == State.ACKED
    assert (await actions.acknowledge(OPERATOR, alarm, NOON))["state"] == State.ACKED
    await keep_desk(db, SPECS.values(), NOON + timedelta(hours=4) - MINUTE)
    assert await state_of(db, alarm) == "ACKED"
    await keep_desk(db, SPECS.values(), NOON + timedelta(hours=4))
    assert await state_of(db, alarm) == "UNACK"


async def test_the_gauge_counts_what_was_announced(pool: asyncpg.Pool, db: asyncpg.Connection) -> None:
    await fire(db)
    told = await AlarmActions(pool, SPECS).budget(OPERATOR, NOON + MINUTE, 2)
    assert (told["now"], told["budget"], sum(told["windows"]), len(told["windows"])) == (1, 20, 1, 144)


async def test_a_caller_of_the_public_moves_no_alarm(pool: asyncpg.Pool, db: asyncpg.Connection) -> None:
    alarm, actions = await fire(db, "heavy_rain_1h", "rain"), AlarmActions(pool, SPECS)
    for ask in (
        actions.acknowledge(ANONYMOUS, alarm, NOON),
        actions.shelve(ANONYMOUS, alarm, "x", NOON + MINUTE, NOON),
        actions.unshelve(ANONYMOUS, alarm, NOON),
        actions.begin_maintenance(ANONYMOUS, 1, "x", NOON + MINUTE, NOON),
        actions.budget(ANONYMOUS, NOON, 1),
    ):
        with pytest.raises(Refused):
            await ask
    assert await state_of(db, alarm) == "UNACK"
