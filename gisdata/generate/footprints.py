"""Buildings that might be built: rectangles with use, floors and height; blocks between the streets."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gisdata.generate.streets import Streets

STOREY_M = 2.9
USES = ("apartment", "house", "shop", "office", "industry", "school", "public", "port", "farm")


@dataclass(slots=True)
class Candidates:
    """Buildings that might be built; earlier ones win where two overlap. All arrays of one length."""

    geom: NDArray[np.object_]
    use: NDArray[np.int64]
    floors: NDArray[np.int64]
    height: NDArray[np.float64]

    def take(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> "Candidates":
        """Return some of them."""
        return Candidates(self.geom[which], self.use[which], self.floors[which], self.height[which])


def join_candidates(parts: list[Candidates]) -> Candidates:
    """Put several sets of candidates into one; the earlier sets win."""
    return Candidates(*(np.concatenate([getattr(part, name) for part in parts]) for name in Candidates.__slots__))


def boxes(
    centre: NDArray[np.float64], angle: NDArray[np.float64], width: NDArray[np.float64], depth: NDArray[np.float64]
) -> NDArray[np.object_]:
    """Return rectangles.

    Parameters
    ----------
    centre
        Middles [m, EPSG:5186], shape (n, 2).
    angle
        Direction of the side `width` [rad, counter-clockwise from east], shape (n,).
    width, depth
        Sides [m], shape (n,).
    """
    corner = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5], [-0.5, -0.5]])
    s, t = corner[None, :, 0] * width[:, None], corner[None, :, 1] * depth[:, None]
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x = centre[:, :1] + s * cos - t * sin
    y = centre[:, 1:] + s * sin + t * cos
    rectangles: NDArray[np.object_] = np.asarray(shapely.polygons(np.round(np.stack([x, y], axis=-1), 2)))
    return rectangles


def blocks(streets: Streets) -> NDArray[np.object_]:
    """Return the blocks between the streets (faces of the network)."""
    faces: NDArray[np.object_] = shapely.get_parts(shapely.polygonize(streets.network.lines.geom))
    return faces


def district_of(points: NDArray[np.object_], streets: Streets) -> NDArray[np.int64]:
    """Return the number of the district that holds each point, -1 where none does."""
    areas = np.array([district.area for district in streets.districts], dtype=object)
    which = np.full(len(points), -1, dtype=np.int64)
    shapely.prepare(areas)
    hit = shapely.STRtree(points).query(areas, predicate="contains")
    which[hit[1]] = hit[0]
    return which
