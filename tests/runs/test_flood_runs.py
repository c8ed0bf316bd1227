"""Simulations through the open door: asking, watching, taking files, being refused; on a whole running city."""

import gzip
import json
import subprocess
import time
import urllib.error
import urllib.request
from io import BytesIO
from math import cos, radians
from typing import Any

import numpy as np
import pytest
from PIL import Image

from frontend.pages.story import box_of
from tests.conftest import LiveCity
from twin.settings import ROOT

LIMIT_S = 120


def ask(city: LiveCity, path: str, body: Any = None, *, is_known: bool = True, method: str | None = None) -> Any:
    head = {"Authorization": f"Bearer {city.key}"} if is_known else {}
    head |= {"Content-Type": "application/json"} if body is not None else {}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(
        urllib.request.Request(f"{city.url}{path}", data, head, method=method), timeout=90
    ) as answer:
        found = answer.read()
    return json.loads(found) if answer.headers["Content-Type"].startswith("application/json") else found


def refused(city: LiveCity, path: str, body: Any = None, *, is_known: bool = True) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as error:
        ask(city, path, body, is_known=is_known)
    return error.value.code, json.load(error.value)["error"]["what"]


def ended(city: LiveCity, run: str) -> Any:
    end = time.monotonic() + LIMIT_S
    while (found := ask(city, f"/api/runs/{run}"))["state"] in ("queued", "running", "cancelling"):
        assert time.monotonic() < end, found
    return found


@pytest.fixture(scope="module")
def flood(live_city: LiveCity) -> Any:
    """The first half hour of the cloudburst, with a pump station that stands still."""
    scenario = {"preset": "cloudburst", "duration_h": 0.5, "failed_pumps": ["PUMP-1"], "threads": 1}
    run = ask(live_city, "/api/runs", {"simulation": "flood", "scenario": scenario})
    return ended(live_city, run["id"])


def test_a_flood_on_the_city_says_who_is_reached_and_why_to_believe_it(flood: Any) -> None:
    assert flood["state"] == "done", flood["note"]
    found = flood["result"]
    assert found["trusted"]
    assert found["mass_error"] < 1e-6
    assert found["is_synthetic"]
    assert found["totals"]["people"] == sum(one["people"] for one in found["districts"]) > 0
    assert found["totals"]["buildings"] == sum(one["buildings"] for one in found["districts"])
    assert len(found["districts"]) == 27
    assert [one["name_en"] for one in found["measures"]] == ["Naehang pump station"]
    assert all(one["arrival_s"] is None or 0 < one["arrival_s"] <= 1800 for one in found["places"])


def test_the_frames_of_a_run_are_as_many_as_it_says(live_city: LiveCity, flood: Any) -> None:
    depth = flood["result"]["depth"]
    packed = ask(live_city, f"/api/runs/{flood['id']}/files/{depth['file']}")
    frames = gzip.decompress(packed)
    assert len(frames) == depth["nx"] * depth["ny"] * len(depth["times_s"])
    assert depth["times_s"] == [0, 600, 1200, 1800]
    assert any(frames)


def test_a_run_of_the_city_can_be_repeated_to_the_same_bits(live_city: LiveCity, flood: Any) -> None:
    folder = live_city.settings.runs_dir / flood["id"]
    command = [ROOT / "gunsan", "verify", folder, "--data-dir", live_city.settings.data_dir]
    assert b"identical: 9 files" in subprocess.run(command, capture_output=True, check=True).stdout
    deepest, kept = folder / "max_depth.tif", (folder / "max_depth.tif").read_bytes()
    deepest.write_bytes(kept[:-1])
    done = subprocess.run(command, capture_output=True, check=False)
    deepest.write_bytes(kept)
    assert (done.returncode, b"differs: max_depth.tif" in done.stdout) == (1, True)


def test_only_files_of_the_result_are_given(live_city: LiveCity, flood: Any) -> None:
    for name in ("log", "..%2F..%2Fsecrets.toml", "nothing.tif"):
        assert refused(live_city, f"/api/runs/{flood['id']}/files/{name}")[0] == 404


def test_a_simulation_tells_its_presets_and_its_schema(live_city: LiveCity) -> None:
    [flood] = [one for one in ask(live_city, "/api/simulations")["simulations"] if one["id"] == "flood"]
    assert {"july-2023", "cloudburst", "extreme-500", "king-tide"} <= {one["id"] for one in flood["presets"]}
    assert flood["schema"]["properties"]["surge_m"]


@pytest.mark.parametrize(
    ("scenario", "told"),
    [
        ({"grid": "window"}, "belong together"),
        ({"grid": "window", "window": [126.61, 35.93, 126.79, 36.0]}, "the limit is 25 km2"),
        ({"grid": "window", "window": [126.1, 35.93, 126.2, 36.0]}, "does not lie"),
        ({"preset": "noah"}, "there is no event"),
        ({"rain_percent": -1}, "rain_percent"),
        ({"duration_h": 1000}, "duration_h"),
        ({"wind": 3}, "wind"),
    ],
)
def test_a_bad_scenario_is_refused_before_it_waits(live_city: LiveCity, scenario: Any, told: str) -> None:
    status, what = refused(live_city, "/api/runs", {"simulation": "flood", "scenario": scenario})
    assert (status, told in what) == (422, True), what


