"""Drills whose sensors speak: the whole way of a message, in a branch, with nothing of it in the real city."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from backend.drill_player import DrillPlayer
from layers import load_layers
from twin.access import OPERATOR
from twin.alarm_actions import AlarmActions
from twin.db import open_pool
from twin.drills import Drills, scenarios
from twin.errors import BadInput
from twin.incidents import Incidents
from twin.keeping import keep_desk
from twin.moment import NOW, Moment
from twin.reader import Reader
from twin.registry import restore_rules
from twin.rules import RuleEngine
from twin.settings import Settings

NOON = datetime(2026, 7, 14, 3, 0, tzinfo=UTC)
LAYERS = load_layers()
SPECS = {key: layer.spec for key, layer in LAYERS.items()}


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.fixture
async def pool(settings: Settings, db: asyncpg.Connection) -> AsyncIterator[asyncpg.Pool]:
    pool = await open_pool(settings.dsn(), 6)
    yield pool
    await pool.close()


@pytest.fixture
def drills(pool: asyncpg.Pool) -> Drills:
    return Drills(pool, Incidents(pool, SPECS), DrillPlayer(pool, LAYERS))


async def test_a_sensor_of_a_drill_raises_its_alarm_by_the_rules_in_the_branch_alone(
    drills: Drills, pool: asyncpg.Pool, db: asyncpg.Connection
) -> None:
    incidents, reader = drills._incidents, Reader(pool, SPECS)
    told = await drills.start(OPERATOR, "market_fire", NOON)
    branch = Moment(branch=told["branch"])
    assert (await reader.alarms(OPERATOR, branch, NOON))["alarms"] == [], "smoke must last before it is an alarm"
    await drills.play(after(8))
    [alarm] = (await reader.alarms(OPERATOR, branch, after(8)))["alarms"]
    assert (alarm["rule"], alarm["state"]) == ("fire_smoke", "UNACK")
    [row] = (await incidents.list(OPERATOR, branch=told["branch"]))["incidents"]
    assert (row["topic"], row["severity"], row["state"], row["alarms"]) == ("fire", "alarm", "new", 1)

    # Nothing of it is in the real city.
    assert (await reader.alarms(OPERATOR, NOW, after(8)))["alarms"] == []
    assert (await incidents.list(OPERATOR))["incidents"] == []
    assert (await AlarmActions(pool, SPECS).budget(OPERATOR, after(9), 1))["now"] == 0
    assert await db.fetchval("SELECT count(*) FROM observation") == 0
    assert await db.fetchval("SELECT count(*) FROM event WHERE layer = 'market_fire'") == 0
    events = await db.fetch("SELECT kind, detail FROM event WHERE detail ? 'announces'")
    assert [(one["kind"], one["detail"]["branch"]) for one in events] == [("drill_alarm_raised", told["branch"])]
    items = await reader.items(OPERATOR, "market_fire")
    assert {one["properties"]["severity"] for one in items["features"]} == {None}
    rules = RuleEngine(SPECS.values())
    await restore_rules(db, rules, SPECS)
    await keep_desk(db, list(SPECS.values()), after(9))

    # It is worked like a real one, and scored.
    told_one = await incidents.move(OPERATOR, row["id"], "acknowledge", after(30))
    assert told_one["alarm_list"][0]["state"] == "ACKED"
    await drills.play(after(250))
    assert (await incidents.get(OPERATOR, row["id"]))["severity"] == "danger", "the flame raises the stage"
    await drills.play(after(610))
    for one in (await reader.alarms(OPERATOR, branch, after(610)))["alarms"]:
        await AlarmActions(pool, SPECS).acknowledge(OPERATOR, one["id"], after(615))
    await incidents.move(OPERATOR, row["id"], "close", after(620), reason="꺼짐")
    sheet = (await drills.end(OPERATOR, told["id"], after(700)))["sheet"]
    passed = {(line["inject"], line["action"]) for line in sheet if line["passed"]}
    assert passed == {("smoke", "acknowledged"), ("out", "closed")}
    assert all(line["title"]["ko"] for line in sheet)


async def test_a_real_fire_in_the_same_shop_is_heard_beside_the_drill(
    drills: Drills, pool: asyncpg.Pool, db: asyncpg.Connection
) -> None:
    from tests.twin.test_desk import fire

    told = await drills.start(OPERATOR, "market_fire", NOON)
    await drills.play(after(8))
    await fire(db)
    reader = Reader(pool, SPECS)
    [real] = (await reader.alarms(OPERATOR, NOW, after(9)))["alarms"]
    [drill] = (await reader.alarms(OPERATOR, Moment(branch=told["branch"]), after(9)))["alarms"]
    assert (real["rule"], real["asset"]) == ("fire_flame", drill["asset"])
    assert real["id"] != drill["id"]
    assert real["incident"] != drill["incident"]
    await drills.end(OPERATOR, told["id"], after(20))
    assert (await reader.alarms(OPERATOR, NOW, after(21)))["alarms"][0]["state"] == "UNACK"


@pytest.mark.parametrize("name", scenarios())
async def test_every_message_of_the_scenarios_is_taken_by_its_layer(
    name: str, pool: asyncpg.Pool, db: asyncpg.Connection
) -> None:
    player = DrillPlayer(pool, LAYERS)
    for inject in scenarios()[name].injects:
        if inject.layer:
            await player.inject("drill:t", inject, NOON, NOON)
    broken = scenarios()["market_fire"].injects[0].model_copy(update={"message": "[{}]"})
    with pytest.raises(BadInput, match="is refused"):
        await player.inject("drill:t", broken, NOON, NOON)
    await db.execute("DELETE FROM alarm")


async def test_a_process_that_begins_anew_knows_what_stands_in_a_drill(drills: Drills, pool: asyncpg.Pool) -> None:
    told = await drills.start(OPERATOR, "market_fire", NOON)
    await drills.play(after(8))
    again = Drills(pool, drills._incidents, DrillPlayer(pool, LAYERS))
    await again.play(after(610))
    alarms = (await Reader(pool, SPECS).alarms(OPERATOR, Moment(branch=told["branch"]), after(610)))["alarms"]
    assert {one["state"] for one in alarms} <= {"RTNUN"}
