"""What a live layer is: the contract of `layer.toml`, read and checked once.

A layer is data. This module is the whole contract; `layers/` holds the declarations, the contract test judges them.
"""

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from twin.access import AccessClass
from twin.errors import BadLayer
from twin.model import QUALITIES
from twin.units import UNITS

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Severity(StrEnum):
    """Levels of the city's plan, with `info` for what needs nobody: 주의, 경보, 위험."""

    INFO = "info"
    CAUTION = "caution"
    ALARM = "alarm"
    DANGER = "danger"

    @property
    def rank(self) -> int:
        """Order of urgency, 0 for info to 3 for danger."""
        return list(Severity).index(self)


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Record):
    """A text in the two languages of the screen."""

    ko: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Property(_Record):
    """One observed property of a layer.

    `kind` says how the number is meant: `number` in `unit`; `enum` an index into `values`;
    `time` seconds since 1970 (UTC).
    """

    id: Identifier
    title: Text
    kind: Literal["number", "enum", "time"] = "number"
    unit: str = "1"
    range: tuple[float, float] | None = None
    """Valid range, inclusive; a result outside is rejected."""
    values: tuple[str, ...] = ()
    labels: tuple[Text, ...] = ()
    """Names of the `values` on the screen, in the same order."""
    field: str | None = None
    """Field of the flat message; the property's id when absent."""
    decimals: int = Field(default=1, ge=0, le=6)
    demo: tuple[float, float] | None = None
    """Range in which the generic demo feed wanders; for layers without a demo of their own."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.unit not in UNITS:
            raise ValueError(f"unit {self.unit!r} of property {self.id!r} is not one of {', '.join(UNITS)}")
        if self.kind == "number" and self.range is None:
            raise ValueError(f"property {self.id!r} needs a valid range")
        if (self.kind == "enum") != bool(self.values):
            raise ValueError(f"property {self.id!r}: `values` belong to kind enum, and to it alone")
        if self.labels and len(self.labels) != len(self.values):
            raise ValueError(f"property {self.id!r}: {len(self.labels)} labels for {len(self.values)} values")
        return self


class AlarmFacts(_Record):
    """What every alarm says and how the desk treats it: it needs a timely action of an operator (ISA-18.2)."""

    severity: Literal["caution", "alarm", "danger"]
    title: Text
    cause: Text
    consequence: Text
    action: Text
    respond_within_s: float = Field(gt=0)
    topic: Identifier | None = None
    """Topic of the incident that it opens or joins (names its playbook); None opens none."""
    group_by: Identifier = "unit"
    """What the alarms of one incident have in common: an attribute of their assets (`catchment`, `market`; its English
    name, where it has one, in `market_en`), or
    `unit`, `block` (a square of the city), `asset`, `layer`. An asset without the attribute counts by its unit."""
    suppressed_by: tuple[Identifier, ...] = ()
    """Rules that speak for this one while they stand: at the same asset, at its `parent`, or of the whole layer."""
    is_vital: bool = False
    """Never shelved, and kept silent only by its own asset's higher stage: fire in a market, a person in the water."""
    acknowledged_for_s: float = Field(default=4 * 3600, gt=0)
    """How long an acknowledgement holds while the condition stands."""
    escalates_at: int | None = Field(default=None, ge=2)
    """From this number of assets in one incident on its severity is `alarm`: the area has a common cause."""


class EventAlarm(AlarmFacts):
    """What makes an alarm of events that a machine merely believes in: they need corroboration."""

    clear_after_s: float = Field(default=300, gt=0)
    """It ends when nothing more was seen for so long."""
    needs_assets: int = Field(default=2, ge=1)
    """Confirmed as soon as so many assets of the incident see it,"""
    needs_hits: int = Field(default=3, ge=1)
    """or one asset has seen it so often."""


