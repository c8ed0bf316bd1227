"""What the planner reads of a run: how finely it was computed, whether to trust it, and how two are compared."""

from typing import Any

import pytest

from frontend.components.run_compare import compared_how
from frontend.components.run_form import told_cost
from frontend.components.run_result import _both, _flood, _unfinished
from frontend.components.traffic_result import can_subtract, traffic_of, traffic_result
from frontend.text import texts

FOUND = {
    "mass_error": 2.5e-8, "trusted": True, "is_synthetic": False, "wall_s": 3.0, "places": [], "districts": [],
    "totals": {"people": 0, "buildings": 0, "roads_closed": 0, "area_km2": 0.0, "deepest_m": 0.0},
    "receipt": {"asked": {"grid": "window", "drains": "swmm"}, "digest": "d" * 64, "version": "v"},
}  # fmt: skip


def paragraphs(**given: Any) -> dict[str, str]:
    """Return the lines of a result by their class."""
    parts = _flood({"id": "r", "result": FOUND | given}, texts("en"))
    return {str(part.className): str(part.children) for part in parts if type(part).__name__ == "P"}


def test_a_result_that_lost_water_is_marked() -> None:
    assert "trust is-trusted" in paragraphs()
    lines = paragraphs(trusted=False, mass_error=2e-4)
    assert "2.0e-04" in lines["trust is-untrusted"]
    assert "trust is-trusted" not in lines


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"grid": "window", "drains": "swmm"}, "Window of 5 m · SWMM network"),
        ({"grid": "standard", "drains": "capacity", "advection": True}, "Standard 10 m · Capacity · with advection"),
        ({"issued": "2026-07-14T03:00:00Z"}, "Preview 20 m · Capacity"),
    ],
)
def test_a_result_names_its_tier(asked: dict[str, Any], told: str) -> None:
    assert paragraphs(receipt=FOUND["receipt"] | {"asked": asked})["tier"] == told


def test_the_form_says_what_a_run_costs() -> None:
    """1 km2 at 5 m for an hour: 4e4 cells, 3600 x 5.8 / (0.6 x 5) = 6,960 steps, 1e8 of both a second: 3 s."""
    assert told_cost("window", 1, 1, "capacity", texts("en")) == "Takes about 10 s on an idle core"
    whole = told_cost("standard", 6, 1, "swmm", texts("en"))
    assert "min" in whole
    assert "+ the network" in whole


RECEIPT = {"digest": "d" * 64, "version": "v", "network": "n", "demand": "m", "seed": 1, "informed": 0.5,
           "start_h": 7.0, "hours": 2.0}  # fmt: skip


def traffic_run(run_id: str = "t", **given: Any) -> dict[str, Any]:
    """Return a traffic run in which nothing happened."""
    total = {"trips": 40_000, "delay_h": 101.0, "mean_time_s": 8.0, "detours": 3459, "mean_detour_m": 1200.0,
             "p95_detour_m": 7800.0, "unreachable": 8, "isolated_people": 0.0, "within_5_min_before": 0.734,
             "within_5_min_after": 0.719, "within_8_min_before": 0.958, "within_8_min_after": 0.958,
             "cut_off": {"hospitals": [], "shelters": [], "bus_lines": []}}  # fmt: skip
    found = {"is_synthetic": True, "trusted": True, "teleports": 11, "is_live": False, "measures": [], "wet": None,
             "roads": {"file": "roads.bin.gz", "links": 2, "begins_h": 7.0, "times_s": [300.0]}, "totals": total,
             "queues": [], "fuller_links": [], "districts": [], "spread": None, "wall_s": 2.0, "flood_run": None,
             "receipt": RECEIPT}  # fmt: skip
    return {"id": run_id, "simulation": "traffic", "title": run_id, "result": found | given}


def words(parts: Any) -> str:
    """Return all text of components, parted by spaces."""
    if isinstance(parts, (list, tuple)):
        return " ".join(words(part) for part in parts)
    if parts is None or isinstance(parts, (str, int, float)):
        return str(parts or "")
    return words(getattr(parts, "children", ""))


