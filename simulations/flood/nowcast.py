"""The nowcast: from the water as it is to that of the next three hours, by three members of rain."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gisdata.facts import TIDE
from simulations.flood import city, reached, warnings
from simulations.flood.catchment import Catchment
from simulations.flood.model import Model, Tell
from simulations.flood.scenario import Scenario
from simulations.flood.tide import predict
from simulations.flood.warnings import HORIZON_S, LAYER, SOON_S, STEP_S, Outcome
from twin.series import Series, read_failed, read_series
from twin.vertical import INCHEON, is_same

Record = dict[str, Any]
CELL_M = 20
SPIN_UP_S = 3600
"""Observed rain that comes before the first forecast, and before one whose forerunner is gone [s]."""
LONGEST_S = 2 * 3600
"""Oldest forerunner that is gone on from [s]."""
RECENT_S = 1800
"""Rain of so long before the issue is what persists [s]."""
TIDE_S = 25 * 3600
PUMP_S = 900
WATER = "water.npz"
"""File of a nowcast with the water at its issue."""


@dataclass(frozen=True)
class Member:
    """How the rain of the last half hour goes on: times a factor, halved each `half_life_s`."""

    factor: float
    half_life_s: float


MEMBERS = {"low": Member(0.8, 1200), "middle": Member(1.0, 3600), "high": Member(1.3, 10_800)}
"""Persistence that decays: rain cells of a Korean summer live for half an hour to three hours; assumed, and scored."""


class Asked(BaseModel):
    """A nowcast, as the clock asks for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issued: AwareDatetime
    forerunner: str | None = None
    """Run of the nowcast before: its water is gone on from."""
    threads: int = Field(default=1, ge=1, le=16)
    inputs: Record | None = None
    """What was observed; null: read from the store, and kept with the result."""


def observe(dsn: str, start: datetime, issued: datetime) -> Record:
    """Read what the gauges said until now; times in seconds from the issue."""
    zero = issued.timestamp()
    rain = read_series(dsn, "rain", ("rainfall_rate",), start, issued, STEP_S)
    water = ("stage", "depth", "water_level")
    recent = read_series(dsn, "water_level", water, issued - timedelta(seconds=PUMP_S), issued, 60)
    tide = read_series(dsn, "water_level", ("water_level",), issued - timedelta(seconds=TIDE_S), issued, STEP_S)
    spoke = [one for one in tide if one.times and is_same(one.attributes.get("datum", ""), INCHEON)]
    return {
        "rain": [
            {"datastream": one.datastream, "key": one.key, "x": one.x, "y": one.y,
             "rate_mm_h": [(t - zero, round(rate, 2)) for t, rate in zip(one.times, one.results, strict=True)]}
            for one in rain if one.times
        ],
        "tide": [(t + STEP_S / 2 - zero, round(level, 3))
                 for one in spoke[:1] for t, level in zip(one.times, one.results, strict=True)],
        "failed": read_failed(dsn, "water_level", issued - timedelta(seconds=PUMP_S), issued),
        "gauges": [_gauge(one) for one in recent if one.times],
    }  # fmt: skip


def _gauge(one: Series) -> Record:
    return {"datastream": one.datastream, "key": one.key, "property": one.observed_property, "x": one.x, "y": one.y,
            "observed": round(one.results[-1], 3), "caution_m": one.attributes.get("caution_m")}  # fmt: skip


def run(dsn: str, data_dir: Path, scenario: Record, out: Path, tell: Tell) -> Record:
    """Issue a nowcast; see `simulations.registry.Simulation.run`.

    Besides, `forecast.json` holds what is to be stored: the inputs, the values at the gauges, and the warnings as
    messages of the layer `flood_forecast`.
    """
    asked = Asked.model_validate(scenario)
    tell(0.0, "도시 읽는 중 · reading the city")
    catchment = Catchment.read(dsn, data_dir, CELL_M)
    start, water = _start(data_dir / "runs" / (asked.forerunner or "-"), asked.issued)
    inputs = asked.inputs or observe(dsn, start, asked.issued)
    inputs = json.loads(json.dumps(inputs))
    failed = sorted(set(inputs["failed"]) & {*catchment.pumps.key, *catchment.gates.key})
    tide = predict([t for t, _ in inputs["tide"]], [level for _, level in inputs["tide"]], TIDE)
    out.mkdir(parents=True, exist_ok=True)

    lead_in = (asked.issued - start).total_seconds()
    past = _model(catchment, _observed(inputs, lead_in), lead_in, _later(tide, lead_in), failed, asked, [])
    if water is not None:
        _take_water(past, water)
    tell(0.1, "지금의 물 · the water as it is")
    past.play(lead_in)
    _keep_water(past, out / WATER)

    places = warnings.places(catchment, inputs)
    outcomes: dict[str, Outcome] = {}
    for number, (name, member) in enumerate(MEMBERS.items()):
        model = _model(catchment, _coming(inputs, member), HORIZON_S, tide, failed, asked, places)
        _take_water(model, out / WATER)
        told = partial(_part, tell, 0.2 + 0.25 * number, name)
        outcomes[name] = _run_member(catchment, model, out if name == "middle" else out / name, told)
    middle = outcomes["middle"]
    receipt_of = asked.model_dump(mode="json") | {"inputs": inputs}
    facts = city.finish(dsn, catchment, middle.model, middle.result, out, tell, receipt_of, failed)
    found = warnings.find(catchment, outcomes, places)
    missing = [name for name in ("rain", "tide", "gauges") if not inputs[name]]
    facts |= {"issued": asked.issued.isoformat(), "warnings": warnings.told(found), "missing": missing}
    (out / "result.json").write_text(json.dumps(facts))
    kept = {
        "issued": asked.issued.isoformat(), "layer": LAYER, "inputs": inputs,
        "values": [*warnings.values(inputs, outcomes, tide, asked.issued), *_rain_values(inputs, asked.issued)],
        "messages": [warnings.message(one, asked.issued) for one in found],
        "receipt": {name: facts["receipt"][name] for name in ("digest", "version", "outputs")},
    }  # fmt: skip
    (out / "forecast.json").write_text(json.dumps(kept))
    return facts


