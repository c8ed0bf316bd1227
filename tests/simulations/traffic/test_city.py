"""The generated city: demand that adds up, a morning that runs, a closure that is answered, a run repeated."""

import argparse
import json
from datetime import timedelta

import geopandas as gpd
import numpy as np
import pytest

from gisdata.city import City
from gisdata.generate import generate
from simulations.traffic import command
from simulations.traffic.access import access_by_district, blue_light_s, reach
from simulations.traffic.demand import TRIPS_A_PERSON
from simulations.traffic.events import Close
from simulations.traffic.indicators import compare, flow_change
from simulations.traffic.network import build
from simulations.traffic.result import receipt, verify, write
from simulations.traffic.scenario import Ground, Outcome, Scenario, prepare, read_scenario, what_if
from twin.crs import WGS84
from twin.errors import BadScenario

HALF = Scenario(hours=0.5, seed=3)


@pytest.fixture(scope="module")
def city() -> City:
    return generate(7)


@pytest.fixture(scope="module")
def ground(city) -> Ground:
    tables = city.tables
    net = build(tables["road_node"], tables["road_link"])
    return prepare(net, tables["admin_unit"], tables["building"], tables["facility"])


@pytest.fixture(scope="module")
def bridge(city) -> Scenario:
    links = city.tables["road_link"]
    closed = links.id[links.name_ko == "동백대교"].tolist() + links.id[links.kind == "underpass"].tolist()[:6]
    return HALF.model_copy(update={"events": (Close(start_s=900, links=tuple(closed)),)})


@pytest.fixture(scope="module")
def outcome(ground, bridge) -> Outcome:
    found = what_if(ground, bridge)
    assert found is not None
    return found


def test_all_streets_are_used(ground, city):
    assert len(ground.net) >= len(city.tables["road_link"]) - 10
    assert 6_000 <= len(ground.net) <= 10_000
    assert len(ground.net.ring) > 300


def test_trips_of_a_day_follow_the_people(ground, city):
    people = city.tables["admin_unit"].population.sum()
    assert ground.demand.people.sum() == pytest.approx(people, rel=0.02)
    assert ground.demand.residents.sum() == pytest.approx(people, rel=0.02)
    assert ground.demand.trips.sum() == pytest.approx(people * TRIPS_A_PERSON, rel=0.02)
    assert ground.demand.of_hours(7, 2).sum() >= 60_000


def test_hours_of_a_day_add_up(ground):
    parts = sum(ground.demand.of_hours(h, 1).sum() for h in range(24))
    assert parts == pytest.approx(ground.demand.trips.sum())
    assert ground.demand.of_hours(23.5, 1).sum() > 0


def test_morning_runs_without_gridlock(ground):
    """Two hours of the peak, 60,000 trips: fewer than one in 500 is set over, four of five are there by nine."""
    sim = ground.start(Scenario()).run_to(7200)
    counts = sim.world.counts[0]
    assert counts["departed"] > 59_000
    assert counts["teleports"] / counts["departed"] < 0.002
    assert counts["arrived"] / counts["departed"] > 0.8
    assert counts["unreachable"] == 0


def test_nobody_enters_what_is_closed(ground, bridge, outcome):
    links = ground.net.links(bridge.events[0].links)
    fork = ground.start(bridge).run_to(900)
    before = fork.world.links["tail"][links].copy()
    assert (outcome.run.world.links["tail"][links] == before).all()
    assert (flow_change(outcome.base, outcome.run)[links] <= 0).all()
    assert flow_change(outcome.base, outcome.run)[links].sum() < 0


def test_closure_costs_time_and_makes_detours(outcome):
    change = outcome.indicators["change"]
    assert change["delay_h"] > 0
    assert change["detours"] > 20
    assert change["p95_detour_m"] > change["mean_detour_m"] > 0
    assert change["fuller_links"]


def test_districts_add_up_to_the_city(outcome):
    run = outcome.indicators["run"]
    inside = sum(one["trips"] for one in run["districts"].values())
    assert inside <= run["trips"]
    assert inside > 0.85 * run["trips"]
    assert len(run["districts"]) >= 26


def test_nothing_changes_without_events(ground):
    found = what_if(ground, HALF)
    assert found is not None
    assert found.base.world.vehicles.tobytes() == found.run.world.vehicles.tobytes()
    assert found.indicators["change"]["delay_h"] == 0
    assert found.indicators["change"]["detours"] == 0


