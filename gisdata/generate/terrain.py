"""The ground's height: plains, hills, dikes, stream beds, sea bed."""

import numpy as np
import rasterio.features
import shapely
from affine import Affine
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates, zoom
from shapely.geometry.base import BaseGeometry as Geometry

from gisdata.city import Terrain
from gisdata.facts import BUILT_BELOW_TIDE, HIGH_WATER_M, read_toml, to_metres
from gisdata.generate.ground import Ground

CELL_M = 10.0
COARSE = 4
"""Coarse cells, on which noise and hills are computed, are this many times larger."""
EXTENT = (126.30, 35.785, 126.925, 36.066)
"""West, south, east, north [deg, WGS84]."""


def window() -> tuple[Affine, tuple[int, int]]:
    """Return the raster's transform (EPSG:5186) and shape (ny, nx), a whole number of coarse cells."""
    west, south, east, north = EXTENT
    corners = to_metres([[west, south], [east, south], [east, north], [west, north]])
    step = CELL_M * COARSE * 8
    x0, y0 = np.floor(corners.min(axis=0) / step) * step
    x1, y1 = np.ceil(corners.max(axis=0) / step) * step
    return Affine(CELL_M, 0, x0, 0, -CELL_M, y1), (int((y1 - y0) / CELL_M), int((x1 - x0) / CELL_M))


