"""The forecast by the clock: issued from what was observed, kept, published like any source, the same when repeated."""

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import numpy as np
import pytest

from backend.jobs import Jobs
from backend.nowcast import Nowcasts
from simulations import simulation_of
from simulations.flood import nowcast
from tests.conftest import LiveCity
from twin import clock
from twin.access import CLOCK, OPERATOR
from twin.errors import BadScenario
from twin.runs import LIVE, Runs
from twin.settings import Settings

NOON = datetime(2026, 7, 14, 3, 0, tzinfo=UTC)
READ = "import json, sys, pathlib; job = json.load(sys.stdin); out = pathlib.Path(job['out']); "


class Heard:
    """Keeps what was published."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, list]] = []

    def publish(self, layer: str, payload: bytes) -> None:
        self.messages.append((layer, json.loads(payload)))


@pytest.fixture
async def runs(db: asyncpg.Connection) -> Runs:
    await db.execute("TRUNCATE run, forecast CASCADE")
    return Runs(db)


def nowcasts(settings: Settings, db: asyncpg.Connection, runs: Runs, script: str) -> tuple[Nowcasts, Heard]:
    made = Nowcasts(settings, db, Jobs(settings, runs, (sys.executable, "-c", READ + script), LIVE))
    made._publisher = heard = Heard()  # type: ignore[assignment]
    return made, heard


async def test_a_forecast_is_kept_and_its_warnings_are_published(
    settings: Settings, db: asyncpg.Connection, runs: Runs
) -> None:
    stream = await db.fetchval(
        "INSERT INTO datastream (asset_id, observed_property) "
        "SELECT min(id), 'depth' FROM asset WHERE layer = 'water_level' "
        "ON CONFLICT (asset_id, observed_property) DO UPDATE SET asset_id = excluded.asset_id RETURNING id"
    )
    told = {
        "issued": NOON.isoformat(), "layer": "flood_forecast", "inputs": {"rain": [1]}, "receipt": {"digest": "d"},
        "values": [[stream, "2026-07-14T03:10:00+00:00", "middle", 0.4]],
        "messages": [{"id": "UP-01", "time": NOON.isoformat(), "depth_1h": 0.2}],
    }  # fmt: skip
    write = f"(out / 'forecast.json').write_text({json.dumps(json.dumps(told))}); "
    say = "print(json.dumps({'result': {'forerunner': job['scenario']['forerunner']}}))"
    made, heard = nowcasts(settings, db, runs, write + say)
    first = await made.issue(NOON)
    assert heard.messages == [("flood_forecast", told["messages"])]
    assert await db.fetchval("SELECT inputs FROM forecast WHERE id = $1", first) == {"rain": [1]}
    assert await db.fetchval("SELECT result FROM forecast_value WHERE forecast_id = $1", first) == 0.4
    second = await made.issue(NOON)
    assert (await runs.get(CLOCK, second))["result"] == {"forerunner": first}


async def test_a_forecast_that_fails_publishes_nothing_and_says_why(
    settings: Settings, db: asyncpg.Connection, runs: Runs
) -> None:
    made, heard = nowcasts(settings, db, runs, "print(json.dumps({'error': 'no terrain'}))")
    run = await runs.get(CLOCK, await made.issue(NOON))
    assert (run["state"], run["note"]) == ("failed", "no terrain")
    assert heard.messages == []


async def test_what_a_planner_asks_for_and_the_clocks_runs_do_not_wait_for_each_other(
    settings: Settings, db: asyncpg.Connection, runs: Runs
) -> None:
    asked = await runs.submit(OPERATOR, "flood", "asked", {}, NOON)
    made, _ = nowcasts(settings, db, runs, "print(json.dumps({'result': {}}))")
    issued = await made.issue(NOON)
    assert (await runs.get(CLOCK, issued))["state"] == "done"
    assert (await runs.get(CLOCK, asked["id"]))["state"] == "queued"
    assert [run["id"] for run in await runs.newest(OPERATOR)] == [asked["id"]]


async def test_only_the_newest_runs_keep_their_folders(
    settings: Settings, db: asyncpg.Connection, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.nowcast.KEPT_RUNS", 1)
    made, _ = nowcasts(settings, db, runs, "print(json.dumps({'result': {}}))")
    first = await made.issue(NOON)
    assert (settings.runs_dir / first).is_dir()
    second = await made.issue(NOON)
    assert not (settings.runs_dir / first).exists()
    assert (settings.runs_dir / second).is_dir()


def told_by(settings: Settings) -> datetime:
    """Return a moment at which rain, tide and gauges have been heard of."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        now = clock.now()
        told = nowcast.observe(settings.dsn(), now - timedelta(hours=1), now)
        if all(told[name] for name in ("rain", "tide", "gauges")):
            return now
    raise AssertionError(f"nothing was heard: {told}")


def test_nobody_but_the_clock_issues_a_forecast() -> None:
    with pytest.raises(BadScenario, match="only the clock"):
        simulation_of("flood").check({"issued": NOON.isoformat()})


def test_a_forecast_of_the_running_city_warns_of_every_place_and_repeats_to_the_same_bytes(
    live_city: LiveCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On cells of 100 m, so that it takes seconds."""
    monkeypatch.setattr(nowcast, "CELL_M", 100)
    settings, flood = live_city.settings, simulation_of("flood")
    now = told_by(settings)
    first, second = settings.runs_dir / "nowcast-a", tmp_path / "b"
    found = flood.run(settings.dsn(), settings.data_dir, {"issued": now.isoformat()}, first, lambda share, what: None)
    kept = json.loads((first / "forecast.json").read_text())
    assert found["missing"] == []
    assert found["trusted"]
    members = {member for _, _, member, _ in kept["values"]}
    assert members == {"low", "middle", "high", "persistence"}
    kinds = {message["id"].split("-")[0] for message in kept["messages"]}
    assert {"UNIT", "UP", "LOT"} <= kinds
    for message in kept["messages"]:
        low, high = ("depth_3h", "depth_3h_high") if "depth_3h" in message else ("people_3h", "people_3h_high")
        assert 0 <= message[low] <= message[high]
    again = flood.run(settings.dsn(), settings.data_dir, found["receipt"]["asked"], second, lambda share, what: None)
    assert again["receipt"] == found["receipt"]
    later = {"issued": clock.now().isoformat(), "forerunner": "nowcast-a"}
    flood.run(settings.dsn(), settings.data_dir, later, tmp_path / "c", lambda share, what: None)
    before, after = (np.load(folder / "water.npz")["state"][0] for folder in (first, tmp_path / "c"))
    assert before.sum() > 0
    assert np.quantile(abs(after - before), 0.99) < 0.05, "seconds later the water is still there"


def test_the_rain_to_come_is_kept_by_gauge_and_member() -> None:
    """Of 30 and 50 mm/h in the last half hour the mean is 40; the middle member halves it in an hour, so that the step
    around five minutes has 40 * 0.5 ** (300 / 3600) = 37.75, and high 1.3 * 40 * 0.5 ** (300 / 10800) = 51.01 mm/h.
    """
    gauge = {"datastream": 7, "x": 0.0, "y": 0.0, "rate_mm_h": [(-3000.0, 90.0), (-1200.0, 30.0), (-600.0, 50.0)]}
    kept = nowcast._rain_values({"rain": [gauge]}, NOON)
    first = {member: rate for stream, valid, member, rate in kept if valid == "2026-07-14T03:10:00+00:00"}
    assert first == {"low": 26.91, "middle": 37.75, "high": 51.01, "persistence": 40.0}
    assert len(kept) == 4 * 18
