"""The one place of EPSG numbers, and the transforms between them (always lon/lat, x/y order)."""

from functools import cache

from pyproj import Transformer

WGS84 = 4326
"""Geographic, degrees. What clients send and receive."""
KOREA_CENTRAL = 5186
"""Korea 2000 / Central Belt 2010 [m]. Storage and simulation."""
WEB_MERCATOR = 3857
"""Tiles only."""
KOREA_UNIFIED = 5179
KOREA_CENTRAL_OLD = 5181
KOREA_CENTRAL_BESSEL = 5174
"""Input only; 5174 stands on the Bessel ellipsoid, the others on GRS80."""

CITY_BBOX = (126.2, 35.7, 126.95, 36.1)
"""(west, south, east, north) in WGS84: nothing of the city lies outside."""


@cache
def transformer(source: int, target: int) -> Transformer:
    """Return the cached transformer from one EPSG code to another, in x/y order."""
    return Transformer.from_crs(source, target, always_xy=True)


def is_in_city(lon: float, lat: float) -> bool:
    """Tell whether a WGS84 position lies in the box of the city."""
    west, south, east, north = CITY_BBOX
    return west <= lon <= east and south <= lat <= north
