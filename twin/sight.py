"""What a camera sees: line of sight over terrain and buildings, field of view, reach; the best for a place."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

MOST = 4
"""Feeds that a person can watch."""
STEP_M = 2.0
TARGET_M = 1.5
"""Height above ground of what has to be seen [m]."""
OWN_M = 4.0
"""So near its ends nothing blocks a line: the mast's own wall, the burning shop [m]."""
Floats = NDArray[np.float64]
Elevation = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera in Korea 2000 / Central Belt 2010 [m].

    Parameters
    ----------
    direction_deg
        Clockwise from north; None when it turns.
    height_m
        Above ground.
    """

    id: int
    x: float
    y: float
    direction_deg: float | None
    field_of_view_deg: float
    range_m: float
    height_m: float
    purposes: tuple[str, ...]
    works: bool


@dataclass(frozen=True, slots=True)
class View:
    """How well a camera sees a place."""

    camera: Camera
    distance_m: float
    is_clear: bool
    """Nothing stands between."""
    is_in_view: bool
    """It looks there, and reaches so far."""
    is_permitted: bool
    """One of its purposes allows it."""


class Obstacles:
    """Buildings that block a view.

    Parameters
    ----------
    footprints, heights_m
        Polygons in metres, and heights above ground, shape (n,).
    """

    def __init__(self, footprints: Iterable[BaseGeometry], heights_m: Iterable[float]) -> None:
        self._shapes = list(footprints)
        self._heights = np.array(list(heights_m), np.float64)
        self._tree = shapely.STRtree(self._shapes)

    def tops(self, x: Floats, y: Floats) -> Floats:
        """Return the height above ground of what stands at points [m]; 0 in the open."""
        height = np.zeros(len(x))
        if self._shapes:
            point, building = self._tree.query(shapely.points(x, y), predicate="within")
            np.maximum.at(height, point, self._heights[building])
        return height


def is_clear(camera: Camera, place: tuple[float, float], elevation: Elevation, obstacles: Obstacles) -> bool:
    """Tell whether the straight line from a camera's lens to a place passes over everything between."""
    distance = float(np.hypot(place[0] - camera.x, place[1] - camera.y))
    share = np.linspace(0, 1, max(int(distance / STEP_M), 2) + 1)
    x, y = camera.x + share * (place[0] - camera.x), camera.y + share * (place[1] - camera.y)
    ground = elevation(x, y)
    line = (ground[0] + camera.height_m) * (1 - share) + (ground[-1] + TARGET_M) * share
    between = (share * distance > OWN_M) & ((1 - share) * distance > OWN_M)
    return bool(np.all((line > ground + obstacles.tops(x, y))[between]))


def best(
    cameras: Iterable[Camera],
    place: tuple[float, float],
    purposes: tuple[str, ...],
    elevation: Elevation,
    obstacles: Obstacles,
    most: int = MOST,
) -> list[View]:
    """Return the best cameras for a place, at most `most`, the best first.

    One whose purposes do not allow it is never among them (PIPA art. 25). Of the others those come first that work,
    that see the place, that stand for the purpose named first, that are near.
    """
    views = []
    for camera in cameras:
        distance = float(np.hypot(place[0] - camera.x, place[1] - camera.y))
        bearing = float(np.degrees(np.arctan2(place[0] - camera.x, place[1] - camera.y)) % 360)
        off = 0.0 if camera.direction_deg is None else abs((bearing - camera.direction_deg + 180) % 360 - 180)
        in_view = distance <= camera.range_m and off <= camera.field_of_view_deg / 2
        permitted = not purposes or bool(set(camera.purposes) & set(purposes))
        if permitted:
            views.append(View(camera, distance, is_clear(camera, place, elevation, obstacles), in_view, permitted))

    def order(view: View) -> tuple[bool, bool, bool, int, float]:
        camera = view.camera
        first = min((purposes.index(one) for one in camera.purposes if one in purposes), default=0)
        could = view.is_clear and view.distance_m <= camera.range_m  # if somebody turned it
        return not camera.works, not (view.is_clear and view.is_in_view), not could, first, view.distance_m

    return sorted(views, key=order)[:most]