def test_cancelled_what_if_gives_no_answer(ground, bridge):
    told = []

    def stop(share, what):
        told.append((share, what))
        return share > 0.5

    assert what_if(ground, bridge, stop) is None
    assert told == sorted(told)
    assert 0 < told[0][0] < told[-1][0] <= 1


def test_fire_engines_reach_fewer_people_when_bridges_fail(ground):
    """With all bridges, overpasses and underpasses shut, no district has more people within 8 minutes than before."""
    net, places = ground.net, ground.places
    time = blue_light_s(net, np.zeros(len(net)))
    closed = net.class_limit.copy()
    open_now = reach(net, places, time, closed)["emergency"]
    closed[net.kind > 0] = 0b11111
    shut = reach(net, places, time, closed)["emergency"]
    assert len(places.stations) == 12
    before, after = access_by_district(places, open_now), access_by_district(places, shut)
    assert sum(one["isolated"] for one in before.values()) == 0
    assert all(after[unit]["within_8_min"] <= before[unit]["within_8_min"] + 1e-9 for unit in before)
    assert sum(one["within_5_min"] * one["people"] for one in before.values()) / places.residents.sum() > 0.4


def test_answer_can_be_repeated_from_its_folder(ground, bridge, outcome, tmp_path):
    made = write(tmp_path, ground, bridge, outcome, {"delay_h": [1.0, 2.0]})
    assert verify(tmp_path, ground) == []
    assert json.loads((tmp_path / "receipt.json").read_text()) == made
    kept = json.loads((tmp_path / "result.json").read_text())
    assert kept["spread"] == {"delay_h": [1.0, 2.0]}
    assert kept["change"]["detours"] == outcome.indicators["change"]["detours"]
    files = sorted((tmp_path / "bins").iterdir())
    assert [one.stem for one in files] == [f"{s:06d}" for s in range(300, 1801, 300)]
    last = gpd.read_parquet(files[-1])
    assert last.crs.to_epsg() == WGS84
    assert len(last) == len(ground.net)
    assert set(last.link_id[last.closed]) == set(bridge.events[0].links)
    assert last.service.between(0, 6).all()
    scenario = json.loads((tmp_path / "scenario.json").read_text())
    scenario["seed"] = 4
    (tmp_path / "scenario.json").write_text(json.dumps(scenario))
    assert any(one.startswith("seed: was 3, is 4") for one in verify(tmp_path, ground))


def test_receipts_differ_where_runs_differ(ground, bridge, outcome):
    other = bridge.model_copy(update={"events": (Close(start_s=901, links=bridge.events[0].links),)})
    one, two = receipt(ground, bridge, outcome), receipt(ground, other, outcome)
    assert one["run"] != two["run"]
    assert one["events"] != two["events"]
    assert one["network"] == two["network"]
    assert compare(outcome.base, outcome.base)["change"]["delay_h"] == 0


def test_sample_of_vehicles_lies_on_the_road(ground):
    sim = ground.start(HALF).run_to(600)
    which, at = sim.positions(every=10)
    assert 100 < len(which) < len(sim.world.vehicles) / 10
    assert (which % 10 == 0).all()
    assert ((at[:, 1] >= 0) & (at[:, 1] <= 1)).all()
    assert (at[:, 0] < len(ground.net)).all()


def test_wrong_scenario_is_refused_by_place():
    with pytest.raises(BadScenario, match="hours: Input should be greater than 0"):
        read_scenario({"hours": 0})
    with pytest.raises(BadScenario, match=r"close begins at 9000.0 s; limit: before the end"):
        read_scenario({"events": [{"event": "close", "links": [1], "start_s": 9000}]})


def test_command_refuses_what_it_cannot_read(tmp_path, capsys):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.run(parser.parse_args(["--scenario", str(tmp_path / "none.json"), "--out", str(tmp_path)])) == 1
    assert "cannot be read as JSON" in capsys.readouterr().err
    assert command.run(parser.parse_args([])) == 1


def test_times_are_told_as_they_are(ground):
    """HALF begins at seven; after half an hour its clock stands at 1,800 s."""
    assert timedelta(hours=HALF.hours).total_seconds() == ground.start(HALF).run_to(1800).t
