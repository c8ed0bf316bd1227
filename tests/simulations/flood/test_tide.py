"""The tide that is forecast from what the station said."""

import numpy as np
import pytest

from gisdata.facts import TIDE
from simulations.flood.tide import predict


def tide(t: np.ndarray) -> np.ndarray:
    """Return a tide with the constants of the place, and a surge of 0.4 m [m], over time [s]."""
    hours = np.asarray(t, float) / 3600
    return 0.4 + sum(height * np.cos(np.radians(speed * hours - lag)) for _, speed, height, lag in TIDE)


@pytest.mark.parametrize(("observed_h", "error_m"), [(1, 0.3), (6, 0.15), (25, 0.05)])
def test_the_more_was_observed_the_nearer_the_next_three_hours_are(observed_h: float, error_m: float) -> None:
    """RMSE over thirty starts: an hour fixes the slope of the great terms, a day tells diurnal from semidiurnal."""
    errors, reference = [], []
    for end in np.arange(3e5, 3e6, 9.1e4):
        seen, ahead = np.arange(end - 3600 * observed_h, end + 1, 600), np.arange(end, end + 3 * 3600 + 1, 600)
        found = predict(seen, tide(seen), TIDE)
        errors.append([found(t) for t in ahead] - tide(ahead))
        reference.append(tide(ahead) - tide(end))
    rmse, persistence = (np.sqrt(np.mean(np.square(some))) for some in (errors, reference))
    assert rmse < error_m
    assert rmse < persistence / 4


def test_without_an_observation_the_sea_stands_at_its_mean() -> None:
    assert predict([], [], TIDE)(3600) == 0


def test_a_single_observation_is_met() -> None:
    assert predict([0.0], [2.0], TIDE)(0.0) == pytest.approx(2.0, abs=0.01)