class AlarmRule(AlarmFacts):
    """A condition of an observed property.

    The alarm rises when `property` has been at or beyond `above` (or `below`, or equal to `equals`) for `delay_s`,
    and clears when it is back past `clear` (hysteresis; the threshold itself when absent). A threshold given as a
    word names an attribute of the asset that holds it (each gauge has its own danger level).
    """

    rule: Identifier
    property: Identifier
    above: float | Identifier | None = None
    below: float | Identifier | None = None
    equals: str | None = None
    clear: float | Identifier | None = None
    delay_s: float = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [name for name in ("above", "below", "equals") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"alarm {self.rule!r} needs exactly one of above, below, equals; it has {given or 'none'}")
        if isinstance(self.clear, float):
            if isinstance(self.above, float) and self.clear > self.above:
                raise ValueError(f"alarm {self.rule!r}: clear {self.clear} lies above {self.above}")
            if isinstance(self.below, float) and self.clear < self.below:
                raise ValueError(f"alarm {self.rule!r}: clear {self.clear} lies below {self.below}")
        return self


class EventKind(_Record):
    """A class of events that a layer's messages may carry."""

    kind: Identifier
    severity: Severity
    title: Text
    alarm: EventAlarm | None = None
    """Absent for what needs nobody."""


class Figure(_Record):
    """A number of the whole city and of each district, made of the newest results of a layer.

    `count` counts the assets that report, or those whose property `equals` a word or lies at or `above` a number;
    `sum`, `mean` and `max` are of the property. What is too old does not count; it is told beside the number.
    """

    id: Identifier
    title: Text
    statistic: Literal["count", "sum", "mean", "max"]
    property: Identifier | None = None
    equals: str | None = None
    above: float | None = None


class Message(_Record):
    """Where a flat JSON message holds what (only for layers without an adapter)."""

    asset: str = "id"
    time: str = "time"
    lon: str | None = None
    lat: str | None = None
    name: str | None = None
    attributes: tuple[str, ...] = ()
    """Fields with facts of the asset: numbers or short texts."""


class Symbol(_Record):
    """How the layer is drawn."""

    shape: Literal[
        "circle", "square", "triangle", "diamond", "ship", "bus", "camera", "column", "line", "flame", "drop"
    ]
    value: Identifier | None = None
    """Property whose value is written beside the mark, and gives the height of a column."""
    min_zoom: float = 10
    heading: Identifier | None = None
    """Property that turns the mark [deg clockwise from north]."""
    priority: int = 0
    """Order of drawing; the higher the later."""


SOURCE_SILENT = "source_silent"
"""Rule of the alarm that every layer has: no data is never green."""
ASSET_SILENT = "asset_silent"
"""Rule of the alarm of a single asset, in layers that watch theirs."""
BUILT_IN = {
    SOURCE_SILENT: AlarmFacts(
        severity="alarm",
        title=Text(ko="자료 끊김", en="No data"),
        cause=Text(ko="원천 또는 통신 장애", en="The source or the line to it has failed"),
        consequence=Text(ko="화면의 값이 지금 상황이 아닙니다", en="What the screen shows is not the present"),
        action=Text(ko="원천 담당에게 연락하고 현장 확인", en="Call the owner of the source; confirm on site"),
        respond_within_s=1800,
        topic="outage",
        group_by="layer",
    ),
    ASSET_SILENT: AlarmFacts(
        severity="caution",
        title=Text(ko="센서 무응답", en="Sensor silent"),
        cause=Text(ko="센서, 전원 또는 통신 장애", en="The sensor, its power or its line has failed"),
        consequence=Text(ko="이 지점의 상황을 알 수 없습니다", en="Nothing is known of this place"),
        action=Text(ko="통신 상태를 확인하고 점검을 접수", en="Check the line; file an inspection"),
        respond_within_s=3600,
        topic="outage",
        group_by="unit",
        suppressed_by=(SOURCE_SILENT,),
        escalates_at=3,
    ),
}


