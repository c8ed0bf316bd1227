"""The ground of a simulation: reading a raster, refusing what would give a silent wrong map, aligning others to it."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.warp import Resampling, reproject
from scipy.ndimage import label

from twin.errors import BadScenario
from twin.vertical import datum_of, is_same

Floats = NDArray[np.float32]
BYTES_PER_CELL = 130
"""What the solver and its results keep in memory for a cell."""
CELL_LIMITS_M = (0.01, 1000.0)


@dataclass(frozen=True)
class Terrain:
    """The ground.

    Parameters
    ----------
    elevation
        Height [m], shape (ny, nx), row 0 in the north; NaN outside the area.
    transform
        From (column, row) to easting and northing [m].
    crs
        Well-known text of the reference system; empty for local metres.
    vertical_datum
        Name of what heights are above, as the file says it; None where it says nothing.
    """

    elevation: Floats
    transform: Affine
    crs: str
    vertical_datum: str | None = None

    @property
    def cell_size(self) -> float:
        """Edge of a cell [m]."""
        return float(self.transform.a)

    def cell_of(self, x: float, y: float, what: str) -> tuple[int, int]:
        """Return (row, column) of the cell at a place.

        Raises
        ------
        BadScenario
            The place is outside the terrain, or there is no ground.
        """
        column, row = (int(np.floor(one)) for one in ~self.transform @ (x, y))
        ny, nx = self.elevation.shape
        row -= row == ny and bool(np.isclose((~self.transform @ (x, y))[1], ny))
        column -= column == nx and bool(np.isclose((~self.transform @ (x, y))[0], nx))
        if not (0 <= row < ny and 0 <= column < nx):
            west, north = self.transform @ (0, 0)
            east, south = self.transform @ (nx, ny)
            raise BadScenario(f"{what} at ({x}, {y}) is outside the terrain {west}..{east}, {south}..{north} [m]")
        if not np.isfinite(self.elevation[row, column]):
            raise BadScenario(f"{what} at ({x}, {y}) stands where the terrain has no ground (row {row}, col {column})")
        return row, column


def read_terrain(path: Path, *, is_local: bool, holes_are_walls: bool) -> Terrain:
    """Read a digital elevation model.

    Raises
    ------
    BadScenario
        It is no raster, has no metric reference system, no square cells, holes, or is too large.
    """
    try:
        with rasterio.open(path) as source:
            _require(source, path, is_local=is_local)
            values = source.read(1, masked=True)
            elevation = np.ma.filled(values.astype(np.float64), np.nan)
            crs = "" if source.crs is None else source.crs.to_wkt()
            transform = source.transform
            datum = datum_of(source.tags(), crs)
    except RasterioError as error:
        raise BadScenario(f"{path} cannot be read as a raster: {error}") from error
    elevation[~np.isfinite(elevation) | (np.abs(elevation) > 1e5)] = np.nan
    ground = np.isfinite(elevation)
    if not ground.any():
        raise BadScenario(f"{path} has no ground: all {ground.size:,} cells are without data")
    if not holes_are_walls:
        _require_no_holes(ground, path)
    return Terrain(elevation.astype(np.float32), transform, crs, datum)


def require_datum(terrain: Terrain, path: Path, what: str) -> None:
    """Refuse a raster of levels that names another vertical datum than the terrain.

    Raises
    ------
    BadScenario
        It does.
    """
    with rasterio.open(path) as source:
        datum = datum_of(source.tags(), "" if source.crs is None else source.crs.to_wkt())
    if datum and terrain.vertical_datum and not is_same(datum, terrain.vertical_datum):
        raise BadScenario(
            f"{what}: {path} has levels above {datum}, the terrain heights above {terrain.vertical_datum}"
        )


def _require(source: rasterio.DatasetReader, path: Path, *, is_local: bool) -> None:
    a, b, d, e = (getattr(source.transform, name) for name in "abde")
    if b or d or a <= 0 or e >= 0:
        raise BadScenario(f"{path} is turned or upside down (transform {a}, {b}, {d}, {e}); north has to be up")
    if abs(a + e) > 1e-6 * a:
        raise BadScenario(f"{path} has cells of {a} x {-e}; they have to be square")
    if source.crs is None and not is_local:
        raise BadScenario(f'{path} has no reference system; say "crs": "local" if its coordinates are metres')
    if source.crs is not None and not is_local:
        if source.crs.is_geographic:
            raise BadScenario(f"{path} is in degrees ({source.crs.to_string()[:60]}); project it to metres first")
        if abs(source.crs.linear_units_factor[1] - 1) > 1e-9:
            raise BadScenario(f"{path} is in {source.crs.linear_units}, not in metres")
    low, high = CELL_LIMITS_M
    if not low <= a <= high:
        raise BadScenario(f"{path} has cells of {a} m; the limits are {low} and {high} m")
    needed = source.width * source.height * BYTES_PER_CELL
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    if needed > free:
        raise BadScenario(
            f"{path} has {source.width} x {source.height} cells: they need {needed / 2**30:.1f} GiB of memory, "
            f"{free / 2**30:.1f} are free; cut it or use larger cells"
        )


def _require_no_holes(ground: NDArray[np.bool_], path: Path) -> None:
    parts, count = label(~ground)
    border = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    inside = np.setdiff1d(np.arange(1, count + 1), border)
    if len(inside):
        row, column = np.argwhere(parts == inside[0])[0]
        cells = int(np.isin(parts, inside).sum())
        raise BadScenario(
            f"{path} has {len(inside)} holes without data ({cells} cells), the first at row {row}, column {column}; "
            'fill them, or say "holes": "wall"'
        )


def aligned(path: Path, terrain: Terrain, what: str) -> Floats:
    """Read a raster onto the cells of a terrain (bilinear).

    Raises
    ------
    BadScenario
        It does not cover the terrain's ground.
    """
    out = np.full(terrain.elevation.shape, np.nan, np.float32)
    try:
        with rasterio.open(path) as source:
            same = source.transform.almost_equals(terrain.transform, 1e-6) and source.shape == out.shape
            if same:
                out = np.ma.filled(source.read(1, masked=True).astype(np.float32), np.nan)
            else:
                target = terrain.crs or source.crs
                reproject(
                    rasterio.band(source, 1), out, src_crs=source.crs or target, dst_transform=terrain.transform,
                    dst_crs=target, dst_nodata=np.nan, resampling=Resampling.bilinear,
                )  # fmt: skip
    except RasterioError as error:
        raise BadScenario(f"{what}: {path} cannot be read as a raster: {error}") from error
    missing = np.isfinite(terrain.elevation) & ~np.isfinite(out)
    if missing.any():
        row, column = np.argwhere(missing)[0]
        raise BadScenario(f"{what}: {path} leaves {int(missing.sum()):,} cells open, the first at {row}, {column}")
    return np.nan_to_num(out)
