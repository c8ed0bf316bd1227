"""From a terrain and a scenario to a result in a folder."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import rasterio.features
from numpy.typing import NDArray
from shapely.geometry import LineString

from simulations.flood import checkpoint, structures
from simulations.flood import scenario as scenarios
from simulations.flood.result import Frames, GaugeTable, Result
from simulations.flood.scenario import Amount, Barrier, Boundary, Culvert, Pump, Rain, Scenario, Soil
from simulations.flood.sewer import Inlet, Sewer, coordinates
from simulations.flood.solver import Held, Ints, Solver, Source
from simulations.flood.terrain import Terrain, aligned, require_datum
from twin.errors import BadScenario
from twin.vertical import is_same

CHECKPOINT_S = 30.0
"""Wall time between two checkpoints [s]."""
Tell = Callable[[float, str], None]
MM_H = 1 / 3.6e6
"""From mm/h to m/s."""


@dataclass
class City:
    """What a city adds to a scenario; all of shape (ny, nx).

    Parameters
    ----------
    walls
        Buildings: water goes around them, and their roofs' rain falls beside them.
    held
        Cells with the level [m] of the sea or a river over time [s].
    drained_mm_h
        What drains and ground swallow at most [mm/h].
    wave_depth
        Depth [m] from which on waves run no faster; None: they always do. See `Solver`.
    """

    walls: NDArray[np.bool_]
    held: list[tuple[NDArray[np.bool_], Callable[[float], float]]] = field(default_factory=list)
    drained_mm_h: NDArray[Any] | float = 0.0
    mannings_n: NDArray[Any] | float = 0.035
    wave_depth: float | None = None


def series(amount: Amount) -> Callable[[float], float]:
    """Return an amount as a function of time [s]."""
    if isinstance(amount, int | float):
        value = float(amount)
        return lambda _t: value
    times, values = (np.array(column, float) for column in zip(*amount, strict=True))
    if (np.diff(times) < 0).any():
        raise BadScenario(f"the times of a series go back: {times[:-1][np.diff(times) < 0][0]} s and then less")
    return lambda t: float(np.interp(t, times, values))


class Model:
    """A scenario on a terrain, ready to run."""

    def __init__(self, terrain: Terrain, scenario: Scenario, *, threads: int = 1, city: City | None = None) -> None:
        self.terrain, self.scenario = terrain, scenario
        self.datum = _datum(terrain, scenario)
        elevation = terrain.elevation.astype(np.float64)
        if city is not None:
            elevation[city.walls] = np.nan
        rough: Any = scenario.mannings_n if city is None else city.mannings_n
        rough = aligned(rough, terrain, "mannings_n") if isinstance(rough, Path) else rough
        self.solver = Solver(
            elevation, terrain.cell_size, rough, self._initial(elevation), advection=scenario.advection,
            threads=threads, wave_depth=None if city is None else city.wave_depth,
        )  # fmt: skip
        self._roofs = np.ones(elevation.shape) if city is None else _roof_rain(city.walls)
        swallow: Any = scenario.infiltration_mm_h if city is None else city.drained_mm_h
        swallow = aligned(swallow, terrain, "infiltration_mm_h") if isinstance(swallow, Path) else swallow
        if np.any(np.asarray(swallow) < 0):
            raise BadScenario(f"infiltration_mm_h of {np.min(swallow)} mm/h is negative")
        inner = self.solver._inner(self.solver.most_drained)
        inner[:] = np.broadcast_to(np.asarray(swallow) * MM_H, elevation.shape)
        if (soil := scenario.soil) is not None:
            self._soak(soil)
        self.shown = np.ones(elevation.shape, bool)  # the sea is no flood
        for mask, level in city.held if city else []:
            self.shown &= ~mask
            rows, columns = np.nonzero(mask & np.isfinite(elevation))
            self.solver.held.append(Held(self.solver.cell(rows, columns), level))
        for number, boundary in enumerate(scenario.boundaries):
            self._bound(boundary, f"boundaries.{number}")
        for point in scenario.sources:
            self.solver.sources.append(Source(self._at(point.x, point.y, "a source"), series(point.discharge_m3_s)))
        for structure in scenario.structures:
            self._build(structure)
        self.sewer = self._sewer(scenario.sewer) if scenario.sewer else None
        for gauge in scenario.gauges:
            terrain.cell_of(gauge.x, gauge.y, f"gauge {gauge.name!r}")

    def _soak(self, soil: Soil) -> None:
        given = {name: aligned(value, self.terrain, name) if isinstance(value, Path) else value for name, value in soil}
        for name, value in given.items():
            if np.min(value) < 0:
                raise BadScenario(f"soil.{name} of {np.min(value)} is negative")
        self.solver.soak_into(given["conductivity_mm_h"] * MM_H, given["suction_mm"] / 1000 * given["deficit"])

    def _initial(self, elevation: NDArray[Any]) -> Any:
        first = self.scenario.initial
        if first is None:
            return 0.0
        given = first.depth_m if first.depth_m is not None else first.level_m
        value: Any = aligned(given, self.terrain, "initial") if isinstance(given, Path) else given
        if isinstance(first.level_m, Path):
            require_datum(self.terrain, first.level_m, "initial.level_m")
        depth = value if first.depth_m is not None else np.maximum(value - elevation, 0)
        if np.nanmin(depth) < 0:
            raise BadScenario(f"initial.depth_m of {np.nanmin(depth)} m is negative")
        return depth

    def _at(self, x: float, y: float, what: str, radius_m: float = 0.0) -> Ints:
        row, column = self.terrain.cell_of(x, y, what)
        reach = int(radius_m // self.terrain.cell_size)
        rows, columns = (one.ravel() for one in np.mgrid[row - reach : row + reach + 1,
                                                         column - reach : column + reach + 1])  # fmt: skip
        ny, nx = self.terrain.elevation.shape
        inside = (rows >= 0) & (rows < ny) & (columns >= 0) & (columns < nx)
        inside &= np.hypot(rows - row, columns - column) <= reach + 0.5
        cells = self.solver.cell(rows[inside], columns[inside])
        cells = cells[self.solver.z[cells] < 1e6]
        if not len(cells):
            raise BadScenario(f"{what} at ({x}, {y}) stands on a wall")
        return cells

    def _bound(self, boundary: Boundary, where: str) -> None:
        if boundary.kind == "wall":
            return
        solver = self.solver
        is_inside = boundary.kind == "discharge"
        if boundary.cells is not None:
            rows, columns = (np.array(one) for one in zip(*boundary.cells, strict=True))
            ny, nx = self.terrain.elevation.shape
            if ((rows < 0) | (rows >= ny) | (columns < 0) | (columns >= nx)).any():
                raise BadScenario(f"{where}: a cell is outside {ny} rows and {nx} columns")
            cells = solver.cell(rows, columns)
            inside = outside = cells[solver.z[cells] < 1e6]
        else:
            rows, columns = self._ring(boundary)
            ny, nx = self.terrain.elevation.shape
            inside = solver.cell(np.clip(rows, 0, ny - 1), np.clip(columns, 0, nx - 1))
            inside = inside[solver.z[inside] < 1e6]
            below = boundary.slope * self.terrain.cell_size
            outside = np.zeros(0, np.int64) if is_inside else solver.open_ring(rows, columns, below)
            if boundary.edge == "all" and not is_inside:
                outside = np.concatenate([outside, self._border(below)])
        if not len(inside if is_inside else outside):
            raise BadScenario(f"{where}: there is no ground along it")
        if boundary.discharge_m3_s is not None:
            solver.sources.append(Source(inside, series(boundary.discharge_m3_s)))
        elif boundary.level_m is None:
            solver.held.append(Held(outside, None))
        else:
            level = series(boundary.level_m)
            most = max(level(t) for t in np.linspace(0, self.scenario.duration_s, 1000))
            lowest = float(solver.z[outside].min()) + solver.datum
            if most <= lowest:
                raise BadScenario(f"{where}: the level of at most {most:g} m never reaches its ground ({lowest:g} m)")
            solver.held.append(Held(outside, level))

    def _ring(self, boundary: Boundary) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return rows and columns of the ring cells along an edge, or the part of it that is meant."""
        ny, nx = self.terrain.elevation.shape
        west_east, north_south = np.arange(nx), np.arange(ny)
        edges = {
            "north": (np.full(nx, -1), west_east), "south": (np.full(nx, ny), west_east),
            "west": (north_south, np.full(ny, -1)), "east": (north_south, np.full(ny, nx)),
        }  # fmt: skip
        chosen = list(edges.values()) if boundary.edge == "all" else [edges[str(boundary.edge)]]
        rows, columns = (np.concatenate(parts) for parts in zip(*chosen, strict=True))
        if (boundary.from_m is None and boundary.to_m is None) or boundary.edge == "all":
            return rows, columns
        a = self.terrain.transform
        x, y = a.c + a.a * (columns + 0.5), a.f + a.e * (rows + 0.5)
        along = y if boundary.edge in ("west", "east") else x
        low = -np.inf if boundary.from_m is None else boundary.from_m
        high = np.inf if boundary.to_m is None else boundary.to_m
        part = (along >= min(low, high)) & (along <= max(low, high))
        return rows[part], columns[part]

    def _border(self, below: float) -> Ints:
        """Turn cells without data beside ground into outer boundary; return them."""
        ground = np.isfinite(self.terrain.elevation)
        cells = []
        for dr, dc in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            near = np.zeros_like(ground)
            a = (slice(max(dr, 0), ground.shape[0] + min(dr, 0)), slice(max(dc, 0), ground.shape[1] + min(dc, 0)))
            b = (slice(max(-dr, 0), ground.shape[0] + min(-dr, 0)), slice(max(-dc, 0), ground.shape[1] + min(-dc, 0)))
            near[a] = ground[b] & ~ground[a]
            rows, columns = np.nonzero(near)
            outside, inside = self.solver.cell(rows, columns), self.solver.cell(rows - dr, columns - dc)
            self.solver.z[outside] = np.minimum(self.solver.z[outside], self.solver.z[inside] - np.float32(below))
            cells.append(outside)
        return np.unique(np.concatenate(cells))

    def _line(self, line: list[tuple[float, float]]) -> Ints:
        burnt = rasterio.features.rasterize(
            [LineString(line)], self.terrain.elevation.shape, transform=self.terrain.transform, all_touched=True,
            dtype="uint8",
        )  # fmt: skip
        rows, columns = np.nonzero(burnt)
        if not len(rows):
            raise BadScenario(f"a barrier from {line[0]} to {line[-1]} is outside the terrain")
        return self.solver.cell(rows, columns)

    def _build(self, one: Pump | Culvert | Barrier) -> None:
        solver = self.solver
        if isinstance(one, Barrier):
            solver.raise_ground(self._line(one.line), one.crest_m)
            if one.breach_at_s is not None and one.breach_to_m is not None:
                cells = self._line(one.breach_line or one.line)
                solver.structures.append(structures.Breach(cells, one.breach_at_s, one.breach_to_m))
            return
        name = f"{one.kind} {one.name!r}"
        if isinstance(one, Pump):
            on = -np.inf if one.on_level_m is None else one.on_level_m
            off = on if one.off_level_m is None else one.off_level_m
            if off > on:
                raise BadScenario(f"{name} stops at {off} m, above the {on} m at which it starts")
            solver.structures.append(
                structures.Pump(
                    self._at(*one.at, name, one.radius_m), self._at(*one.to, name) if one.to else None,
                    one.capacity_m3_s, on, off, one.failed_s,
                )
            )  # fmt: skip
        else:
            solver.structures.append(
                structures.Culvert(
                    self._at(*one.at, name), self._at(*one.to, name), one.width_m, one.height_m, one.sill_m,
                    one.coefficient, one.kind == "gate", one.closed_s,
                )
            )  # fmt: skip

    def _sewer(self, asked: scenarios.Sewer) -> Sewer:
        inlets = asked.inlets
        if not inlets:
            west, north = self.terrain.transform @ (0, 0)
            east, south = self.terrain.transform @ self.terrain.elevation.shape[::-1]
            inlets = [
                scenarios.Inlet(node=node, x=x, y=y) for node, (x, y) in coordinates(asked.model).items()
                if west <= x < east and south < y <= north
            ]  # fmt: skip
        cells = [(one, self._at(one.x, one.y, f"inlet {one.node!r}")) for one in inlets]
        sewer = Sewer(asked.model, [Inlet(one.node, at, one.weir_m, one.area_m2) for one, at in cells], asked.step_s)
        self.solver.structures.append(sewer)
        return sewer

    # --- running -----------------------------------------------------------------------------------------------------

    def run(self, out: Path, tell: Tell = lambda share, what: None, *, resume: bool = False) -> Result:
        """Simulate and write the result.

        Parameters
        ----------
        out
            Folder for the result; made when missing.
        resume
            Go on from the checkpoint that lies there, if one does.
        """
        out.mkdir(parents=True, exist_ok=True)
        scenario, solver, kept = self.scenario, self.solver, out / "checkpoint.npz"
        frames, gauges = Frames(self.terrain.elevation.shape), GaugeTable(self.terrain, scenario.gauges)
        mark = sha256(scenario.model_dump_json().encode() + solver.z.tobytes()).hexdigest()
        started = saved = time.monotonic()
        done = -1.0
        if resume and checkpoint.fits(solver, kept, mark):
            more = checkpoint.load(solver, kept)
            done = solver.t + 1e-9
            frames.load(more)
            gauges.load(more)
            if self.sewer is not None:
                self.sewer.load(more)
        stops = sorted({*scenario.times(), *self._gauge_times(), *(t for t, _ in self._rain_steps())})
        stops = [t for t in stops if t <= scenario.duration_s]
        outputs, rain = set(scenario.times()), dict(self._rain_steps())
        for stop in stops:
            if stop <= done:
                continue
            solver.run_to(stop)
            if stop in outputs:
                solver.drain()
                solver.track()
                frames.add(stop, solver.depth * self.shown)
                tell(stop / scenario.duration_s, f"{stop / 60:.0f} / {scenario.duration_s / 60:.0f} min")
            if stop in self._gauge_set:
                gauges.add(stop, solver)
            if stop in rain:
                solver.rain(rain[stop]() * self._roofs)
            if time.monotonic() - saved > CHECKPOINT_S:
                below = self.sewer.kept() if self.sewer is not None else {}
                checkpoint.save(solver, kept, mark, **frames.kept(), **gauges.kept(), **below)
                saved = time.monotonic()
        kept.unlink(missing_ok=True)
        facts: dict[str, Any] = {"vertical_datum": self.datum, "has_levels": scenario.has_levels()}
        if self.sewer is not None:
            solver.flow["structures"] += self.sewer.settle(solver)
            self.sewer.close()
            facts["sewer_m3"] = self.sewer.facts()
        return Result.write(out, self.terrain, scenario, solver, frames, gauges, time.monotonic() - started, facts)

    def play(self, end: float) -> None:
        """Run to a time [s] without writing anything."""
        for t, rate in self._rain_steps():
            if t < end:
                self.solver.run_to(t)
                self.solver.rain(rate() * self._roofs)
        self.solver.run_to(end)
        self.solver.drain()

    def _gauge_times(self) -> list[float]:
        interval = self.scenario.gauge_interval_s or min(self.scenario.output_interval_s, 60.0)
        times = np.arange(0, self.scenario.duration_s + 1e-6, interval).tolist() if self.scenario.gauges else []
        self._gauge_set = set(times)
        return times

    def _rain_steps(self) -> list[tuple[float, Callable[[], Any]]]:
        """Return the times [s] at which the rain changes, and what it is then [m/s]."""
        rain = self.scenario.rain
        if rain is None:
            return []
        if rain.rasters:
            return [(one.t_s, partial(self._rain_raster, one.path)) for one in rain.rasters]
        if rain.gauges:
            times = sorted({max(t, 0.0) for gauge in rain.gauges for t, _ in gauge.rate_mm_h})
            shares = _shares(rain, self.terrain)
            return [(t, partial(_rain_field, rain, shares, t)) for t in times]
        return [(t, partial(float, rate * MM_H)) for t, rate in _rain_table(rain, self.scenario.duration_s)]

    def _rain_raster(self, path: Path) -> Any:
        rate = aligned(path, self.terrain, "rain")
        if rate.min() < 0:
            raise BadScenario(f"rain of {rate.min()} mm/h in {path} is negative")
        return rate * MM_H


