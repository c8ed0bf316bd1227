"""Laws that hold on every network: nothing is lost, nothing too dense, too fast, or out of turn."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.traffic.events import Close, Evacuate, Inform, Lanes
from simulations.traffic.records import ARRIVED, OVERFLOW, PENDING, RUNNING, UNREACHABLE, WAITING
from simulations.traffic.routing import open_turns, route, ways_to
from simulations.traffic.sim import TrafficSim
from simulations.traffic.trips import Trips, Zone
from tests.simulations.traffic.toy import street

SIDE = 3


def random_run(seed: int, events: bool = True) -> TrafficSim:
    """Make a run on a grid of random streets with random trips, classes and events."""
    rng = np.random.default_rng(seed)
    points = {1 + i + SIDE * j: (200.0 * i, 200.0 * j) for i in range(SIDE) for j in range(SIDE)}
    pairs = [(a, b) for a in points for b in points if np.hypot(*np.subtract(points[a], points[b])) == 200.0]
    links = {
        100 + k: (*pair, float(rng.uniform(20, 400)), int(rng.integers(1, 4)), int(rng.integers(30, 81)))
        for k, pair in enumerate(pairs)
    }
    net = street(points, links, is_strict=True)
    zones = [Zone((int(g),), 1 << k % 2) for k, g in enumerate(rng.integers(0, len(net), 6))]
    n = 300
    zone, origin = rng.integers(0, 6, n), rng.integers(0, len(net), n)
    closed = open_turns(net, net.class_limit)
    via = [ways_to(net, np.array(one.gates, np.int32), net.free_s, closed)[1] for one in zones]
    routes = [route(net, int(o), via[z]) for o, z in zip(origin, zone, strict=True)]
    kind = (zone % 2).astype(np.uint8)
    trips = Trips.of(np.sort(rng.uniform(0, 300, n)), origin, zone, rng.random(n), routes, kind=kind)
    sim = TrafficSim(net, trips, zones, seed=seed, informed=0.3, trace=100_000)
    if events:
        chosen = [int(one) for one in rng.choice(net.link_id, 4, replace=False)]
        sim.apply([
            Close(start_s=100, end_s=260, links=(chosen[0],)),
            Lanes(start_s=50, links=(chosen[1],), lanes=1, speed_kmh=20),
            Evacuate(start_s=120, links=(chosen[2],), vehicles=40, release_s=60, shelters={chosen[3]: 25}),
            Inform(start_s=200, share=0.8),
        ])  # fmt: skip
    return sim


@settings(max_examples=25, derandomize=True)
@given(st.integers(0, 10_000))
def test_nobody_is_lost_and_no_link_holds_more_than_fits(seed):
    sim = random_run(seed)
    for t in range(7, 700, 7):
        world = sim.run_to(t).world
        counts, state = world.counts[0], world.vehicles["state"]
        for name, which in (
            ("waiting", WAITING), ("running", RUNNING), ("arrived", ARRIVED), ("unreachable", UNREACHABLE),
            ("overflow", OVERFLOW),
        ):  # fmt: skip
            assert counts[name] == (state == which).sum()
        assert (state == PENDING).sum() == len(state) - counts["departed"]
        links = world.links
        assert (links["tail"] - links["head"]).sum() == counts["running"]
        held = np.bincount(
            world.vehicles["link"][state == RUNNING], world.vehicles["places"][state == RUNNING], len(links)
        )
        assert (links["place_in"] - links["place_out"] == held).all()
        assert (held <= links["ring"]).all()


@settings(max_examples=25, derandomize=True)
@given(st.integers(0, 10_000))
def test_nobody_drives_faster_than_free_flow_or_out_of_turn(seed):
    sim = random_run(seed).run_to(900)
    rows = sim.world.trace[: sim.world.counts[0]["traced"]]
    assert len(rows) > 500
    assert (rows["exit"] - rows["entry"] >= sim.net.free_s[rows["link"]] - 1e-9).all()
    after: dict[int, tuple[int, float]] = {}
    wanted = np.full(len(rows), -1)
    for i in range(len(rows) - 1, -1, -1):  # the next link of each passage is the vehicle's next row
        vehicle = int(rows["vehicle"][i])
        wanted[i] = after.get(vehicle, (-1, 0.0))[0]
        after[vehicle] = (int(rows["link"][i]), 0.0)
    kept = sim.world.vehicles["teleports"][rows["vehicle"]] == 0
    for link in np.unique(rows["link"]):
        for to in np.unique(wanted[(rows["link"] == link) & (wanted >= 0)]):
            group = rows[(rows["link"] == link) & (wanted == to) & kept]
            order = np.argsort(group["exit"], kind="stable")
            entry = group["entry"][order]
            late = entry < np.maximum.accumulate(entry) - 1e-9
            # who was told another way while standing may have changed the lane group
            assert not (late & ~sim.world.vehicles["informed"][group["vehicle"][order]]).any()


def test_same_seed_gives_same_bytes():
    first, second = random_run(3).run_to(900), random_run(3).run_to(900)
    for one, other in zip(first.world, second.world, strict=True):
        assert one.tobytes() == other.tobytes()
    assert random_run(4).run_to(900).world.vehicles.tobytes() != first.world.vehicles.tobytes()


def test_fork_without_events_equals_its_base():
    base = random_run(5).run_to(150)
    fork = base.fork().run_to(900)
    base.run_to(900)
    for one, other in zip(base.world, fork.world, strict=True):
        assert one.tobytes() == other.tobytes()
    assert all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for a, b in zip(base.bins, fork.bins, strict=True)
        for name in a.__slots__
    )


def test_fork_leaves_its_base_alone():
    base = random_run(6, events=False).run_to(150)
    before = [one.tobytes() for one in base.world]
    base.fork().apply([Close(start_s=150, links=(int(base.net.link_id[0]),)), Inform(start_s=150, share=1)]).run_to(600)
    assert [one.tobytes() for one in base.world] == before


def test_run_in_pieces_equals_run_at_once():
    once, pieces = random_run(8).run_to(600), random_run(8)
    for t in range(1, 601):
        pieces.run_to(t)
    assert once.world.vehicles.tobytes() == pieces.world.vehicles.tobytes()
