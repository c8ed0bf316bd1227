"""The city's traffic as it is estimated now: the model in real time, nudged by measured speeds, forked for what-ifs."""

import pickle
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from simulations.traffic.demand import draw_trips
from simulations.traffic.ground_of import FOLDER, write_pickle
from simulations.traffic.outside import OUTSIDE
from simulations.traffic.result import code_version, lines_wgs84
from simulations.traffic.scenario import Ground
from simulations.traffic.sim import BIN_S, TrafficSim, mean_delay_s
from simulations.traffic.trips import Trips
from twin.clock import KST
from twin.errors import BadScenario

Floats = NDArray[np.float64]

WARM_UP_S = 3600.0
"""So long the streets fill before the first estimate [s]."""
DRAWN_AT_A_TIME_S = 3600.0
INFORMED = 0.5
NUDGE = 0.5
"""Share of the gap between measured and estimated travel time that one correction closes [-]."""
SLOWEST_KMH = 5.0
LONGEST_GAP = timedelta(hours=2)
"""After a longer pause the streets are filled anew."""
SAMPLE = 200
"""Vehicles that are shown [-]."""
REST_S = 65.0
"""A place that changes its vehicle is silent for longer than the map glides [s]."""
FRESH = timedelta(minutes=15)
"""A state older than this is no present."""


@dataclass
class Sample:
    """Some vehicles of a run, each followed until it is there; its place then rests before it is given to another.

    Parameters
    ----------
    vehicle
        Followed by each place; -1 nobody.
    rests_until
        When a place may be given away [s].
    """

    vehicle: NDArray[np.int64]
    rests_until: Floats

    @classmethod
    def of(cls, places: int) -> "Sample":
        """Return places that follow nobody."""
        return cls(np.full(places, -1), np.zeros(places))

    def look(self, sim: TrafficSim, rng: np.random.Generator) -> tuple[NDArray[np.int64], Floats]:
        """Return the places that follow somebody, and lon, lat [deg], speed [km/h], bearing [deg] of each."""
        which, at = sim.positions()
        inside = sim.net.name[at[:, 0].astype(np.int64)] != OUTSIDE
        which, at = which[inside], at[inside]
        row = np.full(len(sim.world.vehicles), -1)
        row[which] = np.arange(len(which))
        gone = (self.vehicle >= 0) & (row[self.vehicle] < 0)
        self.vehicle[gone], self.rests_until[gone] = -1, sim.t + REST_S
        free = np.flatnonzero((self.vehicle < 0) & (self.rests_until <= sim.t))
        fresh = np.setdiff1d(which, self.vehicle)
        chosen = rng.permutation(fresh)[: len(free)]
        self.vehicle[free[: len(chosen)]] = chosen
        places = np.flatnonzero(self.vehicle >= 0)
        link, share = at[row[self.vehicle[places]]].T
        return places, _seen(sim, link.astype(np.int64), share)

    def renumber(self, kept: NDArray[np.bool_]) -> None:
        """Follow the same vehicles under the numbers that they have once the others are dropped."""
        place = np.where(kept, np.cumsum(kept) - 1, -1)
        followed = (self.vehicle >= 0) & (self.vehicle < len(kept))
        self.vehicle = np.where(followed, place[np.where(followed, self.vehicle, 0)], -1)


