"""The generated city: demand that adds up, a morning that runs, a closure that is answered, a run repeated."""

import gzip
import json

import geopandas as gpd
import numpy as np
import pytest

from simulations.traffic import city as asking
from simulations.traffic.access import Reach, access_by_district, blue_light_s
from simulations.traffic.answer import facts_of, measures
from simulations.traffic.bases import Bases
from simulations.traffic.changes import links_of
from simulations.traffic.demand import TRIPS_A_PERSON
from simulations.traffic.events import Close
from simulations.traffic.ground_of import CityGround
from simulations.traffic.indicators import compare, flow_change, trip_s
from simulations.traffic.network import KINDS, build
from simulations.traffic.outside import OUTSIDE, with_outside
from simulations.traffic.records import UNREACHABLE
from simulations.traffic.result import JSON, receipt, write
from simulations.traffic.routing import open_turns
from simulations.traffic.scenario import (
    Ground,
    Outcome,
    Scenario,
    begin_from,
    prepare,
    read_scenario,
    what_if,
)
from simulations.traffic.sim import TrafficSim
from simulations.traffic.spread import spread
from twin.crs import WGS84
from twin.errors import BadInput, BadScenario

HALF = Scenario(hours=0.5, seed=3)


@pytest.fixture(scope="module")
def ground(city) -> Ground:
    tables = city.tables
    net = build(*with_outside(tables["road_node"], tables["road_link"]))
    return prepare(net, tables["admin_unit"], tables["building"], tables["facility"])


@pytest.fixture(scope="module")
def bridge(city) -> Scenario:
    links = city.tables["road_link"]
    closed = links.id[links.name_ko == "동백대교"].tolist() + links.id[links.kind == "underpass"].tolist()[:6]
    return HALF.model_copy(update={"events": (Close(start_s=900, links=tuple(closed)),)})


@pytest.fixture(scope="module")
def ten_minutes(ground) -> TrafficSim:
    """The first ten minutes of `HALF`, to be forked."""
    return ground.start(HALF).run_to(600)


@pytest.fixture(scope="module")
def outcome(ground, bridge) -> Outcome:
    found = what_if(ground, bridge)
    assert found is not None
    return found


def test_all_streets_are_used(ground, city):
    assert len(ground.net) >= len(city.tables["road_link"]) - 10
    assert 6_000 <= len(ground.net) <= 10_000
    assert not np.isin(ground.net.link_id[ground.net.name == OUTSIDE], city.tables["road_link"].id).any()
    assert len(ground.net.ring) > 300


def test_trips_of_a_day_follow_the_people(ground, city):
    people = city.tables["admin_unit"].population.sum()
    assert ground.demand.people.sum() == pytest.approx(people, rel=0.02)
    assert ground.demand.residents.sum() == pytest.approx(people, rel=0.02)
    assert ground.demand.trips.sum() == pytest.approx(people * TRIPS_A_PERSON, rel=0.02)
    assert ground.demand.of_hours(7, 2).sum() >= 45_000


def test_hours_of_a_day_add_up(ground):
    parts = sum(ground.demand.of_hours(h, 1).sum() for h in range(24))
    assert parts == pytest.approx(ground.demand.trips.sum())
    assert ground.demand.of_hours(23.5, 1).sum() > 0


def test_morning_runs_without_gridlock(ground):
    """Two hours of the peak: at most one in 2,000 is set over, four of five are there by nine."""
    sim = ground.start(Scenario()).run_to(7200)
    counts = sim.world.counts[0]
    assert counts["departed"] > 45_000
    assert counts["teleports"] / counts["departed"] < 0.0005
    assert counts["arrived"] / counts["departed"] > 0.8
    assert counts["unreachable"] == 0


def test_who_finds_the_bridge_closed_comes_by_the_next_road(ground, bridge, outcome):
    """The bridge leads to the other bank, and so does the barrage: it fills, and only who is on the bridge is stuck."""
    vehicles = outcome.run.world.vehicles
    stuck = vehicles["link"][vehicles["state"] == UNREACHABLE]
    assert np.isin(stuck, ground.net.links(bridge.events[0].links)).all()
    more = flow_change(outcome.base, outcome.run)
    barrage = ground.net.name == "금강하굿둑로"
    assert more[barrage].sum() > 0
    assert more[ground.net.name == OUTSIDE].sum() > 0
    assert more[ground.net.links(bridge.events[0].links)].sum() < 0


def test_nobody_enters_what_is_closed(ground, bridge, outcome, ten_minutes):
    links = ground.net.links(bridge.events[0].links)
    fork = ten_minutes.fork().run_to(900)
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


