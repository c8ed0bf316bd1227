"""The board of the desk: alarms, open incidents, and what has to be known of their assets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from twin.alarms import State
from twin.layer import Severity

RANK = {str(severity): severity.rank for severity in Severity}
SEVERITY = {rank: name for name, rank in RANK.items()}
Key = tuple[str, int | None, str]
"""Layer, asset, rule."""


@dataclass(frozen=True, slots=True)
class Site:
    """What the desk has to know of an asset.

    Parameters
    ----------
    x, y
        Korea 2000 / Central Belt 2010 [m]; None when it has no place.
    parent
        Id of the asset that it depends on.
    """

    name_ko: str
    name_en: str
    unit: int | None = None
    unit_ko: str = ""
    unit_en: str = ""
    x: float | None = None
    y: float | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    parent: int | None = None


@dataclass(eq=False, slots=True)
class Incident:
    """An open incident, as far as annunciation needs it. Times in seconds since 1970."""

    topic: str
    group_key: str
    title_ko: str
    title_en: str
    opened: float
    site: Site | None = None
    state: str = "new"
    stage: int = 0
    """Rank of the highest severity that was announced; 0 while nothing is confirmed."""
    id: int | None = None
    reason: str | None = None


@dataclass(eq=False, slots=True)
class Alarm:
    """One rule at one asset. Times in seconds since 1970."""

    key: Key
    severity: str
    state: State = State.NORM
    is_standing: bool = False
    is_confirmed: bool = True
    result: float = float("nan")
    onset: float = 0.0
    changed: float = 0.0
    cleared: float | None = None
    acknowledged_by: str | None = None
    acknowledged_until: float | None = None
    shelved_by: str | None = None
    shelved_until: float | None = None
    shelved_reason: str | None = None
    silenced_by: str | None = None
    """Why it is suppressed: the rule of its parent, `incident`, `unconfirmed`."""
    incident: Incident | None = None
    id: int | None = None

    @property
    def counts(self) -> bool:
        """Tell whether it stands for the desk: confirmed, and not put aside by hand."""
        return self.is_standing and self.is_confirmed and self.state not in (State.SHLVD, State.OOSRV)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that was done; becomes an event, and a line in the timeline of its incident."""

    kind: str
    at: float
    by: str
    alarm: Alarm | None = None
    incident: Incident | None = None
    announces: bool = False
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Board:
    """All alarms that are not normal, all open incidents, and which assets are out of service."""

    alarms: dict[Key, Alarm] = field(default_factory=dict)
    incidents: dict[tuple[str, str], Incident] = field(default_factory=dict)
    """By topic and group."""
    out_of_service: set[int] = field(default_factory=set)
    sites: dict[int, Site] = field(default_factory=dict)
