"""Pumps, culverts, gates and barriers: what is built, as rules that move water or raise the ground."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from simulations.flood.solver import Ints, Solver

Spans = Sequence[tuple[float, float]]


def _is_in(t: float, spans: Spans) -> bool:
    return any(start <= t < end for start, end in spans)


@dataclass
class Pump:
    """Takes up to `capacity` [m3/s] from cells, out of the area or to other cells.

    Parameters
    ----------
    on_level, off_level
        It starts above the first level [m] and stops below the second; minus infinity: whenever there is water.
    """

    cells: Ints
    to: Ints | None
    capacity: float
    on_level: float = -math.inf
    off_level: float = -math.inf
    failed: Spans = ()
    is_on: bool = field(default=False, init=False)
    moved_m3: float = field(default=0.0, init=False)

    def move(self, solver: Solver, dt: float) -> float:
        """Pump; what is taken and not given elsewhere has left the area."""
        level = solver.level_at(self.cells)
        self.is_on = level > (self.off_level if self.is_on else self.on_level) and not _is_in(solver.t, self.failed)
        if not self.is_on:
            return 0.0
        taken = solver.take(self.cells, self.capacity * dt)
        self.moved_m3 += taken
        if self.to is None:
            return -taken
        solver.give(self.to, taken)
        return 0.0

    def places(self) -> list[Ints]:
        """Return the cells whose water it moves."""
        return [self.cells] if self.to is None else [self.cells, self.to]


@dataclass
class Culvert:
    """A rectangular opening between two places; a gate lets nothing back.

    Flow is that of a broad crest while the opening runs part full, of an orifice when it is drowned.
    """

    cells: Ints
    to: Ints
    width: float
    height: float
    sill: float
    coefficient: float = 0.6
    is_one_way: bool = False
    closed: Spans = ()
    moved_m3: float = field(default=0.0, init=False)

    def move(self, solver: Solver, dt: float) -> float:
        """Let flow, but never more than evens out the two sides."""
        if _is_in(solver.t, self.closed):
            return 0.0
        here, there = solver.level_at(self.cells), solver.level_at(self.to)
        if here < there and self.is_one_way:
            return 0.0
        source, target = (self.cells, self.to) if here >= there else (self.to, self.cells)
        high, low = max(here, there), min(here, there)
        head, drop = high - self.sill, high - max(low, self.sill)
        if head <= 0 or drop <= 0:
            return 0.0
        open_m = min(head, self.height)
        rate = self.coefficient * self.width * open_m * math.sqrt(2 * 9.81 * drop)
        even = drop * solver.cell_size**2 * len(source) * len(target) / (len(source) + len(target))
        taken = solver.take(source, min(rate * dt, 0.5 * even))
        solver.give(target, taken)
        self.moved_m3 += taken if here >= there else -taken
        return 0.0

    def places(self) -> list[Ints]:
        """Return the cells whose water it moves."""
        return [self.cells, self.to]


@dataclass
class Breach:
    """Lowers cells of a barrier to a level [m] at a time [s]."""

    cells: Ints
    at: float
    to: float
    is_done: bool = field(default=False, init=False)

    def move(self, solver: Solver, dt: float) -> float:
        """Break once."""
        if not self.is_done and solver.t >= self.at:
            self.is_done = True
            solver.z[self.cells] = np.minimum(solver.z[self.cells], np.float32(self.to - solver.datum))
            solver.survey()
        return 0.0

    def places(self) -> list[Ints]:
        """Return the cells whose water it moves."""
        return [self.cells]
