"""The flood on the city of the store: its ground, buildings, drains, pumps and gates; what is reached, by district."""

import hashlib
import json
import math
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import rasterio
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rasterio.enums import Resampling
from rasterio.windows import from_bounds
from scipy.spatial import cKDTree

from gisdata.city import TERRAIN_FILE
from gisdata.facts import HIGH_WATER_M
from simulations.flood import ground, reached, solver
from simulations.flood.model import City, Model, Tell
from simulations.flood.result import code_digest, file_digest
from simulations.flood.scenario import Scenario
from simulations.flood.solver import Held
from simulations.flood.structures import Culvert
from simulations.flood.terrain import Terrain
from twin.city_tables import read_qualities, read_tables
from twin.crs import KOREA_CENTRAL, WGS84, transformer
from twin.errors import BadScenario

Record = dict[str, Any]
BOX = (126.600, 35.925, 126.800, 36.012)
"""Old town, harbour, estates and new town with the streams that cross them: (west, south, east, north) [deg, WGS84]."""
CELLS_M = {"preview": 20, "standard": 10}
M2_S = 44_714.0
"""Period of the main lunar tide [s]."""
SLOPE_OUT = 0.001
"""How the land goes on beyond the box [-]."""
DRAIN_LIMIT_MM_H = 60.0
"""What street inlets let in at most [mm/h]; assumed until the sewers are known."""


class Asked(BaseModel):
    """A flood on the city, as a planner asks for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: str = "july-2023"
    """Name of an event in `presets.toml`."""
    grid: Literal["preview", "standard"] = "preview"
    """Cells of 20 m or of 10 m."""
    rain_percent: float = Field(default=100, ge=0, le=400)
    """Rain of the event [%]."""
    surge_m: float | None = Field(default=None, ge=-1, le=3)
    """Surge on top of the tide [m]; null: the event's own."""
    duration_h: float = Field(default=6, ge=0.5, le=24)
    """How long [h]; of a longer event, the hours around its greatest."""
    failed_pumps: list[str] = []
    """Keys of pump stations that stand still."""
    advection: bool = False
    threads: int = Field(default=2, ge=1, le=16)
    title: dict[str, str] | None = None
    """Written by `check`."""


@cache
def events() -> dict[str, Record]:
    """Return the events by name."""
    return tomllib.loads((Path(__file__).parent / "presets.toml").read_text("utf-8"))


def presets() -> list[Record]:
    """Return id, title and note of the events."""
    return [{"id": name, "title": one["title"], "note": one["note"]} for name, one in events().items()]


def warm() -> None:
    """Compile the solver, so that the first run need not wait for it."""
    solver.warm(2)


def schema() -> Record:
    """Return the JSON Schema of what can be asked."""
    return Asked.model_json_schema()


def check(scenario: Record) -> Record:
    """Return what is asked with its defaults filled in.

    Raises
    ------
    BadScenario
        With every place that is wrong, and why.
    """
    try:
        asked = Asked.model_validate(scenario)
    except ValidationError as error:
        told = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise BadScenario("; ".join(told)) from None
    if asked.preset not in events():
        raise BadScenario(f"there is no event {asked.preset[:40]!r}; there are {', '.join(events())}")
    event = events()[asked.preset]
    surge = event.get("surge_m", 0.0) if asked.surge_m is None else asked.surge_m
    return asked.model_copy(update={"title": event["title"], "surge_m": surge}).model_dump()


def rain_of(asked: Asked) -> tuple[list[tuple[float, float]], float]:
    """Return the rain as steps of (from [s], mm/h), and when it is heaviest [s]."""
    hourly = np.array(events()[asked.preset]["hourly_mm"], float)
    hours = min(math.ceil(asked.duration_h), len(hourly))
    sums = np.convolve(hourly, np.ones(hours), "valid")
    first = int(sums.argmax())
    part = hourly[first : first + hours] * asked.rain_percent / 100
    return [(3600.0 * hour, float(rate)) for hour, rate in enumerate([*part, 0.0])], 3600.0 * (part.argmax() + 0.5)


