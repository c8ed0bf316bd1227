"""The life of an alarm (ISA-18.2 / IEC 62682): one table, state x trigger -> state, sound, sign."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """States of ISA-18.2."""

    NORM = "NORM"
    UNACK = "UNACK"
    ACKED = "ACKED"
    RTNUN = "RTNUN"
    SHLVD = "SHLVD"
    DSUPR = "DSUPR"
    OOSRV = "OOSRV"


class Trigger(StrEnum):
    """What moves an alarm."""

    RAISE = "raise"
    """Its condition begins."""
    RISE = "rise"
    """Its severity grows while the condition stands."""
    CLEAR = "clear"
    """Its condition ends."""
    ACKNOWLEDGE = "acknowledge"
    EXPIRE = "expire"
    """The time of its acknowledgement is over."""
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    """By hand."""
    LAPSE = "lapse"
    """The time of its shelving is over."""
    SUPPRESS = "suppress"
    """Something else speaks for it: a parent cause, its incident, a missing corroboration."""
    RELEASE = "release"
    """What spoke for it has ended."""
    DISABLE = "disable"
    """Its asset is taken out of service."""
    ENABLE = "enable"


class Sign(StrEnum):
    """How an alarm is drawn; blinking is for the unacknowledged alone."""

    NONE = "none"
    BLINKING = "blinking"
    STEADY = "steady"
    DOTTED = "dotted"
    SHELVED = "shelved"
    GREY = "grey"
    CROSSED = "crossed"


SIGN_OF = {
    State.NORM: Sign.NONE,
    State.UNACK: Sign.BLINKING,
    State.ACKED: Sign.STEADY,
    State.RTNUN: Sign.DOTTED,
    State.SHLVD: Sign.SHELVED,
    State.DSUPR: Sign.GREY,
    State.OOSRV: Sign.CROSSED,
}

_GRID = """
       raise   rise    clear  acknowledge  expire  shelve  unshelve    lapse        suppress  release      disable  enable
NORM   UNACK!  .       .      .            .       SHLVD   .           .            DSUPR     .            OOSRV    .
UNACK  .       UNACK!  RTNUN  ACKED        .       SHLVD   .           .            DSUPR     .            OOSRV    .
ACKED  .       UNACK!  NORM   .            UNACK!  SHLVD   .           .            DSUPR     .            OOSRV    .
RTNUN  UNACK!  .       .      NORM         .       SHLVD   .           .            DSUPR     .            OOSRV    .
SHLVD  .       .       .      .            .       .       ACKED|NORM  UNACK!|NORM  .         .            OOSRV    .
DSUPR  .       .       NORM   .            .       SHLVD   .           .            .         UNACK!|NORM  OOSRV    .
OOSRV  .       .       .      .            .       .       .           .            .         .            .        UNACK!|NORM
"""  # noqa: E501
"""`.` stays; `!` sounds; what stands behind `|` holds when the condition does not stand."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a trigger makes of a state.

    Parameters
    ----------
    state
        The state that follows.
    sounds
        The move asks for a sound; whether one is heard, the incident and the priority decide.
    """

    state: State
    sounds: bool = False

    @property
    def sign(self) -> Sign:
        """How it is drawn from now on."""
        return SIGN_OF[self.state]


def _read_grid() -> dict[tuple[State, Trigger, bool], Cell]:
    head, *rows = [line.split() for line in _GRID.strip().splitlines()]
    table = {}
    for name, *cells in rows:
        for trigger, text in zip(head, cells, strict=True):
            standing, _, clear = text.partition("|")
            for is_standing, word in ((True, standing), (False, clear or standing)):
                state = State(name) if word == "." else State(word.rstrip("!"))
                table[State(name), Trigger(trigger), is_standing] = Cell(state, word.endswith("!"))
    return table


TABLE = _read_grid()
"""(state, trigger, whether the condition stands after the trigger) -> cell; total."""


def after(state: State, trigger: Trigger, *, is_standing: bool) -> Cell:
    """Return what follows."""
    return TABLE[state, trigger, is_standing]


EVENT_KIND = {
    Trigger.RAISE: "alarm_raised",
    Trigger.RISE: "alarm_raised",
    Trigger.CLEAR: "alarm_cleared",
    Trigger.ACKNOWLEDGE: "alarm_acknowledged",
    Trigger.EXPIRE: "alarm_expired",
    Trigger.SHELVE: "alarm_shelved",
    Trigger.UNSHELVE: "alarm_unshelved",
    Trigger.LAPSE: "alarm_unshelved",
    Trigger.SUPPRESS: "alarm_suppressed",
    Trigger.RELEASE: "alarm_released",
    Trigger.DISABLE: "alarm_disabled",
    Trigger.ENABLE: "alarm_enabled",
}
"""Kind of the event that records a trigger."""

SHOWN = "(branch = 'live' AND is_standing AND is_confirmed AND state IN ('UNACK', 'ACKED', 'DSUPR'))"
"""SQL: the alarm is seen on the map; it stands, also when something else speaks for it."""
