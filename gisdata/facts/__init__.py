"""Small tables of facts about Gunsan (names, totals, coarse positions) and the functions that read them."""

import csv
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.crs import KOREA_CENTRAL, WGS84, transformer

FOLDER = Path(__file__).parent

HOUSEHOLDS = 123_275
POPULATION = 262_264
APARTMENT_SHARE = 0.6861
"""Share of homes that are flats [-]."""
INDUSTRY_KM2 = 49.0
BUILT_BELOW_TIDE = 0.22
"""Share of the built-up area at least 0.5 m below high water [-]."""
HIGH_WATER_M = 3.6
"""High water above Incheon mean sea level [m]."""
TIDE = (
    ("M2", 28.9841042, 2.16, 86.0),
    ("S2", 30.0, 0.83, 131.0),
    ("N2", 28.4397295, 0.42, 63.0),
    ("K2", 30.0821373, 0.23, 126.0),
    ("K1", 15.0410686, 0.36, 289.0),
    ("O1", 13.9430356, 0.27, 253.0),
    ("P1", 14.9589314, 0.11, 286.0),
    ("M4", 57.9682084, 0.09, 250.0),
    ("MS4", 58.9841042, 0.07, 300.0),
)
"""Name, speed [deg/h], amplitude [m], phase lag [deg] at Gunsan's outer port: approximate harmonic constants, rounded,
of the kind that the hydrographic office publishes. The equilibrium arguments are left out: the day is a made-up one."""
CAMERAS = 1_200
SCHOOL_ZONE_CAMERAS = 348
SCHOOL_ZONES = 98
SCHOOLS = 94
LOTS = {"attached": 5_418, "off_street": 173, "on_street": 43}
SPACES = 82_881
PUBLIC_LOTS = 174
PUBLIC_SPACES = 10_719
LIVE_PRIVATE_LOTS = 330


@cache
def read_toml(name: str) -> dict[str, Any]:
    """Read a TOML file of this folder; callers must not change what they get."""
    return tomllib.loads((FOLDER / name).read_text("utf-8"))


@cache
def read_csv(name: str) -> tuple[dict[str, str], ...]:
    """Read a CSV file of this folder; lines that begin with `#` are comments."""
    lines = [line for line in (FOLDER / name).read_text("utf-8").splitlines() if not line.startswith("#")]
    return tuple(csv.DictReader(lines))


def to_metres(lonlat: Any) -> NDArray[np.float64]:
    """Project positions.

    Parameters
    ----------
    lonlat
        Longitude and latitude [deg, WGS84], shape (n, 2) or (2,).

    Returns
    -------
    Easting and northing [m, EPSG:5186], same shape.
    """
    points = np.asarray(lonlat, dtype=np.float64)
    x, y = transformer(WGS84, KOREA_CENTRAL).transform(points[..., 0], points[..., 1])
    return np.stack([x, y], axis=-1)


def to_degrees(xy: Any) -> NDArray[np.float64]:
    """Turn easting and northing [m, EPSG:5186] into longitude and latitude [deg, WGS84], same shape."""
    points = np.asarray(xy, dtype=np.float64)
    lon, lat = transformer(KOREA_CENTRAL, WGS84).transform(points[..., 0], points[..., 1])
    return np.stack([lon, lat], axis=-1)
