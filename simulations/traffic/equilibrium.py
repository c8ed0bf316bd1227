"""Where habit leads: static user equilibrium, and dynamic equilibrium by successive averages."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulations.compiler import njit
from simulations.traffic.network import RoadNet
from simulations.traffic.records import TO_END, TO_NOWHERE
from simulations.traffic.routing import Graph, open_turns
from simulations.traffic.sim import Bin, TrafficSim, mean_delay_s
from simulations.traffic.trips import Trips, Zone

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Cost:
    """Time by flow: t = free (1 + b (x / c)^p) (Bureau of Public Roads 1964), of all links and then of all turns.

    Parameters
    ----------
    free_s
        Free-flow time [s].
    capacity
        In the unit of the flow.
    b, power
        Shape [-].
    """

    free_s: Floats
    capacity: Floats
    b: Floats | float = 0.15
    power: float = 4.0

    def time(self, flow: Floats) -> Floats:
        """Return the time of each link and turn [s]."""
        made: Floats = self.free_s * (1 + self.b * (flow / self.capacity) ** self.power)
        return made

    def slope(self, flow: Floats) -> Floats:
        """Return how the time grows with the flow."""
        share = self.power * self.b / self.capacity
        made: Floats = self.free_s * share * (flow / self.capacity) ** (self.power - 1)
        return made

    def integral(self, flow: Floats) -> float:
        """Return Beckmann's objective: the sum of the integrals of time over flow."""
        grown = self.b / (self.power + 1) * (flow / self.capacity) ** self.power
        return float((self.free_s * flow * (1 + grown)).sum())


@dataclass(frozen=True, slots=True)
class Equilibrium:
    """Flows at which nobody gains by another way, and the ways that carry them.

    Parameters
    ----------
    flow
        Of each link and then of each turn.
    gap
        Relative gap: share of the total time that the least ways would save [-].
    ways
        Next turns of the ways found on the way there, shape (ways, zones, links).
    weight
        Share of each of them [-].
    """

    flow: Floats
    gap: float
    ways: Ints
    weight: Floats


@njit(cache=True)
def _load(demand: Floats, via: Ints, to: Ints, flow: Floats) -> None:
    """Send the demand of each link along its way to one zone: a link when all that lead over it have been sent."""
    through, waits = demand.copy(), np.zeros(len(via), np.int32)
    for link in range(len(via)):
        if via[link] >= 0:
            waits[to[via[link]]] += 1
    for leaf in range(len(via)):
        link = leaf if waits[leaf] == 0 else -1
        while link >= 0 and via[link] != TO_NOWHERE:
            waits[link] = -1
            flow[link] += through[link]
            if via[link] == TO_END:
                break
            flow[len(via) + via[link]] += through[link]
            onward = to[via[link]]
            through[onward] += through[link]
            waits[onward] -= 1
            link = onward if waits[onward] == 0 else -1


def _all_or_nothing(net: RoadNet, zones: list[Zone], demand: Floats, cost: Floats) -> tuple[Floats, Ints]:
    closed = open_turns(net, net.class_limit)
    n = len(net)
    flow, ways = np.zeros(n + len(net.turns)), np.empty((len(zones), len(net)), np.int32)
    graphs = {mask: Graph.of(net, cost[:n], closed, mask, cost[n:]) for mask in {zone.mask for zone in zones}}
    for z, zone in enumerate(zones):
        ways[z] = graphs[zone.mask].search(np.array(zone.gates, np.int32))[1]
        _load(demand[z], ways[z], net.turns.to_link, flow)
    return flow, ways


