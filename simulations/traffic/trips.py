"""Who drives: trips with their habitual routes, where they end, and where they park."""

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.errors import BadScenario

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Zone:
    """Where trips end.

    Parameters
    ----------
    gates
        Links at whose end a trip to the zone is over.
    mask
        Bit of the class that drives there (`records.KINDS`); closures are looked up with it.
    lot
        Car park or shelter at its end; None: nothing to park in.
    """

    gates: tuple[int, ...]
    mask: int = 1
    lot: int | None = None


@dataclass(frozen=True, slots=True)
class Lot:
    """A car park, or a shelter that nobody leaves.

    Parameters
    ----------
    capacity
        Spaces [-].
    next_zone
        Zone where who finds it full looks next; None: nowhere.
    """

    capacity: int
    next_zone: int | None = None


@dataclass(frozen=True, slots=True)
class Trips:
    """Trips, all arrays of one length but `path`.

    Parameters
    ----------
    depart_s
        Time of departure after the start of the run [s].
    origin
        Link on which the trip begins, at its upstream end.
    zone
        Number of the zone.
    kind
        Index into `records.KINDS`.
    luck
        A number drawn evenly from 0 to 1: drivers below the informed share are informed.
    stay_s
        Time in the car park [s]; infinity: for good.
    path_at, path_end
        Part of `path` that is the habitual route.
    path
        Turns.
    """

    depart_s: Floats
    origin: Ints
    zone: Ints
    kind: NDArray[np.uint8]
    luck: Floats
    stay_s: Floats
    path_at: Ints
    path_end: Ints
    path: Ints

    def __len__(self) -> int:
        return len(self.depart_s)

    @classmethod
    def of(
        cls,
        depart_s: Floats,
        origin: NDArray[Any],
        zone: NDArray[Any],
        luck: Floats,
        routes: list[Ints] | None = None,
        *,
        kind: NDArray[np.uint8] | None = None,
        stay_s: Floats | None = None,
    ) -> "Trips":
        """Make trips from routes, one list of turns for each; without routes all drivers must be informed."""
        n = len(depart_s)
        parts = routes or []
        end = np.cumsum([len(one) for one in parts], dtype=np.int32) if parts else np.zeros(n, np.int32)
        at = end - np.array([len(one) for one in parts], np.int32) if parts else np.zeros(n, np.int32)
        return cls(
            np.asarray(depart_s, np.float64),
            np.asarray(origin, np.int32),
            np.asarray(zone, np.int32),
            np.zeros(n, np.uint8) if kind is None else kind,
            np.asarray(luck, np.float64) if parts else np.zeros(n),
            np.full(n, np.inf) if stay_s is None else stay_s,
            at,
            end,
            np.concatenate(parts).astype(np.int32) if parts else np.zeros(0, np.int32),
        )

    def take(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> "Trips":
        """Return some of the trips."""
        names = ("depart_s", "origin", "zone", "kind", "luck", "stay_s", "path_at", "path_end")
        return replace(self, **{name: getattr(self, name)[which] for name in names})

    def join(self, more: "Trips") -> "Trips":
        """Return these trips and then those."""
        shift = len(self.path)
        moved = replace(more, path_at=more.path_at + np.int32(shift), path_end=more.path_end + np.int32(shift))
        return Trips(*(np.concatenate([getattr(self, name), getattr(moved, name)]) for name in Trips.__slots__))

    def check(self, links: int, zones: int) -> None:
        """Refuse trips that cannot be driven.

        Raises
        ------
        BadScenario
            When a trip begins on no link, ends in no zone, or leaves at no time.
        """
        for what, values, limit in (("link", self.origin, links), ("zone", self.zone, zones)):
            bad = np.flatnonzero((values < 0) | (values >= limit))
            if len(bad):
                raise BadScenario(
                    f"{len(bad)} trips name {what} {values[bad[0]]} (first: trip {bad[0]}); limit: 0 to {limit - 1}"
                )
        late = np.flatnonzero(~(self.depart_s >= 0))
        if len(late):
            raise BadScenario(f"{len(late)} trips leave at {self.depart_s[late[0]]} s; limit: 0 s or later")

    def digest(self) -> str:
        """Return a SHA-256 of all trips."""
        state = sha256()
        for name in Trips.__slots__:
            state.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        return state.hexdigest()
