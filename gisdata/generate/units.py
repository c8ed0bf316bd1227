"""The 27 units: a partition of the land whose areas are those of the plan."""

from itertools import pairwise

import geopandas as gpd
import numpy as np
import rasterio.features
import shapely
from affine import Affine
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from shapely.geometry.base import BaseGeometry as Geometry

from gisdata.facts import read_csv, to_metres
from gisdata.generate.ground import Ground, frame, multi, polygons_of

CELL_M = 50.0
ISLANDS = "옥도면"


def partition(ground: Ground, seed: int) -> gpd.GeoDataFrame:
    """Return the rows of admin_unit, by a power diagram with capacities on a 50 m raster.

    Each cell of the mainland goes to the unit for which squared distance minus weight is least; the weights are
    found by Newton's method so that every unit has its area. Distances are taken in a slightly warped plane, which
    makes the borders wander.

    References
    ----------
    Kitagawa, Merigot, Thibert: Convergence of a Newton algorithm for semi-discrete optimal transport (2019),
    doi:10.4171/JEMS/889.
    """
    rows = read_csv("units.csv")
    inland = [row for row in rows if row["name_ko"] != ISLANDS]
    sites = to_metres([[float(row["lon"]), float(row["lat"])] for row in inland])
    target = np.array([float(row["area_km2"]) * 1e6 for row in inland])
    target *= ground.mainland.area / target.sum()
    west, south, east, north = ground.mainland.bounds
    margin = 6 * CELL_M
    transform = Affine(CELL_M, 0, west - margin, 0, -CELL_M, north + margin)
    shape = (int((north - south + 2 * margin) / CELL_M) + 1, int((east - west + 2 * margin) / CELL_M) + 1)
    inside = rasterio.features.rasterize([ground.mainland], shape, transform=transform).astype(bool)
    column, row = np.meshgrid(np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5)
    rng = np.random.default_rng([seed, 21])
    warp = [180 * _noise(rng, shape, 12) + 60 * _noise(rng, shape, 4) for _ in range(2)]
    x = transform.c + CELL_M * column + warp[0]
    y = transform.f - CELL_M * row + warp[1]
    sites, weights = _centre(x, y, inside, sites, target)
    cost = _cost(x, y, sites)
    weights = _balance(cost, inside, sites, target, weights)
    geoms = attempt = _borders(cost, weights, transform, ground)
    best, aim = np.inf, target.copy()
    for _ in range(12):
        area = np.array([geom.area for geom in attempt])
        worst = float(np.abs(area / target - 1).max())
        if worst < best:
            best, geoms = worst, attempt
        if worst < 0.012:
            break
        # the smoothing of the borders moved some area: aim a little off
        aim += 0.6 * (target - area)
        weights = _balance(cost, inside, sites, aim, weights, rounds=3)
        attempt = _borders(cost, weights, transform, ground)
    islands = shapely.difference(ground.land, ground.mainland)
    by_name = {row["name_ko"]: geom for row, geom in zip(inland, geoms, strict=True)} | {ISLANDS: islands}
    return frame(
        {
            "id": [int(row["id"]) for row in rows],
            "name_ko": [row["name_ko"] for row in rows],
            "name_en": [row["name_en"] for row in rows],
            "kind": [row["kind"] for row in rows],
            "code": [None] * len(rows),
            "area_km2": [float(row["area_km2"]) for row in rows],
            "population": [int(row["population"]) for row in rows],
            "households": [int(row["households"]) for row in rows],
        },
        [multi(by_name[row["name_ko"]]) for row in rows],
    )


