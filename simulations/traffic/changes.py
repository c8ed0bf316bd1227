"""What an event does to a run, and when."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulations.traffic.events import (
    NEVER,
    Close,
    Demand,
    Depth,
    Evacuate,
    Event,
    Inform,
    Lanes,
    Parking,
    Signal,
)
from simulations.traffic.network import KINDS as ROAD_KINDS
from simulations.traffic.network import RoadNet
from simulations.traffic.records import KINDS
from simulations.traffic.signals import DualRing
from simulations.traffic.trips import Lot, Trips, Zone
from twin.errors import BadScenario

if TYPE_CHECKING:
    from simulations.traffic.sim import TrafficSim

Links = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happens at a time [s]; changes of one moment in their `order`."""

    at_s: float
    order: int
    act: Callable[["TrafficSim"], None]


@dataclass(slots=True)
class Roads:
    """What is in force on the roads, by the number of the event that put it there."""

    closed: dict[int, tuple[Links, int]] = field(default_factory=dict)
    lanes: dict[int, tuple[Links, int]] = field(default_factory=dict)
    speed_kmh: dict[int, tuple[Links, float]] = field(default_factory=dict)
    base_closed: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))

    @classmethod
    def of(cls, net: RoadNet) -> "Roads":
        """Return roads on which nothing is in force."""
        return cls(base_closed=net.class_limit)

    def copy(self) -> "Roads":
        """Return a copy."""
        return deepcopy(self)

    def state(self, net: RoadNet) -> tuple[NDArray[np.uint8], Links, NDArray[np.float64]]:
        """Return classes shut out, lanes and free speed [km/h] of each link."""
        closed, lanes, speed = self.base_closed.copy(), net.lanes.copy(), net.speed_kmh.copy()
        for links, mask in self.closed.values():
            closed[links] |= mask
        for links, n in self.lanes.values():
            lanes[links] = np.minimum(lanes[links], n)
        for links, limit in self.speed_kmh.values():
            speed[links] = np.minimum(speed[links], limit)
        return closed, lanes, speed


def links_of(event: Close | Lanes | Evacuate, net: RoadNet) -> Links:
    """Return the links of a placed event.

    Raises
    ------
    BadNetwork
        When it names an unknown link.
    BadScenario
        When a street of its name, or its area, has no link.
    """
    unknown = [name for name in event.roads if not (net.name == name).any()]
    if unknown:
        raise BadScenario(f"{event.event}: no street is called {', '.join(unknown)}; limit: a name of the network")
    wide = np.flatnonzero(np.isin(net.name, event.roads)) if event.roads else np.zeros(0, np.int32)
    area = event.polygon()
    if area is not None:
        wide = np.union1d(wide, net.links_in(area))
    if event.kind_of_road is not None:
        wide = wide[net.kind[wide] == ROAD_KINDS.index(event.kind_of_road)]
    found = np.union1d(net.links(event.links), wide).astype(np.int32)
    if not len(found):
        raise BadScenario(f"{event.event}: no link lies there; limit: at least 1")
    return found


def changes_of(event: Event, number: int, sim: "TrafficSim") -> list[Change]:
    """Return what an event does, as changes in time.

    Parameters
    ----------
    number
        Which event of the run it is; its randomness is drawn from the run's seed and this number.
    """
    net = sim.net
    if isinstance(event, (Demand, Evacuate)):
        rng = np.random.default_rng([sim.seed, 1000 + number])
        if isinstance(event, Demand):
            _demand(event, rng, sim)
        else:
            _evacuate(event, rng, sim)
        return []
    if isinstance(event, Inform):
        return [Change(event.start_s, number, lambda sim: sim.inform(event.share))]
    if isinstance(event, Depth):
        net.links(tuple(event.depth_m))  # refuses unknown ones
        depth = np.zeros(len(net))
        for one, value in event.depth_m.items():
            if net.link_at[one] >= 0:
                depth[net.link_at[one]] = value
        dry = np.zeros(len(net))
        return [
            Change(event.start_s, number, lambda sim: _flood(sim, depth)),
            *_end(event, number, lambda sim: _flood(sim, dry)),
        ]
    if isinstance(event, Parking):
        if event.lot >= len(sim.world.lots):
            raise BadScenario(f"parking: car park {event.lot}; limit: 0 to {len(sim.world.lots) - 1}")
        before = int(sim.world.lots["capacity"][event.lot])

        def resize(sim: "TrafficSim", capacity: int) -> None:
            sim.world.lots["capacity"][event.lot] = capacity

        return [
            Change(event.start_s, number, lambda sim: resize(sim, event.capacity)),
            *_end(event, number, lambda sim: resize(sim, before)),
        ]
    if isinstance(event, Signal):
        return _signal(event, number, sim)
    return _roads(event, number, net)


