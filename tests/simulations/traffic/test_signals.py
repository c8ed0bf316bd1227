"""Signals: capacity, uniform delay, random arrivals, and the order of a dual ring."""

import numpy as np
import pytest

from simulations.traffic.signals import DualRing
from tests.simulations.traffic.toy import LINE, Q, V, done_s, drive, street
from twin.errors import BadNetwork

CYCLE, GREEN = 60.0, 30.0
HALF = DualRing(CYCLE, 0.0, (0, 34, 0, 26, 0, 34, 0, 26))
"""Phase 2 has 34 s, of which 4 s are lost: 30 s of effective green in 60 s."""


def lit(lanes: int = 1):
    return street(LINE, {1: (1, 2, 600, lanes), 2: (2, 3, 600, lanes)}, rings={2: HALF})


def test_capacity_is_saturation_flow_times_green_share():
    """1,800 veh/h x 30/60 = 900 veh/h."""
    sim = drive(lit(), (np.arange(4000) * 1.0, (1, 2))).run_to(600)
    before = sim.world.links["head"][0]
    sim.run_to(600 + 3600)
    assert sim.world.links["head"][0] - before == pytest.approx(900, rel=0.01)


def test_capacity_holds_when_the_green_is_no_multiple_of_the_headway():
    """28.5 s of green: 1,800 x 28.5 / 60 = 855 veh/h, not 14 or 15 vehicles in every green."""
    ring = DualRing(60.0, 0.0, (0, 32.5, 0, 27.5, 0, 32.5, 0, 27.5))
    net = street(LINE, {1: (1, 2, 600, 1), 2: (2, 3, 600, 1)}, rings={2: ring})
    sim = drive(net, (np.arange(4000) * 1.0, (1, 2))).run_to(600)
    before = sim.world.links["head"][0]
    sim.run_to(600 + 3600)
    assert sim.world.links["head"][0] - before == pytest.approx(855, rel=0.01)


def test_even_arrivals_wait_as_uniform_delay():
    """C (1 - g/C)^2 / (2 (1 - q/s)) = 60 x 0.25 / (2 x 0.75) = 10 s at 450 veh/h."""
    n = 900
    depart = np.arange(n) * 8.0 + 0.37 * 8.0
    sim = drive(lit(), (depart, (1, 2))).run_to(8000)
    assert (done_s(sim) - depart - 1200 / V).mean() == pytest.approx(10.0, rel=0.05)


def test_random_arrivals_wait_as_webster_says():
    """Webster 1958, eq. 1: at 720 veh/h, x = 0.8: 60 x 0.25 / (2 x 0.6) + x^2 / (2 q (1 - x)) less the third term."""
    q, x, share = 720 / 3600, 0.8, 0.5
    expected = CYCLE * (1 - share) ** 2 / (2 * (1 - share * x)) + x**2 / (2 * q * (1 - x))
    expected -= 0.65 * (CYCLE / q**2) ** (1 / 3) * x ** (2 + 5 * share)
    rng = np.random.default_rng(1)
    depart = np.sort(rng.uniform(0, 20 * 3600, 20 * 720))
    sim = drive(lit(), (depart, (1, 2))).run_to(21 * 3600)
    beside = np.diff(np.concatenate([[0], depart]))  # waits beside the road are none of the signal's
    assert len(beside) == len(done_s(sim))
    entry = _entry_delay(depart)
    assert (done_s(sim) - depart - 1200 / V).mean() - entry == pytest.approx(expected, rel=0.15)


def _entry_delay(depart: np.ndarray) -> float:
    """Return the mean wait of a queue with one vehicle every 2 s [s]."""
    free, total = 0.0, 0.0
    for time in depart:
        start = max(time, free)
        total += start - time
        free = start + 1 / Q
    return total / len(depart)


def test_rings_pass_the_barrier_together():
    with pytest.raises(BadNetwork, match="pass the barrier together"):
        DualRing(90, 0, (20, 30, 20, 20, 20, 20, 30, 20))
    with pytest.raises(BadNetwork, match="adds up to the cycle"):
        DualRing(90, 0, (20, 30, 20, 30, 20, 30, 20, 20))


def test_conflicting_movements_are_never_green_together():
    """On a cross, phases of one ring exclude each other, and so do those on both sides of the barrier."""
    arms = {1: (-500, 0), 2: (500, 0), 3: (0, -500), 4: (0, 500)}
    links = {10 + k: (k, 9, 500, 2) for k in arms} | {20 + k: (9, k, 500, 2) for k in arms}
    ring = DualRing(120, 10, (20, 40, 20, 40, 25, 35, 15, 45))
    turns = street({**arms, 9: (0, 0)}, links, rings={9: ring}).turns
    lit_at = np.arange(0, 120, 0.5)[:, None]
    green = (((lit_at - turns.green_at_s) % 120) < turns.green_s) & (turns.cycle_s > 0) & ~turns.is_back
    phases = turns.phase
    assert set(phases[~turns.is_back & (turns.cycle_s > 0)]) == {1, 2, 3, 4, 5, 6, 7, 8}
    for row in green:
        shown = set(phases[row])
        assert len({p for p in shown if p <= 4}) <= 1
        assert len({p for p in shown if p > 4}) <= 1
        assert not ({1, 2, 5, 6} & shown and {3, 4, 7, 8} & shown)
