"""Vector tiles of the base, straight from PostGIS (ST_AsMVT), cached by the version of the city."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

import asyncpg

from twin.errors import NotFound

MAX_ZOOM = 20


@dataclass(frozen=True, slots=True)
class Part:
    """One source layer of a tile: a table, the columns that travel, and from which zoom on which rows."""

    table: str
    columns: str
    min_zoom: int = 0
    where: str = "true"


ROAD_ZOOM = "(rank <= 104 OR ($1 >= 12 AND rank <= 106) OR $1 >= 14)"
TILESETS: dict[str, tuple[Part, ...]] = {
    "ground": (
        Part("land_use", "kind, name_ko, name_en"),
        Part("water_body", "kind, name_ko, name_en"),
        Part("admin_unit", "name_ko, name_en, kind, population"),
        Part("coast", "kind, name_ko, name_en"),
        Part("railway", "name_ko", 10),
        Part("market", "name_ko, name_en", 13),
        Part("label", "kind, name_ko, name_en"),
        Part("road_link", "rank, kind, lanes, name_ko", 9, ROAD_ZOOM),
    ),
    "building": (Part("building", "height_m, use, floors", 13),),
}


def _sql(part: Part) -> str:
    # ST_AsMVT leaves out rows without geometry by itself; asking for them here would make every geometry twice
    return (
        f"SELECT ST_AsMVT(t, '{part.table}', 4096, 'geom', 'id') FROM (SELECT id, {part.columns}, "
        "ST_AsMVTGeom(geom_3857, ST_TileEnvelope($1, $2, $3), 4096, 64, true) AS geom "
        f"FROM {part.table} WHERE geom_3857 && ST_TileEnvelope($1, $2, $3, margin => 0.016) AND {part.where}) t"
    )


_STATEMENTS = {name: [(part.min_zoom, _sql(part)) for part in parts] for name, parts in TILESETS.items()}


Paint = Callable[[int, int, int], Awaitable[bytes]]


class Tiles:
    """Tiles with a byte-limited cache (least recently used goes first).

    Parameters
    ----------
    painters
        Further tile sets by name: a function from (z, x, y) to the tile's bytes.
    """

    def __init__(
        self, pool: asyncpg.Pool, painters: Mapping[str, Paint] | None = None, cache_bytes: int = 128 * 2**20
    ) -> None:
        self._pool = pool
        self._painters = {name: partial(self._vector, name) for name in _STATEMENTS} | dict(painters or {})
        self._limit = cache_bytes
        self._size = 0
        self._cache: OrderedDict[tuple[str, int, int, int], bytes] = OrderedDict()
        self.version = ""
        """Version of the city: part of the ETag; `refresh` empties the cache when it changed."""

    async def refresh(self) -> None:
        """Read the version of the city."""
        version = await self._pool.fetchval("SELECT coalesce(max(value), '') FROM meta WHERE key = 'city_version'")
        if version != self.version:
            self._cache.clear()
            self._size, self.version = 0, version

    async def tile(self, name: str, z: int, x: int, y: int) -> bytes:
        """Return one tile.

        Raises
        ------
        NotFound
            There is no such tile set, or z/x/y is outside the pyramid.
        """
        if name not in self._painters:
            raise NotFound(f"there is no tile set {name[:40]!r}; there are {', '.join(self._painters)}")
        if not (0 <= z <= MAX_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
            raise NotFound(f"tile {z}/{x}/{y} is outside the pyramid (z 0-{MAX_ZOOM}, x and y below 2^z)")
        key = (name, z, x, y)
        if (known := self._cache.get(key)) is not None:
            self._cache.move_to_end(key)
            return known
        version = self.version
        data = await self._painters[name](z, x, y)
        if version != self.version:  # the city changed meanwhile
            return data
        self._cache[key] = data
        self._size += len(data)
        while self._size > self._limit:
            self._size -= len(self._cache.popitem(last=False)[1])
        return data

    async def _vector(self, name: str, z: int, x: int, y: int) -> bytes:
        """Return a vector tile (Mapbox Vector Tile 2.1, uncompressed); empty bytes where nothing lies."""
        async with self._pool.acquire() as db:
            parts = [await db.fetchval(sql, z, x, y) for min_zoom, sql in _STATEMENTS[name] if z >= min_zoom]
        return b"".join(part for part in parts if part)
