"""What covers the ground of the city: sea, buildings, roughness, what soaks in."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy.ndimage import binary_dilation

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
    """Return the cells whose middle lies in some shapes (or that they touch)."""
    shapes = [shape for shape in shapes if shape is not None and not shape.is_empty]
    if not shapes:
        return np.zeros(terrain.elevation.shape, bool)
    burnt = rasterize(shapes, terrain.elevation.shape, transform=terrain.transform, all_touched=touched, dtype="uint8")
    return np.asarray(burnt, bool)


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