class Layer(_Record):
    """A live layer of the city."""

    id: Identifier
    title: Text
    group: Literal["safety", "water", "mobility", "port", "environment"]
    access: Literal["public", "internal", "restricted"]
    source: str = Field(min_length=1)
    licence: str = Field(min_length=1)
    attribution: Text
    quality: str
    interval_s: float = Field(gt=0)
    """Expected time between two observations of an asset; grey after two."""
    watches_assets: bool = False
    """An asset that was heard and has been silent for five intervals raises an alarm."""
    is_forecast: bool = False
    """Its values are of the future: the lead-time ledger counts its alarms as forecasts."""
    stale_after_s: float = Field(gt=0)
    retention_days: int = Field(gt=0, le=3660)
    keeps_history: bool = True
    """False: only the newest value is kept, e.g. of what is computed and can be computed again."""
    is_moving: bool = False
    """Positions stream: the adapter's reports carry one."""
    registers_assets: bool = False
    """An unknown asset is taken in when first heard (ships, buses); otherwise it is refused."""
    symbol: Symbol
    message: Message = Message()
    properties: tuple[Property, ...] = Field(alias="property", min_length=1, max_length=40)
    alarms: tuple[AlarmRule, ...] = Field(alias="alarm", default=())
    events: tuple[EventKind, ...] = Field(alias="event", default=())
    figures: tuple[Figure, ...] = Field(alias="figure", default=())

    @field_validator("quality")
    @classmethod
    def _quality(cls, value: str) -> str:
        if value not in QUALITIES:
            raise ValueError(f"quality {value!r} is not one of {', '.join(QUALITIES)}")
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        known = {prop.id: prop for prop in self.properties}
        if len(known) != len(self.properties):
            raise ValueError("a property id stands twice")
        for name in (self.symbol.value, self.symbol.heading):
            if name is not None and name not in known:
                raise ValueError(f"symbol names the unknown property {name!r}")
        for alarm in self.alarms:
            prop = known.get(alarm.property)
            if prop is None:
                raise ValueError(f"alarm {alarm.rule!r} watches the unknown property {alarm.property!r}")
            if alarm.equals is not None and alarm.equals not in prop.values:
                raise ValueError(f"alarm {alarm.rule!r}: {alarm.equals!r} is not one of {prop.values}")
        for figure in self.figures:
            of = known.get(figure.property or "")
            if of is None and (figure.property or figure.statistic != "count"):
                raise ValueError(f"figure {figure.id!r} is of the unknown property {figure.property!r}")
            if figure.equals is not None and (of is None or figure.equals not in of.values):
                raise ValueError(f"figure {figure.id!r}: {figure.equals!r} is no value of {figure.property!r}")
        rules = [alarm.rule for alarm in self.alarms] + [event.kind for event in self.events if event.alarm]
        if len(set(rules)) != len(rules):
            raise ValueError("an alarm rule stands twice")
        for alarm in self.alarms:
            if unknown := set(alarm.suppressed_by) - {*rules, *BUILT_IN}:
                raise ValueError(f"alarm {alarm.rule!r} is suppressed by the unknown {', '.join(sorted(unknown))}")
        return self

    @property
    def access_class(self) -> AccessClass:
        """Sensitivity class of the layer."""
        return AccessClass[self.access.upper()]

    @property
    def observed(self) -> tuple[str, ...]:
        """Ids of all observed properties; a moving layer's `longitude` and `latitude` [deg, WGS84] come first."""
        own = tuple(prop.id for prop in self.properties)
        return ("longitude", "latitude", *own) if self.is_moving else own

    def alarm_facts(self, rule: str) -> AlarmFacts | None:
        """Return what a rule says: one of ours, of an event, or one that every layer has; None for an unknown one."""
        for alarm in self.alarms:
            if alarm.rule == rule:
                return alarm
        event = self.event_kind(rule)
        return event.alarm if event and event.alarm else BUILT_IN.get(rule)

    def event_kind(self, kind: str) -> EventKind | None:
        """Return the declared event class, or None when the layer has no such class."""
        return next((event for event in self.events if event.kind == kind), None)


def read_layer(path: Path) -> Layer:
    """Read and check one `layer.toml`.

    Raises
    ------
    BadLayer
        With the file, the field and what is wrong with it.
    """
    try:
        layer = Layer.model_validate(tomllib.loads(path.read_text("utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise BadLayer(f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "layer"
        raise BadLayer(f"{path}: {where}: {first['msg']} ({error.error_count()} in all)") from error
    if layer.id != path.parent.name:
        raise BadLayer(f"{path}: id {layer.id!r} differs from its folder {path.parent.name!r}")
    return layer
