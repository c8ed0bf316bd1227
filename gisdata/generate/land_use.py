"""Ground with one use: hills, industry, parks, airport, tidal flats, built-up area."""

import geopandas as gpd
import numpy as np
import rasterio.features
import shapely
from affine import Affine
from shapely import Polygon
from shapely.geometry.base import BaseGeometry as Geometry

from gisdata.city import Terrain
from gisdata.facts import INDUSTRY_KM2, read_toml, to_metres
from gisdata.generate.districts import District
from gisdata.generate.ground import Ground, frame, multi, polygons_of

HILL_M = 18.0
"""Ground above this is hill."""


def built_area(districts: list[District]) -> Geometry:
    """Return the built-up area: districts of houses, without estates and villages."""
    return shapely.union_all([d.area for d in districts if d.style not in {"estate", "village"}])


def industry_area(districts: list[District], ground: Ground) -> list[tuple[str, str | None, Geometry]]:
    """Return the industrial estates, grown or shrunk together to the published area."""
    estates = [d for d in districts if d.style == "estate"]
    others = shapely.union_all([d.area for d in districts if d.style != "estate"])
    airport = shapely.union_all([Polygon(to_metres(row["ring"])) for row in read_toml("geography.toml")["airport"]])
    free = shapely.difference(shapely.difference(ground.mainland, ground.inland_water), shapely.union(others, airport))
    # neighbouring estates are drawn to touch: the buffer closes hair cracks between them
    whole = shapely.buffer(shapely.buffer(shapely.union_all([d.area for d in estates]), 25), -25)
    low, high = -600.0, 900.0
    for _ in range(18):
        grow = (low + high) / 2
        area = shapely.intersection(shapely.buffer(whole, grow, join_style="mitre"), free)
        low, high = (grow, high) if area.area < INDUSTRY_KM2 * 1e6 else (low, grow)
    grown = shapely.intersection(shapely.buffer([d.area for d in estates], max(grow, 25), join_style="mitre"), area)
    rows: list[tuple[str, str | None, Geometry]] = []
    taken: Geometry = Polygon()
    for district, geom in zip(estates, grown, strict=True):
        rows.append((district.name_ko, district.name_en, shapely.difference(geom, taken)))
        taken = shapely.union(taken, geom)
    return rows


def land_use_table(ground: Ground, districts: list[District], terrain: Terrain) -> gpd.GeoDataFrame:
    """Return the rows of land_use."""
    facts = read_toml("geography.toml")
    rows: list[tuple[str, str | None, str | None, Geometry]] = [
        ("hill", None, None, g) for g in _hills(terrain, ground)
    ]
    rows += [("industry", *row) for row in industry_area(districts, ground)]
    for kind in ("park", "airport"):
        for row in facts[kind]:
            ring = Polygon(to_metres(row["ring"])).buffer(0)
            rows.append((kind, row["name_ko"], row["name_en"], shapely.intersection(ring, ground.land)))
    for row in facts["tidal_flat"]:
        ring = Polygon(to_metres(row["ring"])).buffer(0)
        rows.append(("tidal_flat", row["name_ko"], row["name_en"], shapely.intersection(ring, ground.sea)))
    for district in districts:
        if district.style not in {"estate"}:
            rows.append(("built", district.name_ko or None, None, district.area))
    rows = [row for row in rows if polygons_of(row[3])]
    kinds, names_ko, names_en, geoms = zip(*rows, strict=True)
    columns: dict[str, object] = {
        "id": range(1, len(rows) + 1),
        "kind": kinds,
        "name_ko": names_ko,
        "name_en": names_en,
    }
    return frame(columns, [multi(geom) for geom in geoms])


def _hills(terrain: Terrain, ground: Ground) -> list[Geometry]:
    step = 4
    coarse = terrain.elevation[::step, ::step]
    transform = terrain.transform @ Affine.scale(step)
    high = (coarse > HILL_M).astype(np.uint8)
    shapes = [shapely.geometry.shape(g) for g, v in rasterio.features.shapes(high, mask=high == 1, transform=transform)]
    smooth = shapely.simplify(shapely.buffer(shapely.buffer(shapes, 90), -90), 25)
    inside = shapely.intersection(smooth, ground.land)
    return [part for part in inside if part.area > 6e4]
