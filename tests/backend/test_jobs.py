"""The job runner: a queue in the store, one process a run, progress, cancel, and what goes wrong."""

import asyncio
import sys
from datetime import UTC, datetime

import asyncpg
import pytest

from backend.jobs import POLL_S, Jobs
from twin.access import ANONYMOUS, OPERATOR
from twin.errors import BadInput, NotFound, Refused
from twin.runs import QUEUE_LIMIT, Runs
from twin.settings import Settings

NOON = datetime(2026, 7, 14, 3, 0, tzinfo=UTC)
READ = "import json, sys; job = json.load(sys.stdin); say = lambda **line: print(json.dumps(line), flush=True); "


@pytest.fixture
async def runs(db: asyncpg.Connection) -> Runs:
    await db.execute("TRUNCATE run")
    return Runs(db)


def jobs(settings: Settings, runs: Runs, script: str) -> Jobs:
    return Jobs(settings, runs, (sys.executable, "-c", READ + script))


async def submit(runs: Runs, title: str = "toy") -> str:
    run = await runs.submit(OPERATOR, "toy", title, {"rain": 50}, NOON)
    return str(run["id"])


async def test_a_run_goes_from_the_queue_to_its_result(settings: Settings, runs: Runs) -> None:
    name = await submit(runs)
    ours = jobs(settings, runs, "say(progress=0.5, note='half'); say(result={'rain': job['scenario']['rain']})")
    assert await ours.next()
    run = await runs.get(OPERATOR, name)
    assert (run["state"], run["progress"], run["result"]) == ("done", 1, {"rain": 50})
    assert (settings.runs_dir / name).is_dir()
    assert not await ours.next()


async def test_runs_are_taken_in_the_order_in_which_they_were_asked_for(settings: Settings, runs: Runs) -> None:
    first = await submit(runs)
    await runs._db.execute("UPDATE run SET asked = asked - interval '1 s' WHERE id = $1", first)
    second = await submit(runs)
    ours = jobs(settings, runs, "say(result={})")
    await ours.next()
    assert [(await runs.get(OPERATOR, name))["state"] for name in (first, second)] == ["done", "queued"]


async def test_bad_input_fails_with_its_reason_and_a_crash_with_its_code(settings: Settings, runs: Runs) -> None:
    names = [await submit(runs) for _ in range(3)]
    for script in ("say(error='rain -1 mm/h is negative')", "sys.exit(3)", "print('no JSON')"):
        await jobs(settings, runs, script).next()
    found = [await runs.get(OPERATOR, name) for name in names]
    notes = {run["note"] for run in found}
    assert "rain -1 mm/h is negative" in notes
    assert any("ended with 3" in note for note in notes)
    assert any("JSON" in note for note in notes)
    assert [run["state"] for run in found] == ["failed"] * 3


async def test_a_cancelled_run_is_killed_and_leaves_no_files(settings: Settings, db: asyncpg.Connection) -> None:
    await db.execute("TRUNCATE run")
    other = await asyncpg.connect(settings.dsn())
    runs, name = Runs(db), await submit(Runs(db))
    work = asyncio.create_task(jobs(settings, runs, "say(progress=0.1, note=''); import time; time.sleep(600)").next())
    async with asyncio.timeout(20):
        while await other.fetchval("SELECT progress FROM run") == 0:
            await asyncio.sleep(0.05)
        assert (await Runs(other).cancel(OPERATOR, name, NOON))["state"] == "cancelling"
        await work
    await other.close()
    assert (await runs.get(OPERATOR, name))["state"] == "cancelled"
    assert not (settings.runs_dir / name).exists()


async def test_a_waiting_run_is_cancelled_at_once_and_never_starts(settings: Settings, runs: Runs) -> None:
    name = await submit(runs)
    assert (await runs.cancel(OPERATOR, name, NOON))["state"] == "cancelled"
    assert (await runs.cancel(OPERATOR, name, NOON))["state"] == "cancelled"
    assert not await jobs(settings, runs, "say(result={})").next()


async def test_what_a_dead_worker_had_taken_is_queued_again(runs: Runs) -> None:
    name = await submit(runs)
    await runs.take(NOON)
    await runs.requeue()
    assert (await runs.get(OPERATOR, name))["state"] == "queued"


async def test_the_queue_has_an_end(runs: Runs) -> None:
    for _ in range(QUEUE_LIMIT):
        await submit(runs)
    with pytest.raises(BadInput, match=f"the limit is {QUEUE_LIMIT}"):
        await submit(runs)


async def test_the_public_may_neither_ask_nor_see(runs: Runs) -> None:
    name = await submit(runs)
    for question in (
        runs.submit(ANONYMOUS, "toy", "", {}, NOON),
        runs.get(ANONYMOUS, name),
        runs.newest(ANONYMOUS),
        runs.cancel(ANONYMOUS, name, NOON),
    ):
        with pytest.raises(Refused):
            await question
    with pytest.raises(NotFound):
        await runs.get(OPERATOR, "nothing")


async def test_a_simulation_that_takes_its_time_to_end_keeps_its_result(settings: Settings, runs: Runs) -> None:
    name = await submit(runs)
    await jobs(settings, runs, f"say(result={{'rain': 1}}); import time; time.sleep({1.2 * POLL_S})").next()
    assert (await runs.get(OPERATOR, name))["result"] == {"rain": 1}
