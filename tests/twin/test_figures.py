"""Figures: what counts, and that districts make up the city."""

import math

import numpy as np
import pytest

from backend.bulletin import Bulletin
from layers import load_layers
from twin.access import ANONYMOUS, OPERATOR, AccessClass
from twin.errors import NotFound, Unavailable
from twin.figures import combine, figure_of, figures_of, seen
from twin.state import LayerState

SPECS = {key: one.spec for key, one in load_layers().items()}
NOW = 1_777_593_600.0


def state_of(layer: str, seed: int = 1, n: int = 60) -> LayerState:
    """A layer in which a third is too old, some never spoke, and some lie in no district."""
    rng = np.random.default_rng(seed)
    state = LayerState(SPECS[layer])
    state._resize(list(range(1, n + 1)))
    state.unit[:] = rng.integers(0, 28, n)
    old = max(SPECS[layer].stale_after_s, 2 * SPECS[layer].interval_s)
    state.time[:] = NOW - rng.uniform(0, 1.5 * old, n)
    state.time[:3] = np.nan
    for index, prop in enumerate(SPECS[layer].properties):
        low, high = (0, len(prop.values) - 1) if prop.kind == "enum" else prop.range or (0, 1)
        column = rng.uniform(low, high, n)
        state.result[:, index] = np.round(column) if prop.kind == "enum" else column
        state.result[:3, index] = np.nan
    return state


@pytest.mark.parametrize("layer", [key for key, spec in SPECS.items() if spec.figures])
def test_districts_and_the_rest_make_up_the_city(layer: str) -> None:
    state = state_of(layer)
    for figure in figures_of([state], NOW):
        assert figure["value"] is not None
        together = combine(figure)
        assert together is not None
        assert math.isclose(together, figure["value"], rel_tol=1e-9), figure["id"]
        assert sum(part["n"] for part in figure["districts"].values()) == figure["n"]
        assert sum(part["old"] for part in figure["districts"].values()) == figure["old"]


def test_what_is_too_old_does_not_count_and_is_told() -> None:
    state = state_of("parking", n=10)
    state.time[:] = NOW - 10
    state.result[:, 0] = 5
    free = SPECS["parking"].figures[0]
    assert figure_of(free, state, NOW)["value"] == 50
    state.time[0] = NOW - 100_000
    told = figure_of(free, state, NOW)
    assert (told["value"], told["n"], told["old"]) == (45, 9, 1)


def test_no_data_is_no_number() -> None:
    state = state_of("parking")
    state.time[:] = NOW - 100_000
    for figure in figures_of([state], NOW):
        assert figure["value"] is None
        assert figure["text"] == "–"
        assert figure["at"] is None


class Hub:
    """The part of the hub that a bulletin reads."""

    def __init__(self) -> None:
        self.states = {key: state_of(key) for key, spec in SPECS.items() if spec.figures}
        self.read_at, self.is_ready = NOW, False


def test_a_bulletin_is_the_same_for_all_and_stays_what_it_was() -> None:
    hub = Hub()
    bulletin = Bulletin(hub)  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        bulletin.read(ANONYMOUS)
    hub.is_ready = True
    first = bulletin.publish(NOW)
    before = bulletin.read(ANONYMOUS, first)
    hub.states["parking"].result[:] = 7
    second = bulletin.publish(NOW)
    assert second > first, "a version only grows, also within one second"
    assert bulletin.read(ANONYMOUS, first) == before
    public = {figure["id"]: figure for figure in bulletin.read(ANONYMOUS)["figures"]}
    for figure in bulletin.read(OPERATOR)["figures"]:
        if figure["access"] == "public":
            assert figure == public[figure["id"]]
    with pytest.raises(NotFound):
        bulletin.read(ANONYMOUS, first - 1)


def test_figures_of_other_classes_do_not_leave() -> None:
    told = figures_of(Hub().states.values(), NOW)
    assert {figure["access"] for figure in seen(told, AccessClass.PUBLIC)} == {"public"}
    assert {figure["access"] for figure in seen(told, AccessClass.RESTRICTED)} == {"public", "internal", "restricted"}