def test_a_window_is_simulated_on_fine_cells(live_city: LiveCity) -> None:
    window = [126.71, 35.975, 126.722, 35.985]
    scenario = {"duration_h": 0.5, "grid": "window", "window": window}
    run = ended(live_city, ask(live_city, "/api/runs", {"simulation": "flood", "scenario": scenario})["id"])
    assert run["state"] == "done", run["note"]
    depth = run["result"]["depth"]
    corners = np.array(depth["corners"])
    assert corners[:, 0].min() <= window[0] < window[2] <= corners[:, 0].max()
    across_m = (corners[1, 0] - corners[0, 0]) * 111_320 * np.cos(np.radians(35.98))
    assert across_m / depth["nx"] == pytest.approx(5, rel=0.02)


def test_an_unknown_pump_fails_the_run_with_its_name(live_city: LiveCity) -> None:
    scenario = {"duration_h": 0.5, "failed_pumps": ["PUMP-99"]}
    run = ended(live_city, ask(live_city, "/api/runs", {"simulation": "flood", "scenario": scenario})["id"])
    assert run["state"] == "failed"
    assert "PUMP-99" in run["note"]


def test_the_public_gets_no_simulation(live_city: LiveCity, flood: Any) -> None:
    for path in ("/api/simulations", "/api/runs", f"/api/runs/{flood['id']}",
                 f"/api/runs/{flood['id']}/files/max_depth.tif"):  # fmt: skip
        assert refused(live_city, path, is_known=False)[0] == 403
    assert refused(live_city, "/api/runs", {"simulation": "flood", "scenario": {}}, is_known=False)[0] == 403


def test_a_run_is_told_as_a_story_that_bears_its_mode(live_city: LiveCity, flood: Any) -> None:
    page = ask(live_city, f"/planner/story/{flood['id']}?lang=en").decode()
    assert 'data-mode="what-if"' in page
    assert "가정 · WHAT-IF" in page
    assert f"{flood['result']['totals']['people']:,}" in page
    assert flood["result"]["receipt"]["digest"] in page
    assert "Naehang pump station" in page, "what was assumed stands beside the result"
    picture = Image.open(BytesIO(ask(live_city, f"/planner/story/{flood['id']}.png")))
    west, south, east, north = box_of(flood)
    assert abs(picture.width / picture.height - (east - west) * cos(radians(36)) / (north - south)) < 0.05
    blue = (np.asarray(picture).astype(int) * (-1, 0, 1)).sum(2) > 60
    assert 0.1 < blue.mean() < 0.9, "there is water on it, and ground"
    assert ask(live_city, f"/planner/story/{flood['id']}.pdf?with={flood['id']}").startswith(b"%PDF")
    with pytest.raises(urllib.error.HTTPError, match="401") as closed:
        ask(live_city, f"/planner/story/{flood['id']}", is_known=False)
    assert b'name="password"' in closed.value.read()
    assert refused(live_city, "/planner/story/nothere")[0] == 404


def test_a_run_costs_only_what_somebody_has_said(live_city: LiveCity, flood: Any) -> None:
    assert "cost_mkrw" not in flood["result"]
    path = f"/api/runs/{flood['id']}/cost"
    assert ask(live_city, path, {"million_krw": 120.5}, method="PUT")["result"]["cost_mkrw"] == 120.5
    assert "cost_mkrw" not in ask(live_city, path, {"million_krw": None}, method="PUT")["result"]


def test_analyses_are_tables_by_district_and_shapes_and_name_no_camera(live_city: LiveCity, flood: Any) -> None:
    blind = ask(live_city, "/api/analyses/blind")
    assert len(blind["rows"]) == 27
    assert all(0 <= row["seen_km"] <= row["street_km"] for row in blind["rows"])
    assert 0 < sum(row["seen_km"] for row in blind["rows"]) < sum(row["street_km"] for row in blind["rows"])
    assert {one["geometry"]["type"] for one in blind["features"]["features"]} == {"MultiLineString"}
    assert "CCTV" not in json.dumps(blind), "where a camera hangs is not told"
    help_ = ask(live_city, "/api/analyses/response")
    assert sum(row["people"] for row in help_["rows"]) == sum(
        row["population"] for row in ask(live_city, "/api/districts")["districts"]
    )
    assert all(row["minutes"] is None or 0 <= row["minutes"] <= row["farthest"] for row in help_["rows"])
    lots = ask(live_city, "/api/analyses/shortage")["rows"]
    assert all(row["free"] <= row["spaces"] for row in lots)
    wet = ask(live_city, f"/api/analyses/water?run={flood['id']}")
    assert len(wet["rows"]) == len(wet["features"]["features"]) > 0
    assert all(row["depth"] >= 0.3 for row in wet["rows"])
    assert refused(live_city, "/api/analyses/water")[0] == 422
    assert refused(live_city, "/api/analyses/gold")[0] == 404
    assert refused(live_city, "/api/analyses/blind", is_known=False)[0] in (401, 403)
