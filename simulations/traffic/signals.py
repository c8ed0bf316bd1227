"""Signals: dual-ring plans of eight phases, and which turn runs in which.

Ring A holds phases 1 to 4, ring B 5 to 8; a barrier parts 1, 2, 5, 6 (first axis) from 3, 4, 7, 8 (second axis). Even
phases run straight on, odd ones left (NEMA TS 2; Korean practice, 교통신호기 설치·관리 매뉴얼). Right turns may be made
on red and give way.
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
CYCLES_S = (60.0, 150.0)
"""Shortest and longest cycle of a plan made for flows [s]."""


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
    cycle[here] = np.where(turns.phase[here] > 0, ring.cycle_s, 0.0)
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
        Turns with phases, greens and the foes of signalised junctions; plan of each node.
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
        for t in here[turns.angle_deg[here] >= -STRAIGHT_DEG].tolist():
            phase[t] = _phase(*axis[int(turns.from_link[t])], is_left=bool(turns.angle_deg[t] > STRAIGHT_DEG))
        rings[one] = given.get(one) or _plan(
            CYCLE_S[min(max(len(arms), 3), 4)], _by_lanes(phase[here], lanes[turns.from_link[here]])
        )
    turns = replace(turns, phase=phase)
    for one, ring in rings.items():
        turns = set_plan(turns, order[first[one] : first[one + 1]], ring)
    return _signal_foes(turns, np.isin(node, list(rings))), rings


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


def _by_lanes(phase: NDArray[np.int32], lanes: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return a weight for each phase (0 to 8) by the lanes of its approaches; one to the left counts half."""
    weight = np.zeros(9)
    for p, n in zip(phase.tolist(), lanes.tolist(), strict=True):
        weight[p] = max(weight[p], (1.0 if p % 2 == 0 else 0.5) * (0.5 + n))
    return weight


def _plan(cycle: float, weight: NDArray[np.float64]) -> DualRing:
    """Return a plan whose splits follow weights: a stand-in where the true plan is unknown."""
    least = LOST_S + LEAST_GREEN_S + 1
    sides = np.array([[weight[1] + weight[2], weight[3] + weight[4]], [weight[5] + weight[6], weight[7] + weight[8]]])
    needed = sides.max(axis=0)
    first = cycle if needed[1] == 0 else 0.0 if needed[0] == 0 else cycle * needed[0] / needed.sum()
    if needed.min() > 0:
        first = float(np.clip(round(first), 2 * least, cycle - 2 * least))
    splits: list[float] = []
    for left, ahead, span in ((1, 2, first), (3, 4, cycle - first), (5, 6, first), (7, 8, cycle - first)):
        total = weight[left] + weight[ahead]
        share = 0.0 if total == 0 else weight[left] / total
        part = 0.0 if share == 0 else span if share == 1 else float(np.clip(round(span * share), least, span - least))
        splits += [float(part), float(span - part)]
    return DualRing(cycle, 0.0, tuple(splits))  # type: ignore[arg-type]


def tune(
    turns: Turns, to_node: NDArray[np.int32], rings: dict[int, DualRing], flow: NDArray[np.float64]
) -> tuple[Turns, dict[int, DualRing]]:
    """Return turns and plans whose splits follow the flows: by the critical flow ratios (Webster 1958).

    Parameters
    ----------
    to_node
        Of each link.
    rings
        Plan of each signalised node; each is made anew.
    flow
        Of each turn [veh/h].
    """
    node = to_node[turns.from_link]
    ratio = np.maximum(flow / (1800.0 * turns.lanes), 0.02)
    tuned: dict[int, DualRing] = {}
    for one, ring in rings.items():
        here = np.flatnonzero((node == one) & ~turns.is_back)
        weight = np.zeros(9)
        np.maximum.at(weight, turns.phase[here], ratio[here])
        needed = sum(max(weight[a] + weight[a + 1], weight[a + 4] + weight[a + 5]) for a in (1, 3))
        cycle = float(np.clip(round((1.5 * 4 * LOST_S + 5) / max(1 - needed, 0.05)), *CYCLES_S))
        tuned[one] = _plan(cycle, weight) if weight[1:].any() else ring
        turns = set_plan(turns, np.flatnonzero(node == one), tuned[one])
    return turns, tuned


def _signal_foes(turns: Turns, is_lit: NDArray[np.bool_]) -> Turns:
    """Return the turns with the foes of signalised junctions: none in a phase, and for right turns who they merge with.

    Parameters
    ----------
    is_lit
        Turns at signalised junctions.
    """
    lists = np.split(turns.foes, turns.foe_at[1:-1])
    into: dict[int, list[int]] = {}
    for t in np.flatnonzero(is_lit & (turns.phase > 0) & ~turns.is_back).tolist():
        into.setdefault(int(turns.to_link[t]), []).append(t)
    for t in np.flatnonzero(is_lit).tolist():
        merging = into.get(int(turns.to_link[t]), []) if turns.phase[t] == 0 else []
        lists[t] = np.array([f for f in merging if turns.from_link[f] != turns.from_link[t]], np.int32)
    at = np.concatenate([[0], np.cumsum([len(one) for one in lists])]).astype(np.int32)
    return replace(turns, foe_at=at, foes=np.concatenate(lists).astype(np.int32))
