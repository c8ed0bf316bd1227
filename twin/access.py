"""Who may see what and do what: three classes, rights, roles, and a caller whom every question to the store names."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Protocol

from twin.errors import Refused


class AccessClass(IntEnum):
    """Sensitivity of a layer; a caller sees classes up to the own clearance."""

    PUBLIC = 0
    INTERNAL = 1
    RESTRICTED = 2


class Right(StrEnum):
    """Something that a caller may do; reading goes by class, doing by right."""

    WORK = "work"
    """Alarms, incidents, tasks, notices, drafts of alerts, drills."""
    CAMERAS = "cameras"
    """Look at pictures of cameras, for an incident."""
    SHARE = "share"
    """Make and revoke share links."""
    APPROVE = "approve"
    """Be one of the two persons who let an alert out."""
    SIMULATE = "simulate"
    """Ask for runs of simulations and cancel them."""
    EDIT = "edit"
    """Entries of the mayor's office, indicators, layouts of the wall."""
    STEWARD = "steward"
    """Base data, data inventory, retention."""
    ACCOUNTS = "accounts"
    """Make accounts, give roles and grants, end sessions."""
    AUDIT = "audit"
    """Read and review the access log."""


@dataclass(frozen=True, slots=True)
class Role:
    """What an account of a kind may see and do."""

    clearance: AccessClass
    rights: frozenset[Right] = frozenset()


_DESK = frozenset({Right.WORK, Right.CAMERAS, Right.SHARE, Right.APPROVE, Right.SIMULATE, Right.EDIT})
ROLES: dict[str, Role] = {
    "operator": Role(AccessClass.RESTRICTED, _DESK),
    "supervisor": Role(AccessClass.RESTRICTED, _DESK | {Right.ACCOUNTS, Right.AUDIT}),
    "mayor": Role(AccessClass.RESTRICTED, frozenset({Right.EDIT})),
    "planner": Role(AccessClass.INTERNAL, frozenset({Right.SIMULATE})),
    "agency": Role(AccessClass.PUBLIC),
    "steward": Role(AccessClass.RESTRICTED, frozenset({Right.STEWARD, Right.AUDIT})),
    "public": Role(AccessClass.PUBLIC),
}
"""The one table of roles. The mayor's office sees position, state and count of everything, and no picture; an agency
sees what is granted to it by name, and share links."""


class Classed(Protocol):
    """A layer, as far as access goes."""

    @property
    def id(self) -> str:
        """Name of the layer."""
        ...

    @property
    def access_class(self) -> AccessClass:
        """Its class."""
        ...


@dataclass(frozen=True, slots=True)
class Grant:
    """A layer that a caller may see beyond the own clearance; never what it was before the grant."""

    layer: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who asks.

    Parameters
    ----------
    name
        What the log writes.
    clearance
        Highest class the caller may see.
    rights
        What the caller may do.
    layers
        Grants by name that stand at the time of asking.
    place
        From where, as far as it is known: an address.
    """

    name: str
    clearance: AccessClass
    rights: frozenset[Right] = frozenset()
    layers: frozenset[Grant] = frozenset()
    place: str = ""

    def may_see(self, access: AccessClass) -> bool:
        """Tell whether the caller's clearance covers a class."""
        return access <= self.clearance

    def may_see_layer(self, layer: Classed, at: datetime | None = None) -> bool:
        """Tell whether the caller may see a layer by its class or by a grant.

        Parameters
        ----------
        at
            The moment that is asked about: a grant opens nothing before its own beginning. None is the present.
        """
        return self.may_see(layer.access_class) or any(
            grant.layer == layer.id and (at is None or at >= grant.since) for grant in self.layers
        )

    def seen(self, layers: Iterable[Classed], at: datetime | None = None) -> list[str]:
        """Return the ids of those layers that the caller may see."""
        return [layer.id for layer in layers if self.may_see_layer(layer, at)]

    def since(self, layer: Classed) -> datetime | None:
        """Return from when on the caller may see a layer; None from the first observation on."""
        if self.may_see(layer.access_class):
            return None
        return min((grant.since for grant in self.layers if grant.layer == layer.id), default=None)

    def may(self, right: Right) -> bool:
        """Tell whether the caller has a right."""
        return right in self.rights

    def require(self, right: Right, what: str) -> None:
        """Let only those go on who have a right.

        Parameters
        ----------
        what
            What it is wanted for, as the refusal says it.

        Raises
        ------
        Refused
            Who lacks which right, for what.
        """
        if not self.may(right):
            raise Refused(f"{what} needs the right {right.value!r}, which {self.name} does not have")

    def require_class(self, access: AccessClass, what: str) -> None:
        """Let only those go on whose clearance covers a class.

        Parameters
        ----------
        what
            What is of that class, as the refusal says it, in the plural.

        Raises
        ------
        Refused
            What is of which class, and who may not see it.
        """
        if not self.may_see(access):
            raise Refused(f"{what} are {access.name.lower()}; {self.name} may not see them")


ANONYMOUS = Caller("anonymous", AccessClass.PUBLIC)
OPERATOR = Caller("operator", AccessClass.RESTRICTED, ROLES["operator"].rights)
KEY = Caller("operator", AccessClass.RESTRICTED, frozenset(Right) - {Right.APPROVE})
"""Who has the installation's own key: all rights but to approve, which takes a person."""
CLOCK = Caller("clock", AccessClass.INTERNAL, frozenset({Right.SIMULATE}))
"""What the worker does by itself."""
