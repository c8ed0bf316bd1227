"""Cells of a shape are those whose middle lies in it, whether it is small or large."""

import numpy as np
import shapely
from affine import Affine
from rasterio.features import rasterize

from simulations.flood.ground import SMALL, burn
from simulations.flood.terrain import Terrain

TERRAIN = Terrain(np.zeros((40, 60), np.float32), Affine(10, 0, 200_000, 0, -10, 300_000), "")


def test_small_and_large_shapes_are_burnt_as_gdal_burns_them() -> None:
    """Turned boxes of 2 to 150 m, some across the edge; GDAL's own rasteriser is the reference."""
    rng = np.random.default_rng(3)
    middles = shapely.points(rng.uniform(200_000, 200_600, 200), rng.uniform(299_600, 300_000, 200))
    sizes = [*rng.uniform(1, 20, 195), *rng.uniform(60, 75, 5)]
    shapes = [shapely.affinity.rotate(shapely.buffer(at, size, cap_style="square"), angle)
              for at, size, angle in zip(middles, sizes, rng.uniform(0, 90, 200), strict=True)]  # fmt: skip
    for some in (shapes, shapes[:195], shapes[195:]):
        expected = rasterize(some, TERRAIN.elevation.shape, transform=TERRAIN.transform, dtype="uint8").astype(bool)
        assert (burn(some, TERRAIN) == expected).all()
    assert max(shape.area for shape in shapes) / 100 > SMALL


def test_nothing_and_what_lies_elsewhere_marks_nothing() -> None:
    far = [shapely.box(0, 0, 500, 500), None, shapely.Polygon()]
    assert not burn(far, TERRAIN).any()
    assert not burn([], TERRAIN).any()
