"""Events: closures, water, lanes, evacuation, car parks, informed drivers; and what is refused."""

import json

import numpy as np
import pytest

from simulations.traffic.events import Close, Demand, Depth, Evacuate, Inform, Lanes, Parking, read_events, write_events
from simulations.traffic.records import ARRIVED, KINDS, OVERFLOW, UNREACHABLE
from simulations.traffic.scenario import Scenario, what_if
from simulations.traffic.sim import TrafficSim
from simulations.traffic.trips import Lot, Trips, Zone
from simulations.traffic.warm_up import village
from simulations.traffic.world import KINEMATIC
from tests.simulations.traffic.toy import LINE, Q, V, done_s, drive, street
from twin.errors import BadNetwork, BadScenario

TWO_WAYS = {1: (0.0, 0.0), 2: (600.0, 0.0), 3: (1200.0, 300.0), 4: (1800.0, 0.0), 5: (1200.0, -600.0), 6: (2400.0, 0.0)}
FORK = {
    10: (1, 2, 600, 1), 11: (2, 3, 600, 1), 12: (3, 4, 600, 1), 13: (2, 5, 900, 1), 14: (5, 4, 900, 1),
    15: (4, 6, 600, 1),
}  # fmt: skip
"""A short way 11, 12 and a longer one 13, 14 between the same ends."""


def entries(sim: TrafficSim, link: int) -> np.ndarray:
    rows = sim.world.trace[: sim.world.counts[0]["traced"]]
    return np.sort(rows["entry"][rows["link"] == sim.net.link_at[link]])


def forked(**given):
    times = np.arange(600) * 4.0
    return drive(street(TWO_WAYS, FORK), (times, (10, 11, 12, 15)), trace=10_000, **given)


def test_nobody_enters_a_closed_link_and_reopening_works():
    sim = forked().apply([Close(start_s=500, end_s=1500, links=(11,))]).run_to(4000)
    times = entries(sim, 11)
    assert not ((times > 500) & (times < 1500)).any()
    assert (times < 500).any()
    assert (times > 1500).any()
    assert len(entries(sim, 13)) > 100
    assert len(done_s(sim)) + sim.world.counts[0]["unreachable"] == 600


def test_drivers_beyond_help_are_counted_unreachable():
    """Both ways are shut for good from 300 s on: who has not passed by then ends at the closure, and is listed."""
    sim = forked().apply([Close(start_s=300, links=(12, 14))]).run_to(4000)
    state = sim.world.vehicles["state"]
    assert set(state) == {ARRIVED, UNREACHABLE}
    assert (state == UNREACHABLE).sum() == sim.world.counts[0]["unreachable"] > 400
    assert max(entries(sim, 12)) <= 300


def test_informed_drivers_leave_the_closed_road_early():
    """Who knows of the closure of 12 turns off before 11; who does not stands in 11 and cannot turn there."""
    knowing = forked(informed=1.0).apply([Close(start_s=500, links=(12,))]).run_to(4000)
    unaware = forked().apply([Close(start_s=500, links=(12,))]).run_to(4000)
    assert max(entries(knowing, 11)) <= 500
    assert max(entries(unaware, 11)) > 2000
    later = forked().apply([Close(start_s=500, links=(12,)), Inform(start_s=900, share=1.0)]).run_to(4000)
    assert 850 < max(entries(later, 11)) <= 900


def test_emergency_vehicles_pass_where_they_may():
    net = street(TWO_WAYS, FORK)
    kind = np.full(50, KINDS.index("emergency"), np.uint8)
    trips = Trips.of(np.arange(50) * 10.0, np.zeros(50), np.zeros(50), np.zeros(50), kind=kind)
    zone = Zone((net.link_at[15],), 1 << KINDS.index("emergency"))
    close = Close(links=(11,), except_for=("emergency",))
    sim = TrafficSim(net, trips, [zone], physics=KINEMATIC, trace=1000).apply([close]).run_to(2000)
    assert len(entries(sim, 11)) == 50


