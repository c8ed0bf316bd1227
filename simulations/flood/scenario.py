"""What is asked of the flood simulation on any terrain: the scenario file, as records that check themselves."""

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from twin.errors import BadScenario

Point = tuple[float, float]
Line = Annotated[list[Point], Field(min_length=2)]
Series = Annotated[list[tuple[float, float]], Field(min_length=1)]
Amount = float | Series
"""A number, or pairs of time [s] and value; linear in between, constant before and after."""


class Record(BaseModel):
    """A part of a scenario; what is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RainRaster(Record):
    """A GeoTIFF of rain [mm/h] that holds from a time on."""

    t_s: float = Field(ge=0)
    path: Path


class RainGauge(Record):
    """Rain at a place: pairs of time [s] and mm/h, each of which holds until the next time."""

    x: float
    y: float
    rate_mm_h: Series


class Rain(Record):
    """Rain over the whole terrain, at gauges, or from rasters; exactly one of the three."""

    rate_mm_h: Amount | None = None
    """Rain [mm/h]."""
    between: Literal["step", "linear"] = "step"
    """`step`: each value of `rate_mm_h` holds until the next time."""
    gauges: list[RainGauge] = []
    """Between gauges it rains as they say, weighted by the inverse square of the distance."""
    rasters: list[RainRaster] = []

    @model_validator(mode="after")
    def _check(self) -> "Rain":
        given = [self.rate_mm_h is not None, bool(self.gauges), bool(self.rasters)]
        if sum(given) != 1:
            raise ValueError("give exactly one of rate_mm_h, gauges, rasters")
        rates = [self.rate_mm_h] if isinstance(self.rate_mm_h, float) else [r for _, r in self.rate_mm_h or []]
        rates += [rate for gauge in self.gauges for _, rate in gauge.rate_mm_h]
        if rates and min(rates) < 0:
            raise ValueError(f"rain of {min(rates)} mm/h is negative")
        return self


class Soil(Record):
    """Ground that soaks up rain by Green and Ampt; a number, or a GeoTIFF of it."""

    conductivity_mm_h: float | Path
    """Saturated hydraulic conductivity [mm/h]."""
    suction_mm: float | Path
    """Suction head of the wetting front [mm]."""
    deficit: float | Path
    """Share of the ground that is air at the start [-]."""


class Initial(Record):
    """Water at the start: a depth [m], or a level [m] below which all ground is under water; or GeoTIFFs of them."""

    depth_m: float | Path | None = None
    level_m: float | Path | None = None

    @model_validator(mode="after")
    def _check(self) -> "Initial":
        if (self.depth_m is None) == (self.level_m is None):
            raise ValueError("give either depth_m or level_m")
        return self


class Boundary(Record):
    """What happens along an edge of the terrain, or in cells; edges are walls where nothing is said."""

    kind: Literal["wall", "open", "level", "discharge"]
    edge: Literal["west", "east", "north", "south", "all"] | None = None
    """`all`: the four edges, and wherever ground borders on cells without data."""
    from_m: float | None = None
    to_m: float | None = None
    """Part of the edge, in coordinates of the terrain: northings of a west or east edge, eastings of the others."""
    cells: list[tuple[int, int]] | None = None
    """Cells as (row, column), row 0 in the north; instead of an edge."""
    level_m: Amount | None = None
    """Of `level`: level of the water [m] in the datum of the terrain."""
    discharge_m3_s: Amount | None = None
    """Of `discharge`: what flows in through the whole of it [m3/s]."""
    slope: float = Field(default=0.0, ge=0, le=1)
    """Of `open`: how steeply the ground goes on outside [-]."""

    @model_validator(mode="after")
    def _check(self) -> "Boundary":
        if (self.edge is None) == (self.cells is None):
            raise ValueError("give either edge or cells")
        for kind, value in (("level", self.level_m), ("discharge", self.discharge_m3_s)):
            if (self.kind == kind) != (value is not None):
                raise ValueError(f"a boundary {self.kind!r} and {kind}_... do not go together")
        return self


class PointSource(Record):
    """Water that comes in at a point [m3/s]."""

    x: float
    y: float
    discharge_m3_s: Amount


class Pump(Record):
    """Takes water at a place, out of the terrain or to another place, while the level there is high enough."""

    kind: Literal["pump"]
    name: str = ""
    at: Point
    to: Point | None = None
    """Null: out of the terrain."""
    capacity_m3_s: float = Field(gt=0)
    on_level_m: float | None = None
    off_level_m: float | None = None
    """Starts above the first level [m], stops below the second; null: whenever there is water."""
    failed_s: list[tuple[float, float]] = []
    """Times (from, to) [s] at which it stands still."""
    radius_m: float = Field(default=0, ge=0)
    """Takes from the cells within this distance."""


class Culvert(Record):
    """A pipe, an underpass or a gate between two places: orifice flow, or weir flow while it runs part full."""

    kind: Literal["culvert", "gate"]
    name: str = ""
    at: Point
    to: Point
    width_m: float = Field(gt=0)
    height_m: float = Field(gt=0)
    sill_m: float
    """Level of its floor [m]."""
    coefficient: float = Field(default=0.6, gt=0, le=1)
    closed_s: list[tuple[float, float]] = []


class Barrier(Record):
    """A wall along a line that water can overtop; it may breach."""

    kind: Literal["barrier"]
    name: str = ""
    line: Line
    crest_m: float
    breach_at_s: float | None = None
    breach_line: Line | None = None
    breach_to_m: float | None = None
    """From `breach_at_s` on the cells under `breach_line` (null: the whole line) lie at this level [m]."""


class Inlet(Record):
    """Where the surface drains into a node of the sewer model."""

    node: str
    x: float
    y: float
    weir_m: float = Field(default=1.0, gt=0)
    """Length of the kerb that water falls over [m]."""
    area_m2: float = Field(default=0.1, gt=0)
    """Area of the opening [m2]."""


class Sewer(Record):
    """A sewer network as a SWMM model in m3/s; its own rain is left out, the surface brings the water."""

    model: Path
    """The model (.inp)."""
    inlets: list[Inlet] = []
    """Empty: an inlet at every junction that has coordinates on the terrain."""
    step_s: float = Field(default=10.0, gt=0, le=300)
    """Time between two exchanges."""


class Gauge(Record):
    """A point whose depth, level and velocity are written."""

    name: str
    x: float
    y: float


class Scenario(Record):
    """A flood scenario. Paths are relative to the file; times in seconds from the start; lengths in metres."""

    title: str = ""
    duration_s: float = Field(gt=0, le=40 * 86400)
    output_interval_s: float = Field(gt=0)
    gauge_interval_s: float | None = Field(default=None, gt=0)
    """Null: the smaller of the output interval and a minute."""
    crs: Literal["file", "local"] = "file"
    """`local`: the terrain has no reference system; its coordinates are metres."""
    vertical_datum: str | None = Field(default=None, min_length=1)
    """Name of what all levels here are above; needed where the terrain names its own, and has to be the same."""
    holes: Literal["refuse", "wall"] = "refuse"
    """What to do about cells without data inside the terrain."""
    advection: bool = False
    mannings_n: float | Path = 0.035
    initial: Initial | None = None
    rain: Rain | None = None
    infiltration_mm_h: float | Path = 0.0
    """What ground swallows at most [mm/h], for as long as it rains."""
    soil: Soil | None = None
    """Ground that swallows less the wetter it is; on top of `infiltration_mm_h`."""
    boundaries: list[Boundary] = []
    sources: list[PointSource] = []
    structures: list[Annotated[Pump | Culvert | Barrier, Field(discriminator="kind")]] = []
    sewer: Sewer | None = None
    gauges: list[Gauge] = []

    @model_validator(mode="after")
    def _check(self) -> "Scenario":
        if isinstance(self.mannings_n, float) and not 0 <= self.mannings_n < 1:
            raise ValueError(f"Manning's n {self.mannings_n} is outside 0..1 s/m^(1/3)")
        if len({gauge.name for gauge in self.gauges}) < len(self.gauges):
            raise ValueError("two gauges have the same name")
        return self

    def has_levels(self) -> bool:
        """Tell whether anything here is a height above a datum."""
        first = self.initial is not None and self.initial.level_m is not None
        return first or bool(self.structures) or any(one.kind == "level" for one in self.boundaries)

    def times(self) -> list[float]:
        """Return the times of output [s], the start and the end among them."""
        return [*np.arange(0, self.duration_s - 1e-6, self.output_interval_s).tolist(), self.duration_s]


def read_scenario(content: Any, folder: Path) -> Scenario:
    """Check a scenario and make its paths absolute.

    Raises
    ------
    BadScenario
        With every place that is wrong, and why.
    """
    try:
        found = Scenario.model_validate(content)
    except ValidationError as error:
        told = [f"{'.'.join(map(str, one['loc'])) or 'scenario'}: {one['msg']}" for one in error.errors()]
        raise BadScenario("; ".join(told)) from None
    return Scenario.model_validate(_absolute(found.model_dump(), folder))


def _absolute(value: Any, folder: Path) -> Any:
    if isinstance(value, Path):
        path = folder / value
        if not path.is_file():
            raise BadScenario(f"there is no file {path}")
        return path
    if isinstance(value, dict):
        return {key: _absolute(one, folder) for key, one in value.items()}
    if isinstance(value, list):
        return [_absolute(one, folder) for one in value]
    return value