def _cost(x: NDArray[np.float64], y: NDArray[np.float64], sites: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.stack([((x - sx) ** 2 + (y - sy) ** 2) for sx, sy in sites]).astype(np.float32)


def _centre(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    inside: NDArray[np.bool_],
    wanted: NDArray[np.float64],
    target: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Move the sites until the middle of each unit, not its site, comes near the wanted place.

    Works on every third cell; returns the sites [m] and the weights [m2].
    """
    x, y, inside = x[::3, ::3], y[::3, ::3], inside[::3, ::3]
    n = len(wanted)
    sites, weights = wanted.copy(), np.zeros(n)
    for turn in range(8):
        cost = _cost(x, y, sites)
        for _ in range(14 if turn == 0 else 5):
            label = np.argmin(cost - weights[:, None, None].astype(np.float32), axis=0)
            area = np.bincount(label[inside], minlength=n) * (3 * CELL_M) ** 2
            weights = weights + _newton_step(label, inside, sites, target - area, 3 * CELL_M)
        cells = np.bincount(label[inside], minlength=n)
        middle = np.stack(
            [np.bincount(label[inside], weights=v[inside], minlength=n) / np.maximum(cells, 1) for v in (x, y)], axis=1
        )
        sites = np.where(cells[:, None] > 0, sites + 0.4 * (wanted - middle), sites)
    return sites, weights


def _noise(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> NDArray[np.float64]:
    field = gaussian_filter(rng.normal(size=shape), scale, mode="wrap")
    scaled: NDArray[np.float64] = field / field.std()
    return scaled


def _balance(
    cost: NDArray[np.float32],
    inside: NDArray[np.bool_],
    sites: NDArray[np.float64],
    target: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
    rounds: int = 40,
) -> NDArray[np.float64]:
    """Find the weights [m2] at which every unit has its target area [m2]."""
    n = len(sites)
    if weights is None:
        weights = np.zeros(n)
        steps = [(4, rounds), (1, 12)]
    else:
        steps = [(1, rounds)]
    for step, most in steps:
        coarse = np.ascontiguousarray(cost[:, ::step, ::step])
        within = inside[::step, ::step]
        cell = CELL_M * step
        for _ in range(most):
            label = np.argmin(coarse - weights[:, None, None].astype(np.float32), axis=0)
            area = np.bincount(label[within], minlength=n) * cell**2
            error = target - area
            if np.abs(error / target).max() < 0.004:
                break
            weights = weights + _newton_step(label, within, sites, error, cell)
    return weights


def _newton_step(
    label: NDArray[np.int64],
    within: NDArray[np.bool_],
    sites: NDArray[np.float64],
    error: NDArray[np.float64],
    cell: float,
) -> NDArray[np.float64]:
    n = len(sites)
    length = np.zeros((n, n))
    for a, b, ok in (
        (label[:, :-1], label[:, 1:], within[:, :-1] & within[:, 1:]),
        (label[:-1], label[1:], within[:-1] & within[1:]),
    ):
        at = ok & (a != b)
        np.add.at(length, (a[at], b[at]), cell * 0.79)
    length = length + length.T
    gap = np.hypot(*(sites[:, None] - sites[None]).transpose(2, 0, 1)) + 1
    hessian = np.diag((length / (2 * gap)).sum(axis=1)) - length / (2 * gap)
    step: NDArray[np.float64] = np.linalg.lstsq(hessian + 0.02 * np.eye(n), 0.7 * error, rcond=None)[0]
    biggest = np.abs(step).max()
    return step * float(min(1, 4e6 / max(biggest, 1)))


def _borders(
    cost: NDArray[np.float32], weights: NDArray[np.float64], transform: Affine, ground: Ground
) -> list[Geometry]:
    """Turn the cells into polygons with smooth common borders, cut along the exact shore."""
    label = np.argmin(cost - weights[:, None, None].astype(np.float32), axis=0).astype(np.int16)
    pieces: list[list[shapely.Polygon]] = [[] for _ in weights]
    for outline, value in rasterio.features.shapes(label, transform=transform):
        pieces[int(value)].append(shapely.Polygon(outline["coordinates"][0], outline["coordinates"][1:]))
    areas = [shapely.MultiPolygon(parts) for parts in pieces]
    smooth = shapely.coverage_simplify(areas, 75.0, simplify_boundary=False)
    return [shapely.intersection(area, ground.mainland) for area in _soften(list(smooth))]


def _soften(areas: list[Geometry]) -> list[Geometry]:
    """Round the corners of common borders, the same from both sides; places where three units meet stay."""
    rings = [[np.round(shapely.get_coordinates(r), 2) for r in _rings(area)] for area in areas]
    for _ in range(2):
        rings = [[_with_middles(ring) for ring in own] for own in rings]
        beside: dict[tuple[float, float], set[tuple[float, float]]] = {}
        for own in rings:
            for ring in own:
                points = [(float(x), float(y)) for x, y in ring]
                for a, b in pairwise(points):
                    beside.setdefault(a, set()).add(b)
                    beside.setdefault(b, set()).add(a)
        moved = {
            point: tuple(np.round(0.5 * np.array(point) + 0.25 * (np.array(a) + np.array(b)), 2).tolist())
            for point, (a, b) in ((p, sorted(n)) for p, n in beside.items() if len(n) == 2)
        }
        rings = [
            [np.array([moved.get((float(x), float(y)), (x, y)) for x, y in ring]) for ring in own] for own in rings
        ]
    outlines = [np.array([shapely.Polygon(ring) for ring in own], dtype=object) for own in rings]
    return [shapely.union_all(shapely.make_valid(own)) for own in outlines]


def _rings(area: Geometry) -> list[shapely.LinearRing]:
    return [part.exterior for part in polygons_of(area)]


def _with_middles(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    middle = np.round((ring[:-1] + ring[1:]) / 2, 2)
    woven = np.empty((2 * len(ring) - 1, 2))
    woven[0::2], woven[1::2] = ring, middle
    return woven
