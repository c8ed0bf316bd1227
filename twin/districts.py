"""The 27 administrative units: their facts, and their outlines made coarse enough to be published anywhere."""

from typing import Any

import asyncpg
import orjson

from twin.crs import WGS84

Record = dict[str, Any]
COARSE_M = 150.0
"""Tolerance of the published outlines [m]."""
DIGITS = 4
"""Digits after the point of a published coordinate: about ten metres."""


async def districts(pool: asyncpg.Pool) -> list[Record]:
    """Return id, names, kind, area [km2], people and households of all units, in the order of the register."""
    rows = await pool.fetch(
        "SELECT id, name_ko, name_en, kind, area_km2, population, households FROM admin_unit ORDER BY id"
    )
    return [dict(row) for row in rows]


async def outlines(pool: asyncpg.Pool, tolerance_m: float = COARSE_M) -> dict[int, Record]:
    """Return the generalised outline of each unit as GeoJSON MultiPolygon (WGS84), by unit id."""
    rows = await pool.fetch(
        f"SELECT id, ST_AsGeoJSON(ST_Multi(ST_Transform(ST_SimplifyPreserveTopology(geom, $1), {WGS84})), $2) AS shape "
        "FROM admin_unit ORDER BY id", tolerance_m, DIGITS,
    )  # fmt: skip
    return {row["id"]: orjson.loads(row["shape"]) for row in rows}
