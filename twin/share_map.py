"""The ground of a share in a few kilobytes: streets, buildings, water and names, for a map that a phone draws."""

from typing import Any

import asyncpg
import numpy as np
import shapely

from twin.crs import KOREA_CENTRAL, WGS84
from twin.state import BBox

Record = dict[str, Any]
UNIT_DEG = 1e-6
"""Coordinates are whole numbers of this, from the south-west corner; each after the first as the step from the last."""
SIMPLE_M = 0.7
WIDE_DEG = 0.1
"""A higher area is drawn coarsely: no buildings, no lanes, lines to `COARSE_M`."""
COARSE_M = 15.0
_BOX = f"ST_Transform(ST_MakeEnvelope($1, $2, $3, $4, {WGS84}), {KOREA_CENTRAL})"
_ONE_WAY = (
    "(from_node < to_node OR NOT EXISTS (SELECT FROM road_link o WHERE "
    "o.from_node = t.to_node AND o.to_node = t.from_node))"
)
"""One line for both directions of a street."""
_PARTS = (
    ("land_use", "kind", "true"),
    ("water_body", "kind", "true"),
    ("market", "name_ko", "true"),
    ("building", "''", "ST_Area(geom) > 25"),
    ("road_link", "rank::text", _ONE_WAY),
    ("railway", "''", "true"),
    ("coast", "kind", "true"),
)  # fmt: skip
_WHERE_WIDE = {"building": "false", "road_link": f"rank < 107 AND {_ONE_WAY}"}
_SQL = (
    "SELECT {kind} AS kind, ST_AsBinary(ST_Transform(ST_Simplify(ST_ClipByBox2D(geom, Box2D(b.box)), "
    "{simple}), {wgs})) AS geom FROM {table} t, (SELECT {box} AS box) b WHERE geom && b.box AND {where}"
)
_NAMES = (
    "SELECT n.kind, n.name_ko, n.name_en, ST_X(p) AS lon, ST_Y(p) AS lat FROM ("
    "SELECT 'market' AS kind, name_ko, name_en, ST_Centroid(geom) AS geom FROM market UNION ALL "
    "SELECT kind, name_ko, name_en, geom FROM facility UNION ALL "
    "SELECT 'road', name_ko, NULL, ST_LineInterpolatePoint(geom, 0.5) FROM (SELECT DISTINCT ON (name_ko) name_ko, geom "
    f"FROM road_link WHERE name_ko IS NOT NULL AND geom && {_BOX} ORDER BY name_ko, length_m DESC) r"
    f") n, LATERAL ST_Transform(n.geom, {WGS84}) p WHERE n.geom && {_BOX} LIMIT 200"
)
_ADDRESS = (
    f"SELECT text_ko FROM address, (SELECT ST_Transform(ST_SetSRID(ST_MakePoint($1, $2), {WGS84}), {KOREA_CENTRAL}) "
    "AS p) q WHERE ST_DWithin(geom, q.p, 300) ORDER BY geom <-> q.p LIMIT 1"
)


async def ground_of(pool: asyncpg.Pool, area: BBox) -> Record:
    """Return the ground of an area [deg, WGS84]: `parts` in the order of painting, and `names`.

    Returns
    -------
    Each part is a table and its shapes: kind, is it a surface, and rings or lines as flat lists of whole numbers.
    """
    parts = []
    is_wide = area[3] - area[1] > WIDE_DEG
    async with pool.acquire() as db:
        for table, kind, where in _PARTS:
            if is_wide:
                where = _WHERE_WIDE.get(table, where)
            simple = COARSE_M if is_wide else SIMPLE_M
            asked = _SQL.format(table=table, kind=kind, where=where, simple=simple, box=_BOX, wgs=WGS84)
            rows = [row for row in await db.fetch(asked, *area) if row["geom"] is not None]
            shapes = [_told(row["kind"], shapely.from_wkb(row["geom"]), area) for row in rows]
            parts.append({"table": table, "shapes": [shape for shape in shapes if shape[2]]})
        names = [dict(row) for row in await db.fetch(_NAMES, *area)]
    return {"area": area, "parts": parts, "names": names}


def _told(kind: str, shape: Any, area: BBox) -> tuple[str, int, list[list[int]]]:
    """Return kind, 1 for a surface, and the lines of a geometry."""
    lines, is_surface = [], 0
    for part in shapely.get_parts(shape).tolist():
        if part.geom_type == "Polygon":
            is_surface = 1
            lines += [_steps(ring.coords, area) for ring in (part.exterior, *part.interiors)]
        elif part.geom_type == "LineString":
            lines.append(_steps(part.coords, area))
    return kind, is_surface, [line for line in lines if len(line) >= 4]


def _steps(coordinates: Any, area: BBox) -> list[int]:
    points = np.rint((np.asarray(coordinates)[:, :2] - area[:2]) / UNIT_DEG).astype(int)
    if not len(points):
        return []
    steps: list[int] = np.vstack([points[:1], np.diff(points, axis=0)]).ravel().tolist()
    return steps


async def area_of_city(pool: asyncpg.Pool) -> BBox | None:
    """Return the box round all districts [deg, WGS84]; None in a city without."""
    row = await pool.fetchrow(
        "SELECT ST_XMin(b) AS west, ST_YMin(b) AS south, ST_XMax(b) AS east, ST_YMax(b) AS north FROM "
        f"(SELECT ST_Extent(ST_Transform(geom, {WGS84})) AS b FROM admin_unit) e"
    )
    return None if row is None or row["west"] is None else tuple(row.values())


async def address_of(pool: asyncpg.Pool, lon: float, lat: float) -> str | None:
    """Return the road address nearest to a place [deg, WGS84], or None when none is near."""
    found: str | None = await pool.fetchval(_ADDRESS, lon, lat)
    return found