def test_depth_slows_then_closes_and_reopens_late():
    """0.2 m: 0.0009 200^2 - 0.5529 200 + 86.9448 = 12.36 km/h; 0.3 m closes; open again 600 s after 0.1 m."""
    sim = forked().apply([
        Depth(start_s=500, depth_m={12: 0.2}), Depth(start_s=1000, depth_m={12: 0.3}),
        Depth(start_s=1200, depth_m={12: 0.2}), Depth(start_s=1400, depth_m={12: 0.1}),
    ]).run_to(3500)  # fmt: skip
    rows = sim.world.trace[: sim.world.counts[0]["traced"]]
    wet = rows[(rows["link"] == sim.net.link_at[12]) & (rows["entry"] > 550) & (rows["entry"] < 600)]
    assert (wet["arrival"] - wet["entry"]).mean() == pytest.approx(600 / (12.3648 / 3.6), rel=1e-6)
    times = entries(sim, 12)
    assert not ((times > 1000) & (times < 2000)).any()
    assert (times >= 2000).any()


def test_lost_lane_halves_the_flow():
    """Two lanes carry 3,600 veh/h, one 1,800."""
    net = street(LINE, {1: (1, 2, 600, 2), 2: (2, 3, 600, 2), 3: (3, 4, 600, 2)})
    sim = drive(net, (np.arange(4000) * 0.5, (1, 2, 3))).apply([Lanes(start_s=1000, links=(2,), lanes=1)])
    sim.run_to(900)
    first = sim.world.links["head"][1]
    sim.run_to(1300)
    second = sim.world.links["head"][1]
    sim.run_to(1900)
    assert first == pytest.approx((900 - 80) * 2 * Q, rel=0.01)
    assert sim.world.links["head"][1] - second == pytest.approx(600 * Q, rel=0.01)


def test_evacuation_through_one_exit_takes_n_over_mu():
    """900 vehicles at once through 1,800 veh/h: the last is out after 900 x 2 s and 1,200 m at 15 m/s."""
    net = street({1: (0, 0), 2: (600, 0), 3: (1200, 0)}, {1: (1, 2, 600, 3), 2: (2, 3, 600, 1)})
    empty = Trips.of(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0))
    sim = TrafficSim(net, empty, [], physics=KINEMATIC)
    sim.apply([Evacuate(links=(1,), vehicles=900, release_s=60, shelters={2: 1000})]).run_to(3000)
    assert done_s(sim)[-1] == pytest.approx(900 / Q + 1200 / V, rel=0.01)
    assert len(done_s(sim)) == 900


def test_full_shelter_sends_on_to_the_next():
    """Of 100, those who find 10 spaces full at 12's end go on to 15, as long as there is room: 30 + 10 stay."""
    net = street({**TWO_WAYS, 7: (2400.0, 600.0)}, {**FORK, 16: (6, 4, 600, 1)})
    empty = Trips.of(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0))
    sim = TrafficSim(net, empty, [], physics=KINEMATIC)
    sim.apply([Evacuate(links=(10,), vehicles=100, release_s=600, shelters={12: 10, 15: 30})]).run_to(4000)
    assert list(sim.world.lots["used"]) == [10, 30]
    assert (sim.world.vehicles["state"] == ARRIVED).sum() == 40
    assert sim.world.counts[0]["unreachable"] + sim.world.counts[0]["overflow"] == 60


def erlang_b(load: float, servers: int) -> float:
    """Return the blocked share of M/M/c/c by its recursion (Erlang 1917)."""
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked


def test_full_car_park_turns_away_as_erlang_says():
    """5 spaces, 0.05 arrivals/s, 100 s each: load 5, B = 0.2849."""
    rng = np.random.default_rng(2)
    n = 40_000
    net = street({1: (0, 0), 2: (300, 0)}, {1: (1, 2, 300, 3)})
    depart = np.cumsum(rng.exponential(20.0, n))
    trips = Trips.of(depart, np.zeros(n), np.zeros(n), np.zeros(n), stay_s=rng.exponential(100.0, n))
    sim = TrafficSim(net, trips, [Zone((0,), lot=0)], [Lot(5)], physics=KINEMATIC).run_to(float(np.ceil(depart[-1])))
    blocked = sim.world.counts[0]["overflow"] / sim.world.lots["asked"][0]
    assert blocked == pytest.approx(erlang_b(5.0, 5), rel=0.05)
    assert erlang_b(5.0, 5) == pytest.approx(0.28487, abs=1e-5)


