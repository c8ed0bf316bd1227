"""The life of an alarm (ISA-18.2): one table, state x trigger -> state."""

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
    CLEAR = "clear"
    ACKNOWLEDGE = "acknowledge"


TABLE: dict[tuple[State, Trigger], State] = {
    (State.NORM, Trigger.RAISE): State.UNACK,
    (State.UNACK, Trigger.CLEAR): State.RTNUN,
    (State.UNACK, Trigger.ACKNOWLEDGE): State.ACKED,
    (State.ACKED, Trigger.CLEAR): State.NORM,
    (State.RTNUN, Trigger.RAISE): State.UNACK,
    (State.RTNUN, Trigger.ACKNOWLEDGE): State.NORM,
}
"""A pair that is not here leaves the state as it is. Shelving, suppression and out-of-service have no trigger yet."""


def after(state: State, trigger: Trigger) -> State:
    """Return the state that follows."""
    return TABLE.get((state, trigger), state)


EVENT_KIND = {
    Trigger.RAISE: "alarm_raised",
    Trigger.CLEAR: "alarm_cleared",
    Trigger.ACKNOWLEDGE: "alarm_acknowledged",
}
"""Kind of the event that records a trigger."""