def _part(tell: Tell, begin: float, name: str, share: float, what: str) -> None:
    tell(begin + 0.25 * share, f"{name}: {what}")


def _later(tide: Callable[[float], float], seconds: float) -> Callable[[float], float]:
    return lambda t: tide(t - seconds)


def _run_member(catchment: Catchment, model: Model, folder: Path, tell: Tell) -> Outcome:
    """Run one member; of all but the middle one only what it says of places is kept."""
    result = model.run(folder, tell)
    table = (
        pd.read_csv(folder / "gauges.csv").pivot(index="t_s", columns="gauge") if "gauges.csv" in result.files else None
    )
    people = [reached.find(catchment.terrain, model.solver, catchment.tables, catchment.cover, within).districts
              for within in (SOON_S, HORIZON_S)]  # fmt: skip
    if folder.name in MEMBERS:
        shutil.rmtree(folder)
    return Outcome(model, result, table, *({one["name_ko"]: one["people"] for one in part} for part in people))


# --- water from one forecast to the next -----------------------------------------------------------------------------


def _start(before: Path, issued: datetime) -> tuple[datetime, Path | None]:
    """Return from when on observed rain is simulated, and the water then: the forerunner's, or an hour ago and none."""
    water, cold = before / WATER, (issued - timedelta(seconds=SPIN_UP_S), None)
    try:
        told = datetime.fromisoformat(json.loads((before / "forecast.json").read_text())["issued"])
    except (OSError, ValueError, KeyError):
        return cold
    is_near = timedelta(0) < issued - told <= timedelta(seconds=LONGEST_S)
    return (told, water) if is_near and water.exists() else cold


def _keep_water(model: Model, path: Path) -> None:
    np.savez_compressed(path, state=model.solver._old, rest=model.solver.rest)


def _take_water(model: Model, path: Path) -> None:
    """Begin with the water of a state; of another grid it is refused."""
    solver = model.solver
    with np.load(path) as kept:
        if kept["state"].shape == solver._old.shape:
            solver._old[:], solver.rest[:] = kept["state"], kept["rest"]
            solver._new[0] = solver._old[0]
    solver.stored_at_start = solver.stored()


# --- forcing ---------------------------------------------------------------------------------------------------------


def _observed(inputs: Record, lead_in: float) -> list[Record]:
    """Return the rain of the gauges in seconds from the start of the lead-in."""
    return [
        {"x": gauge["x"], "y": gauge["y"], "rate_mm_h": [(t + lead_in, rate) for t, rate in gauge["rate_mm_h"]]}
        for gauge in inputs["rain"]
    ]


def _recent(gauge: Record) -> float:
    """Return the mean rain of the last half hour at a gauge [mm/h]."""
    last = [rate for t, rate in gauge["rate_mm_h"] if t >= -RECENT_S - STEP_S / 2]
    return float(np.mean(last)) if last else 0.0


def _coming(inputs: Record, member: Member) -> list[Record]:
    """Return the rain to come at each gauge: that of the last half hour, decaying."""
    found = []
    for gauge in inputs["rain"]:
        steps = [(float(t), member.factor * _recent(gauge) * 0.5 ** ((t + STEP_S / 2) / member.half_life_s))
                 for t in range(0, HORIZON_S, STEP_S)]  # fmt: skip
        found.append({"x": gauge["x"], "y": gauge["y"], "rate_mm_h": steps})
    return found


def _rain_values(inputs: Record, issued: datetime) -> list[tuple[int, str, str, float]]:
    """Return the rain to come as it is kept: datastream, end of the step, member, rate [mm/h]; and persistence."""
    members = {name: [one["rate_mm_h"] for one in _coming(inputs, member)] for name, member in MEMBERS.items()}
    members["persistence"] = [[(t, _recent(one)) for t in range(0, HORIZON_S, STEP_S)] for one in inputs["rain"]]
    return [
        (gauge["datastream"], (issued + timedelta(seconds=t + STEP_S)).isoformat(), name, round(rate, 2))
        for name, gauges in members.items()
        for gauge, steps in zip(inputs["rain"], gauges, strict=True)
        for t, rate in steps
    ]


def _model(
    catchment: Catchment, rain: list[Record], duration_s: float, tide: Callable[[float], float],
    failed: list[str], asked: Asked, places: list[Record],
) -> Model:  # fmt: skip
    scenario = Scenario.model_validate({
        "title": "nowcast", "duration_s": duration_s, "output_interval_s": STEP_S, "gauge_interval_s": STEP_S,
        "rain": {"gauges": rain} if rain else {"rate_mm_h": 0.0},
        "gauges": [{"name": one["name"], "x": one["x"], "y": one["y"]} for one in places],
    })  # fmt: skip
    return catchment.model(scenario, tide, failed, threads=asked.threads)
