"""Loader of real base data: the files of GISDATA_DIR, each checked before it may replace a generated layer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow
import rasterio
import rasterio.errors
import rasterio.warp
import shapely
from pyproj import CRS
from rasterio.enums import Resampling

from gisdata.catalogue import read_sources
from gisdata.city import Terrain
from twin.crs import CITY_BBOX, KOREA_CENTRAL, WGS84, transformer
from twin.errors import BadBase
from twin.vertical import INCHEON, datum_of, is_same

WIDE = 0.5
"""How far beyond the city's box the sheets of land, water and roads may reach [deg]."""
NEEDS_IDS = {"parking_lots.parquet": "id"}
"""Files whose rows have a number of their own: the first of a repeated number counts."""
LOWEST_M, HIGHEST_M = -60.0, 900.0
"""Heights that a terrain of this city may have [m]."""


@dataclass(frozen=True, slots=True)
class Base:
    """What was found of the real base.

    Parameters
    ----------
    frames
        File name without extension -> its good rows, EPSG:5186.
    terrain
        Real terrain at its own cell size; None when there is no such file.
    files
        File name -> rows left out (no coordinate, repeated number).
    """

    frames: Mapping[str, gpd.GeoDataFrame] = field(default_factory=dict)
    terrain: Terrain | None = None
    files: Mapping[str, int] = field(default_factory=dict)


def read_base(folder: Path) -> Base:
    """Read the files of a base folder that `sources.toml` knows.

    Parameters
    ----------
    folder
        The folder GISDATA_DIR; a file that is missing there leaves the generated layer.

    Raises
    ------
    BadBase
        For a file that cannot be read, has no coordinate system, no rows, lacks a column, or lies outside the city.
    """
    if not folder.is_dir():
        raise BadBase(f"{folder}: base folder is not there; limit: an existing folder, or none at all")
    frames: dict[str, gpd.GeoDataFrame] = {}
    files: dict[str, int] = {}
    terrain = None
    for name, source in read_sources()["file"].items():
        path = folder / name
        if not path.exists():
            continue
        if path.suffix == ".tif":
            terrain = read_terrain(path)
            files[name] = 0
        else:
            frames[path.stem], files[name] = read_layer_file(path, source["columns"])
    return Base(frames, terrain, files)


def read_layer_file(path: Path, columns: list[str]) -> tuple[gpd.GeoDataFrame, int]:
    """Read one GeoParquet file.

    Parameters
    ----------
    path
        The file.
    columns
        Columns it must have.

    Returns
    -------
    Its good rows in EPSG:5186, and how many rows were left out.

    Raises
    ------
    BadBase
        As `read_base` says.
    """
    try:
        table = gpd.read_parquet(path)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise BadBase(f"{path}: cannot be read as GeoParquet ({error}); limit: a readable GeoParquet file") from error
    if table.crs is None:
        raise BadBase(f"{path}: coordinate system is missing; limit: one must be named")
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise BadBase(f"{path}: columns {missing} are missing; limit: {columns} are needed")
    rows = len(table)
    if rows == 0:
        raise BadBase(f"{path}: 0 rows; limit: at least 1")
    geometry = table.geometry
    good = ~(geometry.isna() | geometry.is_empty).to_numpy()
    bounds = geometry.bounds.to_numpy()
    good &= np.isfinite(bounds).all(axis=1)
    key = NEEDS_IDS.get(path.name)
    if key is not None:
        good &= ~table[key].duplicated().to_numpy()
    table = table[good]
    if not len(table):
        raise BadBase(f"{path}: 0 of {rows} rows have a coordinate; limit: at least 1")
    _check_inside(path, table)
    projected = table.to_crs(KOREA_CENTRAL)
    if projected.geometry.name != "geom":
        projected = projected.rename_geometry("geom")
    projected = projected.set_geometry(
        shapely.make_valid(shapely.force_2d(projected.geometry.to_numpy())), crs=projected.crs
    )
    return projected.reset_index(drop=True), rows - len(table)


