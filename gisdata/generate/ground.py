"""The ground on which the rest is drawn: land, waters, walls, hills, units."""

from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry as Geometry

from gisdata.facts import to_metres
from twin.crs import CITY_BBOX, KOREA_CENTRAL


@dataclass(frozen=True, slots=True)
class Water:
    """A water on land: kind as in the table water_body, its Korean and English name, its surface."""

    kind: str
    name_ko: str | None
    name_en: str | None
    geom: Geometry


@dataclass(frozen=True, slots=True)
class Wall:
    """A seawall or barrage: its line and names."""

    kind: str
    name_ko: str
    name_en: str
    geom: LineString


@dataclass(frozen=True, slots=True)
class Ground:
    """Land and water of the city, EPSG:5186.

    Parameters
    ----------
    mainland
        The mainland with its waters.
    land
        All land of the city, islands and seawalls too.
    neighbours
        Land of the towns around.
    sea
        Sea, estuary and border rivers within the city's box.
    waters
        Waters on land.
    walls
        Seawalls and barrages.
    streams
        Centre lines of the streams by name.
    """

    mainland: Polygon
    land: MultiPolygon
    neighbours: Geometry
    sea: Geometry
    waters: list[Water]
    walls: list[Wall]
    streams: dict[str, LineString] = field(default_factory=dict)

    @property
    def inland_water(self) -> Geometry:
        """Union of the waters on land."""
        return shapely.union_all([water.geom for water in self.waters])


def frame(columns: dict[str, object], geom: object) -> gpd.GeoDataFrame:
    """Make a table with the geometry column `geom` in EPSG:5186."""
    return gpd.GeoDataFrame({**columns, "geom": geom}, geometry="geom", crs=f"EPSG:{KOREA_CENTRAL}")


def city_box() -> Polygon:
    """Return the box of the city, EPSG:5186 (edges densified, so that they follow the meridians)."""
    edge = shapely.segmentize(shapely.box(*CITY_BBOX), 0.02)
    return Polygon(to_metres(shapely.get_coordinates(edge)))


def polygons_of(geometry: Geometry) -> list[Polygon]:
    """Return the polygons within a geometry, whatever it is."""
    return [part for part in _parts(geometry) if isinstance(part, Polygon) and part.area > 0]


def lines_of(geometry: Geometry) -> list[LineString]:
    """Return the lines within a geometry, whatever it is."""
    return [part for part in _parts(geometry) if isinstance(part, LineString) and part.length > 0]


def _parts(geometry: Geometry) -> list[Geometry]:
    parts = [geometry]
    while any(hasattr(part, "geoms") for part in parts):
        parts = list(shapely.get_parts(parts))
    return parts


def multi(geometry: Geometry) -> MultiPolygon:
    """Return a geometry's polygons as one multipolygon."""
    return MultiPolygon(polygons_of(geometry))


def locate(points: NDArray[np.object_], areas: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return for each point the index of the area that holds it, the nearest where none does."""
    tree = shapely.STRtree(areas)
    which: NDArray[np.int64] = np.full(len(points), -1, dtype=np.int64)
    shapely.prepare(areas)
    hit = tree.query(points, predicate="within")
    which[hit[0]] = hit[1]
    lost = np.flatnonzero(which < 0)
    if len(lost):
        which[lost] = tree.nearest(points[lost])
    return which


def share_out(total: int, weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Split a whole number by weights (largest remainder), so that the parts sum to it exactly."""
    if not len(weights):
        return np.zeros(0, dtype=np.int64)
    ideal = total * weights / weights.sum()
    parts: NDArray[np.int64] = np.floor(ideal).astype(np.int64)
    rest = int(total - parts.sum())
    parts[np.argsort(parts - ideal, kind="stable")[:rest]] += 1
    return parts