def test_every_number_of_traffic_stands_beside_its_range_and_the_teleports() -> None:
    one = {"id": 3, "name_ko": "수송동", "name_en": "Susong-dong", "delay_h": 40.0, "minutes": 0.4, "isolated": 0.0,
           "teleports": 2, "spread": {"delay_h": [40.0, -3.0], "minutes": [0.4, 0.6], "isolated": [0, 0],
           "teleports": [2, 9]}}  # fmt: skip
    link = {"link": 612, "name_ko": "해망로", "vehicles": 262, "at_s": 7200.0, "spread": [262, 126]}
    spread = {"delay_h": [101.0, 93.0], "detours": [3459, 3760], "within_5_min_after": [0.719, 0.703]}
    said = words(traffic_result(traffic_run(districts=[one], queues=[link], spread=spread), texts("en")))
    for told in ("11 teleports (0.03 % of trips)", "range over 2 seeds", "+93 … +101 veh·h", "3,459 … 3,760",
                 "70.3 … 71.9 %", "Susong-dong +40 -3 … +40 +0.4 +0.4 … +0.6", "2 2 … 9",
                 "09:00 262 126 … 262"):  # fmt: skip
        assert told in said, (told, said)


def test_one_seed_says_that_its_spread_is_unknown_and_nothing_found_says_none() -> None:
    said = words(traffic_result(traffic_run(), texts("en")))
    assert "One seed: the spread is unknown" in said
    assert said.count("none") == 3, "no queues, no detours, no districts"


def test_a_run_that_is_not_done_says_how_far_it_is_or_why_it_failed() -> None:
    [line, bar] = _unfinished({"state": "running", "note": "base", "progress": 0.4}, texts("en"))
    assert (words(line), bar.value) == ("running   base", "0.4")
    [line] = _unfinished({"state": "failed", "note": "no street is called X", "progress": 0}, texts("en"))
    assert line.className == "error"
    assert "no street is called X" in words(line)


def test_runs_are_subtracted_on_one_base_only() -> None:
    one, other = traffic_run("one"), traffic_run("two")
    assert can_subtract(one, other)
    assert traffic_of(one, None, texts("en"), other)["minus"] == "/api/runs/two/files/roads.bin.gz"
    assert not can_subtract(one, traffic_run(receipt=RECEIPT | {"seed": 2}))
    assert not can_subtract(one, traffic_run(is_live=True))


DEPTH = {"nx": 2, "ny": 2, "times_s": [0], "step_m": 0.05, "corners": [[0, 1], [1, 1], [1, 0], [0, 0]],
         "file": "depth.bin"}  # fmt: skip
NO_DESK: Any = None
"""Nothing is asked of it by runs that drove in no water."""


async def test_traffic_lies_left_of_a_flood_whichever_was_chosen_first() -> None:
    flood = {"id": "f", "simulation": "flood", "title": "rain", "result": FOUND | {"depth": DEPTH}}
    for a, b, left, right in (
        (traffic_run(), flood, "A t", "B rain"),
        (flood, traffic_run(), "B t", "A rain"),
    ):
        shown, beside = await _both(NO_DESK, a, b, "difference", texts("en"))
        assert shown is not None
        assert beside is not None
        assert "roads" in shown
        assert beside["url"] == "/api/runs/f/files/depth.bin"
        assert shown["named"] == {"name": left, "beside": right}


def test_two_runs_that_cannot_be_subtracted_say_why() -> None:
    traffic, flood = traffic_run(), {"id": "f", "simulation": "flood", "title": "f", "result": FOUND}
    for a, b in ((traffic, flood), (flood, traffic)):
        assert "Traffic lies left" in words(compared_how(a, b, "swipe", texts("en"), is_subtracted=False))
    wet = traffic_run(flood_run="f")
    assert "in the water of this very flood" in words(
        compared_how(flood, wet, "swipe", texts("en"), is_subtracted=False)
    )
    assert "different ground" in words(
        compared_how(traffic, traffic_run("u"), "difference", texts("en"), is_subtracted=False)
    )