def _datum(terrain: Terrain, scenario: Scenario) -> str | None:
    """Return the name of what all heights are above; None where neither file says it."""
    ground, levels = terrain.vertical_datum, scenario.vertical_datum
    if ground and levels and not is_same(ground, levels):
        raise BadScenario(f"vertical_datum: the levels are above {levels}, the heights of the terrain above {ground}")
    if ground and not levels and scenario.has_levels():
        raise BadScenario(
            f"vertical_datum: the heights of the terrain are above {ground}, and the scenario has levels; "
            f'say "vertical_datum": "{ground}" if they are above the same'
        )
    return levels or ground


def _rain_table(rain: Rain, duration_s: float) -> list[tuple[float, float]]:
    """Return rain as steps: (from [s], mm/h); a linear series is cut into minutes, each with its mean."""
    if isinstance(rain.rate_mm_h, int | float):
        return [(0.0, float(rain.rate_mm_h))]
    assert rain.rate_mm_h is not None
    if rain.between == "step":
        return [(max(t, 0.0), rate) for t, rate in rain.rate_mm_h]
    at = series(rain.rate_mm_h)
    return [(t, at(t + 30)) for t in np.arange(0, duration_s, 60.0).tolist()]


def _shares(rain: Rain, terrain: Terrain) -> NDArray[np.float32]:
    """Return how much each gauge counts in each cell [-], shape (gauges, ny, nx): inverse squares of the distances."""
    ny, nx = terrain.elevation.shape
    a = terrain.transform
    x, y = a.c + a.a * (np.arange(nx) + 0.5), a.f + a.e * (np.arange(ny) + 0.5)
    near = [1 / np.maximum((x - g.x) ** 2 + (y[:, None] - g.y) ** 2, terrain.cell_size**2) for g in rain.gauges]
    shares: NDArray[np.float32] = np.array(near, np.float32)
    shares /= shares.sum(axis=0)
    return shares


def _rain_field(rain: Rain, shares: NDArray[np.float32], t: float) -> NDArray[np.float32]:
    """Return what the gauges say at a time [s] as a field [m/s]; before its first value a gauge says nothing: 0."""
    rates = [max((one for one in gauge.rate_mm_h if one[0] <= t), default=(t, 0.0))[1] for gauge in rain.gauges]
    field: NDArray[np.float32] = np.tensordot(np.array(rates, np.float32) * np.float32(MM_H), shares, 1)
    return field


def _roof_rain(walls: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return by how much more it rains on a cell because the nearest roofs shed theirs there [-], shape (ny, nx)."""
    from scipy.ndimage import distance_transform_edt

    share = (~walls).astype(float)
    if walls.any() and not walls.all():
        row, column = distance_transform_edt(walls, return_distances=False, return_indices=True)
        np.add.at(share, (row[walls], column[walls]), 1.0)
    return share
