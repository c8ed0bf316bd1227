"""Water on the roads: from a grid of depths to depths of links, to speeds, and to closures that do not flicker."""

from dataclasses import dataclass, replace

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray

from simulations.compiler import njit
from simulations.traffic.network import KINDS as ROAD_KINDS
from simulations.traffic.network import RoadNet
from simulations.traffic.records import KINDS

Floats = NDArray[np.float64]

SAMPLE_M = 2.0
"""A link is sampled every 2 m."""
STRETCH = 5
"""Depth of a link: the greatest mean over so many samples, 10 m, never that of one pixel [-]."""
LIMIT_M = {"car": 0.30, "truck": 0.30, "bus": 0.30, "emergency": 0.50, "ambulance": 0.35}
"""Depth at which each class is shut out [m]; 0.30 m after Pregnolato et al. 2017, fire engines by design, ambulances by
their air intake (assumed)."""
UNDERPASS = 0.5
"""In an underpass the limits are half as high: it fills within minutes [-]."""
REOPEN_M = 0.10
REOPEN_S = 600.0
"""A link opens again after it was no deeper than 0.10 m for 10 min."""
CRAWL_KMH = 5.0
"""Speed of those whom deep water caught on the link [km/h]."""


def wet_speed_kmh(depth_m: Floats) -> Floats:
    """Return the speed that drivers keep in water [km/h]; no limit on a dry road, 0 from 0.30 m on.

    References
    ----------
    Pregnolato et al. 2017, doi:10.1016/j.trd.2017.06.020: v = 0.0009 w^2 - 0.5529 w + 86.9448, w in mm.
    """
    w = depth_m * 1000
    return np.select([w <= 0, w < 300], [np.inf, 0.0009 * w**2 - 0.5529 * w + 86.9448], 0.0)


@dataclass(frozen=True, slots=True)
class Water:
    """Water on the links, and whom it shuts out.

    Parameters
    ----------
    depth_m
        Depth of water on each link [m].
    closed
        Classes shut out, one bit each.
    low_since
        Since when a link is no deeper than `REOPEN_M` [s]; infinity while it is.
    """

    depth_m: Floats
    closed: NDArray[np.uint8]
    low_since: Floats

    @classmethod
    def dry(cls, net: RoadNet) -> "Water":
        """Return dry links."""
        return cls(np.zeros(len(net)), np.zeros(len(net), np.uint8), np.full(len(net), -np.inf))

    def copy(self) -> "Water":
        """Return a copy."""
        return replace(self, depth_m=self.depth_m.copy(), closed=self.closed.copy(), low_since=self.low_since.copy())

    def rise(self, net: RoadNet, t: float, depth_m: Floats) -> float | None:
        """Take new depths [m] at a time [s], in place; return when the next link may open again [s], None never."""
        is_low = depth_m <= REOPEN_M
        self.low_since[:] = np.where(is_low, np.minimum(self.low_since, t), np.inf)
        opens = is_low & (t - self.low_since >= REOPEN_S)
        self.closed[opens] = 0
        share = np.where(net.kind == ROAD_KINDS.index("underpass"), UNDERPASS, 1.0)
        for bit, kind in enumerate(KINDS):
            self.closed[depth_m >= LIMIT_M[kind] * share - 1e-9] |= np.uint8(1 << bit)
        self.depth_m[:] = depth_m
        drying = (self.closed > 0) & is_low
        return float(self.low_since[drying].min() + REOPEN_S) if drying.any() else None

    def state(self, net: RoadNet) -> tuple[NDArray[np.uint8], Floats]:
        """Return classes shut out and speed limit by water [km/h] of each link."""
        return self.closed.copy(), np.minimum(net.speed_kmh, np.maximum(wet_speed_kmh(self.depth_m), CRAWL_KMH))


@dataclass(frozen=True, slots=True)
class Soundings:
    """Which cells of a depth grid lie under which link, found once.

    Parameters
    ----------
    at
        First sample of each street, shape (streets + 1,).
    cell
        Flat index of the cell under each sample; -1 outside the grid.
    street
        Street under each link: both directions share one; -1 for bridges and overpasses.
    is_pit
        Streets that are underpasses: their low point counts.
    """

    at: NDArray[np.int64]
    cell: NDArray[np.int64]
    street: NDArray[np.int32]
    is_pit: NDArray[np.bool_]

    @classmethod
    def of(cls, net: RoadNet, transform: Affine, shape: tuple[int, int]) -> "Soundings":
        """Prepare the sampling of a grid.

        Parameters
        ----------
        transform
            From (column, row) to easting and northing [m, EPSG:5186].
        shape
            Rows and columns of the grid, row 0 in the north.
        """
        dry = np.isin(net.kind, [ROAD_KINDS.index("bridge"), ROAD_KINDS.index("overpass")])
        first = shapely.to_wkb(shapely.normalize(net.geom))
        names: dict[bytes, int] = {}
        street = np.array(
            [-1 if d else names.setdefault(w, len(names)) for w, d in zip(first, dry, strict=True)], np.int32
        )
        which = np.unique(street[street >= 0], return_index=True)[1]
        chosen = np.flatnonzero(street >= 0)[which]
        length = shapely.length(net.geom[chosen])
        count = np.maximum(STRETCH, np.ceil(length / SAMPLE_M)).astype(np.int64)
        at = np.concatenate([[0], np.cumsum(count)])
        along = (np.arange(at[-1]) - np.repeat(at[:-1], count) + 0.5) * np.repeat(length / count, count)
        xy = shapely.get_coordinates(shapely.line_interpolate_point(np.repeat(net.geom[chosen], count), along))
        column, row = ~transform @ (xy[:, 0], xy[:, 1])
        column, row = np.floor(column).astype(np.int64), np.floor(row).astype(np.int64)
        inside = (column >= 0) & (column < shape[1]) & (row >= 0) & (row < shape[0])
        cell = np.where(inside, row * shape[1] + column, -1)
        return cls(at, cell, street, net.kind[chosen] == ROAD_KINDS.index("underpass"))

    def depth_m(self, grid: NDArray[np.float32]) -> Floats:
        """Return the depth on each link [m].

        Parameters
        ----------
        grid
            Depth of water [m], row 0 in the north; NaN outside the model area counts as dry.
        """
        street = _sound(np.ascontiguousarray(grid).reshape(-1), self.at, self.cell, self.is_pit)
        return np.where(self.street >= 0, street[self.street], 0.0)


@njit(cache=True, nogil=True)
def _sound(
    grid: NDArray[np.float32], at: NDArray[np.int64], cell: NDArray[np.int64], is_pit: NDArray[np.bool_]
) -> Floats:
    depth = np.zeros(len(at) - 1)
    recent = np.zeros(STRETCH)
    for s in range(len(depth)):
        total = 0.0
        recent[:] = 0.0
        for i in range(at[s], at[s + 1]):
            here = grid[cell[i]] if cell[i] >= 0 else np.float32(0)
            here = here if here > 0 else np.float32(0)
            if is_pit[s]:
                depth[s] = max(depth[s], here)
                continue
            place = (i - at[s]) % STRETCH
            total += here - recent[place]
            recent[place] = here
            if total > depth[s] * STRETCH:
                depth[s] = total / STRETCH
    return depth


def closing_area(net: RoadNet, area: shapely.Geometry) -> NDArray[np.int32]:
    """Return the links that a fire, or whatever fills an area [EPSG:5186], closes: all that touch it."""
    return net.links_in(area)
