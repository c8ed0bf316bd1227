"""What a nowcast says of places: values at gauges, and warnings for districts, underpasses and car parks."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from simulations.flood.catchment import Catchment
from simulations.flood.model import Model
from simulations.flood.result import Result

Record = dict[str, Any]
HORIZON_S, STEP_S = 3 * 3600, 600
SOON_S = 3600
LAYER = "flood_forecast"
"""Layer whose assets are warned of."""
PEOPLE = 50
"""People reached by water from which a district is warned of."""
SNAP_M = 60.0
"""A place inside a building is read at the nearest open ground, at most so far away [m]."""


@dataclass(frozen=True)
class Outcome:
    """What one member found.

    Parameters
    ----------
    table
        Columns (`depth_m`, `level_m`, ...) x gauge over time [s]; None without a gauge.
    soon, whole
        People reached by water within an hour and within the whole time, by Korean name of the district.
    """

    model: Model
    result: Result
    table: pd.DataFrame | None
    soon: dict[str, int]
    whole: dict[str, int]


def places(catchment: Catchment, inputs: Record) -> list[Record]:
    """Return gauges and assets that are warned of, where open ground is near them: name, x, y, and what they are."""
    terrain = catchment.terrain
    row, column = distance_transform_edt(~catchment.cover.inland, return_distances=False, return_indices=True)
    asset = catchment.tables["asset"]
    layer = asset[asset.layer == LAYER]
    wanted = [(f"gauge {one['datastream']}", one["x"], one["y"], one) for one in inputs["gauges"]
              if one["property"] in ("stage", "depth")]  # fmt: skip
    wanted += [(f"asset {row.key}", row.geom.x, row.geom.y, row._asdict()) for row in layer.itertuples()
               if row.attributes["kind"] != "unit"]  # fmt: skip
    found, (ny, nx) = [], terrain.elevation.shape
    for name, x, y, what in wanted:
        c, r = (int(np.floor(one)) for one in ~terrain.transform @ (x, y))
        if not (0 <= r < ny and 0 <= c < nx):
            continue
        near = terrain.transform @ (column[r, c] + 0.5, row[r, c] + 0.5)
        if np.hypot(near[0] - x, near[1] - y) <= SNAP_M:
            found.append({"name": name, "x": near[0], "y": near[1], "what": what})
    return found


def values(
    inputs: Record, outcomes: dict[str, Outcome], tide: Callable[[float], float], issued: datetime
) -> list[tuple[int, str, str, float]]:
    """Return what is forecast of each gauge: what was observed, plus how the water of the model changes from then on.

    Rows of datastream, valid time, member, result; the member `persistence` keeps what was observed.
    """
    found = []
    for gauge in inputs["gauges"]:
        name, now = f"gauge {gauge['datastream']}", gauge["observed"]
        for member, outcome in outcomes.items():
            series = _changes(outcome.table, name, gauge["property"], tide)
            if series is None:
                continue
            for t, change in series:
                valid = (issued + timedelta(seconds=t)).isoformat()
                result = max(0.0, now + change) if gauge["property"] == "depth" else now + change
                found.append((gauge["datastream"], valid, member, round(result, 3)))
                if member == "middle":
                    found.append((gauge["datastream"], valid, "persistence", now))
    return found


def _changes(
    table: pd.DataFrame | None, name: str, observed_property: str, tide: Callable[[float], float]
) -> list[tuple[float, float]] | None:
    if observed_property == "water_level":
        return [(float(t), tide(t) - tide(0)) for t in range(STEP_S, HORIZON_S + 1, STEP_S)]
    if table is None or ("depth_m", name) not in table:
        return None
    series: NDArray[np.float64] = table["level_m" if observed_property == "stage" else "depth_m"][name].to_numpy()
    return [(float(t), float(value - series[0])) for t, value in zip(table.index[1:], series[1:], strict=True)]


def find(catchment: Catchment, outcomes: dict[str, Outcome], places: list[Record]) -> list[Record]:
    """Return what is said of every place of the layer: greatest depths and people within an hour and three."""
    found = []
    observed = {one["what"]["key"]: one["what"]["observed"] for one in places if one["name"].startswith("gauge")}
    for one in places:
        if one["name"].startswith("gauge"):
            continue
        what = one["what"]
        depth = {}
        for member, outcome in outcomes.items():
            assert outcome.table is not None  # there is a place
            series = outcome.table["depth_m"][one["name"]]
            shift = observed.get(what["key"], series.iloc[0]) - series.iloc[0]  # what its own gauge knows better
            depth[member] = (series + shift).clip(lower=0)
        middle, limit = depth["middle"], what["attributes"]["alarm_m"]
        over = middle.index[middle >= limit]
        found.append(
            _named(what) | {
                "depth_1h": round(float(middle[:SOON_S].max()), 3), "depth_3h": round(float(middle.max()), 3),
                "depth_3h_high": round(float(depth["high"].max()), 3),
                "arrival_s": float(over[0]) if len(over) else None,
                "members": sum(bool((series >= limit).any()) for series in depth.values()),
            }
        )  # fmt: skip
    asset = catchment.tables["asset"]
    for row in asset[asset.layer == LAYER].itertuples():
        if row.attributes["kind"] == "unit":
            name, middle_one = row.name_ko, outcomes["middle"]
            found.append(
                _named(row._asdict()) | {
                    "people_1h": middle_one.soon.get(name, 0), "people_3h": middle_one.whole.get(name, 0),
                    "people_3h_high": outcomes["high"].whole.get(name, 0),
                    "members": sum(one.whole.get(name, 0) >= PEOPLE for one in outcomes.values()),
                }
            )  # fmt: skip
    return found


def _named(asset: Record) -> Record:
    english = asset["name_en"] if isinstance(asset["name_en"], str) else None
    return {"key": asset["key"], "name_ko": asset["name_ko"], "name_en": english, "kind": asset["attributes"]["kind"]}


def told(warnings: list[Record]) -> list[Record]:
    """Return those that any member reaches: the likeliest, then the soonest first."""
    some = [one for one in warnings if one["members"]]
    return sorted(some, key=lambda one: (-one["members"], one.get("arrival_s") or 0, -one.get("people_3h", 0)))


def message(one: Record, issued: datetime) -> Record:
    """Return a warning as a message of the layer."""
    facts = ("depth_1h", "depth_3h", "depth_3h_high", "people_1h", "people_3h", "people_3h_high", "members")
    return {"id": one["key"], "time": issued.isoformat()} | {name: one[name] for name in facts if name in one}
