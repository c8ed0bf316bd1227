"""The city as it is handed to the loader: tables, asset registers, catalogue, terrain."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from shapely.geometry import Polygon, box

from twin.crs import KOREA_CENTRAL
from twin.vertical import INCHEON


@dataclass(frozen=True, slots=True)
class Terrain:
    """A terrain raster.

    Parameters
    ----------
    elevation
        Height of the ground [m], shape (ny, nx), row 0 in the north, above `vertical_datum`; sea bed where there is
        water; no gaps.
    transform
        Affine transform from (column, row) to easting and northing [m, EPSG:5186].
    cell_size_m
        Edge of a cell [m].
    vertical_datum
        Name of the vertical datum.
    """

    elevation: NDArray[np.float32]
    transform: Affine
    cell_size_m: float
    vertical_datum: str = INCHEON

    @property
    def footprint(self) -> Polygon:
        """Outline of the raster, EPSG:5186."""
        ny, nx = self.elevation.shape
        west, north = self.transform @ (0, 0)
        east, south = self.transform @ (nx, ny)
        return box(west, south, east, north)

    def sample(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return the height [m] of the cells under positions [m, EPSG:5186]; the border's outside the raster."""
        ny, nx = self.elevation.shape
        column = np.clip(((x - self.transform.c) / self.transform.a).astype(np.int64), 0, nx - 1)
        row = np.clip(((y - self.transform.f) / self.transform.e).astype(np.int64), 0, ny - 1)
        return self.elevation[row, column]


@dataclass(frozen=True, slots=True)
class City:
    """Everything the twin stands on.

    Parameters
    ----------
    tables
        Table name of `twin.model` -> its rows; geometry column `geom`, EPSG:5186.
    assets
        Layer id -> asset register with the columns key, name_ko, name_en, quality, attributes, geom (point).
    catalogue
        Table or layer id -> title_ko, title_en, origin, licence, attribution, as_of, quality, rejected.
    terrain
        The ground.
    seed
        What the generated parts were drawn from.
    """

    tables: Mapping[str, gpd.GeoDataFrame]
    assets: Mapping[str, gpd.GeoDataFrame]
    catalogue: Mapping[str, dict[str, Any]]
    terrain: Terrain
    seed: int

    def digest(self) -> str:
        """Return a SHA-256 over all rows and the terrain: equal cities have equal digests."""
        state = sha256(str(self.seed).encode())
        for group in (self.tables, self.assets):
            for name in sorted(group):
                frame = group[name]
                state.update(name.encode())
                state.update(frame.drop(columns="geom").to_csv(index=False).encode())
                for wkb in frame.geometry.to_wkb():
                    state.update(wkb or b"-")
        state.update(np.ascontiguousarray(self.terrain.elevation).tobytes())
        return state.hexdigest()


TERRAIN_FILE = "terrain.tif"
"""Name of the terrain's file in the data folder."""


def terrain_table(terrain: Terrain) -> gpd.GeoDataFrame:
    """Return the row of the table `terrain`."""
    row = {"id": [1], "path": [TERRAIN_FILE], "cell_size_m": [terrain.cell_size_m]}
    row["vertical_datum"] = [terrain.vertical_datum]
    frame = gpd.GeoDataFrame(row, geometry=[terrain.footprint], crs=KOREA_CENTRAL)
    return frame.rename_geometry("geom")


def write_terrain(terrain: Terrain, path: Path) -> None:
    """Write a terrain as a cloud-optimised GeoTIFF (deflate, EPSG:5186, float32 metres).

    Parameters
    ----------
    terrain
        What to write.
    path
        File to make; its folder must exist.
    """
    ny, nx = terrain.elevation.shape
    profile = {
        "driver": "COG",
        "height": ny,
        "width": nx,
        "count": 1,
        "dtype": "float32",
        "crs": f"EPSG:{KOREA_CENTRAL}",
        "transform": terrain.transform,
        "compress": "DEFLATE",
        "level": 6,
        "predictor": "FLOATING_POINT",
        "overview_resampling": "AVERAGE",
        "num_threads": "ALL_CPUS",
    }
    with rasterio.open(path, "w", **profile) as file:
        file.write(terrain.elevation, 1)
        file.update_tags(vertical_datum=terrain.vertical_datum, unit="m")
