"""Signals: dual-ring plans of eight phases, and which turn runs in which.

Ring A holds phases 1 to 4, ring B 5 to 8; a barrier parts 1, 2, 5, 6 (first axis) from 3, 4, 7, 8 (second axis). Even
phases run straight on and right, odd ones left (NEMA TS 2; Korean practice, 교통신호기 설치·관리 매뉴얼).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulations.traffic.junctions import STRAIGHT_DEG, Turns, headings
from twin.errors import BadNetwork

LOST_S = 4.0
"""Of a split: yellow and start-up, in which nobody crosses [s]."""
LEAST_GREEN_S = 5.0
CYCLE_S = {3: 90.0, 4: 120.0}
"""Cycle of a plan that nobody gave [s], by arms."""


@dataclass(frozen=True, slots=True)
class DualRing:
    """A signal plan.

    Parameters
    ----------
    cycle_s, offset_s
        Cycle and start of phases 1 and 5 after midnight of the run [s].
    splits_s
        Length of the eight phases with their lost time [s]; 0: the phase does not run.
    """

    cycle_s: float
    offset_s: float
    splits_s: tuple[float, float, float, float, float, float, float, float]

    def __post_init__(self) -> None:
        a, b = self.splits_s[:4], self.splits_s[4:]
        if abs(sum(a) - self.cycle_s) > 0.01 or abs(sum(b) - self.cycle_s) > 0.01:
            raise BadNetwork(f"splits {self.splits_s} s; limit: each ring adds up to the cycle of {self.cycle_s} s")
        if abs(sum(a[:2]) - sum(b[:2])) > 0.01:
            raise BadNetwork(f"splits {self.splits_s} s; limit: 1 + 2 = 5 + 6, both rings pass the barrier together")
        if any(0 < one < LOST_S + LEAST_GREEN_S for one in self.splits_s):
            raise BadNetwork(f"splits {self.splits_s} s; limit: 0 or at least {LOST_S + LEAST_GREEN_S} s")

    def green(self, phase: int) -> tuple[float, float]:
        """Return start in the cycle and length of a phase's effective green [s]."""
        ring = self.splits_s[:4] if phase <= 4 else self.splits_s[4:]
        at = (phase - 1) % 4
        return (self.offset_s + sum(ring[:at])) % self.cycle_s, max(0.0, ring[at] - LOST_S)


def set_plan(turns: Turns, here: NDArray[np.int64], ring: DualRing) -> Turns:
    """Return the turns with a plan at some of them: those of one junction."""
    cycle, at, green = turns.cycle_s.copy(), turns.green_at_s.copy(), turns.green_s.copy()
    windows = np.array([(0.0, 0.0), *(ring.green(phase) for phase in range(1, 9))])
    cycle[here] = ring.cycle_s
    at[here], green[here] = windows[turns.phase[here]].T
    return replace(turns, cycle_s=cycle, green_at_s=at, green_s=green)


def plan_signals(
    turns: Turns,
    to_node: NDArray[np.int32],
    signalised: list[int],
    given: dict[int, DualRing],
    lanes: NDArray[np.int32],
    geom: NDArray[np.object_],
) -> tuple[Turns, dict[int, DualRing]]:
    """Give every signalised junction its phases and its plan.

    Parameters
    ----------
    to_node, lanes, geom
        Of each link.
    signalised
        Nodes that need a plan.
    given
        Plans by node.

    Returns
    -------
    tuple
        Turns with phases and greens, without foes at signals; plan of each node.
    """
    node = to_node[turns.from_link]
    order = np.argsort(node, kind="stable")
    first = np.searchsorted(node[order], np.arange(to_node.max() + 2))
    _, end = headings(geom)
    phase, rings = turns.phase.copy(), {}
    for one in sorted({*signalised, *given}):
        here = order[first[one] : first[one + 1]]
        arms = np.unique(turns.from_link[here])
        if one not in given and len(arms) < 3:
            continue
        axis = _axes(arms, end[arms], lanes[arms])
        for t in here.tolist():
            phase[t] = _phase(*axis[int(turns.from_link[t])], is_left=bool(turns.angle_deg[t] > STRAIGHT_DEG))
        rings[one] = given.get(one) or _plan(len(arms), phase[here], lanes[turns.from_link[here]])
    turns = replace(turns, phase=phase)
    for one, ring in rings.items():
        turns = set_plan(turns, order[first[one] : first[one + 1]], ring)
    return _without_foes(turns), rings


