"""The part of the city that is simulated, as its store knows it: ground, buildings, drains, pumps, tide gates."""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.windows import from_bounds
from scipy.spatial import cKDTree

from gisdata.city import TERRAIN_FILE
from simulations.flood import ground
from simulations.flood.model import MM_H, City, Model
from simulations.flood.scenario import Scenario
from simulations.flood.solver import Held, Solver
from simulations.flood.structures import Culvert
from simulations.flood.terrain import Terrain
from simulations.flood.tiers import BOX, WAVE_DEPTH_M, Box
from twin.city_tables import read_tables
from twin.crs import KOREA_CENTRAL, WGS84, transformer
from twin.errors import BadScenario
from twin.vertical import INCHEON, datum_of, is_same

SLOPE_OUT = 0.001
"""How the land goes on beyond the box [-]."""
DRAIN_LIMIT_MM_H = 60.0
"""What street inlets let in at most [mm/h]; assumed until the sewers are known."""
GRAVITY_MM_H = 40.0
"""What sewers carry to the sea by their own fall while the tide is low [mm/h]; assumed until the sewers are known."""
FULL_FALL_M = 1.5
"""Height of low ground above the tide [m] from which they carry all of it; assumed."""
LOW_PERCENT = 10
"""The low ground of a drained area: this share of it lies lower [%]."""


def _transformed(box: Box) -> Box:
    west, south, east, north = box
    x, y = transformer(WGS84, KOREA_CENTRAL).transform([west, east, west, east], [south, south, north, north])
    return min(x), min(y), max(x), max(y)


def read_ground(data_dir: Path, cell_m: int, box: Box = BOX) -> Terrain:
    """Read a part of the city's terrain.

    Parameters
    ----------
    box
        (west, south, east, north) [deg, WGS84].

    Raises
    ------
    BadScenario
        The store has no terrain there, or heights above another datum than the tide's.
    """
    west, south, east, north = _transformed(box)
    step = 20.0 * cell_m
    west, south = math.floor(west / step) * step, math.floor(south / step) * step
    east, north = math.ceil(east / step) * step, math.ceil(north / step) * step
    return _read(data_dir, cell_m, (west, south, east, north))


def read_finer(data_dir: Path, coarse: Terrain) -> Terrain | None:
    """Read the city's terrain on its own cells within another; None when these are no whole part of the other's."""
    with rasterio.open(data_dir / TERRAIN_FILE) as source:
        own = source.res[0]
    is_part = own < coarse.cell_size and abs(coarse.cell_size / own - round(coarse.cell_size / own)) < 1e-6
    return _read(data_dir, own, _box_of(coarse)) if is_part else None


def _read(data_dir: Path, cell_m: float, box: Box) -> Terrain:
    west, south, east, north = box
    path = data_dir / TERRAIN_FILE
    if not path.exists():
        raise BadScenario(f"the data folder has no {path.name}; ./gunsan up makes one")
    with rasterio.open(path) as source:
        shape = (round((north - south) / cell_m), round((east - west) / cell_m))
        window = from_bounds(west, south, east, north, source.transform)
        how = Resampling.average if cell_m >= source.res[0] else Resampling.bilinear
        values = source.read(1, window=window, out_shape=shape, resampling=how, boundless=True, fill_value=np.nan)
        transform = rasterio.Affine(cell_m, 0, west, 0, -cell_m, north)
        datum = datum_of(source.tags(), source.crs.to_wkt())
        if datum is None or not is_same(datum, INCHEON):
            raise BadScenario(f"{path.name}: heights above {datum or 'an unnamed datum'}; the tide is above {INCHEON}")
        return Terrain(values.astype(np.float32), transform, source.crs.to_wkt(), datum)


def _box_of(terrain: Terrain) -> Box:
    ny, nx = terrain.elevation.shape
    west, north = terrain.transform @ (0, 0)
    east, south = terrain.transform @ (nx, ny)
    return west, south, east, north


@dataclass
class Drains:
    """What the sewers swallow [m/s]: by their own fall while the tide is low, by pumps at any tide.

    Parameters
    ----------
    cells
        Flat indices of drained cells, `area` the number of the drained area of each.
    pumped
        What the pump station of each area can [m/s].
    low
        Low ground of each area [m].
    soaks
        What the ground of each cell takes besides [m/s].
    gravity
        What the sewers carry by their own fall at low tide [m/s]; 0 where a sewer model does.
    """

    cells: NDArray[np.int64]
    area: NDArray[np.int64]
    pumped: NDArray[np.float64]
    low: NDArray[np.float64]
    soaks: NDArray[np.float64]
    tide: Callable[[float], float]
    gravity: float
    _minute: float = field(default=-1.0, init=False)

    def places(self) -> list[NDArray[np.int64]]:
        """Return none: where it is dry there is nothing to drain."""
        return []

    def move(self, solver: Solver, dt: float) -> float:
        """Set what is drained from now on, once a minute; no water moves here."""
        minute = solver.t // 60
        if minute != self._minute:
            self._minute = minute
            fall = np.clip((self.low - self.tide(60 * minute)) / FULL_FALL_M, 0, 1)
            swallow = np.minimum(self.pumped + self.gravity * np.sqrt(fall), DRAIN_LIMIT_MM_H * MM_H)
            solver.most_drained[self.cells] = self.soaks + swallow[self.area]
        return 0.0


