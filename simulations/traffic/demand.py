"""Who wants to go where and when: from people and jobs by gravity, and corrected by counts."""

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from simulations.traffic.equilibrium import Cost, Equilibrium, draw_routes, user_equilibrium
from simulations.traffic.network import RoadNet
from simulations.traffic.routing import Graph, open_turns
from simulations.traffic.sim import signal_wait_s
from simulations.traffic.trips import Trips, Zone
from twin.errors import BadScenario

Floats = NDArray[np.float64]

ORDINARY = 0b111
"""Cars, lorries and buses look for their way with one table."""
ZONES = 150
GATES = 8
"""Links at which trips to a zone end, at most [-]."""
JOBS_M2 = {"shop": 40.0, "office": 25.0, "industry": 150.0, "school": 60.0, "public": 40.0, "port": 300.0}
"""Floor for each job [m2] by use of the building (assumed)."""
TRIPS_A_PERSON = 1.2
"""Car trips a person and day (assumed: Korean cities of this size have 1 to 1.4; above 1.3 the generated one jams)."""
THROUGH = 0.12
"""Share of trips that begin or end outside the city (assumed)."""
DETERRENCE_S = 420.0
"""Gravity falls by e with this time [s] (assumed)."""
GIVE_WAY, GIVE_WAY_S = 0.4, 5.0
"""Share of its capacity that a turn keeps which has to give way, and what waiting costs [s] (assumed)."""
FULL_S = 60.0
"""What a turn costs more when its flow reaches its capacity: half a cycle more than its red (assumed) [s]."""
TRUCKS, BUSES = 0.08, 0.02
HOURLY = np.array([
    0.9, 0.5, 0.4, 0.4, 0.8, 2.0, 4.4, 7.6, 8.2, 6.0, 5.3, 5.4,
    5.5, 5.5, 5.6, 5.9, 6.3, 7.4, 7.3, 5.0, 3.6, 2.8, 2.0, 1.2,
])  # fmt: skip
"""Share of a day's trips in each hour [%], Korean time (shape of an urban weekday with two peaks, assumed)."""
MORNING = 0.75
"""Share of morning trips that go from homes to jobs; the rest go the other way [-]."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Zones and the trips between them.

    Parameters
    ----------
    zones
        Where trips end.
    unit
        District of each zone (id of `admin_unit`); 0 outside the city.
    people, jobs
        Of each zone.
    origins
        Share of a zone's trips that begin on each link, shape (zones, links).
    residents
        People who live along each link.
    trips
        From zone (row) to zone (column) [vehicles a day], two-way mean of the day.
    """

    zones: list[Zone]
    unit: NDArray[np.int64]
    people: Floats
    jobs: Floats
    origins: csr_matrix
    residents: Floats
    trips: Floats

    def of_hours(self, start_h: float, hours: float) -> Floats:
        """Return trips in a part of the day that begins at an hour of Korean time, shape (zones, zones)."""
        share = _share(start_h, start_h + hours)
        forth = MORNING if start_h < 12 else 1 - MORNING
        return share * (forth * self.trips + (1 - forth) * self.trips.T)


def _share(start_h: float, end_h: float) -> float:
    """Return the share of a day's trips between two hours [0..1]."""
    grown = np.concatenate([[0], np.cumsum(HOURLY)]) / HOURLY.sum()
    days, hours = np.divmod([start_h, end_h], 24)
    at = days + np.interp(hours, np.arange(25), grown)
    return float(at[1] - at[0])