def test_drowned_car_park_takes_nobody():
    net = street({1: (0, 0), 2: (300, 0)}, {1: (1, 2, 300, 1)})
    trips = Trips.of(np.arange(20) * 10.0, np.zeros(20), np.zeros(20), np.zeros(20))
    sim = TrafficSim(net, trips, [Zone((0,), lot=0)], [Lot(100)], physics=KINEMATIC)
    sim.apply([Parking(start_s=100, lot=0, capacity=0)]).run_to(400)
    vehicles = sim.world.vehicles
    assert (vehicles["done"][vehicles["state"] == ARRIVED] <= 100).all()
    assert (vehicles["done"][vehicles["state"] == OVERFLOW] >= 100).all()
    assert (vehicles["state"] == OVERFLOW).any()


def test_demand_adds_trips_that_arrive():
    sim = forked().apply([Demand(start_s=100, end_s=700, origin_links=(10,), destination_links=(15,), vehicles=60)])
    sim.run_to(4000)
    assert len(done_s(sim)) == 660


def test_events_survive_json():
    events = [Close(start_s=3, links=(1,)), Evacuate(links=(2,), vehicles=5, shelters={4: 9}), Depth(depth_m={1: 0.2})]
    assert read_events(json.loads(write_events(events))) == events


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"event": "close", "links": [1], "start_s": 9, "end_s": 5}, "after its start"),
        ({"event": "close"}, "names no links, no roads and no area"),
        ({"event": "flood", "links": [1]}, "event"),
        ({"event": "lanes", "links": [1], "lanes": 0}, "greater than or equal to 1"),
        ({"event": "close", "area": {"type": "Point", "coordinates": [1, 2]}}, "valid polygon"),
        ({"event": "inform", "share": 2}, "less than or equal to 1"),
    ],
)
def test_wrong_event_is_refused_by_name(event, says):
    with pytest.raises(BadScenario, match=says):
        read_events([event])


def test_event_on_unknown_link_is_refused():
    with pytest.raises(BadNetwork, match=r"links \[999\] are unknown"):
        forked().apply([Close(links=(999,))])


def test_event_of_the_past_is_refused():
    with pytest.raises(BadScenario, match="not over at 100"):
        forked().run_to(100).apply([Close(start_s=10, end_s=50, links=(12,))])
    with pytest.raises(BadScenario, match="not before now"):
        forked().run_to(100).run_to(50)


def test_trip_to_nowhere_is_refused():
    net = street(TWO_WAYS, FORK)
    trips = Trips.of(np.zeros(1), np.zeros(1), np.array([3]), np.zeros(1))
    with pytest.raises(BadScenario, match="name zone 3"):
        TrafficSim(net, trips, [Zone((0,))])


def test_closure_that_cuts_people_off_counts_them_by_district():
    """The corner of the village is shut: houses 6, 8 and 9 stand along its two streets, 50 households of 2 in each.

    900 people live in 450 households, so 3 x 50 x 2 = 300 are cut off, all of district 1; who wants to go there has no
    way, and the run goes on.
    """
    ground = village()
    net = ground.net
    corner = np.flatnonzero(net.node_id == 8)
    links = net.link_id[np.isin(net.from_node, corner) | np.isin(net.to_node, corner)].tolist()
    found = what_if(ground, Scenario(hours=0.5, events=(Close(start_s=300, links=tuple(links)),)))
    assert found is not None
    run = found.indicators["run"]
    assert run["access"]["isolated_people"] == pytest.approx(300)
    assert run["access"]["emergency"]["districts"][1]["isolated"] == pytest.approx(300)
    assert found.indicators["base"]["access"]["isolated_people"] == 0
    assert found.indicators["change"]["unreachable"] > 0
    assert run["arrived"] > 0
