"""Coarse water on the fine terrain."""

import numpy as np
from affine import Affine

from simulations.flood.downscale import downscale
from simulations.flood.terrain import Terrain


def terrains() -> tuple[Terrain, Terrain]:
    """Return a slope of 1 % to the east on cells of 20 m, the means of those of 5 m."""
    fine = np.tile(np.arange(0, 0.8, 0.05, dtype=np.float32), (8, 1))
    coarse = fine.reshape(2, 4, 4, 4).mean(axis=(1, 3))
    return Terrain(coarse, Affine(20, 0, 0, 0, -20, 40), ""), Terrain(fine, Affine(5, 0, 0, 0, -5, 40), "")


def test_a_level_pool_on_a_slope_is_as_deep_as_the_fine_ground_is_low() -> None:
    """Level 0.35 m: coarse cells of mean height 0.075 and 0.275 are wet, those of 0.475 are dry. The fine shore lies at
    0.35 m, in the middle of the second cell."""
    coarse, fine = terrains()
    depth = np.maximum(0.35 - coarse.elevation, 0).astype(np.float32)
    found = downscale(depth, coarse, fine)
    assert np.allclose(found, np.maximum(0.35 - fine.elevation, 0), atol=1e-6)


def test_dry_ground_stays_dry() -> None:
    coarse, fine = terrains()
    assert not downscale(np.zeros_like(coarse.elevation), coarse, fine).any()


def test_sea_and_holes_are_no_flood() -> None:
    coarse, fine = terrains()
    coarse.elevation[:, 0] = np.nan
    found = downscale(np.where(np.isfinite(coarse.elevation), 0, 1).astype(np.float32), coarse, fine)
    assert not found.any()