def user_equilibrium(
    net: RoadNet, zones: list[Zone], demand: Floats, cost: Cost, gap: float = 1e-3, iterations: int = 12
) -> Equilibrium:
    """Find the static user equilibrium by biconjugate directions.

    Parameters
    ----------
    demand
        Trips by zone and by the link they begin on, shape (zones, links); those without a way are left out.
    gap
        Relative gap that is enough [-].
    iterations
        Loadings at most [-].

    References
    ----------
    Mitradjieva and Lindberg 2013, doi:10.1287/trsc.1120.0409, section 4 (biconjugate Frank-Wolfe).
    """
    flow, first = _all_or_nothing(net, zones, demand, cost.time(np.zeros(len(cost.free_s))))
    ways, weight, found = [first], np.ones(1), np.inf
    targets: list[tuple[Floats, Floats]] = []  # the last two points aimed at: flow and weights
    share = 0.0
    for _ in range(iterations - 1):
        time = cost.time(flow)
        least, way = _all_or_nothing(net, zones, demand, time)
        found = float(1 - (least @ time) / (flow @ time))
        if found < gap:
            break
        ways.append(way)
        newest = np.eye(1, len(ways), len(ways) - 1)[0]
        weight = np.append(weight, 0.0)
        points = [(least, newest), *((one, np.append(w, 0.0)) for one, w in targets)]
        mix = _conjugate(flow, [one for one, _ in points], share, cost.slope(flow))
        target = np.sum([part * one for part, (one, _) in zip(mix, points, strict=True)], axis=0)
        target_weight = np.sum([part * w for part, (_, w) in zip(mix, points, strict=True)], axis=0)
        share = _line_search(cost, flow, target - flow)
        flow = flow + share * (target - flow)
        weight = weight + share * (target_weight - weight)
        is_stuck = share > 0.9999 or share < 1e-12
        targets = [] if is_stuck else [(target, target_weight), *((one, w) for one, w in points[1:2])]
    used = weight > 0
    return Equilibrium(flow, found, np.stack([one for one, u in zip(ways, used, strict=True) if u]), weight[used])


def _conjugate(flow: Floats, points: list[Floats], share: float, slope: Floats) -> list[float]:
    """Return how to mix the newest loading with the last one or two targets, so that directions are conjugate.

    Parameters
    ----------
    share
        Length of the last step [-].
    slope
        Diagonal of the Hessian.
    """
    down = points[0] - flow
    if len(points) == 1:
        return [1.0]
    one = points[1] - flow
    if len(points) == 2:
        above, below = float(one @ (slope * down)), float(one @ (slope * (points[0] - points[1])))
        mix = float(np.clip(above / below, 0.0, 0.99)) if below != 0 else 0.0
        return [1 - mix, mix]
    two = share * points[1] + (1 - share) * points[2] - flow
    below = float(two @ (slope * (points[2] - points[1])))
    mu = max(0.0, -float(two @ (slope * down)) / below) if below != 0 else 0.0
    length = float(one @ (slope * one))
    nu = max(0.0, -float(one @ (slope * down)) / length + mu * share / (1 - share)) if length != 0 else 0.0
    return [1 / (1 + mu + nu), nu / (1 + mu + nu), mu / (1 + mu + nu)]


def _line_search(cost: Cost, flow: Floats, step: Floats) -> float:
    """Return where along a step the objective is least [0..1]: its slope falls to zero there."""
    b = np.broadcast_to(np.asarray(cost.b, np.float64), flow.shape)
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if _slope_along(cost.free_s, cost.capacity, b, cost.power, flow, step, middle) > 0:
            high = middle
        else:
            low = middle
    return low


@njit(cache=True)
def _slope_along(
    free_s: Floats, capacity: Floats, b: Floats, power: float, flow: Floats, step: Floats, share: float
) -> float:
    """Return the slope of the objective at a share of a step: the time there, in the direction of the step."""
    slope = 0.0
    for i in range(len(flow)):
        if step[i] != 0.0:
            fill = (flow[i] + share * step[i]) / capacity[i]
            square = fill * fill
            slope += free_s[i] * (1.0 + b[i] * (square * square if power == 4.0 else fill**power)) * step[i]
    return slope


@njit(cache=True)
def _spell_out(
    ways: Ints, chosen: Ints, zone: Ints, origin: Ints, to: Ints, order: NDArray[np.int64], at: Ints, path: Ints
) -> None:
    """Count the turns of each route when `path` is empty, else write them; routes of one tree one after the other."""
    for i in order:
        via = ways[chosen[i], zone[i]]
        link, n = origin[i], 0
        while via[link] >= 0 and n < via.shape[0]:
            if len(path):
                path[at[i] + n] = via[link]
            link = to[via[link]]
            n += 1
        if not len(path):
            at[i + 1] = n if via[link] == TO_END else 0


def draw_routes(net: RoadNet, found: Equilibrium, trips: Trips, rng: np.random.Generator) -> Trips:
    """Return trips whose habitual routes are drawn from the ways of an equilibrium by their weights."""
    chosen = rng.choice(len(found.weight), len(trips), p=found.weight / found.weight.sum()).astype(np.int32)
    return _routed(net, found.ways, chosen, trips)


