"""Villages in the countryside and the roads between them."""

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import Delaunay
from shapely import Polygon
from shapely.geometry.base import BaseGeometry as Geometry

from gisdata.generate.districts import District
from gisdata.generate.network import Lines, lines


def settle(
    countryside: Geometry, roads: Lines, spacing_m: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Choose the places of villages: spread out, some at the main roads.

    Returns
    -------
    Positions [m, EPSG:5186], shape (n, 2), and the direction of each village's street [rad].
    """
    shapely.prepare(countryside)
    main = roads.geom[(roads.rank > 101) & (roads.rank < 106)]
    at_road = shapely.get_coordinates(
        shapely.line_interpolate_point(main, rng.uniform(0.1, 0.9, len(main)), normalized=True)
    )
    west, south, east, north = countryside.bounds
    wild = rng.uniform([west, south], [east, north], (6000, 2))
    candidates = np.concatenate([at_road, wild])
    candidates = candidates[shapely.contains_xy(countryside, candidates)]
    chosen: list[NDArray[np.float64]] = []
    for point in candidates:
        if all(np.hypot(*(point - other)) > spacing_m for other in chosen):
            chosen.append(point)
    places = np.array(chosen)
    return places, rng.uniform(-0.6, 0.6, len(places))


def country_roads(places: NDArray[np.float64], main: Lines, water: Geometry, rng: np.random.Generator) -> Lines:
    """Join neighbouring villages, and each village to the nearest main road, by bent roads of rank 106."""
    triangles = Delaunay(places).simplices
    pairs = np.unique(
        np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]]), axis=1), axis=0
    )
    a, b = places[pairs[:, 0]], places[pairs[:, 1]]
    length = np.hypot(*(a - b).T)
    # relative neighbourhood graph: no third village nearer to both than they are to each other
    distance = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    is_free = (np.maximum(distance[pairs[:, 0]], distance[pairs[:, 1]]) < length[:, None] - 1).sum(axis=1) == 0
    keep = is_free & (length < 3600)
    starts, ends = list(a[keep]), list(b[keep])
    roads = main.geom[(main.rank > 101) & (main.rank < 106)]
    tree = shapely.STRtree(roads)
    points = shapely.points(places)
    near = tree.nearest(points)
    foot = shapely.get_coordinates(
        shapely.line_interpolate_point(roads[near], shapely.line_locate_point(roads[near], points))
    )
    reach = np.hypot(*(foot - places).T)
    linked = (reach > 150) & (reach < 1800)
    starts += list(places[linked])
    ends += list(foot[linked])
    bent = _bend(np.array(starts), np.array(ends), rng)
    wet = shapely.length(shapely.intersection(bent, water))
    return lines(bent[wet < 90], 106, 1, 50)


def _bend(a: NDArray[np.float64], b: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.object_]:
    """Draw gently bent lines of nine points from a to b."""
    along = b - a
    aside = np.stack([-along[:, 1], along[:, 0]], axis=1)
    s = np.linspace(0, 1, 9)
    bow = rng.uniform(-0.12, 0.12, (len(a), 1)) * np.sin(np.pi * s) + rng.uniform(-0.05, 0.05, (len(a), 1)) * np.sin(
        2 * np.pi * s
    )
    points = a[:, None] + s[None, :, None] * along[:, None] + bow[..., None] * aside[:, None]
    bent: NDArray[np.object_] = np.asarray(shapely.linestrings(points))
    return bent


def village_grounds(
    places: NDArray[np.float64],
    directions: NDArray[np.float64],
    sizes: NDArray[np.float64],
    buildable: Geometry,
    rng: np.random.Generator,
) -> list[District]:
    """Give each village its ground: a rough oval around its place.

    Parameters
    ----------
    places, directions
        Position [m, EPSG:5186] and direction of the street [rad].
    sizes
        Half the length of the oval [m].
    buildable
        Ground that can be built on.
    rng
        Source of the irregular outline.
    """
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    shapely.prepare(buildable)
    grounds: list[District] = []
    for place, direction, size in zip(places, directions, sizes, strict=True):
        radius = rng.uniform(0.8, 1.15, len(angle))
        s, t = size * radius * np.cos(angle), 0.72 * size * radius * np.sin(angle)
        x = place[0] + s * np.cos(direction) - t * np.sin(direction)
        y = place[1] + s * np.sin(direction) + t * np.cos(direction)
        area = shapely.intersection(Polygon(np.stack([x, y], axis=1)), buildable)
        if area.area > 2e4:
            grounds.append(District("", None, "village", float(np.degrees(direction)), 110, 88, 0.16, 0.20, area))
    return grounds
