"""How far a run can be believed: its numbers for other draws of trips and drivers.

Near gridlock small causes have large effects: one run says little, the spread over seeds says how little.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.traffic.indicators import flow_change, longest_queue
from simulations.traffic.scenario import Begin, Ground, Outcome, Scenario, begin_from, what_if

SEEDS = 5
"""Runs that show the spread when a run cannot be trusted [-]."""
THREADS = 2
"""Seeds that run at a time; the engine holds no lock of Python's."""
CHANGES = ("delay_h", "mean_time_s", "detours", "mean_detour_m", "p95_detour_m", "unreachable")
DISTRICT = ("delay_h", "minutes", "isolated", "teleports")


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of one run that screens show.

    Parameters
    ----------
    totals
        By the names of the answer's totals.
    districts
        By district: of `DISTRICT` those that are known there.
    queue, change
        Of each link: most vehicles standing at a time; how many more entered than in the base [-].
    """

    totals: dict[str, float]
    districts: dict[int, dict[str, float]]
    queue: NDArray[np.int32]
    change: NDArray[np.int64]


def numbers_of(outcome: Outcome) -> Numbers:
    """Return the numbers of a run."""
    found = outcome.indicators
    totals = {name: float(found["change"][name]) for name in CHANGES}
    totals["teleports"] = float(found["run"]["teleports"])
    if access := found["run"].get("access"):
        totals["isolated_people"] = float(access["isolated_people"])
        for name in ("within_5_min", "within_8_min"):
            totals[f"{name}_after"] = float(access["emergency"][name])
    districts = {
        unit: {name: float(one[name]) for name in DISTRICT if name in one}
        for unit, one in found.get("districts", {}).items()
    }
    return Numbers(totals, districts, longest_queue(outcome.run)[0], flow_change(outcome.base, outcome.run))


def spread(
    ground: Ground,
    scenario: Scenario,
    first: Outcome,
    seeds: int = SEEDS,
    progress: Callable[[float, str], bool] | None = None,
    begin: Callable[[Scenario], Begin] | None = None,
) -> list[Numbers]:
    """Return the numbers of a scenario for several seeds, of which the first is done; two at a time.

    Parameters
    ----------
    begin
        Returns what makes the base of a seed; None: from empty streets.
    """
    found = [numbers_of(first)]
    others = [scenario.model_copy(update={"seed": scenario.seed + k}) for k in range(1, seeds)]
    start = begin or (lambda one: begin_from(ground.start(one)))

    def numbers(one: Scenario) -> Numbers:
        outcome = what_if(ground, one, begin=start(one))
        assert outcome is not None
        return numbers_of(outcome)

    with ThreadPoolExecutor(THREADS) as pool:
        for k, one in enumerate(pool.map(numbers, others)):
            found.append(one)
            if progress is not None and progress((k + 1) / len(others), "seeds"):
                break
    return found


def totals_of(varied: list[Numbers] | None) -> dict[str, list[float]] | None:
    """Return each total for each seed; None without seeds."""
    return {name: [one.totals[name] for one in varied] for name in varied[0].totals} if varied else None


def district_of(varied: list[Numbers] | None, unit: int) -> dict[str, list[float]]:
    """Return each number of a district for each seed that knows it."""
    known = [one.districts.get(unit, {}) for one in varied or ()]
    return {name: [one[name] for one in known if name in one] for name in DISTRICT} if known else {}


def link_of(varied: list[Numbers] | None, name: str, link: int) -> dict[str, Any]:
    """Return what a list of links says of one: its `queue` or `change` for each seed, under `spread`."""
    return {"spread": [int(getattr(one, name)[link]) for one in varied]} if varied else {}
