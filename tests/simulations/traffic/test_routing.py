"""Shortest ways against scipy, forbidden turns, turns back, isochrones."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from simulations.traffic.records import TO_END, TO_NOWHERE
from simulations.traffic.routing import open_turns, route, times_from, ways_to
from tests.simulations.traffic.test_laws import random_run
from tests.simulations.traffic.toy import V, street, way

SQUARE = {1: (0.0, 0.0), 2: (300.0, 0.0), 3: (300.0, 300.0), 4: (0.0, 300.0), 5: (600.0, 0.0)}
LINKS = {
    10: (1, 2, 300, 1), 11: (2, 3, 300, 1), 12: (3, 4, 300, 1), 13: (2, 5, 300, 1), 14: (5, 2, 300, 1),
    15: (4, 1, 300, 1), 16: (2, 1, 300, 1), 17: (3, 2, 300, 1),
}  # fmt: skip


def all_open(net):
    return open_turns(net, net.class_limit)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("is_backward", [True, False])
def test_costs_equal_those_of_scipy(seed, is_backward):
    """On the graph whose nodes are links; an arc costs what the link it leads to costs."""
    net = random_run(seed, events=False).net
    rng = np.random.default_rng(seed)
    cost = rng.exponential(50, len(net)) + 1e-3
    turns, shut = net.turns, all_open(net)
    keep = shut & 1 == 0
    graph = csr_matrix((cost[turns.to_link[keep]], (turns.from_link[keep], turns.to_link[keep])), (len(net), len(net)))
    start = int(rng.integers(len(net)))
    if is_backward:
        found = ways_to(net, np.array([start], np.int32), cost, shut)[0]
        expected = np.array([dijkstra(graph, indices=one)[start] for one in range(len(net))])
    else:
        found = times_from(net, np.array([start], np.int32), cost, shut)
        expected = dijkstra(graph, indices=start) + cost[start]
    both = np.isfinite(expected)
    assert (np.isfinite(found) == both).all()
    assert found[both] == pytest.approx(expected[both], rel=1e-9)


def test_way_follows_its_cost():
    net = random_run(1, events=False).net
    cost = net.free_s
    dist, via = ways_to(net, np.array([5], np.int32), cost, all_open(net))
    for start in range(len(net)):
        taken = route(net, start, via)
        assert cost[net.turns.to_link[taken]].sum() == pytest.approx(dist[start], rel=1e-12)
        assert not len(taken) or net.turns.to_link[taken[-1]] == 5


def test_forbidden_turn_is_not_made():
    """The left turn 10 -> 11 is banned: the way to 12 leads round by 13, back at the dead end, and 14."""
    bans = pd.DataFrame({"from_link": [10], "to_link": [11], "is_allowed": [False]})
    free, banned = street(SQUARE, LINKS), street(SQUARE, LINKS, bans=bans)
    for net, expected in ((free, (10, 11, 12)), (banned, (10, 13, 14, 11, 12))):
        via = ways_to(net, net.links([12]), net.free_s, all_open(net))[1]
        assert list(route(net, net.link_at[10], via)) == list(way(net, *expected))


def test_turning_back_needs_a_dead_end_or_a_permit():
    """10 -> 16 turns back at a junction: closed; 13 -> 14 at the dead end: open; a U-turn sign opens the first."""
    net = street(SQUARE, LINKS)
    shut = all_open(net)
    assert shut[way(net, 10, 16)[0]] & 1
    assert not shut[way(net, 13, 14)[0]] & 1
    permit = pd.DataFrame({"from_link": [10], "to_link": [16], "is_allowed": [True]})
    signed = street(SQUARE, LINKS, bans=permit)
    assert not all_open(signed)[way(signed, 10, 16)[0]] & 1


def test_closed_ends_become_dead_ends():
    """When 11 and 13 close, 10 ends nowhere and drivers may turn back into 16."""
    net = street(SQUARE, LINKS)
    closed = net.class_limit.copy()
    closed[net.links([11, 13])] = 1
    assert not open_turns(net, closed)[way(net, 10, 16)[0]] & 1


def test_what_cannot_be_reached_says_so():
    net = street(SQUARE, LINKS)
    closed = net.class_limit.copy()
    closed[net.links([13])] = 1
    dist, via = ways_to(net, net.links([13]), net.free_s, open_turns(net, closed))
    assert via[net.link_at[13]] == TO_END
    assert via[net.link_at[10]] == TO_NOWHERE
    assert dist[net.link_at[10]] == np.inf
    assert len(route(net, net.link_at[10], via)) == 0


def test_isochrone_is_a_level_of_the_times():
    """From 10 at 15 m/s: its own end after 20 s, 11 after 40 s, 12 after 60 s."""
    net = street(SQUARE, LINKS)
    times = times_from(net, net.links([10]), net.free_s, all_open(net))
    assert times[net.links([10, 11, 12])] == pytest.approx([300 / V, 600 / V, 900 / V])
    assert set(net.link_id[times <= 40.0]) == {10, 11, 13}