def raise_terrain(ground: Ground, built: Geometry, seed: int) -> Terrain:
    """Make the terrain of the generated city.

    Parameters
    ----------
    ground
        Land and water.
    built
        Built-up area, of which a known share lies at least 0.5 m below high water.
    seed
        Seed of the unevenness.
    """
    transform, shape = window()
    rng = np.random.default_rng([seed, 41])
    coarse = transform @ Affine.scale(COARSE)
    small = (shape[0] // COARSE, shape[1] // COARSE)

    def mask(geometry: Geometry, size: tuple[int, int] = small, at: Affine = coarse) -> NDArray[np.bool_]:
        if geometry.is_empty:
            return np.zeros(size, bool)
        burnt: NDArray[np.uint8] = rasterio.features.rasterize([geometry], size, transform=at, dtype="uint8")
        return burnt.astype(bool)

    land = mask(ground.land)
    cell = CELL_M * COARSE
    inland = distance_transform_edt(land).astype(np.float32) * cell
    offshore = distance_transform_edt(~(land | mask(ground.neighbours))).astype(np.float32) * cell
    islands = mask(shapely.difference(ground.land, shapely.buffer(ground.mainland, 30)))
    walls = mask(shapely.union_all([wall.geom.buffer(70) for wall in ground.walls if wall.kind == "seawall"]))
    hills = _crumple(_hills(small, coarse), rng) * np.clip(1 + 0.22 * _noise(rng, small, 6), 0.4, 1.3)
    rough = _noise(rng, small, 30) * 0.55 + _noise(rng, small, 9) * 0.3
    plain = 3.6 + rough + np.clip(inland / 8000, 0, 0.8)
    height = np.where(land, plain + hills, 0).astype(np.float32)
    knoll = np.minimum(90, 0.22 * inland) * np.clip(1 + 0.3 * _noise(rng, small, 8), 0.3, 2) + 2.5
    height = np.where(islands & land, knoll, height)
    town = mask(built) & land
    if town.any():
        low = HIGH_WATER_M - 0.5
        offset = np.quantile(height[town], BUILT_BELOW_TIDE) - low
        height = np.where(height < 12, height - offset * np.clip((12 - height) / 6, 0, 1), height)
    height = np.where(walls, 8.5, np.maximum(height, 1.2))
    bed = -np.minimum(14, 0.6 + offshore / 170)
    flats = mask(
        shapely.union_all([shapely.Polygon(to_metres(f["ring"])) for f in read_toml("geography.toml")["tidal_flat"]])
    )
    bed = np.where(flats, np.maximum(bed, -1.2 + 0.5 * _noise(rng, small, 10)), bed)
    elsewhere = mask(ground.neighbours)
    height = np.where(elsewhere, 4 + np.clip(rough, -1, 3), height)

    def finer(values: NDArray[np.floating]) -> NDArray[np.float32]:
        fine: NDArray[np.float32] = zoom(values.astype(np.float32), COARSE, order=1, grid_mode=True, mode="nearest")
        return fine

    # land and sea are enlarged apart, so that the shore stays a step
    dry = np.where(land | elsewhere, height, _spill(height, land | elsewhere))
    fine_land = mask(shapely.union_all([ground.land, ground.neighbours]), shape, transform)
    elevation = np.where(fine_land, finer(dry), np.minimum(finer(bed), -0.3))
    shore = _band(fine_land, 4) & mask(ground.mainland, shape, transform)
    elevation = np.where(shore, np.maximum(elevation, 5.0), elevation)
    for water in ground.waters:
        depth = 2.2 if water.kind == "stream" else 2.5
        wet = mask(shapely.buffer(water.geom, 6), shape, transform) & fine_land
        if wet.any():
            level = np.quantile(elevation[wet], 0.2)
            elevation[wet] = (
                np.minimum(elevation[wet] - depth, level - depth * 0.6) if water.kind == "stream" else level - depth
            )
            if water.kind == "stream":
                elevation[wet] = np.maximum(elevation[wet], -0.5)
    return Terrain(np.round(elevation, 2).astype(np.float32), transform, CELL_M)


def _noise(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> NDArray[np.float32]:
    """Return a smooth random field of unit variance whose features are about `scale` cells wide."""
    step = max(1, int(scale / 3))
    small = gaussian_filter(
        rng.normal(size=(shape[0] // step + 3, shape[1] // step + 3)).astype(np.float32), scale / step
    )
    field = zoom(small, step, order=1, grid_mode=True, mode="nearest")[: shape[0], : shape[1]]
    result: NDArray[np.float32] = (field / field.std()).astype(np.float32)
    return result


def _hills(shape: tuple[int, int], transform: Affine) -> NDArray[np.float32]:
    column = np.arange(shape[1]) + 0.5
    row = np.arange(shape[0]) + 0.5
    x, y = transform.c + transform.a * column, transform.f + transform.e * row
    total = np.zeros(shape, np.float32)
    for lon, lat, top, radius in read_toml("geography.toml")["hills"]["peaks"]:
        px, py = to_metres([lon, lat])
        reach = 3.2 * radius
        i = slice(*np.searchsorted(-y, [-(py + reach), -(py - reach)]))
        j = slice(*np.searchsorted(x, [px - reach, px + reach]))
        d2 = ((x[j] - px) ** 2)[None] + ((y[i] - py) ** 2)[:, None]
        total[i, j] = np.maximum(total[i, j], top * np.exp(-np.log(2) * d2 / radius**2))
    smooth: NDArray[np.float32] = gaussian_filter(total, 2)
    return smooth


def _crumple(hills: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Push the round hills about by up to some 400 m, so that ridges and valleys come of them."""
    shape = (hills.shape[0], hills.shape[1])
    place = np.indices(shape).astype(np.float32)
    for scale, push in ((14, 8.0), (5, 2.5)):
        for axis in (0, 1):
            place[axis] += np.float32(push) * _noise(rng, shape, scale)
    moved: NDArray[np.float32] = map_coordinates(hills, place, order=1, mode="nearest")
    return moved


def _spill(values: NDArray[np.floating], known: NDArray[np.bool_]) -> NDArray[np.floating]:
    """Fill cells that are not known with the nearest known one."""
    row, column = distance_transform_edt(~known, return_distances=False, return_indices=True)
    filled: NDArray[np.floating] = values[row, column]
    return filled


def _band(land: NDArray[np.bool_], cells: int) -> NDArray[np.bool_]:
    """Return the land cells within some cells of the water (in the four directions)."""
    near = np.zeros_like(land)
    for k in range(1, cells + 1):
        near[k:] |= ~land[:-k]
        near[:-k] |= ~land[k:]
        near[:, k:] |= ~land[:, :-k]
        near[:, :-k] |= ~land[:, k:]
    return near & land
