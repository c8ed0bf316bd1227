"""What covers the ground of the city: sea, buildings, roughness, what soaks in."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy.ndimage import binary_dilation, minimum_filter

from simulations.flood.terrain import Terrain

Mask = NDArray[np.bool_]
TIDAL = ("sea", "estuary", "river")
"""Waters whose level is the tide's: they are held, not computed."""
CREST_M = 4.5
"""Quays, dikes and roads along the shore stand at least so high [m above Incheon mean sea level]; assumed."""
MANNINGS_N = {"hill": 0.10, "farm": 0.05, "park": 0.06, "built": 0.04, "industry": 0.03, "airport": 0.025}
INFILTRATION_MM_H = {"hill": 10.0, "farm": 5.0, "park": 8.0, "built": 1.0, "industry": 1.0, "airport": 3.0}
"""Roughness (Chow 1959, table 5-6) and saturated infiltration (silty soils, Rawls et al. 1983), rounded."""
OTHER_N, OTHER_MM_H = 0.045, 3.0
SMALL = 64
"""Cells whose middles a small shape may hold: each is asked for by itself."""


@dataclass(frozen=True)
class Cover:
    """Fields of shape (ny, nx), row 0 in the north.

    Parameters
    ----------
    elevation
        Ground [m] with the crest of the shore; NaN far out in the sea.
    walls
        Buildings.
    shore
        Sea beside land: it bears the tide.
    inland
        Ground that is neither building nor sea.
    built
        Ground that has drains.
    water
        Streams, reservoirs and the sea: wet on any day.
    """

    elevation: NDArray[np.float32]
    walls: Mask
    shore: Mask
    inland: Mask
    built: Mask
    water: Mask
    mannings_n: NDArray[np.float64]
    infiltration_mm_h: NDArray[np.float64]


def burn(shapes: Any, terrain: Terrain, *, touched: bool = False) -> Mask:
    """Return the cells whose middle lies in some polygons (or that they touch)."""
    parts = shapely.get_parts(np.asarray(shapes, object))
    parts = parts[~shapely.is_empty(parts)]
    found = np.zeros(terrain.elevation.shape, bool)
    if not touched:
        parts = _burn_small(parts, terrain, found)
    if len(parts):
        whole = rasterize(parts, found.shape, transform=terrain.transform, all_touched=touched, dtype="uint8")
        found |= np.asarray(whole, bool)
    return found


def _burn_small(parts: NDArray[np.object_], terrain: Terrain, found: Mask) -> NDArray[np.object_]:
    """Mark the cells of small polygons, of which a city has very many; return the others."""
    a, (ny, nx) = terrain.transform, found.shape
    west, south, east, north = shapely.bounds(parts).T.reshape(4, -1)
    c0, c1 = np.ceil((west - a.c) / a.a - 0.5), np.floor((east - a.c) / a.a - 0.5)
    r0, r1 = np.ceil((north - a.f) / a.e - 0.5), np.floor((south - a.f) / a.e - 0.5)
    c0, r0, c1, r1 = (one.astype(int) for one in (c0.clip(0), r0.clip(0), c1.clip(-1, nx - 1), r1.clip(-1, ny - 1)))
    across, down = (c1 - c0 + 1).clip(0), (r1 - r0 + 1).clip(0)
    count = across * down
    small = np.flatnonzero(count <= SMALL)
    owner = np.repeat(small, count[small])
    number = np.arange(len(owner)) - np.repeat(np.cumsum(count[small]) - count[small], count[small])
    column, row = c0[owner] + number % across[owner], r0[owner] + number // across[owner]
    inside = shapely.contains_xy(parts[owner], a.c + a.a * (column + 0.5), a.f + a.e * (row + 0.5))
    found[row[inside], column[inside]] = True
    large: NDArray[np.object_] = parts[count > SMALL]
    return large


def cover_of(terrain: Terrain, tables: dict[str, Any]) -> Cover:
    """Rasterise what covers the ground.

    Parameters
    ----------
    tables
        Frames `building`, `water_body`, `land_use` of the city, EPSG:5186.
    """
    water, use = tables["water_body"], tables["land_use"]
    sea = burn(water.geom[water.kind.isin(TIDAL)], terrain)
    flats = burn(use.geom[use.kind == "tidal_flat"], terrain) & ~burn(use.geom[use.kind != "tidal_flat"], terrain)
    sea |= flats
    land = ~sea & np.isfinite(terrain.elevation)
    shore = sea & binary_dilation(land, np.ones((3, 3), bool))
    walls = burn(tables["building"].geom, terrain) & land
    elevation = terrain.elevation.copy()
    edge = land & binary_dilation(sea, np.ones((3, 3), bool))
    elevation[edge] = np.maximum(elevation[edge], CREST_M)
    # the bed of the held cells matters only up to the ground beside it, and deep water would shorten the time step
    beside = minimum_filter(np.where(land, elevation, np.inf), 3)
    elevation[shore] = np.maximum(elevation[shore], beside[shore])
    elevation[sea & ~shore] = np.nan
    rough = np.full(elevation.shape, OTHER_N)
    soaks = np.full(elevation.shape, OTHER_MM_H)
    built = np.zeros(elevation.shape, bool)
    for kind in MANNINGS_N:
        cells = burn(use.geom[use.kind == kind], terrain)
        rough[cells], soaks[cells] = MANNINGS_N[kind], INFILTRATION_MM_H[kind]
        if kind in ("built", "industry"):
            built |= cells
    soaks[sea] = 0
    return Cover(
        elevation,
        walls,
        shore,
        land & ~walls,
        built & land & ~walls,
        sea | burn(water.geom, terrain, touched=True),
        rough,
        soaks,
    )
