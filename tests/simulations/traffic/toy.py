"""Small street networks by hand, and trips on them."""

from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from simulations.traffic.network import RoadNet, build
from simulations.traffic.records import ARRIVED
from simulations.traffic.sim import TrafficSim
from simulations.traffic.trips import Trips, Zone
from simulations.traffic.world import KINEMATIC
from twin.crs import KOREA_CENTRAL

V, W, KJ, Q = 15.0, 5.0, 1 / 7.5, 0.5
"""Free speed 54 km/h, wave 18 km/h [m/s]; jam density [veh/m]; capacity 1,800 veh/h [veh/s]: q = v w kj / (v + w)."""


def tables(
    points: dict[int, tuple[float, float]], links: dict[int, tuple[Any, ...]], **columns: Any
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return the tables of a network; a link is (from, to, length [m], lanes) and may go on with speed and capacity."""
    nodes = {"id": list(points), "is_signalised": [False] * len(points)}
    rows = {
        "id": list(links),
        "from_node": [one[0] for one in links.values()],
        "to_node": [one[1] for one in links.values()],
        "length_m": [float(one[2]) for one in links.values()],
        "lanes": [one[3] for one in links.values()],
        "max_speed_kmh": [one[4] if len(one) > 4 else 54 for one in links.values()],
        "lane_capacity": [one[5] if len(one) > 5 else 1800.0 for one in links.values()],
        "rank": [105] * len(links),
    }
    lines = [shapely.LineString([points[one[0]], points[one[1]]]) for one in links.values()]
    made = (
        gpd.GeoDataFrame(nodes, geometry=[shapely.Point(one) for one in points.values()], crs=KOREA_CENTRAL),
        gpd.GeoDataFrame(rows | columns, geometry=lines, crs=KOREA_CENTRAL),
    )
    return made[0].rename_geometry("geom"), made[1].rename_geometry("geom")


def street(points: dict[int, tuple[float, float]], links: dict[int, tuple[Any, ...]], **given: Any) -> RoadNet:
    """Build a network from `tables`."""
    return build(*tables(points, links), **given)


def way(net: RoadNet, *ids: int) -> np.ndarray:
    """Return the turns of a route over links by their ids."""
    numbers = [net.link_at[one] for one in ids]
    turns = net.turns.between(np.array(numbers[:-1], np.int32), np.array(numbers[1:], np.int32))
    assert (turns >= 0).all(), "no such turn"
    return turns


def drive(
    net: RoadNet, *flows: tuple[np.ndarray, tuple[int, ...]], physics: Any = KINEMATIC, **given: Any
) -> TrafficSim:
    """Make a run: each flow is times of departure [s] and the links of the route."""
    depart = np.concatenate([times for times, _ in flows])
    routes = [way(net, *ids) for times, ids in flows for _ in times]
    origin = np.concatenate([np.full(len(times), net.link_at[ids[0]]) for times, ids in flows])
    zone = np.concatenate([np.full(len(times), k) for k, (times, _) in enumerate(flows)])
    zones = [Zone((net.link_at[ids[-1]],)) for _, ids in flows]
    luck = np.linspace(0, 1, len(depart), endpoint=False)
    return TrafficSim(net, Trips.of(depart, origin, zone, luck, routes), zones, physics=physics, **given)


def done_s(sim: TrafficSim) -> np.ndarray:
    """Return arrival times [s] in order, of those who are there."""
    vehicles = sim.world.vehicles
    return np.sort(vehicles["done"][vehicles["state"] == ARRIVED])


LINE = {1: (0.0, 0.0), 2: (600.0, 0.0), 3: (1200.0, 0.0), 4: (1800.0, 0.0)}
"""Four points on a line."""
