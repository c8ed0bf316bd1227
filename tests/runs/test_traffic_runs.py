"""Traffic through the open door: a bridge closed, a flood on the roads, refusals; on a whole running city."""

import gzip
import json
import subprocess
from typing import Any

import geopandas as gpd
import numpy as np
import pytest

from backend.cli import verify
from simulations.traffic.city import questions
from tests.conftest import LiveCity
from tests.runs.test_flood_runs import ask, ended, refused
from twin.errors import BadScenario
from twin.settings import ROOT


def submit(city: LiveCity, scenario: Any, simulation: str = "traffic") -> Any:
    return ended(city, ask(city, "/api/runs", {"simulation": simulation, "scenario": scenario})["id"])


@pytest.fixture(scope="module")
def closed(live_city: LiveCity) -> Any:
    """The preset's closures, but after ten minutes of half an hour."""
    events = [one | {"start_s": 600} for one in questions()["dongbaek-closed"]["events"]]
    return submit(live_city, {"start_h": 8, "hours": 0.5, "seeds": 2, "events": events})


@pytest.fixture(scope="module")
def cascade(live_city: LiveCity) -> tuple[Any, Any]:
    """Half an hour of a cloudburst, and the traffic in its water."""
    flood = submit(live_city, {"preset": "cloudburst", "duration_h": 0.5, "rain_percent": 400, "threads": 2}, "flood")
    return flood, submit(live_city, {"start_h": 8, "hours": 0.6, "flood_run": flood["id"]})


def test_a_closed_bridge_is_answered_with_all_indicators(closed: Any) -> None:
    assert closed["state"] == "done", closed["note"]
    found = closed["result"]
    assert found["trusted"]
    assert found["is_synthetic"]
    assert found["totals"]["detours"] > 20
    assert found["totals"]["unreachable"] < 20, "who is on the bridge when it closes"
    assert 0 < found["totals"]["within_8_min_after"] <= 1
    assert len(found["districts"]) >= 26
    assert {len(values) for values in found["spread"].values()} == {2}
    assert all(len(one["spread"]["delay_h"]) == 2 for one in found["districts"])
    assert [one["start_s"] for one in found["measures"]] == [600, 600]
    assert found["measures"][0]["roads"] == ["동백대교"]
    assert found["wall_s"] < 30


def test_files_of_an_answer_are_what_it_says(live_city: LiveCity, closed: Any, tmp_path: Any) -> None:
    roads = closed["result"]["roads"]
    whole = gzip.decompress(ask(live_city, f"/api/runs/{closed['id']}/files/{roads['file']}"))
    n, bins = roads["links"], len(roads["times_s"])
    assert roads["times_s"][-1] == 1800
    assert len(whole) == 4 * n + 4 * n * bins
    service = np.frombuffer(whole, np.uint8, n * bins, offset=4 * n).reshape(bins, n)
    closed_links = sum(one["links"] for one in closed["result"]["measures"])
    assert ((service == 255).sum(axis=1) == [0] * 2 + [closed_links] * 4).all()
    (tmp_path / "last.parquet").write_bytes(ask(live_city, f"/api/runs/{closed['id']}/files/links-001800.parquet"))
    assert gpd.read_parquet(tmp_path / "last.parquet").closed.sum() == closed_links


def test_a_traffic_run_can_be_verified(live_city: LiveCity, closed: Any) -> None:
    folder = live_city.settings.runs_dir / closed["id"]
    command = [str(ROOT / ".venv/bin/python"), "-m", "backend.cli", "verify", str(folder), "--data-dir",
               str(live_city.settings.data_dir)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=False, cwd=ROOT)
    assert (done.returncode, b"identical: 8 files" in done.stdout) == (0, True), done


def test_water_of_a_flood_run_closes_roads(live_city: LiveCity, cascade: tuple[Any, Any]) -> None:
    flood, traffic = cascade
    assert traffic["state"] == "done", traffic["note"]
    found = traffic["result"]
    assert found["flood_run"] == flood["id"]
    roads = found["roads"]
    whole = gzip.decompress(ask(live_city, f"/api/runs/{traffic['id']}/files/{roads['file']}"))
    n, bins = roads["links"], len(roads["times_s"])
    shut = (np.frombuffer(whole, np.uint8, n * bins, offset=4 * n).reshape(bins, n) == 255).sum(axis=1)
    assert shut[0] == 0 < shut[-1]
    assert found["totals"]["delay_h"] != 0
    assert found["wet"]["links_closed"] == shut.max()
    assert found["wet"]["deepest_m"] >= 0.15


@pytest.mark.parametrize(
    ("scenario", "told"),
    [
        ({"preset": "noah"}, "there is no preset"),
        ({"hours": -1}, "hours"),
        ({"events": [{"event": "close", "links": []}]}, "names no links"),
        ({"events": [{"event": "close", "links": [1], "start_s": 1e6}]}, "before the end of the run"),
    ],
)
def test_a_bad_question_is_refused_before_it_waits(live_city: LiveCity, scenario: Any, told: str) -> None:
    status, what = refused(live_city, "/api/runs", {"simulation": "traffic", "scenario": scenario})
    assert (status, told in what) == (422, True), what


@pytest.mark.parametrize(
    ("scenario", "told"),
    [
        ({"events": [{"event": "close", "links": [987654]}]}, "987654"),
        ({"events": [{"event": "close", "roads": ["없는길"]}]}, "없는길"),
        ({"flood_run": "000000000000"}, "000000000000 is no flood run that came to its end"),
    ],
)
def test_a_question_about_nothing_fails_by_its_name(live_city: LiveCity, scenario: Any, told: str) -> None:
    run = submit(live_city, {"hours": 0.25} | scenario)
    assert (run["state"], told in run["note"]) == ("failed", True), run


async def test_a_run_on_given_streets_is_verified_on_them(live_city: LiveCity, tmp_path: Any) -> None:
    """The city's own streets would answer something else."""
    told = {"simulation": "traffic", "receipt": {"is_on_given_roads": True}}
    (tmp_path / "result.json").write_text(json.dumps(told))
    with pytest.raises(BadScenario, match="name it with --roads"):
        await verify(live_city.settings, tmp_path, None)


def test_traffic_tells_its_presets_and_its_schema(live_city: LiveCity) -> None:
    [traffic] = [one for one in ask(live_city, "/api/simulations")["simulations"] if one["id"] == "traffic"]
    assert {"dongbaek-closed", "market-fire", "morning"} <= {one["id"] for one in traffic["presets"]}
    assert traffic["schema"]["properties"]["flood_run"]


def test_the_command_answers_a_file(live_city: LiveCity, tmp_path: Any) -> None:
    (tmp_path / "close.json").write_text(
        json.dumps({"hours": 0.3, "events": [{"event": "close", "roads": ["나운로"]}]})
    )
    command = [str(ROOT / ".venv/bin/python"), "-m", "backend.cli", "simulate", "traffic", "--scenario",
               str(tmp_path / "close.json"), "--out", str(tmp_path / "out"), "--data-dir",
               str(live_city.settings.data_dir)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=True, cwd=ROOT)
    assert json.loads(done.stdout)["totals"]["detours"] > 0
    assert json.loads((tmp_path / "out" / "result.json").read_text())["measures"][0]["roads"] == ["나운로"]
