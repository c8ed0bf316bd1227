"""City buses that drive along real links of the street network, there and back, slower near their stops."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from backend.feed.day import CityClock, Floats, plateau, rng_of
from twin.register import Roads

ROUTES = 20
BUSES_PER_ROUTE = 3
SHORTEST_M, LONGEST_M = 4_000.0, 20_000.0
"""Length of a route one way [m]."""
STOP_SPACING_M = 450.0
MEAN_M_S = 6.5
SLOWING = 0.85
"""How far a bus slows at a stop: 0 not at all, 1 to a halt."""
NIGHT_SHARE = 0.2
"""Share of the buses that run at night."""
CROWDING = ("empty", "many_seats", "few_seats", "standing", "crushed")


@dataclass(frozen=True, slots=True)
class Position:
    """Where a bus is: WGS84, bearing [deg], speed [m/s], crowding 0..4 (GTFS-realtime `OccupancyStatus`)."""

    key: str
    route: str
    lon: float
    lat: float
    bearing: float
    speed_m_s: float
    crowding: int


class Line:
    """One route: a closed way over links, with the distance at each vertex [m]."""

    def __init__(self, name: str, points: Floats, links: tuple[int, ...]) -> None:
        self.name, self.links = name, links
        self._points = points
        east = np.diff(points[:, 0]) * 111_320 * np.cos(np.radians(points[:-1, 1]))
        north = np.diff(points[:, 1]) * 110_940
        self._at = np.concatenate([[0.0], np.cumsum(np.hypot(east, north))])
        self._bearing = np.degrees(np.arctan2(east, north)) % 360
        self.length_m = float(self._at[-1])

    def at(self, driven_m: float) -> tuple[float, float, float]:
        """Return lon, lat [deg] and bearing [deg] on the round."""
        s = driven_m % self.length_m
        leg = min(max(int(np.searchsorted(self._at, s, side="right")) - 1, 0), len(self._bearing) - 1)
        span = self._at[leg + 1] - self._at[leg]
        share = (s - self._at[leg]) / span if span else 0.0
        lon, lat = self._points[leg] + (self._points[leg + 1] - self._points[leg]) * share
        return float(lon), float(lat), float(self._bearing[leg])


class Buses:
    """All routes and the buses on them."""

    def __init__(self, seed: int, roads: Roads, clock: CityClock, routes: int = ROUTES) -> None:
        self._clock = clock
        rng = rng_of(seed, "bus")
        self.lines = _lines(roads, rng, routes)
        n = len(self.lines) * BUSES_PER_ROUTE
        self._phase = rng.uniform(0, 1, n)
        self._runs_at_night = rng.random(n) < NIGHT_SHARE
        self._load = rng.uniform(-1, 1, n)
        if n:
            self._runs_at_night[0] = True

    def __len__(self) -> int:
        return len(self._phase)

    def positions(self, t: float, which: NDArray[np.intp]) -> list[Position]:
        """Return buses by number; one that does not run stands at its terminal."""
        hour = self._clock.hour(t)
        is_day = 5.5 <= hour < 23.5
        rush = max(plateau(hour, 7.2, 9), plateau(hour, 17.2, 19.5))
        found = []
        for i in map(int, which):
            line = self.lines[i // BUSES_PER_ROUTE]
            key = f"DEMO-BUS-{i + 1:03d}"
            if not is_day and not self._runs_at_night[i]:
                lon, lat, bearing = line.at(0.0)
                found.append(Position(key, line.name, lon, lat, bearing, 0.0, 0))
                continue
            driven = float(self._phase[i]) * line.length_m + MEAN_M_S * t
            turn = 2 * np.pi * driven / STOP_SPACING_M
            lon, lat, bearing = line.at(driven - SLOWING * STOP_SPACING_M / (2 * np.pi) * np.sin(turn))
            crowding = int(np.clip(round(1 + 2.5 * rush + float(self._load[i])), 0, len(CROWDING) - 1))
            speed = MEAN_M_S * (1 - SLOWING * float(np.cos(turn)))
            found.append(Position(key, line.name, lon, lat, bearing, speed, crowding))
        return found


def _lines(roads: Roads, rng: np.random.Generator, wanted: int) -> tuple[Line, ...]:
    """Lay routes between far ends of the network, each way by the quickest links."""
    if not len(roads.id):
        return ()
    nodes, ends = np.unique(np.concatenate([roads.from_node, roads.to_node]), return_inverse=True)
    a, b = ends[: len(roads.id)], ends[len(roads.id) :]
    seconds = np.maximum(roads.length_m, 1) / np.maximum(roads.max_speed_kmh, 10) * 3.6
    quickest: dict[tuple[int, int], int] = {}
    for link in np.argsort(-seconds, kind="stable"):
        quickest[int(a[link]), int(b[link])] = int(link)
    used = np.fromiter(quickest.values(), np.int64)
    graph = coo_matrix((seconds[used], (a[used], b[used])), (len(nodes), len(nodes))).tocsr()
    lines: list[Line] = []
    for _ in range(4 * wanted):
        if len(lines) == wanted:
            break
        origin = int(a[rng.integers(len(a))])
        cost, before = dijkstra(graph, indices=origin, return_predecessors=True)
        back_cost, after = dijkstra(graph.T, indices=origin, return_predecessors=True)
        reach = np.flatnonzero(np.isfinite(cost) & np.isfinite(back_cost) & (cost > 240))
        if not len(reach):
            continue
        for goal in rng.permutation(reach)[:12]:
            out = _walk(before, origin, int(goal), quickest)
            home = [quickest[step] for step in _steps_home(after, origin, int(goal))]
            if SHORTEST_M <= float(roads.length_m[out].sum()) <= LONGEST_M:
                way = [*out, *home]
                points: Floats = np.concatenate([roads.lines[link] for link in way])
                lines.append(Line(str(len(lines) + 1), points, tuple(int(roads.id[link]) for link in way)))
                break
    return tuple(lines)


def _walk(before: NDArray[Any], origin: int, goal: int, links: dict[tuple[int, int], int]) -> list[int]:
    """Return the links from the origin to the goal."""
    steps = []
    while goal != origin:
        steps.append((int(before[goal]), goal))
        goal = int(before[goal])
    return [links[step] for step in reversed(steps)]


def _steps_home(after: NDArray[Any], origin: int, node: int) -> list[tuple[int, int]]:
    """Return the steps from a node back to the origin."""
    steps = []
    while node != origin:
        steps.append((node, int(after[node])))
        node = int(after[node])
    return steps