@dataclass
class Live:
    """A running estimate.

    Parameters
    ----------
    ground
        Streets, demand, habits.
    began
        When its clock stood at 0; a full hour.
    sim
        The run.
    drawn_s
        Until when trips are drawn [s].
    is_corrected
        Links with a measured speed at the last correction.
    sample
        Vehicles that are shown.
    """

    ground: Ground
    began: datetime
    sim: TrafficSim
    drawn_s: float
    is_corrected: NDArray[np.bool_]
    sample: Sample

    @classmethod
    def begin(cls, ground: Ground, now: datetime) -> "Live":
        """Fill the empty streets until now."""
        began = (now - timedelta(seconds=WARM_UP_S)).replace(minute=0, second=0, microsecond=0)
        trips = _trips(ground, began, 0.0)
        sim = TrafficSim(ground.net, trips, ground.demand.zones, seed=0, informed=INFORMED)
        live = cls(ground, began, sim, DRAWN_AT_A_TIME_S, np.zeros(len(ground.net), bool), Sample.of(SAMPLE))
        live.step(now)
        return live

    @property
    def now(self) -> datetime:
        """The moment that is estimated."""
        return self.began + timedelta(seconds=self.sim.t)

    def step(self, now: datetime) -> bool:
        """Go on until now; return whether a time bin ended meanwhile. A time that has passed changes nothing."""
        t, before = np.floor((now - self.began).total_seconds()), self.sim.t // BIN_S
        self._draw_until(t)
        self.sim.run_to(max(self.sim.t, t))
        return bool(self.sim.t // BIN_S > before)

    @property
    def hour(self) -> float:
        """The hour of the day that is estimated, Korean time [h]."""
        local = self.now.astimezone(KST)
        return local.hour + local.minute / 60

    def _draw_until(self, until_s: float, seed: int = 0) -> None:
        while self.drawn_s < until_s + BIN_S:
            self.sample.renumber(self.sim.forget(1))
            self.sim.add(_trips(self.ground, self.began, self.drawn_s, seed), [], [])
            self.sim.inform(INFORMED)
            self.drawn_s += DRAWN_AT_A_TIME_S

    def correct(self, measured_kmh: dict[int, float]) -> None:
        """Nudge the model towards measured speeds.

        Half of the gap in travel time is closed each time, by the speed at which the link is driven; a link that nobody
        measures returns to the model in the same steps.

        Parameters
        ----------
        measured_kmh
            Mean speed of each link by its id in the source [km/h], stops included.
        """
        net, sim = self.ground.net, self.sim
        speed = np.full(len(net), np.nan)
        for link, value in measured_kmh.items():
            if net.link_at.get(link, -1) >= 0:
                speed[net.link_at[link]] = max(value, 1.0)
        self.is_corrected = ~np.isnan(speed)
        delay = mean_delay_s(sim.bins[-1]) if sim.bins else np.zeros(len(net))
        wanted = np.where(self.is_corrected, net.length_m / (speed / 3.6) - delay, net.free_s)
        before = net.length_m / (np.minimum(sim.limit_kmh, net.speed_kmh) / 3.6)
        after = np.clip(before + NUDGE * (wanted - before), net.free_s, net.length_m / (SLOWEST_KMH / 3.6))
        sim.correct(np.where(after > net.free_s * 1.01, net.length_m / after * 3.6, np.inf))

    def speed_kmh(self) -> Floats:
        """Return the estimated mean speed on each link in the last bin [km/h]."""
        net = self.ground.net
        found: Floats = net.length_m / (self.sim.world.links["free_s"] + mean_delay_s(self.sim.bins[-1])) * 3.6
        return found

    def look(self, rng: np.random.Generator) -> tuple[NDArray[np.int64], Floats]:
        """Return places of the sample in use, and lon, lat [deg], speed [km/h], bearing [deg] of each."""
        return self.sample.look(self.sim, rng)

    def main_streets(self, rank: int) -> tuple[list[int], list[tuple[float, float]]]:
        """Return the links of a ROAD_RANK or above, and lon, lat [deg, WGS84] of their middles."""
        net = self.ground.net
        which = np.flatnonzero((net.rank <= rank) & (net.name != OUTSIDE))
        middle = shapely.line_interpolate_point(lines_wgs84(net)[which], 0.5, normalized=True)
        return which.tolist(), [(float(x), float(y)) for x, y in shapely.get_coordinates(middle)]

    def fork(self) -> "Live":
        """Return a copy that goes its own way from here on and shows no vehicles."""
        return replace(self, sim=self.sim.fork(), sample=Sample.of(0))

    def save(self, folder: Path) -> None:
        """Keep the state for what-ifs, without the ground; what another version of this code kept goes."""
        folder.mkdir(parents=True, exist_ok=True)
        path = state_path(folder)
        for old in set(folder.glob("live*.pickle")) - {path}:
            old.unlink(missing_ok=True)
        write_pickle(path, replace(self, ground=None))  # type: ignore[arg-type]


def state_path(folder: Path) -> Path:
    """Return where this version of the code keeps the live state: the records of another are not its own."""
    return folder / f"live-{code_version()[:16]}.pickle"


def _seen(sim: TrafficSim, link: NDArray[np.int64], share: Floats) -> Floats:
    lines = lines_wgs84(sim.net)[link]
    here, ahead, behind = (
        shapely.get_coordinates(shapely.line_interpolate_point(lines, part, normalized=True))
        for part in (share, np.minimum(share + 0.05, 1.0), np.maximum(share - 0.05, 0.0))
    )
    east, north = ((ahead - behind) * [np.cos(np.radians(36)), 1.0]).T
    is_stopped = share >= 1.0
    speed = np.where(is_stopped, 0.0, sim.net.length_m[link] / sim.world.links["free_s"][link] * 3.6)
    return np.column_stack([here, speed, np.degrees(np.arctan2(east, north)) % 360])


def _trips(ground: Ground, began: datetime, from_s: float, seed: int = 0) -> Trips:
    start = (began + timedelta(seconds=from_s)).astimezone(KST)
    rng = np.random.default_rng([start.toordinal(), start.hour, *([seed] if seed else [])])
    trips = draw_trips(ground.net, ground.demand, ground.ways, start.hour, DRAWN_AT_A_TIME_S / 3600, rng)
    return replace(trips, depart_s=trips.depart_s + from_s)


def read_live(ground: Ground, data_dir: Path, now: datetime) -> Live:
    """Return the live city as it was last kept, brought to now.

    Raises
    ------
    BadScenario
        There is no live state, or only an old one.
    """
    path = state_path(data_dir / FOLDER)
    if not path.exists():
        raise BadScenario(f"is_live: there is no live traffic at {path}; ./gunsan up runs it")
    with path.open("rb") as file:
        live: Live = pickle.load(file)
    if not timedelta() <= now - live.now <= FRESH:
        raise BadScenario(f"is_live: the live traffic stands at {live.now}; limit: {FRESH} before {now}")
    live.ground = ground
    live.step(now)
    live.sim.run_to(np.ceil(live.sim.t / BIN_S) * BIN_S)
    return live


def fork_live(live: Live, hours: float, seed: int = 0) -> TrafficSim:
    """Return a fork of the live city with trips for some hours.

    Parameters
    ----------
    seed
        Of the trips that have not begun; 0: those of the live city itself.
    """
    mine = live.fork()
    if seed:
        mine.sim.forget_pending()
        mine.drawn_s = float(mine.sim.t // DRAWN_AT_A_TIME_S * DRAWN_AT_A_TIME_S)
        while mine.drawn_s < live.drawn_s:
            trips = _trips(live.ground, live.began, mine.drawn_s, seed)
            mine.sim.add(trips.take(trips.depart_s >= mine.sim.t), [], [])
            mine.drawn_s += DRAWN_AT_A_TIME_S
        mine.sim.inform(INFORMED)
    mine._draw_until(mine.sim.t + hours * 3600, seed)
    mine.sim.forget(0)
    return mine.sim