def lay_demand(net: RoadNet, units: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame, zones: int = ZONES) -> Demand:
    """Make zones and the trips of a day from people and jobs.

    Parameters
    ----------
    units
        Rows of `admin_unit`: id, population, households, geom (EPSG:5186).
    buildings
        Rows of `building`: unit_id, use, floors, households, geom (EPSG:5186).
    zones
        About how many zones [-].

    References
    ----------
    Doubly constrained gravity: Wilson 1967, doi:10.1016/0041-1647(67)90035-4.
    """
    household = (units["population"] / units["households"]).set_axis(units["id"])
    people = buildings["households"].to_numpy(float) * buildings["unit_id"].map(household).fillna(2.1).to_numpy(float)
    floor = shapely.area(buildings.geometry.to_numpy()) * buildings["floors"].to_numpy(float)
    jobs = floor / buildings["use"].map(JOBS_M2).fillna(np.inf).to_numpy(float)
    xy = shapely.get_coordinates(shapely.centroid(buildings.geometry.to_numpy()))
    weight = people + jobs
    label, unit = _cut(xy, weight, buildings["unit_id"].to_numpy(np.int64), zones)
    link = _nearest_links(net, xy)
    inside = int(label.max()) + 1
    outside = _stations(net)
    n = inside + len(outside)
    rows = np.concatenate([np.repeat(label, 2), inside + np.arange(len(outside))])
    columns = np.concatenate([link.reshape(-1), [back for _, back in outside]])
    shares = np.concatenate([np.repeat(weight, 2), np.ones(len(outside))])
    keep = (columns >= 0) & (shares > 0)
    at = csr_matrix((shares[keep], (rows[keep], columns[keep])), (n, len(net)))
    total = np.asarray(at.sum(axis=1)).ravel()
    at = csr_matrix(at.multiply(1 / np.maximum(total, 1e-9)[:, None]))
    made = [Zone(_gates(at, z), ORDINARY) for z in range(inside)] + [Zone((into,), ORDINARY) for into, _ in outside]
    lived, worked = (np.bincount(label, one, minlength=inside).astype(float) for one in (people, jobs))
    trips = _gravity(net, made, at, lived, worked, [float(net.lanes[i] * net.lane_capacity[i]) for i, _ in outside])
    none = np.zeros(len(outside))
    return Demand(
        made,
        np.concatenate([unit, np.zeros(len(outside), np.int64)]),
        np.concatenate([lived, none]),
        np.concatenate([worked, none]),
        at,
        np.bincount(link[:, 0], people, minlength=len(net)).astype(float),
        trips,
    )


