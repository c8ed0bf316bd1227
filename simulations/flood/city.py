"""The flood on the city of the store: what a planner may ask, and what is found."""

import hashlib
import json
import math
import os
import tomllib
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gisdata.facts import HIGH_WATER_M
from simulations.flood import reached, solver
from simulations.flood.catchment import Catchment, read_finer
from simulations.flood.checkpoint import code_digest
from simulations.flood.downscale import downscale
from simulations.flood.model import Model, Tell
from simulations.flood.result import Result, millis, write_raster
from simulations.flood.scenario import Scenario
from simulations.flood.terrain import Terrain
from simulations.flood.tiers import BOX, CELLS_M, WINDOW_KM2, Box, area_km2
from simulations.receipt import file_digest
from twin.city_tables import read_qualities
from twin.crs import KOREA_CENTRAL, WGS84, transformer
from twin.errors import BadScenario

Record = dict[str, Any]
FINE = "max_depth_fine.tif"
SEWER = "sewer.inp"
"""Sewer model of the city, in the data folder."""
M2_S = 44_714.0
"""Period of the main lunar tide [s]."""


class Asked(BaseModel):
    """A flood on the city, as a planner asks for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: str = "july-2023"
    """Name of an event in `presets.toml`."""
    grid: Literal["preview", "standard", "window"] = "preview"
    """Cells of 20 m, of 10 m, or of 5 m in a window."""
    window: tuple[float, float, float, float] | None = None
    """Of `window`: (west, south, east, north) [deg, WGS84]. What would flow in from outside is not simulated."""
    rain_percent: float = Field(default=100, ge=0, le=400)
    """Rain of the event [%]."""
    surge_m: float | None = Field(default=None, ge=-1, le=3)
    """Surge on top of the tide [m]; null: the event's own."""
    duration_h: float = Field(default=6, ge=0.5, le=24)
    """How long [h]; of a longer event, the hours around its greatest."""
    failed_pumps: list[str] = []
    """Keys of pump stations that stand still."""
    drains: Literal["capacity", "swmm"] = "capacity"
    """Sewers as rates by catchment, or as the SWMM model `sewer.inp` of the data folder (EPSG:5186, m3/s)."""
    advection: bool = False
    threads: int | None = Field(default=None, ge=1, le=16)
    """Null: two, where there are two cores; the result is the same."""
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
    if "issued" in scenario:
        raise BadScenario("issued: only the clock issues nowcasts")
    try:
        asked = Asked.model_validate(scenario)
    except ValidationError as error:
        told = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise BadScenario("; ".join(told)) from None
    if asked.preset not in events():
        raise BadScenario(f"there is no event {asked.preset[:40]!r}; there are {', '.join(events())}")
    if (asked.grid == "window") != (asked.window is not None):
        raise BadScenario(f"window: the grid is {asked.grid}; a window and the grid `window` belong together")
    if asked.window is not None:
        _check_window(asked.window)
    event = events()[asked.preset]
    surge = event.get("surge_m", 0.0) if asked.surge_m is None else asked.surge_m
    return asked.model_copy(update={"title": event["title"], "surge_m": surge}).model_dump()


def _check_window(window: Box) -> None:
    west, south, east, north = window
    if not (BOX[0] <= west < east <= BOX[2] and BOX[1] <= south < north <= BOX[3]):
        raise BadScenario(f"window: {window} does not lie in order within {BOX} (west, south, east, north)")
    if (area := area_km2(window)) > WINDOW_KM2:
        raise BadScenario(f"window: {area:.1f} km2; the limit is {WINDOW_KM2:g} km2")


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


def run(dsn: str, data_dir: Path, scenario: Record, out: Path, tell: Tell) -> Record:
    """Simulate on the city of a store; see `simulations.registry.Simulation.run`."""
    if "issued" in scenario:
        from simulations.flood import nowcast

        return nowcast.run(dsn, data_dir, scenario, out, tell)
    asked = Asked.model_validate(scenario)
    sewer = _sewer(data_dir, asked)
    tell(0.0, "도시 읽는 중 · reading the city")
    catchment = Catchment.read(dsn, data_dir, CELLS_M[asked.grid], asked.window or BOX)
    rain, heaviest = rain_of(asked)
    own = Scenario.model_validate(
        {"title": asked.preset, "duration_s": asked.duration_h * 3600, "output_interval_s": 600,
         "advection": asked.advection, "rain": {"rate_mm_h": rain}, "sewer": sewer}
    )  # fmt: skip
    model = catchment.model(
        own,
        tide_of(asked.surge_m or 0.0, heaviest),
        asked.failed_pumps,
        threads=asked.threads or min(2, os.cpu_count() or 1),
    )
    found = model.run(out, tell, resume=True)
    found.files += _fine(data_dir, catchment, model, out)
    return finish(dsn, catchment, model, found, out, tell, asked.model_dump(mode="json"), asked.failed_pumps)


def _fine(data_dir: Path, catchment: Catchment, model: Model, out: Path) -> list[str]:
    """Write the greatest depths on the terrain's own cells where these are smaller; return the names of the files."""
    fine = read_finer(data_dir, catchment.terrain)
    if fine is None:
        return []
    ground = Terrain(catchment.cover.elevation, catchment.terrain.transform, catchment.terrain.crs)
    depth = downscale(model.solver.most("depth") * model.shown, ground, fine)
    write_raster(out / FINE, fine, millis(depth)[None], ["mm"])
    return [FINE]


def _sewer(data_dir: Path, asked: Asked) -> Record | None:
    """Return the sewer model that is asked for."""
    path = data_dir / SEWER
    if asked.drains == "swmm" and not path.is_file():
        raise BadScenario(f"drains: there is no {path.name} in the data folder; put one there, or ask for capacity")
    return {"model": path} if asked.drains == "swmm" else None


def finish(
    dsn: str, catchment: Catchment, model: Model, found: Result, out: Path, tell: Tell, asked: Record,
    failed: Collection[str],
) -> Record:  # fmt: skip
    """Add who and what is reached, the measures and the receipt to what the solver found; write `result.json`."""
    tell(1.0, "피해 집계 · who and what is reached")
    what = reached.find(catchment.terrain, model.solver, catchment.tables, catchment.cover)
    files = found.files + reached.write(out, what)
    built = pd.concat([catchment.pumps, catchment.gates])
    to_lon_lat = transformer(KOREA_CENTRAL, WGS84).transform
    facts = found.facts | {
        "simulation": "flood", "files": files,
        "totals": what.totals, "districts": what.districts, "places": what.places,
        "is_synthetic": read_qualities(dsn).get("terrain", "synthetic") == "synthetic",
        "measures": [
            {"name_ko": row.name_ko, "name_en": row.name_en, "kind": "failed",
             "at": to_lon_lat(row.geom.x, row.geom.y)}
            for row in built[built.key.isin(list(failed))].itertuples()
        ],
        "receipt": _receipt(asked, catchment, out, found.files),
    }  # fmt: skip
    (out / "result.json").write_text(json.dumps(facts))
    return facts


def _receipt(asked: Record, catchment: Catchment, out: Path, files: list[str]) -> Record:
    """Return what names this run: the digest of its inputs, of its code, and of what it wrote."""
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode())
    for part in catchment.parts():
        digest.update(np.ascontiguousarray(part).tobytes())
    outputs = {name: file_digest(out / name) for name in files}
    return {"asked": asked, "digest": digest.hexdigest(), "version": code_digest()[:12], "outputs": outputs}
