"""Numbers of the city and of its districts, made of the state of the layers: one computation for every screen."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.access import AccessClass
from twin.layer import Figure
from twin.state import LayerState
from twin.units import UNITS

Record = dict[str, Any]
Mask = NDArray[np.bool_]


def figures_of(states: Iterable[LayerState], now_s: float) -> list[Record]:
    """Return the figures of some layers at a time [s since 1970]."""
    return [figure_of(figure, state, now_s) for state in states for figure in state.layer.figures]


def figure_of(figure: Figure, state: LayerState, now_s: float) -> Record:
    """Return one figure: of the city, of each district by its id, and of what lies in no district (id 0).

    Returns
    -------
    `value` (None where nothing that counts is known) and `text`, how every screen writes it; `n` assets it is made
    of; `old` assets that are too old to count; `at` the newest observation in it [s since 1970]; `districts`: id ->
    the same without `at`.
    """
    layer = state.layer
    prop = next((prop for prop in layer.properties if prop.id == figure.property), None)
    column = np.full(len(state.asset), np.nan) if prop is None else state.result[:, layer.properties.index(prop)]
    heard: Mask = ~np.isnan(state.time) if prop is None else ~np.isnan(column)
    fresh: Mask = heard & (now_s - state.time <= max(layer.stale_after_s, 2 * layer.interval_s))
    counted = fresh.copy()
    decimals = 0 if figure.statistic == "count" or prop is None else prop.decimals
    if prop is not None and figure.equals is not None:
        counted &= column == prop.values.index(figure.equals)
    if figure.above is not None:
        counted &= column >= figure.above

    def of(inside: Mask) -> Record:
        here, good = int((inside & fresh).sum()), inside & counted
        values = column[good]
        match figure.statistic:
            case "count":
                value = float(good.sum()) if here else None
            case "sum":
                value = float(values.sum()) if here else None
            case "mean":
                value = float(values.mean()) if here else None
            case "max":
                value = float(values.max()) if here else None
        text = "–" if value is None else f"{value:,.{decimals}f}"
        return {"value": value, "text": text, "n": here, "old": int((inside & heard & ~fresh).sum())}

    units = np.unique(state.unit[heard])
    newest = state.time[fresh]
    sign = "" if figure.statistic == "count" or prop is None else UNITS[prop.unit]
    return {
        "id": figure.id,
        "layer": layer.id,
        "title": figure.title.model_dump(),
        "statistic": figure.statistic,
        "unit": sign,
        "decimals": decimals,
        "quality": layer.quality,
        "access": layer.access,
        "group": layer.group,
        "stale_after_s": max(layer.stale_after_s, 2 * layer.interval_s),
        "at": float(newest.max()) if len(newest) else None,
        **of(np.ones(len(state.asset), bool)),
        "districts": {int(unit): of(state.unit == unit) for unit in units},
    }


def combine(figure: Mapping[str, Any]) -> float | None:
    """Return the number of the city made of those of its districts; it must be the city's own."""
    parts = [part for part in figure["districts"].values() if part["value"] is not None]
    if not parts:
        return None
    match figure["statistic"]:
        case "mean":
            return float(sum(part["value"] * part["n"] for part in parts) / sum(part["n"] for part in parts))
        case "max":
            return float(max(part["value"] for part in parts))
    return float(sum(part["value"] for part in parts))


def seen(figures: Iterable[Record], clearance: AccessClass) -> list[Record]:
    """Return those figures that a clearance covers, without saying what the others are."""
    return [figure for figure in figures if AccessClass[figure["access"].upper()] <= clearance]