def _end(event: Event, number: int, act: Callable[["TrafficSim"], None]) -> list[Change]:
    """Return the end of an event, which comes before what else begins at that moment."""
    return [] if event.end_s >= NEVER else [Change(event.end_s, number - 1_000_000, act)]


def _roads(event: Close | Lanes, number: int, net: RoadNet) -> list[Change]:
    links = links_of(event, net)

    def begin(sim: "TrafficSim") -> None:
        if isinstance(event, Close):
            sim.roads.closed[number] = (links, event.mask)
            return
        if event.lanes is not None:
            sim.roads.lanes[number] = (links, event.lanes)
        if event.speed_kmh is not None:
            sim.roads.speed_kmh[number] = (links, event.speed_kmh)

    def end(sim: "TrafficSim") -> None:
        for table in (sim.roads.closed, sim.roads.lanes, sim.roads.speed_kmh):
            table.pop(number, None)

    return [Change(event.start_s, number, begin), *_end(event, number, end)]


def _signal(event: Signal, number: int, sim: "TrafficSim") -> list[Change]:
    net = sim.net
    at = np.flatnonzero(net.node_id == event.node)
    if not len(at) or int(at[0]) not in net.ring:
        raise BadScenario(
            f"signal: node {event.node} has no signal; limit: one of the {len(net.ring)} signalised nodes"
        )
    here = np.flatnonzero(net.to_node[net.turns.from_link] == at[0])
    before = net.ring[int(at[0])]
    after = DualRing(event.cycle_s, event.offset_s, event.splits_s)

    def put(sim: "TrafficSim", ring: DualRing) -> None:
        windows = np.array([(0.0, 0.0), *(ring.green(phase) for phase in range(1, 9))])[net.turns.phase[here]]
        turns = sim.world.turns
        turns["cycle_s"][here] = np.where(net.turns.phase[here] > 0, ring.cycle_s, 0.0)
        turns["green_at"][here], turns["green_s"][here] = windows.T

    return [
        Change(event.start_s, number, lambda sim: put(sim, after)),
        *_end(event, number, lambda sim: put(sim, before)),
    ]


def _flood(sim: "TrafficSim", depth: NDArray[np.float64]) -> None:
    due = sim.water.rise(sim.net, sim.t, depth)
    if due is not None:
        sim.schedule(Change(due, -1, lambda sim: _flood(sim, sim.water.depth_m)))


def _demand(event: Demand, rng: np.random.Generator, sim: "TrafficSim") -> None:
    origins, gates = sim.net.links(event.origin_links), sim.net.links(event.destination_links)
    span = min(event.end_s, event.start_s + 3600.0) - event.start_s
    kind = KINDS.index(event.kind)
    zone = Zone(tuple(gates.tolist()), 1 << kind)
    depart = np.sort(rng.uniform(event.start_s, event.start_s + span, event.vehicles))
    trips = Trips.of(
        depart,
        rng.choice(origins, event.vehicles),
        np.full(event.vehicles, len(sim.zones)),
        np.zeros(event.vehicles),
        kind=np.full(event.vehicles, kind, np.uint8),
    )
    sim.add(trips, [zone], [])


def _evacuate(event: Evacuate, rng: np.random.Generator, sim: "TrafficSim") -> None:
    origins = links_of(event, sim.net)
    gates = [(int(sim.net.links([one])[0]), spaces) for one, spaces in event.shelters.items()]
    first_zone, first_lot, n = len(sim.zones), len(sim.world.lots), len(gates)
    # who finds a shelter full goes on to the next one of the list, and round
    lots = [Lot(spaces, first_zone + (k + 1) % n if n > 1 else None) for k, (_, spaces) in enumerate(gates)]
    zones = [Zone((gate,), 1, first_lot + k) for k, (gate, _) in enumerate(gates)]
    share = np.array([spaces for _, spaces in gates], float)
    weight = share / share.sum() if share.sum() > 0 else np.full(n, 1 / n)
    at = event.start_s + (np.arange(event.vehicles) + 0.5) * event.release_s / event.vehicles
    trips = Trips.of(
        at,
        rng.choice(origins, event.vehicles),
        first_zone + rng.choice(n, event.vehicles, p=weight),
        np.zeros(event.vehicles),
    )
    sim.add(trips, zones, lots)
