"""What may happen during a run: records that are checked on entry, kept as JSON, and hashed into the receipt.

Times are seconds after the start of the run. Links and nodes are named by their ids in the source; an area drawn on the
map stands for the links that touch it.
"""

from typing import Annotated, Any, Literal

import numpy as np
import shapely
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from simulations.traffic.records import ALL_CLASSES, KINDS
from twin.crs import KOREA_CENTRAL, WGS84, transformer
from twin.errors import BadScenario

Kind = Literal["car", "truck", "bus", "emergency", "ambulance"]
RoadKind = Literal["plain", "bridge", "overpass", "underpass", "tunnel"]
NEVER = 1e9
"""End of what does not end within any run [s]."""


class Common(BaseModel):
    """What all events have."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    start_s: float = Field(0.0, ge=0)
    """When it begins, after the start of the run [s]."""
    end_s: float = Field(NEVER, gt=0)
    """When it ends [s]; left out: not within the run."""

    @model_validator(mode="after")
    def _check_times(self) -> "Common":
        if self.end_s <= self.start_s:
            raise ValueError(f"ends at {self.end_s} s; limit: after its start at {self.start_s} s")
        return self


class Placed(Common):
    """An event on some links: numbered, of named streets, or those that touch an area."""

    links: tuple[int, ...] = ()
    roads: tuple[str, ...] = ()
    """Names of streets."""
    kind_of_road: RoadKind | None = None
    """Of the streets and the area only links of this kind, e.g. their underpasses; null: all."""
    area: dict[str, Any] | None = None
    """GeoJSON polygon, WGS84."""

    @model_validator(mode="after")
    def _check_place(self) -> "Placed":
        if not self.links and not self.roads and self.area is None:
            raise ValueError("names no links, no roads and no area; limit: one of them")
        if self.area is not None:
            self.polygon()
        return self

    def polygon(self) -> shapely.Geometry | None:
        """Return the area [EPSG:5186]; None when links are named only."""
        if self.area is None:
            return None
        try:
            area = shapely.from_geojson(_json(self.area))
        except shapely.errors.GEOSException as error:
            raise ValueError(f"area is no GeoJSON ({error}); limit: a polygon in WGS84") from error
        if area is None or area.geom_type not in ("Polygon", "MultiPolygon") or area.is_empty or not area.is_valid:
            raise ValueError(f"area is a {getattr(area, 'geom_type', None)}; limit: a valid polygon in WGS84")
        convert = transformer(WGS84, KOREA_CENTRAL)
        return shapely.transform(area, lambda at: np.stack(convert.transform(at[:, 0], at[:, 1]), axis=1))


def _json(value: dict[str, Any]) -> str:
    return TypeAdapter(dict[str, Any]).dump_json(value).decode()


class Close(Placed):
    """Nobody enters these links; who is on them drives on."""

    event: Literal["close"] = "close"
    except_for: tuple[Kind, ...] = ()
    """Classes that may pass."""

    @property
    def mask(self) -> int:
        """Bits of the classes that may not enter."""
        return ALL_CLASSES & ~sum(1 << KINDS.index(kind) for kind in self.except_for)


class Depth(Common):
    """Water stands on these links, from one moment to the next event of its kind; speeds and closures follow."""

    event: Literal["depth"] = "depth"
    depth_m: dict[int, Annotated[float, Field(ge=0, le=50)]]
    """Depth of water by link id [m]; links left out are dry."""


class Signal(Common):
    """Another dual-ring plan at a junction."""

    event: Literal["signal"] = "signal"
    node: int
    cycle_s: float = Field(gt=0, le=400)
    offset_s: float = Field(0.0, ge=0)
    splits_s: tuple[float, float, float, float, float, float, float, float]
    """Phases 1 to 8 with their lost time [s]; 0: does not run."""


class Lanes(Placed):
    """Fewer lanes, or a lower speed, on these links."""

    event: Literal["lanes"] = "lanes"
    lanes: int | None = Field(None, ge=1)
    speed_kmh: float | None = Field(None, gt=0, le=130)


class Demand(Common):
    """More trips between two places."""

    event: Literal["demand"] = "demand"
    origin_links: tuple[int, ...] = Field(min_length=1)
    destination_links: tuple[int, ...] = Field(min_length=1)
    vehicles: int = Field(gt=0, le=200_000)
    kind: Kind = "car"


class Evacuate(Placed):
    """Everybody leaves an area for shelters or exits, all of them informed."""

    event: Literal["evacuate"] = "evacuate"
    vehicles: int = Field(gt=0, le=200_000)
    release_s: float = Field(1800.0, gt=0)
    """Time over which they set out, evenly [s]."""
    shelters: dict[int, Annotated[int, Field(ge=0)]] = Field(min_length=1)
    """Spaces [vehicles] by the link at which a shelter or an exit lies."""


class Parking(Common):
    """Another number of spaces in a car park."""

    event: Literal["parking"] = "parking"
    lot: int = Field(ge=0)
    """Number of the car park in the run."""
    capacity: int = Field(ge=0)


class Inform(Common):
    """From its start on, at least this share of drivers knows the state of the roads."""

    event: Literal["inform"] = "inform"
    share: float = Field(ge=0, le=1)


Event = Annotated[Close | Depth | Signal | Lanes | Demand | Evacuate | Parking | Inform, Field(discriminator="event")]
_EVENTS: TypeAdapter[list[Event]] = TypeAdapter(list[Event])


def read_events(value: object) -> list[Event]:
    """Return events from JSON values.

    Raises
    ------
    BadScenario
        When one of them is wrong; the text names it.
    """
    try:
        return _EVENTS.validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(one) for one in first["loc"])
        raise BadScenario(f"{error.error_count()} mistakes in events; first: event {place}: {first['msg']}") from error


def write_events(events: list[Event]) -> bytes:
    """Return events as JSON, always the same bytes for the same events."""
    return _EVENTS.dump_json(events)
