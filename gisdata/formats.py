"""Readers of the official formats: CP949 shapefiles, standard-data CSV, and what their `.prj` really says."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyogrio.errors
from pyproj import CRS

from twin.crs import (
    CITY_BBOX,
    KOREA_CENTRAL,
    KOREA_CENTRAL_BESSEL,
    KOREA_CENTRAL_OLD,
    KOREA_UNIFIED,
    WGS84,
)
from twin.errors import BadBase

HANGUL = re.compile("[가-힣]")
PROVINCES = {"45", "52"}
"""Codes of the province before and after 18 January 2024."""
PROVINCE_NAMES = {"전라북도", "전북특별자치도"}
PROVIDERS = {"4670000", "4671000"}
"""Codes of the city as a provider of standard data, old and new."""
CITY_CODE = "130"
"""Digits of the city within a province code."""
GRS80_FLATTENING = 298.257222101
BESSEL_FLATTENING = 299.1528128
PLANES = {
    # code: (lon_0 [deg], false easting [m], false northing [m], inverse flattening [-])
    KOREA_CENTRAL: (127.0, 200_000.0, 600_000.0, GRS80_FLATTENING),
    KOREA_CENTRAL_OLD: (127.0, 200_000.0, 500_000.0, GRS80_FLATTENING),
    KOREA_UNIFIED: (127.5, 1_000_000.0, 2_000_000.0, GRS80_FLATTENING),
    KOREA_CENTRAL_BESSEL: (127.0028902777778, 200_000.0, 500_000.0, BESSEL_FLATTENING),
}


@dataclass(frozen=True, slots=True)
class Rows:
    """Good rows of a file and how many were left out.

    Parameters
    ----------
    table
        Good rows; EPSG:5186.
    rejected
        Rows without a coordinate in the city, or with a number that stood before.
    """

    table: gpd.GeoDataFrame
    rejected: int


def identify(crs: CRS | None, where: Path) -> int:
    """Tell which of the known systems a coordinate system is, by its parameters.

    An ESRI-style `.prj` often has no EPSG code. 5186 and 5181 differ by the false northing, 5181 and 5174 by the
    ellipsoid: a bounding box could not tell the latter two apart, so what the parameters leave open is refused.

    Raises
    ------
    BadBase
        When the system is missing, unknown or ambiguous.
    """
    if crs is None:
        raise BadBase(f"{where}: coordinate system is missing (.prj); limit: one of {sorted([*PLANES, WGS84])}, named")
    if crs.is_geographic:
        if crs.ellipsoid is not None and abs(crs.ellipsoid.inverse_flattening - BESSEL_FLATTENING) < 0.01:
            raise BadBase(f"{where}: degrees on the Bessel ellipsoid; limit: degrees on WGS84 or GRS80")
        return WGS84
    code = crs.to_epsg(min_confidence=90)
    if code in PLANES:
        return int(code)
    operation, ellipsoid = crs.coordinate_operation, crs.ellipsoid
    values = {param.name.lower(): float(param.value) for param in operation.params} if operation is not None else {}
    lon_0 = _value(values, "longitude of natural origin", "central_meridian")
    east = _value(values, "false easting", "false_easting")
    north = _value(values, "false northing", "false_northing")
    flattening = ellipsoid.inverse_flattening if ellipsoid is not None else float("nan")
    fits = [
        epsg
        for epsg, (lon, x, y, f) in PLANES.items()
        if abs(lon_0 - lon) < 5e-4 and abs(east - x) < 1 and abs(north - y) < 1 and abs(flattening - f) < 0.01
    ]
    if len(fits) != 1:
        raise BadBase(
            f"{where}: coordinate system with lon_0 {lon_0} deg, x_0 {east} m, y_0 {north} m, 1/f {flattening:.4f} "
            f"fits {fits or 'none'} of {sorted(PLANES)}; limit: exactly one (name it yourself, nothing is guessed)"
        )
    return fits[0]


def _value(values: dict[str, float], *names: str) -> float:
    return next((values[name] for name in names if name in values), float("nan"))


def read_shapefile(path: Path, epsg: int | None = None) -> Rows:
    """Read an official shapefile, in EPSG:5186.

    Parameters
    ----------
    path
        The `.shp`. Without a `.cpg` beside it the text is CP949, and some Hangul must come out.
    epsg
        Coordinate system, for a file whose `.prj` is missing or says too little.

    Raises
    ------
    BadBase
        When the file cannot be read, its text is not Korean, or its coordinate system is not certain.
    """
    encoding = None if path.with_suffix(".cpg").exists() else "cp949"
    try:
        table = pyogrio.read_dataframe(path, encoding=encoding)
    except (pyogrio.errors.DataSourceError, UnicodeDecodeError, LookupError) as error:
        raise BadBase(f"{path}: cannot be read ({error}); limit: a shapefile in CP949 or with a .cpg") from error
    if not len(table):
        raise BadBase(f"{path}: 0 rows; limit: at least 1")
    require_hangul(table.drop(columns="geometry"), path)
    code = epsg if epsg is not None else identify(table.crs, path)
    return _good(table.set_crs(code, allow_override=True), None, path)


def read_csv(path: Path, lon: str = "경도", lat: str = "위도", key: str | None = None) -> Rows:
    """Read a standard-data CSV with WGS84 positions, in EPSG:5186.

    Parameters
    ----------
    path
        The file; its text is UTF-8 (with or without a mark) or CP949.
    lon, lat
        Columns of longitude and latitude [deg, WGS84].
    key
        Column of the row's number; the first of a repeated number counts. None: numbers are not compared.

    Raises
    ------
    BadBase
        When the text is in neither encoding, a column is missing, or no row has a position in the city.
    """
    raw = path.read_bytes()
    for encoding in ("utf-8-sig", "cp949"):
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise BadBase(f"{path}: text is neither UTF-8 nor CP949; limit: one of them")
    rows = list(csv.DictReader(io.StringIO(text)))
    missing = [name for name in (lon, lat, key) if name is not None and (not rows or name not in rows[0])]
    if missing:
        raise BadBase(
            f"{path}: columns {missing} are missing; limit: {lon}, {lat}{f', {key}' if key else ''} are needed"
        )
    table = pd.DataFrame(rows)
    require_hangul(table, path)
    x = pd.to_numeric(table[lon], errors="coerce")
    y = pd.to_numeric(table[lat], errors="coerce")
    placed = gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(x, y), crs=WGS84)
    west, south, east, north = CITY_BBOX
    inside = x.between(west, east) & y.between(south, north)
    placed.loc[~inside, "geometry"] = None
    return _good(placed, key, path)


def _good(table: gpd.GeoDataFrame, key: str | None, path: Path) -> Rows:
    geometry = table.geometry
    good = ~(geometry.isna() | geometry.is_empty).to_numpy()
    good &= np.isfinite(geometry.bounds.to_numpy()).all(axis=1)
    if key is not None:
        good &= ~table[key].where(good).duplicated().to_numpy()
    kept = table[good]
    if not len(kept):
        raise BadBase(f"{path}: 0 of {len(table)} rows have a position in the city; limit: at least 1")
    return Rows(kept.to_crs(KOREA_CENTRAL).rename_geometry("geom").reset_index(drop=True), len(table) - len(kept))


def require_hangul(table: pd.DataFrame, path: Path) -> None:
    """Refuse a table with text but without any Hangul: it was read in the wrong encoding.

    Raises
    ------
    BadBase
        When there is text and none of it is Korean.
    """
    texts = [str(value) for name in table.columns for value in table[name].dropna().head(200) if isinstance(value, str)]
    texts = [text for text in texts if text]
    if texts and not any(HANGUL.search(text) for text in texts):
        sample = texts[0][:40]
        raise BadBase(f"{path}: no Hangul in {len(texts)} texts (first {sample!r}); limit: Korean text, CP949 or UTF-8")


def is_of_city(code: str) -> bool:
    """Tell whether an administrative or provider code is Gunsan's, in the old numbering or the new."""
    return code in PROVIDERS or (code[:2] in PROVINCES and code[2:5] == CITY_CODE)


def normal_code(code: str) -> str:
    """Return an administrative code in the new numbering (45130... becomes 52130...)."""
    return "52" + code[2:] if code[:2] == "45" else code


def is_in_province(address: str) -> bool:
    """Tell whether an address begins with the province's name, the old one or the new."""
    return any(address.startswith(name) for name in PROVINCE_NAMES)


def write_geopackage(table: gpd.GeoDataFrame, path: Path, layer: str) -> None:
    """Write a table as GeoPackage 1.3, which every GIS of the city offices opens."""
    pyogrio.write_dataframe(table, path, layer=layer, driver="GPKG", dataset_options={"VERSION": "1.3"})
