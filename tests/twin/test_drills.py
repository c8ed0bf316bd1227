"""Drills: played in a branch of their own, scored, and never mixed with the real thing."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from layers import load_layers
from tests.conftest import CITY_HALL
from twin.access import ANONYMOUS, OPERATOR
from twin.db import open_pool
from twin.drills import Drills, Inject, Scenario, scenarios
from twin.errors import Conflict, NotFound, Refused
from twin.incidents import Incidents
from twin.playbooks import playbooks
from twin.settings import Settings

NOON = datetime(2026, 7, 14, 3, 0, tzinfo=UTC)


@pytest.fixture
async def drills(settings: Settings, db: asyncpg.Connection) -> AsyncIterator[Drills]:
    pool = await open_pool(settings.dsn(), 4)
    yield Drills(pool, Incidents(pool, {key: layer.spec for key, layer in load_layers().items()}), Silent())
    await pool.close()


class Silent:
    """A player whose sensors raise no alarm: what people do is scored here, what sensors do in `test_drill_player`."""

    async def inject(self, branch: str, inject: Inject, at: datetime, now: datetime) -> None:
        pass

    async def tick(self, branches: set[str], now: datetime) -> None:
        pass


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scenario without sensors."""
    told = [
        {"id": "smoke", "at_s": 0, "topic": "fire", "severity": "alarm", "title": {"ko": "연기", "en": "Smoke"},
         "place": CITY_HALL, "expect": {"acknowledged": 60, "notices": 120, "dispatched": 180}},
        {"id": "call", "at_s": 120, "of": "smoke", "note": {"ko": "신고", "en": "A call"}, "expect": {"note": 120}},
        {"id": "spread", "at_s": 240, "of": "smoke", "severity": "danger", "note": {"ko": "번짐", "en": "It spreads"},
         "expect": {"task": 120, "shared": 300}},
    ]  # fmt: skip
    scenario = {"id": "spoken", "title": {"ko": "말로 하는 훈련", "en": "A drill by word"}, "inject": told}
    monkeypatch.setitem(scenarios(), "spoken", Scenario.model_validate(scenario))


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_every_inject_is_of_a_known_topic_or_of_an_earlier_one() -> None:
    for scenario in scenarios().values():
        seen: set[str] = set()
        for inject in sorted(scenario.injects, key=lambda one: one.at_s):
            assert inject.of in seen if inject.of else inject.topic in playbooks(), inject.id
            assert inject.layer is None or not load_layers()[inject.layer].spec.registers_assets, inject.id
            seen.add(inject.id)


@pytest.mark.usefixtures("spoken")
async def test_a_drill_is_played_by_the_clock_and_scored(drills: Drills) -> None:
    incidents = drills._incidents
    told = await drills.start(OPERATOR, "spoken", NOON)
    assert (await incidents.list(OPERATOR))["incidents"] == []
    [row] = (await incidents.list(OPERATOR, branch=told["branch"]))["incidents"]
    assert (row["state"], row["severity"]) == ("new", "alarm")
    await incidents.move(OPERATOR, row["id"], "acknowledge", after(30))
    await incidents.move(OPERATOR, row["id"], "dispatch", after(200))
    await drills.play(after(119))
    assert (await drills.all(OPERATOR))["drills"][0]["injected"] == 1
    await drills.play(after(240))
    assert (await drills.all(OPERATOR))["drills"][0]["injected"] == 3
    assert (await incidents.get(OPERATOR, row["id"]))["severity"] == "danger"
    await incidents.note(OPERATOR, row["id"], "note", after(300), {"text": "asked the merchant"})
    score = await drills.end(OPERATOR, told["id"], after(400))
    sheet = {(line["inject"], line["action"]): (line["after_s"], line["passed"]) for line in score["sheet"]}
    assert sheet == {
        ("smoke", "acknowledged"): (30, True), ("smoke", "notices"): (None, False),
        ("smoke", "dispatched"): (200, False),
        ("call", "note"): (180, False), ("spread", "task"): (None, False), ("spread", "shared"): (None, False),
    }  # fmt: skip
    assert (score["points"], score["possible"]) == (1, 6)
    assert {line["inject"]: line["is_given"] for line in score["sheet"]} == dict.fromkeys(
        [line["inject"] for line in score["sheet"]], True
    )
    await drills.play(after(9999))
    with pytest.raises(Conflict):
        await drills.end(OPERATOR, told["id"], after(500))


@pytest.mark.usefixtures("spoken")
async def test_injects_that_were_missed_are_played_once(drills: Drills) -> None:
    told = await drills.start(OPERATOR, "spoken", NOON)
    await asyncio.gather(*(drills.play(after(1000)) for _ in range(3)))
    [row] = (await drills._incidents.list(OPERATOR, branch=told["branch"]))["incidents"]
    kinds = [entry["kind"] for entry in (await drills._incidents.get(OPERATOR, row["id"]))["timeline"]]
    assert kinds == ["opened", "announced", "inject", "announced"]
    assert (await drills.all(OPERATOR))["drills"][0]["injected"] == 3


async def test_what_sensors_say_waits_for_a_process_that_can_read_it(drills: Drills) -> None:
    without = Drills(drills._pool, drills._incidents)
    await without.start(OPERATOR, "market_fire", NOON)
    await without.play(after(300))
    assert (await drills.all(OPERATOR))["drills"][0]["injected"] == 0
    await drills.play(after(300))
    assert (await drills.all(OPERATOR))["drills"][0]["injected"] == 3


async def test_drills_are_held_by_the_desk(drills: Drills) -> None:
    with pytest.raises(Refused):
        await drills.start(ANONYMOUS, "market_fire", NOON)
    with pytest.raises(NotFound):
        await drills.start(OPERATOR, "picnic", NOON)
