"""A running city: steps in time, takes events, forks, and remembers what each time bin saw."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.traffic import engine
from simulations.traffic.changes import Change, Roads, changes_of
from simulations.traffic.events import Event
from simulations.traffic.flood_roads import Water
from simulations.traffic.network import RoadNet
from simulations.traffic.records import ARRIVED, PENDING, SHARED, World
from simulations.traffic.routing import Graph
from simulations.traffic.trips import Lot, Trips, Zone
from simulations.traffic.world import (
    Physics,
    cut_zones,
    informed_zones,
    make_vehicles,
    make_world,
    set_roads,
    standing,
    without_arrived,
)
from twin.errors import BadScenario

Floats = NDArray[np.float64]

BIN_S = 300.0
"""Length of a time bin [s]."""
LOOKS = 2
"""Informed drivers learn new travel times every so many bins, by zones in turn; of closures they learn at once [-]."""
MEMORY = 0.5
"""Weight of the newest interval in the times that drivers know [-]."""
SERVICE = (0.85, 0.67, 0.50, 0.40, 0.30)
"""Least speed of levels A to E as shares of the free speed [-] (HCM 2016, exhibit 16-3, rounded)."""


@dataclass(frozen=True, slots=True)
class Bin:
    """What the links saw from the end of the bin before to `end_s`; arrays by link.

    Parameters
    ----------
    end_s
        End of the bin [s].
    entered, left
        Vehicles [-].
    time_s
        Vehicle seconds on the link [s].
    delay_s
        Time that those who left had stood at its end [s].
    full_s
        Time during which somebody found it full [s].
    queue
        Vehicles standing at its end when the bin ended [-].
    waited_s
        How long the first of them had stood [s].
    is_closed
        Cars may not enter when the bin ends.
    """

    end_s: float
    entered: NDArray[np.int32]
    left: NDArray[np.int32]
    time_s: NDArray[np.float32]
    delay_s: NDArray[np.float32]
    full_s: NDArray[np.float32]
    queue: NDArray[np.int32]
    waited_s: NDArray[np.float32]
    is_closed: NDArray[np.bool_]


class TrafficSim:
    """One run.

    Parameters
    ----------
    net
        Streets.
    trips
        Who drives.
    zones, lots
        Where trips end, and what they park in.
    seed
        Of everything that events draw.
    informed
        Share of drivers that know the state of the roads [0..1].
    physics
        What kinematic waves leave open.
    trace
        Passages to record [-]; for tests.
    bin_s
        Length of a time bin, whole seconds [s].
    """

    def __init__(
        self,
        net: RoadNet,
        trips: Trips,
        zones: list[Zone],
        lots: list[Lot] | None = None,
        *,
        seed: int = 0,
        informed: float = 0.0,
        physics: Physics | None = None,
        trace: int = 0,
        bin_s: float = BIN_S,
    ) -> None:
        trips.check(len(net), len(zones))
        self.net, self.zones, self.seed, self.bin_s = net, list(zones), seed, bin_s
        self.world = make_world(net, trips, zones, lots or [], physics or Physics(), trace)
        self._stop_loss_s = (physics or Physics()).stop_loss_s
        self.luck = trips.luck
        self.events: list[Event] = []
        self.bins: list[Bin] = []
        self.roads = Roads.of(net)
        self.water = Water.dry(net)
        self.limit_kmh = np.full(len(net), np.inf)
        self._changes: list[Change] = []
        self._known_s = self._empty_s = net.free_s + signal_wait_s(net)
        self._cut: tuple[bytes, NDArray[np.bool_]] | None = None
        self._mark = self._sums()
        self.inform(informed)

    # --- time ------------------------------------------------------------------------------------------------------

    @property
    def t(self) -> float:
        """Time after the start of the run [s]."""
        return float(self.world.counts[0]["t"])

    def run_to(self, until: float, progress: Callable[[float], bool] | None = None) -> "TrafficSim":
        """Run to a time [s], a whole number of seconds.

        Parameters
        ----------
        progress
            Told the time [s] at the end of each bin; true stops the run there.

        Raises
        ------
        BadScenario
            When the time has passed already.
        """
        if until < self.t:
            raise BadScenario(f"run to {until} s; limit: not before now, {self.t} s")
        while self.t < until:
            self._change()
            bin_end = (self.t // self.bin_s + 1) * self.bin_s
            stop = min([bin_end, float(np.ceil(until)), *(float(np.ceil(one.at_s)) for one in self._changes[:1])])
            engine.advance(self.world, stop, self._stop_loss_s)
            if self.t == bin_end:
                self._close_bin()
                if progress is not None and progress(self.t):
                    break
        self._change()
        return self

    def fork(self) -> "TrafficSim":
        """Return a copy that goes its own way from here on."""
        other = copy(self)
        other.world = World(
            *(one if name in SHARED else one.copy() for name, one in zip(World._fields, self.world, strict=True))
        )
        for name in ("zones", "events", "bins", "_changes"):
            setattr(other, name, list(getattr(self, name)))
        other.roads, other.water = self.roads.copy(), self.water.copy()
        other._mark = self._mark.copy()
        return other

    # --- events ----------------------------------------------------------------------------------------------------

    def apply(self, events: Iterable[Event]) -> "TrafficSim":
        """Take events; each acts when its time comes.

        Raises
        ------
        BadScenario
            When an event begins before now, or names what is not there.
        """
        for event in events:
            if event.start_s < self.t and event.end_s <= self.t:
                raise BadScenario(
                    f"{event.event} from {event.start_s} s to {event.end_s} s; limit: not over at {self.t} s"
                )
            self._changes += changes_of(event, len(self.events), self)
            self.events.append(event)
        self._changes.sort(key=lambda one: (one.at_s, one.order))
        self._change()
        return self

    def schedule(self, change: Change) -> None:
        """Let something happen later."""
        self._changes = sorted([*self._changes, change], key=lambda one: (one.at_s, one.order))

    def _change(self) -> None:
        due = [one for one in self._changes if one.at_s <= self.t]
        if due:
            self._changes = self._changes[len(due) :]
            for one in due:
                one.act(self)
            self.refresh()

    def refresh(self) -> None:
        """Put the roads as they are now before the engine, and tell the drivers who need to know."""
        closed, lanes, speed = self.roads.state(self.net)
        wet_closed, wet_speed = self.water.state(self.net)
        closed |= wet_closed
        speed = np.minimum(np.minimum(speed, wet_speed), self.limit_kmh)
        set_roads(self.net, self.world, closed, lanes, speed)
        self._tell()

    def inform(self, share: float) -> None:
        """Let at least this share of drivers [0..1] know the state of the roads from now on."""
        vehicles = self.world.vehicles
        vehicles["informed"] |= ((self.luck < share) | (vehicles["path_end"] == 0)) & (vehicles["state"] < ARRIVED)
        self._tell()

    def correct(self, limit_kmh: Floats) -> None:
        """Let nobody drive faster than this on each link [km/h]: what measured speeds say; infinity says nothing."""
        self.limit_kmh = limit_kmh
        self.refresh()

    def forget(self, bins: int) -> NDArray[np.bool_]:
        """Drop the vehicles that are there, and all bins but the newest; return which vehicles were kept."""
        self.world, kept = without_arrived(self.world)
        self.luck = self.luck[kept]
        self.bins = self.bins[len(self.bins) - bins :] if bins else []
        return kept

    def forget_pending(self) -> None:
        """Drop the trips that have not begun."""
        vehicles, counts = self.world.vehicles, self.world.counts
        vehicles["state"][vehicles["state"] == PENDING] = ARRIVED
        counts["departed"] = len(self.world.order)
        self.forget(len(self.bins))

    def add(self, trips: Trips, zones: list[Zone], lots: list[Lot]) -> None:
        """Add trips to zones that are new, numbered after those of the run."""
        trips.check(len(self.net), len(self.zones) + len(zones))
        late = trips.depart_s < self.t
        if late.any():
            raise BadScenario(f"{late.sum()} trips leave before now, {self.t} s; limit: {self.t} s or later")
        more = make_world(self.net, trips, zones, lots, Physics(), 0)
        shift, world = len(self.world.path), self.world
        new = make_vehicles(trips)
        new["cursor"] += shift
        new["path_end"] += shift
        vehicles = np.concatenate([world.vehicles, new])
        pending = np.flatnonzero(vehicles["state"] == PENDING)
        gone = world.order[: world.counts[0]["departed"]]
        order = np.concatenate([gone, pending[np.argsort(vehicles["depart"][pending], kind="stable")]])
        grown = len(vehicles)
        self.world = world._replace(
            vehicles=vehicles,
            zones=np.concatenate([world.zones, more.zones]),
            lots=np.concatenate([world.lots, more.lots]),
            path=np.concatenate([world.path, trips.path]),
            order=order.astype(np.int32),
            release_s=np.resize(world.release_s, grown),
            release_lot=np.resize(world.release_lot, grown),
        )
        self.zones += zones
        self._cut = None
        self.luck = np.concatenate([self.luck, trips.luck])
        self.inform(0.0)

    # --- what drivers know -------------------------------------------------------------------------------------------

    def _tell(self, turn: int | None = None) -> None:
        """Find the ways to all zones that somebody has to find, at the times that are known.

        Parameters
        ----------
        turn
            Renew only the ways to new zones and those whose turn it is; None: to all.
        """
        world = self.world
        needed = informed_zones(world.vehicles, len(self.zones)) | self._cut_zones()
        seen = np.flatnonzero(needed).tolist()
        for zone in seen:  # who finds a car park full goes on to the next one
            after = self._next(zone)
            if after >= 0 and not needed[after]:
                needed[after] = True
                seen.append(after)
        new = np.flatnonzero(needed & (world.zones["row"] < 0))
        first = len(world.table)
        world.zones["row"][new] = np.arange(first, first + len(new))
        table = np.concatenate([world.table, np.empty((len(new), len(self.net)), np.int32)])
        zones = np.flatnonzero(needed)
        rows = world.zones["row"][zones]
        if turn is not None:
            zones = zones[(rows >= first) | (rows % LOOKS == turn % LOOKS)]
        graphs = {
            mask: Graph.of(self.net, self._known_s, world.turns["closed"], mask)
            for mask in sorted({self.zones[zone].mask for zone in zones})
        }

        def find(some: NDArray[np.int64]) -> None:
            for zone in some.tolist():
                one = self.zones[zone]
                table[world.zones["row"][zone]] = graphs[one.mask].search(np.array(one.gates, np.int32))[1]

        with ThreadPoolExecutor(1) as pool:  # searches hold no lock of Python's
            other = pool.submit(find, zones[1::2])
            find(zones[::2])
            other.result()
        self.world = world._replace(table=table)
        engine.wake_all(self.world)

    def _cut_zones(self) -> NDArray[np.bool_]:
        """Return to which zones routes are cut; searched anew when other turns are closed, or trips have come."""
        world, closed = self.world, self.world.turns["closed"].tobytes()
        if self._cut is None or self._cut[0] != closed:
            self._cut = closed, cut_zones(world.vehicles, world.turns, world.path, len(self.zones))
        return self._cut[1]

    def _next(self, zone: int) -> int:
        lot = self.zones[zone].lot
        return -1 if lot is None else int(self.world.lots["next_zone"][lot])

    def _sums(self) -> NDArray[np.float64]:
        links = self.world.links
        held = (links["tail"] - links["head"]) * self.world.counts[0]["t"]
        return np.stack([links["tail"], links["head"], links["clock_sum"] + held, links["delay_sum"], links["full_s"]])

    def _close_bin(self) -> None:
        sums, (queue, waited) = self._sums(), standing(self.world)
        entered, left, time, delay, full = sums - self._mark
        self._mark = sums
        self.bins.append(
            Bin(
                self.t,
                entered.astype(np.int32),
                left.astype(np.int32),
                np.maximum(time, 0).astype(np.float32),
                delay.astype(np.float32),
                full.astype(np.float32),
                queue,
                waited.astype(np.float32),
                (self.world.links["closed"] & 1) > 0,
            )
        )
        seen_s = self.world.links["free_s"] + mean_delay_s(self.bins[-1])
        seen_s = np.where(left + queue > 0, seen_s, self._empty_s)
        seen_s = np.maximum(seen_s, self.world.links["free_s"])
        self._known_s = (1 - MEMORY) * self._known_s + MEMORY * seen_s
        self._tell(round(self.t / self.bin_s))

    # --- what is seen ------------------------------------------------------------------------------------------------

    def frame(self, number: int = -1) -> NDArray[np.uint8]:
        """Return the level of service of each link in a bin: 0 nobody there, 1 (A) to 6 (F), 255 closed to cars."""
        one = self.bins[number]
        return np.where(one.is_closed, 255, service(self.net, one)).astype(np.uint8)

    def positions(self, every: int = 1) -> tuple[NDArray[np.int64], Floats]:
        """Return vehicles on the road and where they are: link and share of its length [0..1], shape (n, 2).

        Parameters
        ----------
        every
            Return one vehicle of so many; always the same ones.
        """
        vehicles = self.world.vehicles
        which = np.flatnonzero((vehicles["state"] == 2) & (np.arange(len(vehicles)) % every == 0))
        here = vehicles[which]
        share = (self.t - here["entry"]) / np.maximum(here["arrival"] - here["entry"], 1e-6)
        return which, np.stack([here["link"], np.clip(share, 0, 1)], axis=1)


def signal_wait_s(net: RoadNet) -> Floats:
    """Return the mean wait at the end of each link of an empty network [s]: r^2 / 2C of its mean turn."""
    turns = net.turns
    red = turns.cycle_s - turns.green_s
    wait = np.where(turns.cycle_s > 0, red**2 / (2 * np.maximum(turns.cycle_s, 1)), 0)
    use = (~turns.is_back).astype(float)
    total = np.bincount(turns.from_link, use, minlength=len(net))
    mean: Floats = np.bincount(turns.from_link, use * wait, minlength=len(net)) / np.maximum(total, 1)
    return mean


def mean_delay_s(one: Bin) -> Floats:
    """Return the delay on each link that a bin shows [s]: of those who left, or of who stands first if longer."""
    mean = one.delay_s / np.maximum(one.left, 1)
    found: Floats = np.maximum(mean, one.waited_s).astype(np.float64)
    return found


def service(net: RoadNet, one: Bin) -> NDArray[np.uint8]:
    """Return the level of service of each link: 0 nobody there, 1 (A) to 6 (F), by speed over free speed."""
    ratio = net.free_s / (net.free_s + mean_delay_s(one))
    level = 1 + sum((ratio < limit).astype(np.uint8) for limit in SERVICE)
    found: NDArray[np.uint8] = np.where(one.left + one.queue > 0, level, 0).astype(np.uint8)
    return found
