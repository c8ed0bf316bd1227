"""Raster tiles of the base for the 2D view: painted at double size and averaged, in the colours of the house."""

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.io import MemoryFile
from rasterio.transform import from_bounds

from twin.ground import Shapes

SIZE = 256
OVER = 2
"""Pixels painted per pixel kept, each way."""
WORLD_M = 20037508.342789244

LAND = (0x1B, 0x20, 0x27)
FILLS: dict[str, dict[str, tuple[int, int, int]]] = {
    "land_use": {
        "hill": (0x1E, 0x29, 0x26),
        "park": (0x1E, 0x2C, 0x27),
        "industry": (0x25, 0x27, 0x2D),
        "airport": (0x26, 0x2B, 0x33),
        "tidal_flat": (0x17, 0x22, 0x2C),
        "built": (0x20, 0x26, 0x2E),
        "farm": (0x1C, 0x23, 0x25),
    },
    "water_body": {"": (0x10, 0x1B, 0x29)},
    "building": {"": (0x35, 0x3D, 0x48)},
}
LINES: dict[str, tuple[tuple[int, int, int], float]] = {
    "coast": ((0x4B, 0x5A, 0x6C), 1.2),
    "railway": ((0x46, 0x4C, 0x57), 1.0),
    "admin_unit": ((0x47, 0x50, 0x5D), 0.8),
}
ROAD = (0x5A, 0x64, 0x72)
STREET = (0x36, 0x3E, 0x49)


def paint(shapes: list[Shapes], z: int, x: int, y: int) -> bytes:
    """Paint one tile.

    Returns
    -------
    bytes
        PNG, 256 x 256 pixels, RGB.
    """
    span = 2 * WORLD_M / 2**z
    west, north = x * span - WORLD_M, WORLD_M - y * span
    transform = from_bounds(west, north - span, west + span, north, SIZE * OVER, SIZE * OVER)
    image = np.empty((SIZE * OVER, SIZE * OVER, 3), np.uint8)
    image[:] = LAND
    pixel_m = span / SIZE

    def burn(geometries: NDArray[np.object_], colour: tuple[int, int, int]) -> None:
        geometries = geometries[~shapely.is_empty(geometries)]
        if len(geometries):
            mask = rasterize(geometries.tolist(), image.shape[:2], transform=transform, dtype=np.uint8)
            image[mask.astype(bool)] = colour

    for part in shapes:
        if part.table == "road_link":
            rank = part.kind.astype(int) if len(part.kind) else part.kind
            for is_main, colour, width in ((False, STREET, 0.45), (True, ROAD, 0.9)):
                chosen = part.geom[(rank <= 104) == is_main]
                burn(shapely.buffer(chosen, max(width * pixel_m, 3.0 + 3.0 * is_main), quad_segs=2), colour)
        elif part.table in LINES:
            colour, width = LINES[part.table]
            lines = shapely.boundary(part.geom) if part.table == "admin_unit" else part.geom
            burn(shapely.buffer(lines, width * pixel_m / 2, quad_segs=1), colour)
        else:
            for kind, colour in FILLS[part.table].items():
                burn(part.geom[part.kind == kind] if kind else part.geom, colour)
    return _png(image.reshape(SIZE, OVER, SIZE, OVER, 3).mean((1, 3)).round().astype(np.uint8))


def _png(image: NDArray[np.uint8]) -> bytes:
    with MemoryFile() as memory:
        with memory.open(driver="PNG", width=SIZE, height=SIZE, count=3, dtype="uint8") as file:
            file.write(image.transpose(2, 0, 1))
        data: bytes = memory.read()
        return data