def _cut(
    xy: Floats, weight: Floats, unit: NDArray[np.int64], zones: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Cut each district into zones of like weight by halving it across its longer side; return zone, district of it."""
    label, units, spare = np.zeros(len(xy), np.int64), [], 0
    share = weight.sum() / zones

    def halve(which: NDArray[np.int64], parts: int) -> None:
        nonlocal spare
        if parts <= 1 or len(which) < 2:
            label[which] = spare
            units.append(int(unit[which[0]]))
            spare += 1
            return
        axis = int(np.ptp(xy[which, 1]) > np.ptp(xy[which, 0]))
        order = which[np.argsort(xy[which, axis], kind="stable")]
        grown = np.cumsum(weight[order])
        low = parts // 2
        cut = int(np.clip(np.searchsorted(grown, grown[-1] * low / parts), 1, len(order) - 1))
        halve(order[:cut], low)
        halve(order[cut:], parts - low)

    for one in np.unique(unit):
        which = np.flatnonzero(unit == one)
        halve(which, max(1, round(float(weight[which].sum() / share))))
    return label, np.array(units, np.int64)


def _nearest_links(net: RoadNet, xy: Floats) -> NDArray[np.int64]:
    """Return the nearest street of each position, both directions, shape (positions, 2); -1 where there is one only."""
    usable = np.flatnonzero((net.rank >= 103) & (net.kind == 0))
    tree = shapely.STRtree(net.geom[usable])
    nearest = usable[tree.nearest(shapely.points(xy))]
    pair = {(int(a), int(b)): i for i, (a, b) in enumerate(zip(net.from_node, net.to_node, strict=True))}
    back = np.array([pair.get((int(net.to_node[i]), int(net.from_node[i])), -1) for i in nearest])
    return np.stack([nearest, back], axis=1)


def _stations(net: RoadNet) -> list[tuple[int, int]]:
    """Return the links out of and into the city where a main road ends: (out, in)."""
    ends = np.flatnonzero((np.bincount(net.from_node) == 1) & (np.bincount(net.to_node) == 1))
    out = {int(net.to_node[i]): i for i in range(len(net))}
    into = {int(net.from_node[i]): i for i in range(len(net))}
    pairs = [(int(out[int(n)]), int(into[int(n)])) for n in ends]
    return [(o, i) for o, i in pairs if net.rank[o] <= 104]


def _gates(at: csr_matrix, zone: int) -> tuple[int, ...]:
    row = at.getrow(zone)
    if not row.nnz:
        raise BadScenario(f"zone {zone} touches no street; limit: at least 1 link")
    return tuple(sorted(row.indices[np.argsort(-row.data, kind="stable")[:GATES]].tolist()))


def _gravity(
    net: RoadNet, zones: list[Zone], at: csr_matrix, people: Floats, jobs: Floats, stations: list[float]
) -> Floats:
    """Return trips a day from homes to jobs, by doubly constrained gravity."""
    cost, closed = net.free_s + signal_wait_s(net), open_turns(net, net.class_limit)
    time = np.empty((len(zones), len(zones)))
    graph = Graph.of(net, cost, closed)
    for z, zone in enumerate(zones):
        dist = graph.search(np.array(zone.gates, np.int32))[0]
        time[:, z] = at @ np.where(np.isfinite(dist), dist, 7200.0)
    total = people.sum() * TRIPS_A_PERSON
    outer = np.array(stations) / max(sum(stations), 1.0) * total * (THROUGH / 2 if stations else 0.0)
    inner = total - outer.sum()
    made = np.concatenate([people / people.sum() * inner, outer])
    drawn = np.concatenate([jobs / jobs.sum() * inner, outer])
    pull = np.exp(-time / DETERRENCE_S)
    np.fill_diagonal(pull, 0.3 * pull.diagonal())  # within a zone most walk
    b = np.ones(len(zones))
    for _ in range(50):
        a = made / np.maximum(pull @ b, 1e-12)
        b = drawn / np.maximum(a @ pull, 1e-12)
    trips: Floats = a[:, None] * pull * b
    return trips


def habits(net: RoadNet, demand: Demand, start_h: float = 7.0, hours: float = 2.0, iterations: int = 10) -> Equilibrium:
    """Return the ways that drivers are used to: the static equilibrium of a part of the day, flows in veh/h."""
    hourly = demand.of_hours(start_h, hours) / hours
    by_link = np.asarray(demand.origins.T @ hourly).T
    return user_equilibrium(net, demand.zones, by_link, street_cost(net), gap=1e-3, iterations=iterations)


def street_cost(net: RoadNet) -> Cost:
    """Return time by flow [veh/h] of links and turns: what a turn costs is its signal, or who has right of way."""
    turns = net.turns
    is_lit, n_foes = turns.cycle_s > 0, np.diff(turns.foe_at)
    share = np.where(is_lit, turns.green_s / np.maximum(turns.cycle_s, 1), np.where(n_foes > 0, GIVE_WAY, 1.0))
    wait = np.where(is_lit, (turns.cycle_s - turns.green_s) ** 2 / (2 * np.maximum(turns.cycle_s, 1)), 0)
    wait = np.where(n_foes > 0, GIVE_WAY_S, wait) + 1.0
    capacity = net.lane_capacity[turns.from_link] * turns.lanes * np.maximum(share, 0.02)
    return Cost(
        np.concatenate([net.free_s, wait]),
        np.concatenate([net.lane_capacity * net.lanes, capacity]),
        np.concatenate([np.full(len(net), 0.15), FULL_S / wait]),
    )


def draw_trips(
    net: RoadNet, demand: Demand, ways: Equilibrium, start_h: float, hours: float, rng: np.random.Generator
) -> Trips:
    """Draw the trips of a part of the day, with times, classes and habitual routes.

    Parameters
    ----------
    start_h, hours
        Beginning (Korean time) and length of the part [h]; departures count from its beginning.
    rng
        Source of everything drawn.
    """
    table = demand.of_hours(start_h, hours)
    np.fill_diagonal(table, 0.0)
    n = round(float(table.sum()))
    cell = rng.choice(table.size, n, p=(table / table.sum()).ravel())
    origin_zone, zone = np.divmod(cell, len(demand.zones))
    origin = np.empty(n, np.int64)
    for z in range(len(demand.zones)):
        here = np.flatnonzero(origin_zone == z)
        row = demand.origins.getrow(z)
        if len(here):
            origin[here] = rng.choice(row.indices, len(here), p=row.data / row.data.sum())
    edges = np.linspace(start_h, start_h + hours, 12 * max(1, round(hours)) + 1)
    grown = np.array([_share(start_h, one) for one in edges])
    depart = np.interp(rng.random(n), grown / grown[-1], (edges - start_h) * 3600)
    order = np.argsort(depart, kind="stable")
    kind = np.select([rng.random(n) < TRUCKS, rng.random(n) < BUSES], [1, 2], 0).astype(np.uint8)
    trips = Trips.of(depart[order], origin[order], zone[order], np.zeros(n), kind=kind)
    made = draw_routes(net, ways, trips, rng)
    made.luck[:] = rng.random(n)
    has_way = (made.path_end > made.path_at) | np.array(
        [o in demand.zones[z].gates for o, z in zip(made.origin, made.zone, strict=True)]
    )
    return made.take(has_way)


def geh(modelled: Floats, counted: Floats) -> Floats:
    """Return the GEH statistic of hourly flows [-] (DMRB 12.2.1): sqrt(2 (m - c)^2 / (m + c))."""
    made: Floats = np.sqrt(2 * (modelled - counted) ** 2 / np.maximum(modelled + counted, 1e-9))
    return made


def shares_on_links(net: RoadNet, trips: Trips, origin_zone: NDArray[np.int64], zones: int) -> csr_matrix:
    """Return which share of the trips of each pair of zones uses each link, shape (links, zones x zones)."""
    n = trips.path_end - trips.path_at
    pair = origin_zone * zones + trips.zone
    turn = trips.path[np.repeat(trips.path_at, n) + np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)]
    link = np.concatenate([net.turns.to_link[turn], trips.origin])
    owner = np.concatenate([np.repeat(pair, n), pair])
    total = np.bincount(pair, minlength=zones**2)
    return csr_matrix((1.0 / total[owner], (link, owner)), (len(net), zones**2))


def estimate(prior: Floats, shares: csr_matrix, counted: Floats, trust: float = 0.02, iterations: int = 400) -> Floats:
    """Correct demand by counts: least squares on both, no cell below zero.

    Parameters
    ----------
    prior
        Trips of each pair of zones before, any shape.
    shares
        Share of each pair's trips that passes each counter, shape (counters, pairs).
    counted
        Vehicles at each counter, in the time of the trips.
    trust
        Weight of the prior against the counts [-].

    References
    ----------
    Cascetta 1984, doi:10.1016/0191-2615(84)90012-2: generalised least squares; variances grow with the values.
    """
    first = prior.ravel()
    scale = np.maximum(first, 1e-3)
    spread = np.sqrt(np.maximum(counted, 1.0))

    def judged(x: Floats) -> tuple[float, Floats]:
        off = (shares @ x - counted) / spread
        change = (x - first) / np.sqrt(scale)
        value = float(off @ off + trust * change @ change)
        return value, 2 * np.asarray(shares.T @ (off / spread)) + 2 * trust * change / np.sqrt(scale)

    found = minimize(judged, first, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(first),
                     options={"maxiter": iterations})  # fmt: skip
    made: Floats = found.x.reshape(prior.shape)
    return made
