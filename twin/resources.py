"""Who can help: facilities by road time to a place, the way there, and the cameras along it."""

from dataclasses import dataclass
from typing import Any

import asyncpg
import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from twin.crs import KOREA_CENTRAL, WGS84

Record = dict[str, Any]
BLUE_LIGHT = 1.0
"""Share of the free-flow time that a vehicle on call needs [-]; no bonus is taken for granted."""
NEAR_M = 40.0
"""So near its way a camera is along it [m]."""
_PLACE = f"ST_Transform(ST_SetSRID(ST_MakePoint($1, $2), {WGS84}), {KOREA_CENTRAL})"


@dataclass
class Streets:
    """The street network as a graph of free-flow times; read once for each version of the city."""

    version: str
    nodes: dict[int, int]
    graph: csr_matrix
    links: dict[tuple[int, int], int]

    @classmethod
    async def load(cls, pool: asyncpg.Pool, version: str) -> "Streets":
        """Read the network."""
        rows = await pool.fetch("SELECT id, from_node, to_node, length_m, max_speed_kmh FROM road_link")
        names = sorted({row[end] for row in rows for end in ("from_node", "to_node")})
        nodes = {name: index for index, name in enumerate(names)}
        start, end = ([nodes[row[name]] for row in rows] for name in ("from_node", "to_node"))
        seconds = [BLUE_LIGHT * 3.6 * row["length_m"] / max(row["max_speed_kmh"], 5) for row in rows]
        graph = csr_matrix((seconds, (start, end)), (len(names), len(names)))
        links = {(a, b): row["id"] for a, b, row in zip(start, end, rows, strict=True)}
        return cls(version, nodes, graph, links)


class Resources:
    """Answers who can help, and how they come."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._streets: Streets | None = None

    async def network(self) -> Streets:
        """Return the street network of the present city."""
        version = str(await self._pool.fetchval("SELECT value FROM meta WHERE key = 'city_version'"))
        if self._streets is None or self._streets.version != version:
            self._streets = await Streets.load(self._pool, version)
        return self._streets

    async def nearest(self, lon: float, lat: float, kinds: tuple[str, ...], each: int = 2) -> list[Record]:
        """Return of each kind the facilities that reach a place [deg, WGS84] first, with their road time [s]."""
        streets = await self.network()
        rows = await self._pool.fetch(
            "SELECT f.id, f.kind, f.name_ko, f.name_en, ST_X(p) AS lon, ST_Y(p) AS lat, n.id AS node, "
            f"ST_Distance(f.geom, {_PLACE}) AS straight_m FROM facility f, "
            f"LATERAL ST_Transform(f.geom, {WGS84}) p, "
            "LATERAL (SELECT id FROM road_node ORDER BY geom <-> f.geom LIMIT 1) n WHERE f.kind = ANY($3)",
            lon, lat, list(kinds),
        )  # fmt: skip
        goal = await self._pool.fetchval(f"SELECT id FROM road_node ORDER BY geom <-> {_PLACE} LIMIT 1", lon, lat)
        if goal not in streets.nodes:
            return []
        seconds = dijkstra(streets.graph.T.tocsr(), indices=streets.nodes[goal])
        found = []
        for row in rows:
            after = float(seconds[streets.nodes[row["node"]]]) if row["node"] in streets.nodes else np.inf
            found.append(dict(row) | {"road_s": round(after) if np.isfinite(after) else None})

        def order(one: Record) -> tuple[int, bool, float, float]:
            return kinds.index(one["kind"]), one["road_s"] is None, one["road_s"] or 0.0, one["straight_m"]

        found.sort(key=order)
        kept: list[Record] = []
        for one in found:
            if sum(other["kind"] == one["kind"] for other in kept) < each:
                kept.append(one)
        return kept

    async def route(self, start: tuple[float, float], goal: tuple[float, float], layer: str) -> Record:
        """Return the fastest way between two places [deg, WGS84] as a line, its time, and the assets along it.

        Parameters
        ----------
        layer
            Layer of the cameras.
        """
        streets = await self.network()
        ends = [
            await self._pool.fetchval(f"SELECT id FROM road_node ORDER BY geom <-> {_PLACE} LIMIT 1", *place)
            for place in (start, goal)
        ]
        if any(end not in streets.nodes for end in ends):
            return {"road_s": None, "line": [], "cameras": []}
        first, last = (streets.nodes[end] for end in ends)
        seconds, before = dijkstra(streets.graph, indices=first, return_predecessors=True)
        if not np.isfinite(seconds[last]):
            return {"road_s": None, "line": [], "cameras": []}
        way = [last]
        while way[-1] != first:
            way.append(int(before[way[-1]]))
        links = [streets.links[a, b] for a, b in zip(way[:0:-1], way[-2::-1], strict=True)]
        rows = await self._pool.fetch(
            "SELECT ST_X(d.geom) AS lon, ST_Y(d.geom) AS lat FROM unnest($1::int[]) WITH ORDINALITY AS w(id, n) "
            f"JOIN road_link l ON l.id = w.id, LATERAL ST_DumpPoints(ST_Transform(l.geom, {WGS84})) d "
            "ORDER BY w.n, d.path", links,
        )  # fmt: skip
        cameras = await self._pool.fetch(
            "SELECT DISTINCT ON (n, a.id) a.id AS asset, a.key, a.name_ko, a.name_en, w.n FROM "
            "unnest($1::int[]) WITH ORDINALITY AS w(id, n) JOIN road_link l ON l.id = w.id "
            "JOIN asset a ON a.layer = $2 AND ST_DWithin(a.geom, l.geom, $3) ORDER BY n, a.id", links, layer, NEAR_M,
        )  # fmt: skip
        along: dict[int, Record] = {}
        for row in cameras:
            along.setdefault(row["asset"], dict(row))
        line = [[round(row["lon"], 7), round(row["lat"], 7)] for row in rows]
        return {"road_s": round(float(seconds[last])), "line": line, "cameras": list(along.values())}

    async def buildings(self, box: tuple[float, float, float, float]) -> list[tuple[bytes, float]]:
        """Return footprint (WKB) and height [m] of the buildings in a box [m, Korea 2000 / Central Belt 2010]."""
        rows = await self._pool.fetch(
            "SELECT ST_AsBinary(geom) AS geom, height_m FROM building "
            f"WHERE geom && ST_MakeEnvelope($1, $2, $3, $4, {KOREA_CENTRAL})",
            *box,
        )
        return [(row["geom"], row["height_m"]) for row in rows]
