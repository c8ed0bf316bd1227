"""A question and its answer: scenario, ground, what-if."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulations.traffic.access import Places, lay_places
from simulations.traffic.demand import Demand, draw_trips, habits, lay_demand
from simulations.traffic.equilibrium import Equilibrium
from simulations.traffic.events import Event
from simulations.traffic.indicators import compare
from simulations.traffic.network import RoadNet
from simulations.traffic.sim import TrafficSim
from twin.errors import BadScenario

SEEDS = 5
"""Runs that show the spread when a run cannot be trusted [-]."""


class Scenario(BaseModel):
    """What to ask; kept as JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    title: str = ""
    start_h: float = Field(7.0, ge=0, lt=24)
    """Beginning of the run, Korean time [h]; event times count from it."""
    hours: float = Field(2.0, gt=0, le=24)
    seed: int = Field(1, ge=0)
    informed: float = Field(0.5, ge=0, le=1)
    """Share of drivers that know the state of the roads [0..1]: half, with navigation (assumed)."""
    city_seed: int = Field(1, ge=0)
    """Seed of the generated city, where no other network is given."""
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
    first = habits(net, demand, iterations=6)
    net = net.tuned(first.flow[len(net) :])
    return Ground(net, demand, habits(net, demand), lay_places(net, units, facilities, demand.residents))


@dataclass(frozen=True, slots=True)
class Outcome:
    """Base, run, and what lies between them."""

    base: TrafficSim
    run: TrafficSim
    indicators: dict[str, Any]


def fork_point_s(scenario: Scenario) -> float:
    """Return until when base and run are the same [s]: the first event, on a whole second."""
    return float(int(min([one.start_s for one in scenario.events], default=scenario.hours * 3600)))


def what_if(
    ground: Ground,
    scenario: Scenario,
    progress: Callable[[float, str], bool] | None = None,
    base: TrafficSim | None = None,
) -> Outcome | None:
    """Answer a scenario.

    Parameters
    ----------
    progress
        Told the share done [0..1] and what is being done; true cancels.
    base
        The run without events at or before `fork_point_s`, e.g. a fork of the live one; None: begin anew.

    Returns
    -------
    Outcome or None
        None when it was cancelled.
    """
    scenario.check()
    end, split = scenario.hours * 3600, fork_point_s(scenario)
    told = progress or (lambda share, what: False)
    whole = 2 * end - split
    base = ground.start(scenario) if base is None else base
    run = None
    for stop, what in ((split, "base"), (end, "base"), (end, "scenario")):
        if what == "scenario":
            assert run is not None
            run.apply(scenario.events)
        sim, done = (run, end - split) if what == "scenario" else (base, 0.0)
        assert sim is not None
        is_cancelled = False

        def tell(t: float, done: float = done, what: str = what) -> bool:
            nonlocal is_cancelled
            is_cancelled = told((t + done) / whole, what)
            return is_cancelled

        sim.run_to(stop, tell)
        if is_cancelled:
            return None
        if run is None:
            run = base.fork()
    assert run is not None
    return Outcome(base, run, compare(base, run, ground.places))


def spread(
    ground: Ground, scenario: Scenario, seeds: int = SEEDS, progress: Callable[[float, str], bool] | None = None
) -> dict[str, list[float]]:
    """Answer a scenario with several seeds and return its main numbers of each.

    Near gridlock small causes have large effects: one run says little, the spread says how little.
    """
    found: dict[str, list[float]] = {"delay_h": [], "mean_time_s": [], "unreachable": [], "teleports": []}
    for k in range(seeds):
        outcome = what_if(ground, scenario.model_copy(update={"seed": scenario.seed + k}), progress)
        if outcome is None:
            break
        change = outcome.indicators["change"]
        for name in ("delay_h", "mean_time_s", "unreachable"):
            found[name].append(float(change[name]))
        found["teleports"].append(float(outcome.indicators["run"]["teleports"]))
    return found
