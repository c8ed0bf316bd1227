"""The base as geometry of one tile, for whoever paints it."""

from dataclasses import dataclass
from typing import Any

import asyncpg
import numpy as np
import shapely
from numpy.typing import NDArray

from twin.tiles import ROAD_ZOOM


@dataclass(frozen=True, slots=True)
class Shapes:
    """Features of one table within a tile.

    Attributes
    ----------
    kind
        Kind of each feature (road links: their rank), shape (n,).
    geom
        Geometries in EPSG:3857, shape (n,).
    """

    table: str
    kind: NDArray[Any]
    geom: NDArray[Any]


_PARTS = (
    ("land_use", "kind", 0, "true"),
    ("water_body", "kind", 0, "true"),
    ("building", "use", 15, "true"),
    ("road_link", "rank::text", 9, ROAD_ZOOM),
    ("railway", "'rail'", 11, "true"),
    ("coast", "kind", 0, "true"),
    ("admin_unit", "kind", 0, "true"),
)
_SQL = (
    "SELECT {kind} AS kind, ST_AsBinary(ST_Simplify(geom_3857, 40075016.7 / 2 ^ $1::int / 512)) AS geom FROM {table} "
    "WHERE geom_3857 && ST_TileEnvelope($1, $2, $3, margin => 0.02) AND {where}"
)


async def shapes_of(pool: asyncpg.Pool, z: int, x: int, y: int) -> list[Shapes]:
    """Return what lies in a tile, in the order in which it is painted."""
    found = []
    async with pool.acquire() as db:
        for table, kind, min_zoom, where in _PARTS:
            if z >= min_zoom:
                rows = await db.fetch(_SQL.format(table=table, kind=kind, where=where), z, x, y)
                rows = [row for row in rows if row["geom"] is not None]
                geom = shapely.from_wkb(np.array([row["geom"] for row in rows], object))
                found.append(Shapes(table, np.array([row["kind"] for row in rows]), geom))
    return found
