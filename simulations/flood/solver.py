"""The shallow-water solver: state, boundaries and time steps around the compiled sweep of `kernel`."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simulations.compiler import most_threads, set_num_threads
from simulations.flood import extremes, kernel, losses

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Series = Callable[[float], float]
"""A value over time [s]."""
MARGIN, LEFT = 3, kernel.VECTOR + 2
"""Rows above and below the area, and columns left of it; the innermost ring takes part, as outer boundary. So many
columns that a sweep begins where a line of the cache does."""
ALPHA, ALPHA_ADVECTION = 0.6, 0.5
"""Courant numbers without and with advection."""
LEAST_DEPTH = 0.02
"""Depth [m] whose wave speed bounds the time step of a dry area."""
MOST_SOURCE_M = 0.1
"""Depth [m] that a source may add in one step."""
GROWTH = 1.3
DRAIN_EVERY_S = 20.0
TRACK_STEPS = 8


@dataclass
class Held:
    """Cells of one water level.

    Parameters
    ----------
    cells
        Flat indices, from `Solver.cell`.
    level
        Level [m] over time [s], above the datum of the terrain; None lets everything out (free fall).
    """

    cells: Ints
    level: Series | None


@dataclass
class Source:
    """Cells that together give a discharge [m3/s], negative to take."""

    cells: Ints
    discharge: Series


@dataclass
class Soil:
    """Ground that soaks by Green and Ampt (1911), flat arrays; see `losses.soak`.

    Parameters
    ----------
    conductivity
        Saturated hydraulic conductivity [m/s].
    suction
        Suction head of the wetting front times the deficit of water [m].
    soaked
        What went in so far [m].
    """

    conductivity: Floats
    suction: Floats
    soaked: Floats


EXTREMES = ("depth", "speed", "hazard", "arrival_low", "arrival_high", "above")


class Structure(Protocol):
    """Something built that moves water by its own rule."""

    def move(self, solver: "Solver", dt: float) -> float:
        """Move water for a time step [s]; return what came in on the whole [m3]."""
        ...

    def places(self) -> Iterable[Ints]:
        """Return the cells whose water it moves."""
        ...


@dataclass
class Extremes:
    """What was the most so far, each of shape (ny, nx) with the margin around it; see `extremes.track`."""

    depth: Floats
    speed: Floats
    hazard: Floats
    arrival_low: Floats
    arrival_high: Floats
    above: Floats


class Solver:
    """Water over one terrain.

    Parameters
    ----------
    elevation
        Height of the ground [m], shape (ny, nx), row 0 in the north; NaN where there is no ground: a wall.
    cell_size
        Edge of a cell [m].
    mannings_n
        Roughness [s/m1/3], a number or shape (ny, nx).
    depth
        Water at the start [m], a number or shape (ny, nx).
    advection
        Carry momentum: for breaches, crests and jumps.
    threads
        Threads of the sweep; the result is the same for any number.
    wave_depth
        Without advection, water deeper than this [m] bears waves no faster than water of this depth: its inertia is
        raised in proportion, not its weight or its friction, so that a steady flow and a level surface stay as they
        are, and a few deep ponds do not shorten the time step of a whole city.
    """

    def __init__(
        self, elevation: NDArray[Any], cell_size: float, mannings_n: Any = 0.035, depth: Any = 0.0,
        *, advection: bool = False, threads: int = 1, wave_depth: float | None = None,
    ) -> None:  # fmt: skip
        self.ny, self.nx = elevation.shape
        self.cell_size, self.advection, self.threads = float(cell_size), advection, threads
        self._reach = None if wave_depth is None else np.float32(wave_depth)
        columns = -(-(self.nx + 2) // kernel.COLUMN) * kernel.COLUMN
        # one row more below: the halo of the last tile looks a row past the margin
        self.rows, self.width = self.ny + 2 * MARGIN + 1, columns + 3 * kernel.VECTOR
        ground = np.isfinite(elevation)
        self.datum = float(np.floor(np.nanmin(elevation))) if ground.any() else 0.0
        self.z = self._field(kernel.WALL)
        self._inner(self.z)[:] = np.where(ground, elevation - self.datum, kernel.WALL)
        self.n2 = self._field(0)
        self._inner(self.n2)[:] = np.broadcast_to(mannings_n, elevation.shape).astype(np.float32) ** 2
        self.rate, self.most_drained, self.rest = self._field(0), self._field(0), self._field(0)
        self._old, self._new = (kernel.zeros(5, self.rows * self.width) for _ in range(2))
        self._inner(self._old[0])[:] = np.where(ground, np.broadcast_to(depth, elevation.shape), 0)
        self._new[0] = self._old[0]
        self._tile(columns)
        self.t = 0.0
        self.dt = self._last_dt = 0.0
        self.held: list[Held] = []
        self.sources: list[Source] = []
        self.structures: list[Structure] = []
        self.soil: Soil | None = None
        self.flow = {"rain": 0.0, "sources": 0.0, "held": 0.0, "structures": 0.0, "drained": 0.0}
        """Volume that came in so far by kind [m3]; what was drained went out."""
        self.stored_at_start = self.stored()
        low = -np.ones(self.rows * self.width, np.float32)
        zero = self._field(0)
        self.extremes = Extremes(zero, zero.copy(), zero.copy(), low, low.copy(), zero.copy())
        self._since_track, self._since_drain, self._steps = 0.0, 0.0, 0

    def _field(self, value: Any) -> Floats:
        field: Floats = kernel.zeros(1, self.rows * self.width)[0]
        field[:] = value
        return field

    def _inner(self, flat: Floats) -> Floats:
        whole = flat.reshape(self.rows, self.width)
        return whole[MARGIN : MARGIN + self.ny, LEFT : LEFT + self.nx]

    def _tile(self, columns: int) -> None:
        rows, starts = range(2, self.ny + 4, kernel.ROW), range(LEFT - 1, LEFT - 1 + columns, kernel.COLUMN)
        self._tiles = np.array(
            [[(r, min(r + kernel.ROW, self.ny + 4), c, c + kernel.COLUMN) for c in starts] for r in rows], np.int64
        )
        down, across, _ = self._tiles.shape
        self._order = np.concatenate([np.arange(down)[first :: self.threads] for first in range(self.threads)])
        self._tops, self._wake = np.zeros((down, across), np.float32), np.ones((down, across), np.bool_)
        self._idle, self._has_source = np.zeros((down, across), np.int8), np.zeros((down, across), np.bool_)
        self._has_ground = np.ones((down, across), np.bool_)
        self._rises = np.zeros((2, self.rows, 2), np.int64)
        self._bands = kernel.zeros(self.threads * 9, self.width).reshape(self.threads, 9, self.width)

    # --- what there is -----------------------------------------------------------------------------------------------

    @property
    def depth(self) -> Floats:
        """Depth of water [m], shape (ny, nx)."""
        return self._inner(self._old[0])

    @property
    def level(self) -> Floats:
        """Level of the water surface [m], shape (ny, nx); the ground's where it is dry."""
        level: Floats = self.depth + self._inner(self.z) + np.float32(self.datum)
        return level

    def velocity(self) -> tuple[Floats, Floats]:
        """Return the velocity [m/s] to the east and to the north in the middle of the cells, each of shape (ny, nx)."""
        u, v = (flat.reshape(self.rows, self.width) for flat in self._old[1:3])
        rows, columns = slice(MARGIN, MARGIN + self.ny), slice(LEFT, LEFT + self.nx)
        east = (u[rows, columns] + u[rows, LEFT + 1 : LEFT + self.nx + 1]) / 2
        south = (v[rows, columns] + v[MARGIN + 1 : MARGIN + self.ny + 1, columns]) / 2
        return east, -south

    def most(self, name: str) -> Floats:
        """Return one of the extremes (see `Extremes`), shape (ny, nx)."""
        return self._inner(getattr(self.extremes, name))

    def stored(self) -> float:
        """Return the volume of water [m3]."""
        return float(self._old[0].sum(dtype=np.float64) + self.rest.sum(dtype=np.float64)) * self.cell_size**2

    def mass_error(self) -> float:
        """Return what is missing or too much, over all water that was ever there [-]."""
        came = sum(amount for kind, amount in self.flow.items() if kind != "drained") - self.flow["drained"]
        whole = self.stored_at_start + sum(abs(amount) for amount in self.flow.values())
        return abs(self.stored() - self.stored_at_start - came) / max(whole, 1e-9)

    # --- what acts on it ---------------------------------------------------------------------------------------------

    def cell(self, row: Any, column: Any) -> Ints:
        """Return flat indices of cells; -1 and ny (nx) are the ring outside."""
        return np.atleast_1d((np.asarray(row) + MARGIN) * self.width + np.asarray(column) + LEFT).astype(np.int64)

    def take(self, cells: Ints, volume: float) -> float:
        """Take up to a volume [m3] from cells, in equal shares of what each holds; return what was taken [m3]."""
        area, deep = self.cell_size**2, self._old[0]
        if len(cells) == 1:  # gates take in every step
            own = int(cells[0])
            before = float(deep[own])
            deep[own] = max(0.0, before - max(volume, 0.0) / area)
            return (before - float(deep[own])) * area
        has = deep[cells].sum(dtype=np.float64) * area
        if has <= 0 or volume <= 0:
            return 0.0
        kept = np.float32(max(0.0, 1 - volume / has))
        each = deep[cells].astype(np.float64)
        deep[cells] *= kept
        return float((each - deep[cells]).sum()) * area

    def give(self, cells: Ints, volume: float) -> None:
        """Give a volume [m3] to cells, in equal parts; what float32 cannot hold waits in `rest`."""
        self.rest[cells] += np.float32(volume / len(cells) / self.cell_size**2)

    def level_at(self, cells: Ints) -> float:
        """Return the mean water level [m] of some cells, those that are wet; the lowest ground where all are dry."""
        if len(cells) == 1:  # gates ask too
            own, deep = int(cells[0]), float(self._old[0][cells[0]])
            return float(self.z[own]) + (deep if deep > kernel.DRY else 0.0) + self.datum
        h, z = self._old[0][cells].astype(np.float64), self.z[cells].astype(np.float64)
        wet = h > kernel.DRY
        return float((h + z)[wet].mean() if wet.any() else z.min()) + self.datum

    def soak_into(self, conductivity: Any, suction: Any) -> None:
        """Let ground soak: conductivity [m/s] and suction times deficit [m], numbers or of shape (ny, nx)."""
        fields = self._field(0), self._field(0)
        for flat, value in zip(fields, (conductivity, suction), strict=True):
            self._inner(flat)[:] = np.broadcast_to(value, (self.ny, self.nx))
        self.soil = Soil(*fields, self._field(0))

    def open_ring(self, row: Any, column: Any, below: float = 0.0) -> Ints:
        """Give cells of the ring outside the ground of their neighbour inside, less `below` [m]; return them."""
        rows, columns = np.broadcast_arrays(np.asarray(row), np.asarray(column))
        inside = self.cell(np.clip(rows, 0, self.ny - 1), np.clip(columns, 0, self.nx - 1))
        cells = self.cell(rows, columns)
        has_ground = self.z[inside] < kernel.WALL
        cells, inside = cells[has_ground], inside[has_ground]
        self.z[cells] = self.z[inside] - np.float32(below)
        self.n2[cells] = self.n2[inside]
        return cells

    def raise_ground(self, cells: Ints, crest: float) -> None:
        """Raise the ground of cells to a crest [m], never lower it."""
        self.z[cells] = np.maximum(self.z[cells], np.float32(crest - self.datum))

    def survey(self) -> None:
        """Find where the ground rises like a weir, after it was changed."""
        kernel.survey(self.z, self.width, self.cell_size, self._rises)

    def rain(self, rate: Any) -> None:
        """Let it rain from now on [m/s], a number or shape (ny, nx); walls take none."""
        inner = self._inner(self.rate)
        inner[:] = np.where(self._inner(self.z) < kernel.WALL, rate, 0)
        self._rain_m3_s = float(inner.sum(dtype=np.float64)) * self.cell_size**2
        self._find_sources()

    _rain_m3_s = 0.0

    def _find_sources(self) -> None:
        """Find the tiles that never sleep: water may come by itself into one of their cells, or beside them."""
        comes = self.rate > 0
        groups: list[Held | Source] = [*self.held, *self.sources]
        for group in groups:
            comes[group.cells] = True
        for structure in self.structures:
            for cells in structure.places():
                comes[cells] = True
        fields, walls = (flat.reshape(self.rows, self.width) for flat in (comes, self.z >= kernel.WALL))
        for at in np.ndindex(self._wake.shape):
            r0, r1, c0, c1 = self._tiles[at]
            self._has_source[at] = fields[r0 - 1 : r1 + 1, c0 - 1 : c1 + 1].any()
            self._has_ground[at] = not walls[r0:r1, c0:c1].all()
        self._has_source &= self._has_ground
        self._wake |= self._has_source
        self._wake &= self._has_ground

    # --- time --------------------------------------------------------------------------------------------------------

    def run_to(self, end: float) -> None:
        """Advance to a time [s]."""
        self.survey()
        set_num_threads(min(self.threads, most_threads()))
        self._find_sources()
        if self.dt == 0:
            self.dt = self._step_for(math.sqrt(9.81 * float(self._old[0].max())))
        while self.t < end - 1e-9:
            self._step(min(self.dt, end - self.t))

    def _step(self, dt: float) -> None:
        area, middle = self.cell_size**2, self.t + dt / 2
        given = [(source, source.discharge(middle)) for source in self.sources]
        for source, discharge in given:
            per_cell = discharge / len(source.cells) / area
            if per_cell > 0:
                dt = min(dt, MOST_SOURCE_M / per_cell)
            self.rate[source.cells] += np.float32(per_cell)
        ratio = np.float32(dt / self._last_dt) if self._last_dt else np.float32(1)
        kernel.advance(
            self.advection, self._tiles, self._order, self._wake, self._idle, self._tops, self.width, self._bands,
            self._rises, self.z, self.n2, self.rate, self.rest, self._old, self._new, dt, self.cell_size, ratio,
            self._reach,
        )  # fmt: skip
        self._old, self._new = self._new, self._old
        for source, discharge in given:
            self.rate[source.cells] -= np.float32(discharge / len(source.cells) / area)
            self.flow["sources"] += discharge * dt
        self.flow["rain"] += self._rain_m3_s * dt
        self.t += dt
        self._last_dt = dt
        self._hold()
        for structure in self.structures:
            self.flow["structures"] += structure.move(self, dt)
        self._since_drain += dt
        if self._since_drain >= DRAIN_EVERY_S:
            self.drain()
        self._steps += 1
        self._since_track += dt
        if self._steps % TRACK_STEPS == 0:
            self.track()
        dry = np.float32(math.sqrt(9.81 * kernel.DRY) * 1.001)
        kernel.rouse(self._tops, self._has_source, self._has_ground, dry, self._wake)
        self.dt = min(self._step_for(float(self._tops.max())), GROWTH * self.dt)

    def _step_for(self, top: float) -> float:
        alpha = ALPHA_ADVECTION if self.advection else ALPHA
        return alpha * self.cell_size / max(top, math.sqrt(9.81 * LEAST_DEPTH))

    def _hold(self) -> None:
        for group in self.held:
            if group.level is None:
                depth = np.zeros(len(group.cells), np.float32)
            else:
                depth = np.maximum(np.float32(group.level(self.t) - self.datum) - self.z[group.cells], 0)
            self.flow["held"] += kernel.hold(self._old[0], self.rest, group.cells, depth) * self.cell_size**2

    def drain(self) -> None:
        """Take what drains and ground have swallowed since the last time."""
        if self._since_drain > 0 and self.most_drained.any():
            taken = losses.drain(
                self._tiles, self._idle, self.width, self._old[0], self.most_drained, self._since_drain
            )
            self.flow["drained"] += taken * self.cell_size**2
        if self._since_drain > 0 and (soil := self.soil) is not None:
            taken = losses.soak(
                self._tiles, self._idle, self.width, self._old[0], soil.conductivity, soil.suction, soil.soaked,
                self._since_drain,
            )  # fmt: skip
            self.flow["drained"] += taken * self.cell_size**2
        self._since_drain = 0.0

    def track(self) -> None:
        """Bring the extremes up to now."""
        one = self.extremes
        extremes.track(
            self._tiles, self._order, self._idle, self.width, np.float32(self.t), np.float32(self._since_track),
            self._old[0], self._old[1], self._old[2],
            one.depth, one.speed, one.hazard, one.arrival_low, one.arrival_high, one.above,
        )  # fmt: skip
        self._since_track = 0.0


def warm(threads: int = 1) -> None:
    """Compile everything, so that nobody waits for it later."""
    for advection in (False, True):
        solver = Solver(np.zeros((4, 4)), 1.0, 0.03, 0.1, advection=advection, threads=threads)
        solver.most_drained[:] = 1e-6
        solver.soak_into(1e-6, 0.05)
        solver.held.append(Held(solver.open_ring(-1, np.arange(4)), None))
        solver.run_to(1.0)
        solver.drain()
        solver.track()