def test_time_lost_is_that_of_all_trips_by_district(ground, outcome):
    """Trips that found a way in both runs: the sum over districts and outside is the sum over trips."""
    base, run = outcome.base, outcome.run
    state = [sim.world.vehicles["state"] for sim in (base, run)]
    kept = (state[0] != UNREACHABLE) & (state[1] != UNREACHABLE)
    more = (trip_s(run) - trip_s(base))[kept] / 3600
    assert outcome.indicators["change"]["delay_h"] == pytest.approx(more.sum())
    inside = ground.places.district[base.world.vehicles["origin"][kept]] > 0
    assert sum(one["delay_h"] for one in outcome.indicators["districts"].values()) == pytest.approx(more[inside].sum())


def test_districts_add_up_to_the_city(outcome):
    run = outcome.indicators["run"]
    inside = sum(one["trips"] for one in run["districts"].values())
    assert inside <= run["trips"]
    assert inside > 0.85 * run["trips"]
    assert len(run["districts"]) >= 26


def test_nothing_changes_without_events(ground, ten_minutes):
    found = what_if(ground, HALF.model_copy(update={"hours": 0.1}), begin=begin_from(ten_minutes.fork()))
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
    open_now = Reach(net, places, time, open_turns(net, closed)).nearest("emergency")
    closed[net.kind > 0] = 0b11111
    shut = Reach(net, places, time, open_turns(net, closed)).nearest("emergency")
    assert len(places.stations) == 12
    before, after = access_by_district(places, open_now), access_by_district(places, shut)
    assert sum(one["isolated"] for one in before.values()) == 0
    assert all(after[unit]["within_8_min"] <= before[unit]["within_8_min"] + 1e-9 for unit in before)
    assert sum(one["within_5_min"] * one["people"] for one in before.values()) / places.residents.sum() > 0.4


def test_answer_lies_in_its_folder_bin_by_bin(ground, bridge, outcome, tmp_path):
    files = write(tmp_path, ground, outcome)
    assert sorted(files) == sorted(one.name for one in tmp_path.iterdir())
    bins = [f"links-{s:06d}.parquet" for s in range(300, 1801, 300)]
    assert files[:-2] == bins
    last = gpd.read_parquet(tmp_path / bins[-1])
    assert last.crs.to_epsg() == WGS84
    assert len(last) == len(ground.net)
    assert set(last.link_id[last.closed]) == set(bridge.events[0].links)
    assert last.service.between(0, 6).all()
    kept = json.loads((tmp_path / "indicators.json").read_text())
    assert kept["change"]["detours"] == outcome.indicators["change"]["detours"]


def test_planes_of_the_map_say_what_the_bins_say(ground, bridge, outcome, tmp_path):
    write(tmp_path, ground, outcome)
    whole = gzip.decompress((tmp_path / "roads.bin.gz").read_bytes())
    n, bins = len(ground.net), len(outcome.run.bins)
    ids = np.frombuffer(whole, "<u4", n)
    service, queue, change, speed = np.frombuffer(whole, np.uint8, offset=4 * n).reshape(4, bins, n)
    assert (ids == ground.net.link_id).all()
    assert set(ids[service[-1] == 255]) == set(bridge.events[0].links)
    assert (queue[-1] == np.minimum(outcome.run.bins[-1].queue, 255)).all()
    assert (change[:3] == 128).all(), "until the closure nothing differs"
    assert (change[-1][service[-1] == 255] <= 128).all()
    assert change[-1].max() > 128
    assert (speed[:3] == 128).all()
    last = gpd.read_parquet(tmp_path / "links-001800.parquet").speed_change_kmh
    assert np.abs(speed[-1] - 128.0 - np.clip(last, -127, 127)).max() <= 0.5 + 1e-3
    assert speed[-1].min() < 123, "somewhere the detours drive slower"


def test_facts_name_what_planners_ask_for(ground, bridge, outcome, city):
    names = {int(row.id): {"name_ko": row.name_ko, "name_en": row.name_en} for row in
             city.tables["admin_unit"][["id", "name_ko", "name_en"]].itertuples()}  # fmt: skip
    facts = json.loads(asking.orjson.dumps(facts_of(CityGround(ground, names, True), outcome, 7.0), option=JSON))
    assert facts["roads"]["times_s"] == [300, 600, 900, 1200, 1500, 1800]
    assert facts["totals"]["detours"] == outcome.indicators["change"]["detours"]
    assert len(facts["districts"]) >= 26
    assert all(one["name_ko"] for one in facts["districts"])
    assert facts["queues"][0]["vehicles"] >= facts["queues"][-1]["vehicles"] > 0
    assert len(facts["stations"]) == 12
    [closed] = measures(ground, list(bridge.events))
    assert closed["links"] == len(bridge.events[0].links)
    assert "동백대교" in closed["roads"]
    assert closed["geometry"]["type"] == "MultiLineString"


