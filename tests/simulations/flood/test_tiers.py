"""The tiers of the city: windows that `check` takes, and what a run costs."""

import pytest

from simulations.flood import solver, tiers
from simulations.flood.city import check
from twin.errors import BadScenario


@pytest.mark.parametrize(("lon", "lat"), [(126.7, 35.97), (126.6, 35.9), (127.5, 37.0)])
@pytest.mark.parametrize("side_km", [0.1, 3.0, 99.0])
def test_a_window_around_any_place_is_taken(lon: float, lat: float, side_km: float) -> None:
    window = tiers.window_around(lon, lat, side_km)
    assert check({"grid": "window", "window": window})["window"] == window
    assert tiers.area_km2(window) == pytest.approx(min(max(side_km, 1), 5) ** 2, rel=0.01)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"grid": "window", "window": (126.61, 35.93, 126.79, 36.01)}, "the limit is 25 km2"),
        ({"grid": "window", "window": (126.5, 35.93, 126.61, 35.94)}, "does not lie in order within"),
        ({"grid": "window"}, "belong together"),
        ({"grid": "preview", "window": (126.7, 35.96, 126.71, 35.97)}, "belong together"),
    ],
)
def test_a_window_that_is_none_is_refused(asked: dict, told: str) -> None:
    with pytest.raises(BadScenario, match=told):
        check(asked)


def test_half_the_cell_costs_eight_times_as_much() -> None:
    """Four times the cells, and twice the steps: the time step is Courant's, with the solver's own number."""
    assert tiers.COURANT == solver.ALPHA
    window = tiers.window_around(126.7, 35.97, 3)
    assert tiers.cost_s("window", 6, window) == pytest.approx(
        8 * tiers.cost_s("standard", 6) * tiers.area_km2(window) / tiers.area_km2(tiers.BOX)
    )
    slower = tiers.WAVE_M_S["standard"] / tiers.WAVE_M_S["preview"]
    assert tiers.cost_s("standard", 6) == pytest.approx(8 * slower * tiers.cost_s("preview", 6))
