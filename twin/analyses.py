"""What the planner's analyses are made of: cameras, streets, homes, stations and places, as rows."""

from typing import Any

import asyncpg

from twin.crs import WGS84

Record = dict[str, Any]


class Facts:
    """Reads through a pool; geometries are WKB in Korea 2000 / Central Belt 2010 [m]."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def version(self) -> str:
        """Return the version of the city: what was computed from it holds until it changes."""
        return str(await self._pool.fetchval("SELECT value FROM meta WHERE key = 'city_version'"))

    async def assets(self, layers: list[str]) -> list[Record]:
        """Return id, layer, names, attributes, district and place [m and deg] of all assets of some layers."""
        rows = await self._pool.fetch(
            "SELECT a.id, a.layer, a.key, a.name_ko, a.name_en, a.attributes, a.unit_id, ST_X(a.geom) AS x, "
            "ST_Y(a.geom) AS y, ST_X(p) AS lon, ST_Y(p) AS lat FROM asset a, "
            f"LATERAL ST_Transform(a.geom, {WGS84}) p WHERE a.layer = ANY($1) ORDER BY a.id", layers,
        )  # fmt: skip
        return [dict(row) for row in rows]

    async def facilities(self) -> list[Record]:
        """Return id, kind, names and place [m and deg] of all facilities, and the road node nearest to each."""
        rows = await self._pool.fetch(
            "SELECT f.id, f.kind, f.name_ko, f.name_en, ST_X(f.geom) AS x, ST_Y(f.geom) AS y, ST_X(p) AS lon, "
            f"ST_Y(p) AS lat FROM facility f, LATERAL ST_Transform(f.geom, {WGS84}) p ORDER BY f.id"
        )
        return [dict(row) for row in rows]

    async def streets(self) -> list[Record]:
        """Return one direction of each street: id, length [m], line, and the district of its middle."""
        rows = await self._pool.fetch(
            "SELECT l.id, l.length_m, ST_AsBinary(l.geom) AS geom, "
            "(SELECT u.id FROM admin_unit u WHERE ST_Intersects(u.geom, ST_LineInterpolatePoint(l.geom, 0.5)) LIMIT 1) "
            "AS unit_id FROM road_link l WHERE NOT EXISTS (SELECT 1 FROM road_link o WHERE o.from_node = l.to_node "
            "AND o.to_node = l.from_node AND o.id < l.id) ORDER BY l.id"
        )
        return [dict(row) for row in rows]

    async def nodes(self) -> list[Record]:
        """Return id and place [m] of the road nodes."""
        rows = await self._pool.fetch("SELECT id, ST_X(geom) AS x, ST_Y(geom) AS y FROM road_node ORDER BY id")
        return [dict(row) for row in rows]

    async def homes(self) -> list[Record]:
        """Return district, households and place [m] of the buildings in which somebody lives."""
        rows = await self._pool.fetch(
            "SELECT unit_id, households, ST_X(c) AS x, ST_Y(c) AS y FROM building b, LATERAL ST_Centroid(b.geom) c "
            "WHERE households > 0"
        )
        return [dict(row) for row in rows]