def test_spread_holds_the_run_itself_and_other_seeds(ground, bridge, outcome):
    """Every number that is shown has its range, by district and link too; the first seed is the run itself."""
    varied = spread(ground, bridge, outcome, 2)
    facts = facts_of(CityGround(ground, {}, True), outcome, 7.0, varied)
    shown = set(facts["totals"]) - {"trips", "delay_base_h", "cut_off", "clearance_s"}
    assert {name for name in shown if not name.endswith("_before")} | {"teleports"} == set(facts["spread"])
    assert all(len(values) == 2 for values in facts["spread"].values())
    assert len(set(facts["spread"]["delay_h"])) == 2
    change = outcome.indicators["change"]
    assert facts["spread"]["delay_h"][0] == change["delay_h"]
    for one in (*facts["queues"], *facts["fuller_links"]):
        assert one["spread"][0] == one["vehicles"]
    for one in facts["districts"]:
        assert one["spread"]["delay_h"][0] == one["delay_h"]
        assert len(one["spread"]["teleports"]) == 2


def test_what_if_from_a_state_counts_event_times_from_it(ground, bridge, ten_minutes):
    """A run that goes on from 10 min later closes the bridge 5 min after that: nobody enters it then."""
    soon = bridge.model_copy(update={"hours": 0.2, "events": (Close(start_s=300, links=bridge.events[0].links),)})
    found = what_if(ground, soon, begin=begin_from(ten_minutes.fork()))
    assert found is not None
    assert found.begins_s == 600
    assert found.run.t == 600 + 0.2 * 3600
    links = ground.net.links(bridge.events[0].links)
    before = ten_minutes.fork().run_to(900).world.links["tail"][links]
    assert (found.run.world.links["tail"][links] == before).all()


def test_kept_runs_give_the_same_answer(ground, bridge, tmp_path):
    """Nothing kept, all kept: the same bytes as without keeping; a closure before the middle begins anew."""
    bases, links = Bases(tmp_path, ground, "city"), bridge.events[0].links
    late, early = (
        bridge.model_copy(update={"hours": 0.2, "events": (Close(start_s=start, links=links),)}) for start in (500, 200)
    )
    outcome, plain = what_if(ground, late), what_if(ground, early)
    for scenario, told in ((late, outcome), (late, outcome), (early, plain)):
        found = what_if(ground, scenario, begin=bases)
        assert found is not None
        assert found.base.world.vehicles.tobytes() == told.base.world.vehicles.tobytes()
        assert found.run.world.vehicles.tobytes() == told.run.world.vehicles.tobytes()
        assert found.indicators["change"] == told.indicators["change"]
    assert len(list(tmp_path.glob("base-*.pickle"))) == 2
    assert bases(late, 500.0, lambda t: True) is None


def test_receipts_differ_where_runs_differ(ground, bridge, outcome):
    other = bridge.model_copy(update={"events": (Close(start_s=901, links=bridge.events[0].links),)})
    one, two = receipt(ground, bridge, outcome), receipt(ground, other, outcome)
    assert one["digest"] != two["digest"]
    assert one["events"] != two["events"]
    assert one["network"] == two["network"]
    assert compare(outcome.base, outcome.base)["change"]["delay_h"] == 0


def test_sample_of_vehicles_lies_on_the_road(ground, ten_minutes):
    sim = ten_minutes
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


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"preset": "noah"}, "there is no preset 'noah'; there are dongbaek-closed"),
        ({"preset": "dongbaek-closed", "hours": 0.5}, "longer than until the first event"),
        ({"hours": 30}, "hours: Input should be less than or equal to 24"),
        ({"wind": 3}, "wind"),
        ({"flood_run": "../../etc"}, "flood_run"),
        ({"events": [{"event": "close"}]}, "names no links, no roads and no area"),
        ({"events": [{"event": "close", "links": [1], "start_s": 9000}]}, "before the end of the run"),
        ({"events": [{"event": "close", "links": [1], "start_s": 60, "end_s": 30}]}, "after its start"),
        ({"events": [{"event": "close", "area": {"type": "Point", "coordinates": [126.7, 35.9]}}]}, "valid polygon"),
    ],
)
def test_bad_question_is_refused_before_it_waits(asked, told):
    with pytest.raises(BadScenario, match=told):
        asking.check(asked)


def test_unknown_street_and_link_are_refused_by_name(ground):
    for event, told in ((Close(roads=("없는길",)), "no street is called 없는길"), (Close(links=(987654,)), "987654")):
        with pytest.raises(BadInput, match=told):
            what_if(ground, HALF.model_copy(update={"events": (event,)}))


def test_presets_can_be_run_on_the_city(ground):
    for name in asking.questions():
        asked = asking.Asked.model_validate(asking.check({"preset": name}))
        for event in asking._EVENTS.validate_python(asking.questions()[name]["events"]):
            assert len(measures(ground, [event])[0]["geometry"]["coordinates"]) > 0
        assert asked.title["ko"]


def test_underpasses_of_a_street_are_closed_without_the_street(ground):
    net = ground.net
    links = links_of(Close(roads=("번영로",), kind_of_road="underpass"), net)
    assert 0 < len(links) < (net.name == "번영로").sum()
    assert (net.kind[links] == KINDS.index("underpass")).all()
