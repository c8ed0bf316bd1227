"""Who may see what: three classes, and a caller whose clearance every query of the store demands."""

from dataclasses import dataclass
from enum import IntEnum


class AccessClass(IntEnum):
    """Sensitivity of a layer; a caller sees classes up to the own clearance."""

    PUBLIC = 0
    INTERNAL = 1
    RESTRICTED = 2


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who asks.

    Parameters
    ----------
    name
        What the log writes.
    clearance
        Highest class the caller may see.
    """

    name: str
    clearance: AccessClass

    def may_see(self, access: AccessClass) -> bool:
        """Tell whether the caller's clearance covers a class."""
        return access <= self.clearance


ANONYMOUS = Caller("anonymous", AccessClass.PUBLIC)
OPERATOR = Caller("operator", AccessClass.RESTRICTED)
