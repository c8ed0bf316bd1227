"""From network and trips to the records of the engine, and what an event changes in them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.compiler import njit
from simulations.traffic.network import RoadNet
from simulations.traffic.records import (
    ARRIVED,
    COUNTS,
    LINK,
    LOT,
    NODE,
    PLACES,
    TO_NOWHERE,
    TOP_SPEED_KMH,
    TRACE,
    TURN,
    VEHICLE,
    ZONE,
    World,
)
from simulations.traffic.routing import open_turns
from simulations.traffic.trips import Lot, Trips, Zone

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Physics:
    """What the theory of kinematic waves leaves open.

    Parameters
    ----------
    stop_loss_s
        Time lost by braking and starting once [s].
    cross_s
        Time to go straight over a junction; a right angle takes twice as long [s].
    """

    stop_loss_s: float = 2.0
    cross_s: float = 1.0


POCKET = 8
"""Vehicles that a lane of their own, or a pocket, keeps out of the way of those who want another turn [-]."""
KINEMATIC = Physics(0.0, 0.0)
"""Pure kinematic waves: junctions are points and nobody brakes."""


def make_world(net: RoadNet, trips: Trips, zones: list[Zone], lots: list[Lot], physics: Physics, trace: int) -> World:
    """Lay out the records of a run at time 0.

    Parameters
    ----------
    trace
        Passages that are recorded [-].
    """
    links = np.zeros(len(net), LINK)
    ring = np.maximum(2, np.ceil(net.length_m * net.lanes * net.jam_density / 1000 - 1e-6)).astype(np.int64)
    links["from_node"], links["to_node"] = net.from_node, net.to_node
    links["turn_at"], links["turn_end"] = net.turns.at[:-1], net.turns.at[1:]
    links["ring"], links["ring_at"] = ring, np.cumsum(ring) - ring
    links["length_m"], links["base_s"] = net.length_m, net.free_s
    links["wave_s"] = net.length_m / (net.wave_kmh / 3.6)
    links["origin_head"] = links["origin_tail"] = -1
    links["wake"] = np.inf
    for name in ("entry_next", "exit_next", "exit_last", "full_at"):
        links[name] = -np.inf
    nodes = np.zeros(len(net.node_id), NODE)
    nodes["wake"] = np.inf
    incoming, outgoing = (np.argsort(at, kind="stable").astype(np.int32) for at in (net.to_node, net.from_node))
    for order, at, low, high in (
        (incoming, net.to_node, "in_at", "in_end"),
        (outgoing, net.from_node, "out_at", "out_end"),
    ):
        nodes[low] = np.searchsorted(at[order], np.arange(len(nodes)))
        nodes[high] = np.searchsorted(at[order], np.arange(len(nodes)), side="right")
    world = World(
        links=links,
        turns=_turns(net, physics),
        nodes=nodes,
        vehicles=make_vehicles(trips),
        zones=_zones(zones),
        lots=_lots(lots),
        counts=np.zeros(1, COUNTS),
        trace=np.zeros(trace, TRACE),
        incoming=incoming,
        outgoing=outgoing,
        foes=net.turns.foes,
        queue=np.zeros(int(ring.sum()), np.int32),
        freed=np.full(int(ring.sum()), -np.inf),
        path=trips.path,
        table=np.zeros((0, len(net)), np.int32),
        order=np.argsort(trips.depart_s, kind="stable").astype(np.int32),
        release_s=np.zeros(len(trips)),
        release_lot=np.zeros(len(trips), np.int32),
    )
    set_roads(net, world, net.class_limit, net.lanes, net.speed_kmh)
    return world


def _turns(net: RoadNet, physics: Physics) -> NDArray[np.void]:
    turns = np.zeros(len(net.turns), TURN)
    one = net.turns
    turns["from_link"], turns["to_link"] = one.from_link, one.to_link
    turns["foe_at"], turns["foe_end"] = one.foe_at[:-1], one.foe_at[1:]
    turns["cycle_s"], turns["green_at"], turns["green_s"] = one.cycle_s, one.green_at_s, one.green_s
    turns["headway_s"] = 3600 / (net.lane_capacity[one.from_link] * one.lanes)
    is_junction = np.bincount(net.to_node, minlength=len(net.node_id))[net.to_node[one.from_link]] > 2
    turns["cross_s"] = np.where(is_junction, physics.cross_s * (1 + np.abs(one.angle_deg) / 90), 0)
    turns["weight"] = 1 / one.lanes
    turns["next"] = turns["last"] = -np.inf
    return turns


def make_vehicles(trips: Trips) -> NDArray[np.void]:
    """Return the records of trips that have not begun."""
    vehicles = np.zeros(len(trips), VEHICLE)
    vehicles["cursor"], vehicles["path_end"] = trips.path_at, trips.path_end
    vehicles["origin"], vehicles["zone"], vehicles["kind"] = trips.origin, trips.zone, trips.kind
    vehicles["depart"], vehicles["stay_s"] = trips.depart_s, trips.stay_s
    vehicles["link"] = vehicles["after"] = -1
    vehicles["turn"] = TO_NOWHERE
    vehicles["mask"] = 1 << trips.kind
    vehicles["places"] = np.array(PLACES, np.uint8)[trips.kind]
    vehicles["pace_s_m"] = 3.6 / np.array(TOP_SPEED_KMH)[trips.kind]
    for name in ("done", "first_try", "entry", "arrival"):
        vehicles[name] = np.nan
    return vehicles


def _zones(zones: list[Zone]) -> NDArray[np.void]:
    records = np.zeros(len(zones), ZONE)
    records["row"] = -1
    records["lot"] = [-1 if zone.lot is None else zone.lot for zone in zones]
    return records


def _lots(lots: list[Lot]) -> NDArray[np.void]:
    records = np.zeros(len(lots), LOT)
    records["capacity"] = [lot.capacity for lot in lots]
    records["next_zone"] = [-1 if lot.next_zone is None else lot.next_zone for lot in lots]
    return records


def set_roads(
    net: RoadNet, world: World, closed: NDArray[np.uint8], lanes: NDArray[np.int32], speed_kmh: Floats
) -> None:
    """Put the state of the roads into the records: what events leave of lanes, speed and access.

    Below the free speed the capacity falls along the triangular fundamental diagram with an unchanged backward wave:
    q = v w kj / (v + w).
    """
    links, now = world.links, world.counts[0]["t"]
    reopened = (links["closed"] & ~closed) != 0
    links["closed"] = closed
    links["free_s"] = net.length_m / (speed_kmh / 3.6)
    wave = net.wave_kmh
    flow = np.minimum(net.lane_capacity, speed_kmh * wave * net.jam_density / (speed_kmh + wave))
    links["headway_s"] = 3600 / (flow * lanes)
    links["room"] = np.maximum(2, links["ring"] * lanes // net.lanes)
    links["window"] = lanes + POCKET * (lanes - 1 + pockets(net))
    links["entry_next"] = np.where(reopened, np.maximum(links["entry_next"], now), links["entry_next"])
    world.turns["closed"] = open_turns(net, closed)


def pockets(net: RoadNet) -> NDArray[np.int64]:
    """Return 1 for links whose left turn has a pocket before the signal: who waits in it holds back nobody else."""
    turns = net.turns
    has_left = (turns.phase % 2 == 1) & ~turns.is_back
    return (np.bincount(turns.from_link, has_left, minlength=len(net)) > 0).astype(np.int64)


def informed_zones(vehicles: NDArray[np.void], n: int) -> Bools:
    """Return which zones an informed driver is on the way to."""
    needed = np.zeros(n, np.bool_)
    needed[vehicles["zone"][(vehicles["informed"] > 0) & (vehicles["state"] < ARRIVED)]] = True
    return needed


@njit(cache=True)
def cut_zones(vehicles: NDArray[np.void], turns: NDArray[np.void], path: NDArray[np.int32], n: int) -> Bools:
    """Return to which zones a route is cut."""
    needed = np.zeros(n, np.bool_)
    for i in range(len(vehicles)):
        vehicle = vehicles[i]
        if vehicle.state >= ARRIVED or needed[vehicle.zone]:
            continue
        for k in range(vehicle.cursor, vehicle.path_end):
            if turns[path[k]].closed & vehicle.mask:
                needed[vehicle.zone] = True
                break
    return needed


@njit(cache=True)
def standing(world: World) -> tuple[NDArray[np.int32], Floats]:
    """Return how many vehicles stand at the end of each link, and how long the first has stood [s]."""
    t = world.counts[0].t
    count, waited = np.zeros(len(world.links), np.int32), np.zeros(len(world.links))
    for at_link in range(len(world.links)):
        link = world.links[at_link]
        for k in range(link.tail - link.head):
            vehicle = world.vehicles[world.queue[link.ring_at + (link.head + k) % link.ring]]
            if vehicle.arrival < t:
                count[at_link] += 1
                if k == 0:
                    waited[at_link] = t - vehicle.arrival
    return count, waited


def without_arrived(world: World) -> tuple[World, Bools]:
    """Return a world without the vehicles that are there, and which of the vehicles it kept."""
    old = world.vehicles
    kept = old["state"] < ARRIVED
    place = np.append(np.cumsum(kept) - 1, -1).astype(np.int32)  # the last one for -1: nobody
    vehicles = old[kept]
    vehicles["after"] = place[vehicles["after"]]
    long = np.maximum(vehicles["path_end"] - vehicles["cursor"], 0)  # who is informed may have gone past it
    end = np.cumsum(long)
    path = world.path[np.repeat(vehicles["cursor"] - (end - long), long) + np.arange(long.sum())]
    vehicles["cursor"], vehicles["path_end"] = end - long, end
    links, counts = world.links.copy(), world.counts.copy()
    for name in ("origin_head", "origin_tail"):
        links[name] = place[links[name]]
    due = place[world.order[counts[0]["departed"] :]]
    begun = np.setdiff1d(np.arange(len(vehicles), dtype=np.int32), due)
    counts["departed"] = len(begun)
    room = max(len(vehicles), int(counts[0]["releases"]), 1)
    return world._replace(
        vehicles=vehicles, links=links, counts=counts, path=path, queue=np.maximum(place[world.queue], 0),
        order=np.concatenate([begun, due]).astype(np.int32),
        release_s=np.resize(world.release_s, room), release_lot=np.resize(world.release_lot, room),
    ), kept  # fmt: skip
