"""Incidents of another system: opened once, changed, ended; never against conditions of our own, never backwards."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from layers import load_layers
from tests.conftest import CITY_HALL
from twin.access import ANONYMOUS, OPERATOR
from twin.db import open_pool
from twin.errors import NotFound, Refused
from twin.foreign import Foreign, ForeignEvent
from twin.incidents import Incidents
from twin.settings import Settings

NOON = datetime(2026, 7, 14, 3, 0, tzinfo=UTC)
FIRST = ForeignEvent("INT-1", "지하차도 침수", "underpass", "alarm", "occurred", NOON, NOON, CITY_HALL, "차량 고립")


def word(meaning: str, minutes: float, **more: object) -> ForeignEvent:
    return replace(FIRST, meaning=meaning, told=NOON + timedelta(minutes=minutes), **more)


@pytest.fixture
async def foreign(settings: Settings, db: asyncpg.Connection) -> AsyncIterator[Foreign]:
    pool = await open_pool(settings.dsn(), 4)
    yield Foreign(pool, Incidents(pool, {key: layer.spec for key, layer in load_layers().items()}))
    await pool.close()


async def test_an_incident_of_the_platform_lives_by_its_words(foreign: Foreign) -> None:
    made, is_new = await foreign.hear(OPERATOR, FIRST, NOON)
    assert (is_new, made["state"], made["severity"], made["topic"]) == (True, "new", "alarm", "underpass")
    assert made["tasks"], "its playbook is there"
    again, is_new = await foreign.hear(OPERATOR, FIRST, NOON)
    assert (is_new, again["id"]) == (False, made["id"]), "what comes twice opens nothing twice"
    told, _ = await foreign.hear(OPERATOR, word("changed", 5, name="침수 확대", severity="danger"), NOON)
    assert (told["title_ko"], told["severity"], told["id"]) == ("침수 확대", "danger", made["id"])
    told, _ = await foreign.hear(OPERATOR, word("cleared", 9), NOON)
    assert (told["state"], told["calm_since"]) == ("new", NOON)
    told, _ = await foreign.hear(OPERATOR, word("ended", 12, detail="통행 재개"), NOON)
    assert (told["state"], told["reason"]) == ("closed", "platform ended: 통행 재개")
    told, _ = await foreign.hear(OPERATOR, word("changed", 11), NOON)
    assert told["state"] == "closed", "a word that is late changes nothing"
    assert told["timeline"][-1]["detail"]["is_late"]
    told, _ = await foreign.hear(OPERATOR, word("occurred", 30), NOON)
    assert told["state"] == "acknowledged", "it occurs again: open again"
    told, _ = await foreign.hear(OPERATOR, word("cancelled", 31), NOON)
    assert told["state"] == "closed"
    kinds = [entry["kind"] for entry in told["timeline"] if entry["kind"].startswith("foreign_")]
    assert kinds == [
        "foreign_occurred", "foreign_occurred", "foreign_changed", "foreign_cleared", "foreign_ended",
        "foreign_changed", "foreign_occurred", "foreign_cancelled",
    ]  # fmt: skip
    assert {entry["by"] for entry in told["timeline"] if entry["kind"].startswith("foreign_")} == {"platform"}


async def test_its_end_does_not_close_what_still_stands_here(foreign: Foreign, db: asyncpg.Connection) -> None:
    made, _ = await foreign.hear(OPERATOR, FIRST, NOON)
    alarm = await db.fetchval(
        "INSERT INTO alarm (layer, rule, state, severity, onset, changed, is_standing) "
        "VALUES ('market_fire', 'x', 'ACKED', 'alarm', $1, $1, true) RETURNING id", NOON,
    )  # fmt: skip
    await db.execute(
        "INSERT INTO incident_alarm (incident_id, alarm_id, onset, joined, severity) VALUES ($1, $2, $3, $3, 'alarm')",
        made["id"], alarm, NOON,
    )  # fmt: skip
    told, _ = await foreign.hear(OPERATOR, word("ended", 5), NOON)
    assert told["state"] == "new"
    assert [entry["kind"] for entry in told["timeline"]][-2:] == ["foreign_ended", "note"]


async def test_a_word_about_a_merged_incident_goes_to_the_one_that_took_it_in(foreign: Foreign) -> None:
    incidents = foreign._incidents
    made, _ = await foreign.hear(OPERATOR, FIRST, NOON)
    kept = await incidents.open(OPERATOR, "underpass", "우리 사건", NOON)
    await incidents.merge(OPERATOR, made["id"], kept["id"], NOON)
    told, is_new = await foreign.hear(OPERATOR, word("changed", 5, name="침수 확대"), NOON)
    assert (is_new, told["id"], told["title_ko"]) == (False, kept["id"], "우리 사건")


async def test_a_change_whose_beginning_was_lost_opens_and_an_end_does_not(foreign: Foreign) -> None:
    with pytest.raises(NotFound, match="nothing was heard of it"):
        await foreign.hear(OPERATOR, word("ended", 1, id="INT-9"), NOON)
    made, is_new = await foreign.hear(OPERATOR, word("changed", 1, id="INT-9"), NOON)
    assert (is_new, made["state"]) == (True, "new")
    with pytest.raises(NotFound):
        await foreign.hear(OPERATOR, word("changed", 1, id="GUNSAN_TWIN-99", own=99), NOON)
    with pytest.raises(Refused):
        await foreign.hear(ANONYMOUS, FIRST, NOON)
