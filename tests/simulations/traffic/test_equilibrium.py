"""Equilibria: Sioux Falls, Braess, and two routes with a bottleneck in time."""

import numpy as np
import pytest

from simulations.traffic.equilibrium import Cost, draw_routes, dynamic_equilibrium, user_equilibrium
from simulations.traffic.network import RoadNet
from simulations.traffic.sim import TrafficSim
from simulations.traffic.trips import Trips, Zone
from simulations.traffic.world import KINEMATIC
from tests.simulations.traffic.sioux_falls import ARCS, OBJECTIVE, TRIPS
from tests.simulations.traffic.toy import V, street, way

CONNECTOR = 1000


def with_connectors(nodes: list[int], links: dict[int, tuple[int, int]]) -> RoadNet:
    """Return a network with a link into and a link out of each node for the trips to begin and end on."""
    at = {n: (500.0 * np.cos(n), 500.0 * np.sin(n)) for n in nodes}
    points = dict(at)
    rows = {k: (a, b, 1000.0, 1) for k, (a, b) in links.items()}
    for n, (x, y) in at.items():
        points |= {CONNECTOR + n: (x * 1.5, y * 1.5), 2 * CONNECTOR + n: (x * 1.6, y * 1.4)}
        rows |= {CONNECTOR + n: (CONNECTOR + n, n, 100.0, 1), 2 * CONNECTOR + n: (n, 2 * CONNECTOR + n, 100.0, 1)}
    return street(points, rows)


def solved(nodes, links, cost_of, demand_of, **given):
    """Solve a network of nodes; `cost_of` gives a, b, power of a link, time = a (1 + b x^power)."""
    net = with_connectors(nodes, links)
    n = len(net) + len(net.turns)
    free, b = np.zeros(n), np.zeros(n)
    free[: len(net)] = 1e-9
    for k in links:
        free[net.link_at[k]], b[net.link_at[k]] = cost_of(k)
    zones = [Zone((net.link_at[2 * CONNECTOR + n],)) for n in nodes]
    demand = np.zeros((len(nodes), len(net)))
    for (i, j), trips in demand_of.items():
        demand[nodes.index(j), net.link_at[CONNECTOR + i]] = trips
    cost = Cost(free, np.ones(n), b, given.pop("power"))
    return net, cost, user_equilibrium(net, zones, demand, cost, **given)


def test_sioux_falls_reaches_the_known_objective():
    """The least objective is known to many digits; ours must come within 1e-6 of it, from above."""
    nodes = list(range(1, 25))
    both = {pair: one for (a, b), one in ARCS.items() for pair in ((a, b), (b, a))}
    links = dict(enumerate(both, 1))
    table = np.array([row.split() for row in TRIPS.strip().splitlines()], float) / 10
    demand = {(i, j): table[i - 1, j - 1] for i in nodes for j in nodes if table[i - 1, j - 1] > 0}
    assert table.sum() == pytest.approx(360.6)

    def cost_of(k):
        a, b = both[links[k]]
        return a, b * 1e-5 / a

    _, cost, found = solved(nodes, links, cost_of, demand, power=4.0, gap=1e-6, iterations=1000)
    assert cost.integral(found.flow) == pytest.approx(OBJECTIVE * 100, rel=1e-6)
    assert cost.integral(found.flow) >= OBJECTIVE * 100 * (1 - 1e-9)


@pytest.mark.parametrize(("has_bridge", "minutes"), [(False, 83.0), (True, 92.0)])
def test_new_road_makes_everybody_slower(has_bridge, minutes):
    """Braess 1968: 10 x on 1-2 and 3-4, 50 + x on 1-3 and 2-4, bridge 2-3 with 10 + x; 6 drivers from 1 to 4.

    Without it three go each way: 10 x 3 + 50 + 3 = 83. With it two go each of three ways: 40 + 52 = 40 + 12 + 40 = 92.
    """
    links = {1: (1, 2), 2: (1, 3), 3: (2, 4), 4: (3, 4)} | ({5: (2, 3)} if has_bridge else {})
    steep = {1: (1e-6, 1e7), 4: (1e-6, 1e7), 2: (50.0, 1 / 50), 3: (50.0, 1 / 50), 5: (10.0, 1 / 10)}
    net, cost, found = solved([1, 2, 3, 4], links, steep.get, {(1, 4): 6.0}, power=1.0, gap=1e-12, iterations=400)
    time = cost.time(found.flow)
    at = net.link_at
    assert time[at[1]] + time[at[3]] == pytest.approx(minutes, rel=1e-5)
    assert time[at[2]] + time[at[4]] == pytest.approx(minutes, rel=1e-5)


def test_routes_are_drawn_by_the_weights_of_the_equilibrium():
    """Braess without the bridge: half of the drivers take each way."""
    links = {1: (1, 2), 2: (1, 3), 3: (2, 4), 4: (3, 4)}
    cost = {1: (1e-6, 1e7), 4: (1e-6, 1e7), 2: (50.0, 1 / 50), 3: (50.0, 1 / 50)}
    net, _, found = solved([1, 2, 3, 4], links, cost.get, {(1, 4): 6.0}, power=1.0, gap=1e-9, iterations=60)
    n = 4000
    trips = Trips.of(np.zeros(n), np.full(n, net.link_at[CONNECTOR + 1]), np.full(n, 3), np.zeros(n))
    drawn = draw_routes(net, found, trips, np.random.default_rng(0))
    first = net.turns.to_link[drawn.path[drawn.path_at]]
    assert (first == net.link_at[1]).mean() == pytest.approx(found.flow[net.link_at[1]] / 6, abs=0.03)
    assert found.flow[net.link_at[1]] == pytest.approx(3.0, abs=0.05)


def test_two_routes_balance_in_time():
    """D = 2,400 veh/h for an hour; route 1 passes c = 1,200 veh/h, route 2 takes 120 s more.

    Until the queue on route 1 costs 120 s, at 120 c / (D - c) = 120 s, all take it; then D - c take route 2:
    1,200 veh/h x 3,480 s = 1,160 vehicles.
    """
    net = street(
        {1: (0, 0), 2: (600, 0), 3: (3000, 100), 4: (3600, 0), 5: (2400, -1500), 6: (4200, 0)},
        {
            1: (1, 2, 600, 2), 2: (2, 3, 2400, 2), 3: (3, 4, 600, 2, 54, 600.0), 4: (2, 5, 2400, 2),
            5: (5, 4, 2400, 2), 6: (4, 6, 600, 2),
        },
    )  # fmt: skip
    n = 2400
    routes = [way(net, 1, 2, 3, 6)] * n
    zones = [Zone((net.link_at[6],))]
    depart = np.arange(n) * 1.5
    trips = Trips.of(depart, np.zeros(n), np.zeros(n), np.ones(n), routes)

    def make(day):
        return TrafficSim(net, day, zones, physics=KINEMATIC, bin_s=60.0)

    found, gaps = dynamic_equilibrium(net, make, trips, 5400.0, np.random.default_rng(0), iterations=60)
    long_way = (net.turns.to_link[found.path[found.path_at]] == net.link_at[4]).sum()
    assert net.length_m[net.links([4, 5])].sum() / V - net.length_m[net.links([2, 3])].sum() / V == pytest.approx(120.0)
    assert long_way == pytest.approx(1160, rel=0.03)
    assert gaps[-1] < gaps[0] / 5