def tide_of(surge_m: float, high_at_s: float) -> Callable[[float], float]:
    """Return the level of the sea [m above Incheon mean sea level]: highest water when it rains most, plus the surge.

    One cosine of the main lunar tide: the spring range of the harmonic constituents, without their weaker terms.
    """
    return lambda t: HIGH_WATER_M * math.cos(2 * math.pi * (t - high_at_s) / M2_S) + surge_m


def read_ground(data_dir: Path, cell_m: int) -> Terrain:
    """Read the part of the city's terrain that is simulated.

    Raises
    ------
    BadScenario
        The store has no terrain there.
    """
    west, south, east, north = BOX
    x, y = transformer(WGS84, KOREA_CENTRAL).transform([west, east, west, east], [south, south, north, north])
    step = 20.0 * cell_m
    box = (math.floor(min(x) / step) * step, math.floor(min(y) / step) * step,
           math.ceil(max(x) / step) * step, math.ceil(max(y) / step) * step)  # fmt: skip
    path = data_dir / TERRAIN_FILE
    if not path.exists():
        raise BadScenario(f"the city has no terrain at {path}; ./gunsan up makes one")
    with rasterio.open(path) as source:
        shape = (round((box[3] - box[1]) / cell_m), round((box[2] - box[0]) / cell_m))
        window = from_bounds(*box, source.transform)
        values = source.read(1, window=window, out_shape=shape, resampling=Resampling.average, boundless=True,
                             fill_value=np.nan)  # fmt: skip
        transform = rasterio.Affine(cell_m, 0, box[0], 0, -cell_m, box[3])
        return Terrain(values.astype(np.float32), transform, source.crs.to_wkt())


def _box_of(terrain: Terrain) -> tuple[float, float, float, float]:
    ny, nx = terrain.elevation.shape
    west, north = terrain.transform @ (0, 0)
    east, south = terrain.transform @ (nx, ny)
    return west, south, east, north


def _drains(terrain: Terrain, cover: ground.Cover, pumps: Any, failed: list[str]) -> NDArray[np.float64]:
    """Return what ground and drains swallow [mm/h], shape (ny, nx): a catchment drains as its pump station can."""
    swallow = cover.infiltration_mm_h.copy()
    if pumps.empty:
        return swallow
    rows, columns = np.nonzero(cover.built)
    a = terrain.transform
    places = np.column_stack([a.c + a.a * (columns + 0.5), a.f + a.e * (rows + 0.5)])
    _, nearest = cKDTree(np.column_stack([pumps.geom.x, pumps.geom.y])).query(places)
    for number, (key, attributes) in enumerate(zip(pumps.key, pumps.attributes, strict=True)):
        mine = nearest == number
        area = mine.sum() * terrain.cell_size**2
        if area and key not in failed:
            rate = min(attributes["capacity_m3s"] / area * 3.6e6, DRAIN_LIMIT_MM_H)
            swallow[rows[mine], columns[mine]] += rate
    return swallow


def _way_out(model: Model, cover: ground.Cover) -> Held:
    """Return the ring outside the land that goes on beyond the box: water leaves there."""
    ring = np.pad(cover.inland, 1, mode="edge")
    ring[1:-1, 1:-1] = False
    ring[[0, 0, -1, -1], [0, -1, 0, -1]] = False
    rows, columns = np.nonzero(ring)
    return Held(model.solver.open_ring(rows - 1, columns - 1, SLOPE_OUT * model.solver.cell_size), None)


