"""A question and its answer: scenario, ground, what-if."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulations.traffic.access import Places, lay_places
from simulations.traffic.changes import links_of
from simulations.traffic.demand import Demand, draw_trips, habits, lay_demand
from simulations.traffic.equilibrium import Equilibrium
from simulations.traffic.events import Close, Evacuate, Event, Lanes
from simulations.traffic.indicators import compare
from simulations.traffic.network import RoadNet
from simulations.traffic.sim import TrafficSim
from twin.errors import BadScenario

TUNINGS = 2


class Scenario(BaseModel):
    """What to ask; kept as JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    start_h: float = Field(7.0, ge=0, lt=24)
    """Beginning of the run, Korean time [h]; event times count from it."""
    hours: float = Field(2.0, gt=0, le=24)
    seed: int = Field(1, ge=0)
    informed: float = Field(0.5, ge=0, le=1)
    """Share of drivers that know the state of the roads [0..1]: half, with navigation (assumed)."""
    events: tuple[Event, ...] = ()

    def check(self) -> None:
        """Refuse events that begin after the end of the run.

        Raises
        ------
        BadScenario
            When one does.
        """
        end = self.hours * 3600
        late = [one for one in self.events if one.start_s >= end]
        if late:
            raise BadScenario(
                f"{late[0].event} begins at {late[0].start_s} s; limit: before the end of the run at {end} s"
            )


def read_scenario(value: object) -> Scenario:
    """Return a scenario from JSON values.

    Raises
    ------
    BadScenario
        When it is wrong; the text names the place.
    """
    try:
        scenario = Scenario.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(one) for one in first["loc"])
        raise BadScenario(f"{error.error_count()} mistakes in the scenario; first: {place}: {first['msg']}") from error
    scenario.check()
    return scenario


@dataclass(frozen=True, slots=True)
class Ground:
    """What every question of one city stands on; made once.

    Parameters
    ----------
    net
        Streets, with signals tuned to the morning.
    demand
        Zones and trips of a day.
    ways
        Habits of drivers.
    places
        Districts, stations, hospitals, shelters.
    """

    net: RoadNet
    demand: Demand
    ways: Equilibrium
    places: Places

    def start(self, scenario: Scenario) -> TrafficSim:
        """Return the run of a scenario at its beginning, without its events."""
        rng = np.random.default_rng([scenario.seed, 0])
        trips = draw_trips(self.net, self.demand, self.ways, scenario.start_h, scenario.hours, rng)
        return TrafficSim(self.net, trips, self.demand.zones, seed=scenario.seed, informed=scenario.informed)


def prepare(net: RoadNet, units: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame, facilities: gpd.GeoDataFrame) -> Ground:
    """Make the ground of a city: demand, tuned signals, habits, places. Takes some seconds.

    Parameters
    ----------
    net
        Streets, from `network.build`.
    units, buildings, facilities
        Rows of the store's `admin_unit`, `building` and `facility`; EPSG:5186.
    """
    demand = lay_demand(net, units, buildings)
    for _ in range(TUNINGS):  # signals follow the flows, and the flows the signals
        net = net.tuned(habits(net, demand, iterations=6).flow[len(net) :])
    return Ground(net, demand, habits(net, demand), lay_places(net, units, facilities, demand.residents))


@dataclass(frozen=True, slots=True)
class Outcome:
    """Base, run, and what lies between them; both began at `begins_s` of their clock."""

    base: TrafficSim
    run: TrafficSim
    indicators: dict[str, Any]
    begins_s: float = 0.0


def fork_point_s(scenario: Scenario) -> float:
    """Return until when base and run are the same [s]: the first event, on a whole second."""
    return float(int(min([one.start_s for one in scenario.events], default=scenario.hours * 3600)))


@dataclass(frozen=True, slots=True)
class Base:
    """A run without events.

    Parameters
    ----------
    start
        As it stands when the first event comes; the scenario goes on from it.
    end
        As it stands at the end.
    measured
        Its indicators at the end, if they are known.
    """

    start: TrafficSim
    end: TrafficSim
    measured: dict[str, Any] | None = None


Begin = Callable[[Scenario, float, Callable[[float], bool]], Base | None]
"""Makes the base of a scenario: is told when the first event comes [s], tells its time [s], may be cancelled."""


def begin_from(sim: TrafficSim) -> Begin:
    """Return what makes a base of a run as it stands, e.g. of a fork of the live city."""

    def begin(scenario: Scenario, split_s: float, told: Callable[[float], bool]) -> Base | None:
        start, origin, is_cancelled = None, sim.t, False

        def tell(t: float) -> bool:
            nonlocal is_cancelled
            is_cancelled = told(t - origin)
            return is_cancelled

        for stop in (split_s, scenario.hours * 3600):
            sim.run_to(origin + stop, tell)
            if is_cancelled:
                return None
            start = start or sim.fork()
        assert start is not None
        return Base(start, sim)

    return begin


def what_if(
    ground: Ground,
    scenario: Scenario,
    progress: Callable[[float, str], bool] | None = None,
    begin: Begin | None = None,
) -> Outcome | None:
    """Answer a scenario.

    Parameters
    ----------
    progress
        Told the share done [0..1] and what is being done; true cancels.
    begin
        Makes the base: times of events count from its beginning; None: from empty streets.

    Returns
    -------
    Outcome or None
        None when it was cancelled.
    """
    scenario.check()
    for event in scenario.events:
        if isinstance(event, (Close, Lanes, Evacuate)):
            links_of(event, ground.net)  # refuses what is not there before anything is driven
    told = progress or (lambda share, what: False)
    end, split = scenario.hours * 3600, fork_point_s(scenario)
    whole = 2 * end - split
    begin = begin or begin_from(ground.start(scenario))
    base = begin(scenario, split, lambda t: told(t / whole, "base"))
    if base is None:
        return None
    run, origin, is_cancelled = base.start, base.start.t - split, False

    def tell(t: float) -> bool:
        nonlocal is_cancelled
        is_cancelled = told((t - origin + end - split) / whole, "scenario")
        return is_cancelled

    run.apply(later(scenario.events, origin)).run_to(origin + end, tell)
    if is_cancelled:
        return None
    return Outcome(base.end, run, compare(base.end, run, ground.places, base.measured), origin)


def later(events: Iterable[Event], by_s: float) -> list[Event]:
    """Return events with their times moved by some seconds."""
    return [one.model_copy(update={"start_s": one.start_s + by_s, "end_s": one.end_s + by_s}) for one in events]