def _routed(net: RoadNet, ways: Ints, chosen: Ints, trips: Trips) -> Trips:
    """Return trips with the routes of one way each."""
    at, to = np.zeros(len(trips) + 1, np.int32), net.turns.to_link
    order = np.lexsort((trips.zone, chosen))
    _spell_out(ways, chosen, trips.zone, trips.origin, to, order, at, np.empty(0, np.int32))
    at = np.cumsum(at).astype(np.int32)
    path = np.empty(at[-1], np.int32)
    if len(path):
        _spell_out(ways, chosen, trips.zone, trips.origin, to, order, at, path)
    return replace(trips, path_at=at[:-1], path_end=at[1:], path=path)


def dynamic_equilibrium(
    net: RoadNet,
    make: Callable[[Trips], TrafficSim],
    trips: Trips,
    until: float,
    rng: np.random.Generator,
    iterations: int = 20,
) -> tuple[Trips, list[float]]:
    """Let drivers learn day by day: in run k a share 1 / (k + 1) of those who lose time takes the best way.

    The best way is found with the link times of the bin in which the trip begins (method of successive averages).

    Parameters
    ----------
    make
        Makes the run of a day at time 0 from trips; it must not inform drivers.
    until
        End of a day [s].

    Returns
    -------
    tuple
        Trips with the routes learnt; mean share of time that the best ways would save, for each day [-].
    """
    gaps = []
    closed = open_turns(net, net.class_limit)
    for day in range(1, iterations + 1):
        sim = make(trips).run_to(until)
        times = times_by_entry(net, sim.bins, sim.bin_s)
        bins = np.minimum((trips.depart_s // sim.bin_s).astype(np.int32), len(times) - 1)
        ways = np.empty((len(times), len(sim.zones), len(net)), np.int32)
        for b in range(len(times)):
            graph = Graph.of(net, times[b], closed)
            for z in np.unique(trips.zone[bins == b]).tolist():
                ways[b, z] = graph.search(np.array(sim.zones[z].gates, np.int32))[1]
        best = _routed(net, ways, bins, trips)
        now_s, best_s = _route_s(net, trips, bins, times), _route_s(net, best, bins, times)
        gaps.append(float((now_s - best_s).sum() / now_s.sum()))
        moves = (rng.random(len(trips)) < 1 / (day + 1)) & (now_s > best_s + 1e-6)
        trips = _mix(trips, best, moves)
    return trips, gaps


def times_by_entry(net: RoadNet, bins: list[Bin], bin_s: float) -> Floats:
    """Return the time on each link of who enters it in the middle of each bin [s], shape (bins, links).

    A bin knows the delays of those who leave in it; who enters at t meets the first one that ends after t plus the
    free-flow time plus that delay.
    """
    delay = np.stack([mean_delay_s(one) for one in bins])
    at_end = (np.arange(len(bins)) + 0.5)[:, None] * bin_s + net.free_s
    which = np.minimum((at_end // bin_s).astype(np.int64), len(bins) - 1)
    link = np.arange(len(net))
    for _ in bins:
        late = (at_end + delay[which, link] > (which + 1) * bin_s) & (which < len(bins) - 1)
        if not late.any():
            break
        which = which + late
    return np.asarray(net.free_s + delay[which, link])


def _route_s(net: RoadNet, trips: Trips, bins: Ints, times: Floats) -> Floats:
    """Return the time of each route after its first link [s]."""
    n = trips.path_end - trips.path_at
    which = np.repeat(np.arange(len(trips)), n)
    turn = trips.path[np.repeat(trips.path_at, n) + np.arange(len(which)) - np.repeat(np.cumsum(n) - n, n)]
    made: Floats = np.bincount(which, times[bins[which], net.turns.to_link[turn]], minlength=len(trips)).astype(float)
    return made


def _mix(trips: Trips, best: Trips, moves: NDArray[np.bool_]) -> Trips:
    """Return trips of which some take their best route."""
    shift = np.int32(len(trips.path))
    at = np.where(moves, best.path_at + shift, trips.path_at).astype(np.int32)
    end = np.where(moves, best.path_end + shift, trips.path_end).astype(np.int32)
    path = np.concatenate([trips.path, best.path])
    n = end - at
    kept = path[np.repeat(at, n) + np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)]
    ends = np.cumsum(n).astype(np.int32)
    return replace(trips, path_at=ends - n, path_end=ends, path=kept)