def _axes(
    arms: NDArray[np.int32], heading: NDArray[np.float64], lanes: NDArray[np.int32]
) -> dict[int, tuple[int, int]]:
    """Return axis (0, 1) and side (0, 1) of each arm: the widest straight pair is the first axis."""
    n = len(arms)
    pairs = [
        (abs(np.cos((heading[i] - heading[j] - np.pi) / 2)), int(lanes[i] + lanes[j]), i, j)
        for i in range(n)
        for j in range(i + 1, n)
    ]
    straight = sorted(pairs, key=lambda one: (one[0] < np.cos(np.radians(20)), -one[1], -one[0], one[2], one[3]))
    if not straight:
        return {int(arms[0]): (0, 0)}
    _, _, i, j = straight[0]
    found = {int(arms[i]): (0, 0), int(arms[j]): (0, 1)}
    rest = [int(one) for one in arms if int(one) not in found]
    return found | {one: (1, k % 2) for k, one in enumerate(rest)}


def _phase(axis: int, side: int, *, is_left: bool) -> int:
    """Return the phase of a movement: 2 and 5 from the first side, 6 and 1 from the second; 4, 7, 8, 3 across."""
    return ((5, 2), (1, 6), (7, 4), (3, 8))[2 * axis + side][0 if is_left else 1]


def _plan(arms: int, phase: NDArray[np.int32], lanes: NDArray[np.int32]) -> DualRing:
    """Return a plan whose splits follow the lanes: a stand-in where the true plan is unknown.

    A phase straight on weighs as its approach's lanes, one to the left half of that.
    """
    weight = np.zeros(9)
    for p, n in zip(phase.tolist(), lanes.tolist(), strict=True):
        weight[p] = max(weight[p], (1.0 if p % 2 == 0 else 0.5) * (0.5 + n))
    cycle = CYCLE_S[min(max(arms, 3), 4)]
    sides = np.array([[weight[1] + weight[2], weight[3] + weight[4]], [weight[5] + weight[6], weight[7] + weight[8]]])
    needed = sides.max(axis=0)
    spans = cycle * needed / needed.sum()
    least = LOST_S + LEAST_GREEN_S + 1
    spans = (
        np.round(np.where(needed > 0, np.clip(spans, 2 * least, cycle - 2 * least), 0)) if needed.min() > 0 else spans
    )
    spans[1] = cycle - spans[0]
    splits: list[float] = []
    for left, ahead, span in ((1, 2, spans[0]), (3, 4, spans[1]), (5, 6, spans[0]), (7, 8, spans[1])):
        total = weight[left] + weight[ahead]
        share = 0.5 if total == 0 else weight[left] / total
        part = 0.0 if share == 0 else span if share == 1 else float(np.clip(round(span * share), least, span - least))
        splits += [float(part), float(span - part)]
    return DualRing(cycle, 0.0, tuple(splits))  # type: ignore[arg-type]


def _without_foes(turns: Turns) -> Turns:
    """Return the turns without foes where there is a signal: its phases do not conflict."""
    count = np.diff(turns.foe_at)
    keep = np.repeat(turns.cycle_s == 0, count)
    at = np.concatenate([[0], np.cumsum(np.where(turns.cycle_s == 0, count, 0))]).astype(np.int32)
    return replace(turns, foe_at=at, foes=turns.foes[keep])
