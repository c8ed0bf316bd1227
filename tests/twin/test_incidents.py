"""Incidents: their states, their timeline, their ledger; on a real PostGIS."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import product

import asyncpg
import pytest

from layers import load_layers
from tests.conftest import CITY_HALL
from twin.access import ANONYMOUS, OPERATOR
from twin.db import open_pool
from twin.errors import BadInput, Conflict, NotFound, Refused
from twin.incidents import NEXT, Incidents
from twin.ledger import ledger_of
from twin.playbooks import playbooks
from twin.settings import Settings

NOON = datetime(2026, 7, 14, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STATES = ("new", "acknowledged", "dispatched", "closed", "merged")
VERBS = ("acknowledge", "dispatch", "close", "reopen", "merge")


@pytest.fixture
async def incidents(settings: Settings, db: asyncpg.Connection) -> AsyncIterator[Incidents]:
    pool = await open_pool(settings.dsn(), 4)
    yield Incidents(pool, {key: layer.spec for key, layer in load_layers().items()})
    await pool.close()


async def opened(incidents: Incidents, title: str = "불", at: datetime = NOON, topic: str = "other") -> int:
    return (await incidents.open(OPERATOR, topic, title, at, place=CITY_HALL, severity="danger"))["id"]


def test_every_cell_of_the_table() -> None:
    rows = {
        "new": "acknowledged dispatched closed - merged",
        "acknowledged": "acknowledged dispatched closed - merged",
        "dispatched": "dispatched dispatched closed - merged",
        "closed": "- - - acknowledged -",
        "merged": "- - - - -",
    }
    for state, line in rows.items():
        assert [NEXT.get((state, verb), "-") for verb in VERBS] == line.split()
    assert set(NEXT) <= set(product(STATES, VERBS))


async def test_an_incident_is_worked_from_its_opening_to_its_closing(incidents: Incidents) -> None:
    number = await opened(incidents)
    told = await incidents.get(OPERATOR, number)
    assert (told["state"], told["unit_ko"], round(told["lon"], 5)) == ("acknowledged", "수송동", CITY_HALL[0])
    await incidents.move(OPERATOR, number, "dispatch", NOON + MINUTE, detail={"who": "119"})
    await incidents.move(OPERATOR, number, "close", NOON + 9 * MINUTE, reason="extinguished")
    told = await incidents.move(OPERATOR, number, "reopen", NOON + 12 * MINUTE, reason="smoke again")
    assert (told["state"], told["closed"], told["reason"]) == ("acknowledged", None, None)
    assert [entry["kind"] for entry in told["timeline"]] == ["opened", "dispatched", "closed", "reopened"]
    assert told["timeline"][1]["detail"] == {"who": "119"}


async def test_every_change_is_an_event_for_the_screens(incidents: Incidents, db: asyncpg.Connection) -> None:
    number = await opened(incidents)
    await incidents.note(OPERATOR, number, "note", NOON, {"text": "wind from the west"})
    await incidents.move(OPERATOR, number, "close", NOON, reason="false")
    rows = await db.fetch("SELECT kind, layer, detail FROM event ORDER BY seq")
    assert [row["kind"] for row in rows] == ["incident_opened", "incident_note", "incident_closed"]
    assert {row["detail"]["incident"] for row in rows} == {number}
    assert await db.fetchval("SELECT count(*) FROM feed") == 3


async def test_closing_without_a_reason_and_moves_out_of_the_table_are_refused(incidents: Incidents) -> None:
    number = await opened(incidents)
    with pytest.raises(BadInput, match="needs a reason"):
        await incidents.move(OPERATOR, number, "close", NOON, reason=" ")
    with pytest.raises(Conflict, match="is acknowledged; one cannot reopen it"):
        await incidents.move(OPERATOR, number, "reopen", NOON, reason="why")
    with pytest.raises(NotFound):
        await incidents.get(OPERATOR, number + 1)


async def test_nobody_closes_what_still_stands(incidents: Incidents, db: asyncpg.Connection) -> None:
    number = await opened(incidents)
    alarm = await db.fetchval(
        "INSERT INTO alarm (layer, rule, state, severity, onset, changed, is_standing) "
        "VALUES ('rain', 'heavy_rain_1h', 'ACKED', 'caution', $1, $1, true) RETURNING id", NOON,
    )  # fmt: skip
    await db.execute("INSERT INTO incident_alarm VALUES ($1, $2, $3, $3, 'caution', NULL)", number, alarm, NOON)
    with pytest.raises(Conflict, match="1 alarms of incident"):
        await incidents.move(OPERATOR, number, "close", NOON, reason="home time")
    await db.execute("UPDATE alarm SET state = 'NORM', is_standing = false")
    assert (await incidents.move(OPERATOR, number, "close", NOON, reason="over"))["state"] == "closed"


async def test_merged_incident_gives_its_tasks_and_its_timeline(incidents: Incidents) -> None:
    one, two = await opened(incidents, "불 1"), await opened(incidents, "불 2")
    await incidents.add_task(OPERATOR, two, "상인회에 전화", NOON, NOON + MINUTE)
    told = await incidents.merge(OPERATOR, two, one, NOON)
    assert [task["title_ko"] for task in told["tasks"]] == ["상인회에 전화"]
    assert {entry["incident_id"] for entry in told["timeline"]} == {one, two}
    assert [row["id"] for row in (await incidents.list(OPERATOR))["incidents"]] == [one]
    with pytest.raises(Conflict):
        await incidents.move(OPERATOR, two, "dispatch", NOON)
    with pytest.raises(BadInput):
        await incidents.merge(OPERATOR, one, one, NOON)


async def test_a_task_ends_once_and_skipping_one_needs_a_reason(incidents: Incidents) -> None:
    number = await opened(incidents)
    told = await incidents.add_task(OPERATOR, number, "문 닫기", NOON, NOON + MINUTE)
    [task] = told["tasks"]
    assert (told["tasks_open"], told["next_due"]) == (1, NOON + MINUTE)
    with pytest.raises(BadInput):
        await incidents.end_task(OPERATOR, number, task["id"], "skipped", "", NOON)
    told = await incidents.end_task(OPERATOR, number, task["id"], "done", "", NOON)
    assert (told["tasks"][0]["state"], told["tasks_open"]) == ("done", 0)
    with pytest.raises(Conflict):
        await incidents.end_task(OPERATOR, number, task["id"], "done", "", NOON)


async def test_the_playbook_comes_once_also_when_incidents_are_merged(incidents: Incidents) -> None:
    one, two = await opened(incidents, topic="fire"), await opened(incidents, topic="fire")
    steps = [step.id for step in playbooks()["fire"].steps]
    assert [task["step"] for task in (await incidents.get(OPERATOR, one))["tasks"]] == steps
    told = await incidents.merge(OPERATOR, two, one, NOON)
    assert [task["step"] for task in told["tasks"] if task["state"] == "open"] == steps


async def test_nobody_rewrites_a_timeline(incidents: Incidents, db: asyncpg.Connection) -> None:
    await opened(incidents)
    for statement in ("UPDATE incident_entry SET by = 'nobody'", "DELETE FROM incident_entry"):
        with pytest.raises(asyncpg.RaiseError, match="only ever appended"):
            await db.execute(statement)


async def test_a_caller_of_the_public_sees_and_changes_nothing(incidents: Incidents) -> None:
    number = await opened(incidents)
    for ask in (
        incidents.list(ANONYMOUS),
        incidents.get(ANONYMOUS, number),
        incidents.open(ANONYMOUS, "fire", "x", NOON),
        incidents.move(ANONYMOUS, number, "close", NOON, reason="x"),
        incidents.note(ANONYMOUS, number, "note", NOON),
        incidents.merge(ANONYMOUS, number, 1, NOON),
        incidents.add_task(ANONYMOUS, number, "x", NOON),
        incidents.end_task(ANONYMOUS, number, 1, "done", "", NOON),
    ):
        with pytest.raises(Refused):
            await ask


def test_ledger_counts_from_the_first_sign() -> None:
    entries = [
        {"kind": kind, "at": NOON + n * MINUTE, "detail": {}}
        for n, kind in enumerate(("opened", "announced", "acknowledged", "notice", "dispatched", "closed"))
    ]
    ledger = {row["mark"]: row["after_s"] for row in ledger_of(entries, [NOON - MINUTE])}
    assert ledger == {
        "sign": 0, "forecast": None, "alarm": 120, "acknowledged": 180, "shared": None, "share_opened": None,
        "action": 240, "closed": 360,
    }  # fmt: skip
