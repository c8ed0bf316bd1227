"""Demand: estimation from counts on a small city, and the statistic it is judged by."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from simulations.traffic.demand import estimate, geh, shares_on_links
from simulations.traffic.routing import Graph, open_turns, route
from simulations.traffic.trips import Trips
from tests.simulations.traffic.test_laws import random_run


def test_geh_of_known_pairs():
    """sqrt(2 x 100^2 / 2,100) = 3.086 for 1,000 against 1,100; 0 for equal flows."""
    assert geh(np.array([1000.0, 500.0]), np.array([1100.0, 500.0])) == pytest.approx([3.0861, 0.0], abs=1e-4)


@pytest.fixture(scope="module")
def shares() -> tuple[csr_matrix, int]:
    """Shares on links of all pairs of twelve places on a grid of random streets, three ways each."""
    net = random_run(11, events=False).net
    rng = np.random.default_rng(4)
    places = rng.choice(len(net), 12, replace=False)
    closed = open_turns(net, net.class_limit)
    origin, zone, origin_zone, routes = [], [], [], []
    for k in range(3):
        cost = net.free_s * rng.uniform(0.7, 1.4, len(net))
        graph = Graph.of(net, cost, closed)
        for z, gate in enumerate(places):
            via = graph.search(np.array([gate], np.int32))[1]
            for o, start in enumerate(places):
                found = route(net, int(start), via)
                if o != z and len(found):
                    origin.append(start)
                    zone.append(z)
                    origin_zone.append(o)
                    routes.append(found)
        assert k < 3
    n = len(origin)
    trips = Trips.of(np.zeros(n), np.array(origin), np.array(zone), np.ones(n), routes)
    return shares_on_links(net, trips, np.array(origin_zone), len(places)), len(places)


def test_shares_count_every_passage(shares):
    """A pair whose trips all begin on one link has share 1 there, and none is above 1."""
    table, zones = shares
    dense = table.toarray()
    assert dense.max() == pytest.approx(1.0)
    used = dense.sum(axis=0) > 0
    assert used.sum() == zones * (zones - 1)


def test_demand_from_counts_meets_counts_that_were_held_back(shares):
    """Truth is the prior times a factor of 0.4 to 2.2 by place; 70 % of the counts are used, the others judged.

    Acceptance of the design: GEH < 5 on at least 85 % of the counts held back.
    """
    table, zones = shares
    rng = np.random.default_rng(9)
    prior = rng.gamma(2.0, 40.0, (zones, zones))
    np.fill_diagonal(prior, 0.0)
    truth = prior * rng.uniform(0.4, 2.2, zones)[:, None] * rng.uniform(0.8, 1.25, zones)
    counts = rng.poisson(table @ truth.ravel()).astype(float)
    seen = np.flatnonzero(counts > 20)
    rng.shuffle(seen)
    used, held = seen[: int(0.7 * len(seen))], seen[int(0.7 * len(seen)) :]
    before = (geh(table[held] @ prior.ravel(), counts[held]) < 5).mean()
    found = estimate(prior, table[used], counts[used])
    after = (geh(table[held] @ found.ravel(), counts[held]) < 5).mean()
    assert (found >= 0).all()
    assert before < 0.5
    assert after >= 0.85
