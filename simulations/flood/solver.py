"""The shallow-water solver: state, boundaries and time steps around the compiled sweep of `kernel`."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numba
import numpy as np
from numpy.typing import NDArray

from simulations.flood import kernel

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Series = Callable[[float], float]
"""A value over time [s]."""
MARGIN = 3
"""Rows and columns around the area; the innermost ring takes part, as outer boundary."""
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


EXTREMES = ("depth", "speed", "hazard", "arrival_low", "arrival_high", "above")


class Structure(Protocol):
    """Something built that moves water by its own rule."""

    def move(self, solver: "Solver", dt: float) -> float:
        """Move water for a time step [s]; return what came in on the whole [m3]."""
        ...


@dataclass
class Extremes:
    """What was the most so far, each of shape (ny, nx) with the margin around it; see `kernel.track`."""

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
    """

    def __init__(
        self, elevation: NDArray[Any], cell_size: float, mannings_n: Any = 0.035, depth: Any = 0.0,
        *, advection: bool = False, threads: int = 1,
    ) -> None:  # fmt: skip
        self.ny, self.nx = elevation.shape
        self.cell_size, self.advection, self.threads = float(cell_size), advection, threads
        columns = -(-(self.nx + 2) // 64) * 64
        # one row more below: the halo of the last tile looks a row past the margin
        self.rows, self.width = self.ny + 2 * MARGIN + 1, columns + 4
        ground = np.isfinite(elevation)
        self.datum = float(np.floor(np.nanmin(elevation))) if ground.any() else 0.0
        self.z = self._field(kernel.WALL)
        self._inner(self.z)[:] = np.where(ground, elevation - self.datum, kernel.WALL)
        self.n2 = self._field(0)
        self._inner(self.n2)[:] = np.broadcast_to(mannings_n, elevation.shape).astype(np.float32) ** 2
        self.rate, self.most_drained, self.rest = self._field(0), self._field(0), self._field(0)
        self._old, self._new = (np.zeros((5, self.rows * self.width), np.float32) for _ in range(2))
        self._inner(self._old[0])[:] = np.where(ground, np.broadcast_to(depth, elevation.shape), 0)
        self._new[0] = self._old[0]
        self._tile(columns)
        self.t = 0.0
        self.dt = self._last_dt = 0.0
        self.held: list[Held] = []
        self.sources: list[Source] = []
        self.structures: list[Structure] = []
        self.flow = {"rain": 0.0, "sources": 0.0, "held": 0.0, "structures": 0.0, "drained": 0.0}
        """Volume that came in so far by kind [m3]; what was drained went out."""
        self.stored_at_start = self.stored()
        low = -np.ones(self.rows * self.width, np.float32)
        zero = self._field(0)
        self.extremes = Extremes(zero, zero.copy(), zero.copy(), low, low.copy(), zero.copy())
        self._since_track, self._since_drain, self._steps = 0.0, 0.0, 0

    def _field(self, value: Any) -> Floats:
        return np.full(self.rows * self.width, value, np.float32)

    def _inner(self, flat: Floats) -> Floats:
        whole = flat.reshape(self.rows, self.width)
        return whole[MARGIN : MARGIN + self.ny, MARGIN : MARGIN + self.nx]

    def _tile(self, columns: int) -> None:
        starts = range(2, 2 + columns, kernel.COLUMN)
        self._across = len(starts)
        self._tiles = np.array(
            [
                (r, min(r + kernel.ROW, self.ny + 4), c, min(c + kernel.COLUMN, 2 + columns))
                for r in range(2, self.ny + 4, kernel.ROW)
                for c in starts
            ],
            np.int64,
        )
        n = len(self._tiles)
        self._tops, self._wake = np.zeros(n, np.float32), np.ones(n, np.bool_)
        self._idle, self._has_source = np.zeros(n, np.int8), np.zeros(n, np.bool_)
        self._bands = np.zeros((self.threads, 12, self.width), np.float32)

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
        rows, columns = slice(MARGIN, MARGIN + self.ny), slice(MARGIN, MARGIN + self.nx)
        east = (u[rows, columns] + u[rows, MARGIN + 1 : MARGIN + self.nx + 1]) / 2
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
        return np.atleast_1d((np.asarray(row) + MARGIN) * self.width + np.asarray(column) + MARGIN).astype(np.int64)

    def take(self, cells: Ints, volume: float) -> float:
        """Take up to a volume [m3] from cells, in equal shares of what each holds; return what was taken [m3]."""
        has = self._old[0][cells].sum(dtype=np.float64) * self.cell_size**2
        if has <= 0 or volume <= 0:
            return 0.0
        kept = np.float32(max(0.0, 1 - volume / has))
        before = self._old[0][cells].astype(np.float64)
        self._old[0][cells] *= kept
        return float((before - self._old[0][cells]).sum()) * self.cell_size**2

    def give(self, cells: Ints, volume: float) -> None:
        """Give a volume [m3] to cells, in equal parts; what float32 cannot hold waits in `rest`."""
        self.rest[cells] += np.float32(volume / len(cells) / self.cell_size**2)

    def level_at(self, cells: Ints) -> float:
        """Return the mean water level [m] of some cells, those that are wet; the lowest ground where all are dry."""
        h, z = self._old[0][cells].astype(np.float64), self.z[cells].astype(np.float64)
        wet = h > kernel.DRY
        return float((h + z)[wet].mean() if wet.any() else z.min()) + self.datum

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

    def rain(self, rate: Any) -> None:
        """Let it rain from now on [m/s], a number or shape (ny, nx); walls take none."""
        inner = self._inner(self.rate)
        inner[:] = np.where(self._inner(self.z) < kernel.WALL, rate, 0)
        self._rain_m3_s = float(inner.sum(dtype=np.float64)) * self.cell_size**2
        self._find_sources()

    _rain_m3_s = 0.0

    def _find_sources(self) -> None:
        rates = self.rate.reshape(self.rows, self.width)
        for i, (r0, r1, c0, c1) in enumerate(self._tiles):
            self._has_source[i] = bool(rates[r0:r1, c0:c1].any())
        structures: list[Held | Source] = [*self.held, *self.sources]
        for group in structures:
            rows, columns = np.divmod(group.cells, self.width)
            at = (rows - 2) // kernel.ROW * self._across + (columns - 2) // kernel.COLUMN
            self._has_source[np.unique(np.clip(at, 0, len(self._tiles) - 1))] = True
        self._wake |= self._has_source

    # --- time --------------------------------------------------------------------------------------------------------

    def run_to(self, end: float) -> None:
        """Advance to a time [s]."""
        numba.set_num_threads(self.threads)
        self._find_sources()
        if self.dt == 0:
            self.dt = self._step_for(9.81 * max(float(self._old[0].max()), LEAST_DEPTH), is_squared=True)
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
        top = kernel.advance(
            self.advection, self._tiles, self._wake, self._idle, self._tops, self.width, self._bands, self.z, self.n2,
            self.rate, self.rest, self._old, self._new, dt, self.cell_size, ratio,
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
        dry = math.sqrt(9.81 * kernel.DRY) if self.advection else 9.81 * kernel.DRY
        kernel.rouse(self._tops, self._has_source, self._across, np.float32(dry * 1.001), self._wake)
        self.dt = min(self._step_for(float(top), is_squared=not self.advection), GROWTH * self.dt)

    def _step_for(self, top: float, *, is_squared: bool) -> float:
        speed = math.sqrt(top) if is_squared else top
        alpha = ALPHA_ADVECTION if self.advection else ALPHA
        return alpha * self.cell_size / max(speed, math.sqrt(9.81 * LEAST_DEPTH))

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
            taken = kernel.drain(self._old[0], self.rest, self.most_drained, self._since_drain)
            self.flow["drained"] += taken * self.cell_size**2
        self._since_drain = 0.0

    def track(self) -> None:
        """Bring the extremes up to now."""
        one = self.extremes
        kernel.track(
            np.float32(self.t), self._since_track, self.width, self._old[0], self._old[1], self._old[2],
            one.depth, one.speed, one.hazard, one.arrival_low, one.arrival_high, one.above,
        )  # fmt: skip
        self._since_track = 0.0

    # --- stopping and going on ---------------------------------------------------------------------------------------

    _KEPT = ("t", "dt", "_last_dt", "_since_track", "_since_drain", "_steps", "stored_at_start", "_rain_m3_s")
    _ARRAYS = ("rest", "rate", "_old", "_new", "_tops", "_wake", "_idle")

    def save(self, path: Path, **more: Any) -> None:
        """Write a checkpoint (.npz) from which a run goes on bit for bit; whole or not at all.

        Parameters
        ----------
        more
            Arrays of the caller's own, to be given back by `load`.
        """
        fresh = path.with_suffix(".new.npz")
        arrays = {name: getattr(self, name) for name in self._ARRAYS}
        most = {f"most_{name}": getattr(self.extremes, name) for name in EXTREMES}
        numbers = np.array([float(getattr(self, name)) for name in self._KEPT])
        np.savez(fresh, numbers=numbers, flow=np.array(list(self.flow.values())), **arrays, **most,
                 **{f"more_{name}": value for name, value in more.items()})  # fmt: skip
        fresh.rename(path)

    def load(self, path: Path) -> dict[str, NDArray[Any]]:
        """Go on from a checkpoint of the same terrain; return what the caller gave to `save`."""
        with np.load(path) as kept:
            for name, value in zip(self._KEPT, kept["numbers"], strict=True):
                setattr(self, name, float(value))
            self._steps = int(self._steps)
            self.flow = dict(zip(self.flow, map(float, kept["flow"]), strict=True))
            for name in self._ARRAYS:
                getattr(self, name)[...] = kept[name]
            for name in EXTREMES:
                getattr(self.extremes, name)[...] = kept[f"most_{name}"]
            return {name[5:]: kept[name] for name in kept.files if name.startswith("more_")}


def warm(threads: int = 1) -> None:
    """Compile everything, so that nobody waits for it later."""
    for advection in (False, True):
        solver = Solver(np.zeros((4, 4)), 1.0, 0.03, 0.1, advection=advection, threads=threads)
        solver.most_drained[:] = 1e-6
        solver.held.append(Held(solver.open_ring(-1, np.arange(4)), None))
        solver.run_to(1.0)
        solver.drain()
        solver.track()