def _check_inside(path: Path, table: gpd.GeoDataFrame) -> None:
    west, south, east, north = (float(v) for v in table.to_crs(WGS84).total_bounds)
    low_x, low_y, high_x, high_y = CITY_BBOX
    if not np.isfinite([west, south, east, north]).all():
        raise BadBase(f"{path}: positions are infinite in WGS84; limit: the right coordinate system")
    if west < low_x - WIDE or south < low_y - WIDE or east > high_x + WIDE or north > high_y + WIDE:
        raise BadBase(
            f"{path}: lies in {west:.3f}, {south:.3f}, {east:.3f}, {north:.3f} deg; "
            f"limit: within {WIDE} deg of the city's box {CITY_BBOX}"
        )
    if east < low_x or west > high_x or north < low_y or south > high_y:
        raise BadBase(f"{path}: has nothing in the city's box; limit: {CITY_BBOX} deg")


def read_terrain(path: Path) -> Terrain:
    """Read a terrain raster as it is, in EPSG:5186; cells without data are taken for sea bed at -5 m.

    Raises
    ------
    BadBase
        For a file that cannot be read, names no coordinate system or no vertical datum or another one, lies
        elsewhere, or has impossible heights.
    """
    try:
        with rasterio.open(path) as file:
            if file.crs is None:
                raise BadBase(f"{path}: coordinate system is missing; limit: one must be named")
            if _horizontal_epsg(file.crs.to_wkt()) != KOREA_CENTRAL:
                raise BadBase(f"{path}: coordinate system is {file.crs}; limit: EPSG:{KOREA_CENTRAL}")
            datum = datum_of(file.tags(), file.crs.to_wkt())
            if datum is None or not is_same(datum, INCHEON):
                raise BadBase(f"{path}: heights above {datum or 'an unnamed datum'}; limit: vertical_datum={INCHEON}")
            elevation = file.read(1, masked=True).astype(np.float32)
            transform = file.transform
            bounds = file.bounds
    except rasterio.errors.RasterioError as error:
        raise BadBase(f"{path}: cannot be read as a raster ({error}); limit: a readable GeoTIFF") from error
    west, south, east, north = CITY_BBOX
    x, y = transformer(WGS84, KOREA_CENTRAL).transform([west, east], [south, north])
    if bounds.right < x[0] or bounds.left > x[1] or bounds.top < y[0] or bounds.bottom > y[1]:
        raise BadBase(f"{path}: has nothing in the city's box; limit: {CITY_BBOX} deg")
    if elevation.count() == 0:
        raise BadBase(f"{path}: has no cell with data; limit: at least 1")
    low, high = float(elevation.min()), float(elevation.max())
    if low < LOWEST_M or high > HIGHEST_M:
        raise BadBase(f"{path}: heights from {low:.1f} to {high:.1f} m; limit: {LOWEST_M} to {HIGHEST_M} m")
    return Terrain(elevation.filled(-5.0), transform, float(transform.a))


def _horizontal_epsg(wkt: str) -> int | None:
    crs = CRS.from_wkt(wkt)
    return (crs.sub_crs_list[0] if crs.is_compound else crs).to_epsg()


def resample(source: Terrain, like: Terrain) -> Terrain:
    """Bring a terrain onto the grid of another (bilinear); cells it does not cover keep the other's height."""
    target = np.full(like.elevation.shape, np.nan, dtype=np.float32)
    rasterio.warp.reproject(
        source.elevation,
        target,
        src_transform=source.transform,
        dst_transform=like.transform,
        src_crs=f"EPSG:{KOREA_CENTRAL}",
        dst_crs=f"EPSG:{KOREA_CENTRAL}",
        resampling=Resampling.bilinear,
        dst_nodata=np.nan,
    )
    filled = np.where(np.isnan(target), like.elevation, target)
    return Terrain(np.round(filled, 2).astype(np.float32), like.transform, like.cell_size_m, source.vertical_datum)