def _gates(model: Model, terrain: Terrain, cover: ground.Cover, gates: Any) -> list[Culvert]:
    """Return the tide gates: from the nearest low cell on land to the nearest cell of the sea, never back."""
    a, found = terrain.transform, []
    land = np.argwhere(cover.inland)
    sea = np.argwhere(cover.shore)
    if not len(land) or not len(sea):
        return []
    trees = [cKDTree(cells) for cells in (land, sea)]
    for at, attributes in zip(gates.geom, gates.attributes, strict=True):
        here = ((at.y - a.f) / a.e - 0.5, (at.x - a.c) / a.a - 0.5)
        near = [index for index in trees[0].query(here, k=25)[1] if index < len(land)]
        inside = min((land[index] for index in near), key=lambda cell: terrain.elevation[tuple(cell)])
        outside = sea[trees[1].query(inside)[1]]
        found.append(
            Culvert(model.solver.cell(*inside), model.solver.cell(*outside), attributes["width_m"], 2.0,
                    attributes["sill_m"], is_one_way=True)
        )  # fmt: skip
    return found


def run(dsn: str, data_dir: Path, scenario: Record, out: Path, tell: Tell) -> Record:
    """Simulate on the city of a store; see `simulations.registry.Simulation.run`."""
    asked = Asked.model_validate(scenario)
    tell(0.0, "reading the city")
    terrain = read_ground(data_dir, CELLS_M[asked.grid])
    box = _box_of(terrain)
    tables = read_tables(dsn, ("building", "water_body", "land_use", "road_link", "facility", "asset"), box)
    tables |= read_tables(dsn, ("admin_unit",))
    assets = tables["asset"]
    kind = assets.attributes.map(lambda facts: facts.get("kind"))
    pumps = assets[kind == "pump"]
    unknown = set(asked.failed_pumps) - set(pumps.key)
    if unknown:
        raise BadScenario(f"failed_pumps: there is no pump station {', '.join(sorted(unknown))} in the simulated area")
    cover = ground.cover_of(terrain, tables)
    rain, heaviest = rain_of(asked)
    tide = tide_of(asked.surge_m or 0.0, heaviest)
    duration = asked.duration_h * 3600
    own = Scenario.model_validate(
        {"title": asked.preset, "duration_s": duration, "output_interval_s": 600, "advection": asked.advection,
         "rain": {"rate_mm_h": rain}}
    )  # fmt: skip
    swallow = _drains(terrain, cover, pumps, asked.failed_pumps)
    level = cover.elevation
    city = City(cover.walls, [(cover.shore, tide)], swallow, cover.mannings_n)
    model = Model(Terrain(level, terrain.transform, terrain.crs), own, threads=asked.threads, city=city)
    model.solver.held.append(_way_out(model, cover))
    model.solver.structures += _gates(model, terrain, cover, assets[kind == "gate"])
    found = model.run(out, tell)
    tell(1.0, "who and what is reached")
    what = reached.find(terrain, model.solver, tables, cover)
    files = found.files + reached.write(out, what)
    qualities = read_qualities(dsn)
    facts = found.facts | {
        "simulation": "flood",
        "files": files, "totals": what.totals, "districts": what.districts, "places": what.places,
        "is_synthetic": qualities.get("terrain", "synthetic") == "synthetic",
        "measures": [
            {"name_ko": row.name_ko, "name_en": row.name_en, "kind": "failed_pump",
             "at": transformer(KOREA_CENTRAL, WGS84).transform(row.geom.x, row.geom.y)}
            for row in pumps[pumps.key.isin(asked.failed_pumps)].itertuples()
        ],
        "receipt": _receipt(asked, cover, swallow, out, found.files),
    }  # fmt: skip
    (out / "result.json").write_text(json.dumps(facts))
    return facts


def _receipt(asked: Asked, cover: ground.Cover, swallow: NDArray[Any], out: Path, files: list[str]) -> Record:
    """Return what names this run: the digest of its inputs, of its code, and of what it wrote."""
    digest = hashlib.sha256(asked.model_dump_json().encode())
    for part in (cover.elevation, cover.walls, cover.mannings_n, cover.shore, swallow):
        digest.update(np.ascontiguousarray(part).tobytes())
    outputs = {name: file_digest(out / name) for name in files}
    return {
        "asked": asked.model_dump(),
        "digest": digest.hexdigest(),
        "version": code_digest()[:12],
        "outputs": outputs,
    }
