"""The engine against the theory of kinematic waves: v = 15 m/s, w = 5 m/s, 1,800 veh/h and 133.3 veh/km a lane."""

import numpy as np
import pytest

from simulations.traffic.records import RUNNING
from tests.simulations.traffic.toy import KJ, LINE, Q, V, W, done_s, drive, street


def test_bottleneck_delays_as_the_deterministic_queue():
    """Vehicle i comes every 1.2 s and goes every 2 s: its delay is 0.8 i, together 0.8 n (n - 1) / 2."""
    net = street({1: (0, 0), 2: (3000, 0), 3: (3300, 0)}, {1: (1, 2, 3000, 2), 2: (2, 3, 300, 1)})
    n = 800
    sim = drive(net, (np.arange(n) * 1.2, (1, 2))).run_to(3600)
    free_s = 3300 / V
    delay = (done_s(sim) - np.arange(n) * 1.2 - free_s).sum()
    assert delay == pytest.approx(0.8 * n * (n - 1) / 2, rel=0.01)
    assert np.diff(done_s(sim))[10:] == pytest.approx(2.0, rel=0.01)


def test_density_in_the_queue_lies_on_the_fundamental_diagram():
    """A queue of two lanes that moves at q = 1,800 veh/h has kj - q/w = 266.7 - 100 = 166.7 veh/km: 100 on 600 m."""
    net = street(LINE, {1: (1, 2, 600, 2), 2: (2, 3, 600, 1)})
    sim = drive(net, (np.arange(2000) * 1.0, (1, 2))).run_to(1500)
    link = sim.world.links[0]
    assert link["tail"] - link["head"] == pytest.approx(600 * (2 * KJ - Q / W), rel=0.01)


def _red(sim, turn: int, start_s: float, end_s: float) -> None:
    """Put up a light that is red once, from start to end [s]."""
    one = sim.world.turns[turn]
    one["cycle_s"], one["green_at"], one["green_s"] = 1e6, end_s, 1e6 - (end_s - start_s)


def test_link_is_full_when_the_shock_reaches_its_entry():
    """q = 0.25 veh/s, k = q/v: L (kj - k) / q = 900 (0.1333 - 0.0167) / 0.25 = 420 s; recovery L/w = 180 s."""
    net = street({1: (0, 0), 2: (900, 0), 3: (1800, 0)}, {1: (1, 2, 900, 1), 2: (2, 3, 900, 1)})
    sim = drive(net, (np.arange(1000) * 4.0, (1, 2)), trace=5000)
    _red(sim, 0, 600, 2000)
    sim.run_to(3500)
    entries = np.sort(_entries(sim, 0))
    assert entries[entries < 2000].max() - 600 == pytest.approx(420, rel=0.01)
    assert entries[entries > 1500].min() - 2000 == pytest.approx(180, rel=0.01)


def _entries(sim, link: int) -> np.ndarray:
    rows = sim.world.trace[: sim.world.counts[0]["traced"]]
    here = sim.world.vehicles[(sim.world.vehicles["link"] == link) & (sim.world.vehicles["state"] == RUNNING)]
    return np.concatenate([rows["entry"][rows["link"] == link], here["entry"]])


@pytest.mark.parametrize(("lanes", "share"), [(1, 1 / 2), (2, 2 / 3)])
def test_merge_shares_follow_the_lanes(lanes, share):
    """Both approaches are saturated, so the way on is full: its capacity is shared 1:1, or 2:1 with two lanes."""
    net = street(
        {1: (0, 100), 2: (0, -100), 3: (600, 0), 4: (1200, 0)},
        {1: (1, 3, 600, lanes), 2: (2, 3, 600, 1), 3: (3, 4, 600, lanes)},
    )
    many = np.arange(4000) * 0.5
    sim = drive(net, (many, (1, 3)), (many, (2, 3))).run_to(600)
    before = sim.world.links["head"].copy()
    sim.run_to(2400)
    left = (sim.world.links["head"] - before)[:2]
    assert left.sum() / 1800 == pytest.approx(lanes * Q, rel=0.01)
    assert left[0] / left.sum() == pytest.approx(share, rel=0.03)


def test_blocked_branch_holds_back_who_wants_the_other():
    """Half turns into a branch of 300 veh/h: on one lane nobody passes, so 300 / 0.5 = 600 veh/h leave in all."""
    net = street(
        {1: (0, 0), 2: (600, 0), 3: (1200, 300), 4: (1200, -300)},
        {1: (1, 2, 600, 1), 2: (2, 3, 600, 1, 54, 300.0), 3: (2, 4, 600, 1)},
    )
    many = np.arange(1500) * 4.0
    sim = drive(net, (many, (1, 2)), (many + 2.0, (1, 3))).run_to(1800)
    before = sim.world.links["head"][0]
    sim.run_to(1800 + 3600)
    assert sim.world.links["head"][0] - before == pytest.approx(600, rel=0.02)


def test_free_road_takes_free_flow_time():
    """1,200 m at 15 m/s: 80 s."""
    net = street(LINE, {1: (1, 2, 600, 1), 2: (2, 3, 600, 1)})
    sim = drive(net, (np.arange(20) * 7.0, (1, 2))).run_to(400)
    assert done_s(sim) - np.arange(20) * 7.0 == pytest.approx(1200 / V, abs=1e-9)


def test_slow_lorries_do_not_hold_who_has_another_lane():
    """On 3 km at 108 km/h a lorry (90 km/h at most) needs 120 s, a car 100 s; a second lane lets the car go first."""
    for lanes, first in ((1, 120.0), (2, 102.0)):
        net = street({1: (0, 0), 2: (3000, 0), 3: (3100, 0)}, {1: (1, 2, 3000, lanes, 108), 2: (2, 3, 100, lanes, 108)})
        sim = drive(net, (np.array([0.0, 2.0]), (1,)))
        sim.world.vehicles["pace_s_m"][0] = 3.6 / 90
        sim.run_to(200)
        assert done_s(sim)[0] == pytest.approx(first, abs=1e-6)