@dataclass(frozen=True)
class Catchment:
    """The simulated part of the city.

    Parameters
    ----------
    tables
        Frames of the city's tables, EPSG:5186.
    pumps, gates
        Assets of these kinds.
    """

    terrain: Terrain
    cover: ground.Cover
    tables: dict[str, Any]
    pumps: Any
    gates: Any

    @classmethod
    def read(cls, dsn: str, data_dir: Path, cell_m: int, box: Box = BOX) -> "Catchment":
        """Read it from the store."""
        terrain = read_ground(data_dir, cell_m, box)
        names = ("building", "water_body", "land_use", "road_link", "facility", "asset")
        tables = read_tables(dsn, names, _box_of(terrain)) | read_tables(dsn, ("admin_unit",))
        assets = tables["asset"]
        kind = assets.attributes.map(lambda facts: facts.get("kind"))
        cover = ground.cover_of(terrain, tables)
        return cls(terrain, cover, tables, assets[kind == "pump"], assets[kind == "gate"])

    def model(
        self, scenario: Scenario, tide: Callable[[float], float], failed: Collection[str] = (), *, threads: int = 1
    ) -> Model:
        """Return the model of it.

        Parameters
        ----------
        tide
            Level of the sea [m above Incheon mean sea level] over time [s].
        failed
            Keys of pump stations that stand still, and of gates that are stuck open.

        Raises
        ------
        BadScenario
            There is no such pump or gate.
        """
        unknown = set(failed) - set(self.pumps.key) - set(self.gates.key)
        if unknown:
            raise BadScenario(
                f"failed_pumps: there is no pump station {', '.join(sorted(unknown))} in the simulated area"
            )
        cover = self.cover
        reach = WAVE_DEPTH_M.get(round(self.terrain.cell_size))
        city = City(cover.walls, [(cover.shore, tide)], cover.infiltration_mm_h, cover.mannings_n, reach)
        ground_now = Terrain(cover.elevation, self.terrain.transform, self.terrain.crs)
        model = Model(ground_now, scenario, threads=threads, city=city)
        model.solver.held.append(self._way_out(model))
        model.solver.structures += self._gates(model, failed)
        if not self.pumps.empty:
            model.solver.structures.append(self._drains(model, tide, failed))
        return model

    def _drains(self, model: Model, tide: Callable[[float], float], failed: Collection[str]) -> Drains:
        """Let every drained cell belong to the nearest pump station."""
        rows, columns = np.nonzero(self.cover.built)
        a, area_m2 = self.terrain.transform, self.terrain.cell_size**2
        places = np.column_stack([a.c + a.a * (columns + 0.5), a.f + a.e * (rows + 0.5)])
        _, area = cKDTree(np.column_stack([self.pumps.geom.x, self.pumps.geom.y])).query(places)
        height = self.cover.elevation[rows, columns]
        pumped, low = np.zeros(len(self.pumps)), np.full(len(self.pumps), np.inf)
        for number, (key, attributes) in enumerate(zip(self.pumps.key, self.pumps.attributes, strict=True)):
            mine = area == number
            if mine.any():
                pumped[number] = 0.0 if key in failed else attributes["capacity_m3s"] / (mine.sum() * area_m2)
                low[number] = np.percentile(height[mine], LOW_PERCENT)
        soaks = self.cover.infiltration_mm_h[rows, columns] * MM_H
        gravity = 0.0 if model.sewer else GRAVITY_MM_H * MM_H
        return Drains(model.solver.cell(rows, columns), area, pumped, low, soaks, tide, gravity)

    def _way_out(self, model: Model) -> Held:
        """Return the ring outside the land that goes on beyond the box: water leaves there."""
        ring = np.pad(self.cover.inland, 1, mode="edge")
        ring[1:-1, 1:-1] = False
        ring[[0, 0, -1, -1], [0, -1, 0, -1]] = False
        rows, columns = np.nonzero(ring)
        return Held(model.solver.open_ring(rows - 1, columns - 1, SLOPE_OUT * model.solver.cell_size), None)

    def _gates(self, model: Model, stuck: Collection[str]) -> list[Culvert]:
        """Return the tide gates: from the nearest low cell on land to the nearest cell of the sea, never back."""
        a, found = self.terrain.transform, []
        land, sea = np.argwhere(self.cover.inland), np.argwhere(self.cover.shore)
        if not len(land) or not len(sea):
            return []
        trees = [cKDTree(cells) for cells in (land, sea)]
        for key, at, attributes in zip(self.gates.key, self.gates.geom, self.gates.attributes, strict=True):
            here = ((at.y - a.f) / a.e - 0.5, (at.x - a.c) / a.a - 0.5)
            near = [index for index in trees[0].query(here, k=25)[1] if index < len(land)]
            inside = min((land[index] for index in near), key=lambda cell: self.terrain.elevation[tuple(cell)])
            outside = sea[trees[1].query(inside)[1]]
            found.append(
                Culvert(model.solver.cell(*inside), model.solver.cell(*outside), attributes["width_m"], 2.0,
                        attributes["sill_m"], is_one_way=key not in stuck)
            )  # fmt: skip
        return found

    def parts(self) -> tuple[NDArray[Any], ...]:
        """Return the fields that decide what the water does, for a digest."""
        cover = self.cover
        return cover.elevation, cover.walls, cover.mannings_n, cover.shore, cover.infiltration_mm_h, cover.built
