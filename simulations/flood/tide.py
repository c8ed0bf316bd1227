"""The tide of the next hours, from what the station has said and the harmonic constants of the place."""

from collections.abc import Callable, Sequence

import numpy as np

NOISE_M = 0.03
"""What an observation differs from tide and surge [m], standard deviation."""
SURGE_M = 0.5
"""Surge that is likely before anything was observed [m], standard deviation."""
HOUR_S = 3600.0
Constituent = tuple[str, float, float, float]
"""Name, speed [deg/h], amplitude [m], phase lag [deg]."""


def predict(
    times: Sequence[float], levels: Sequence[float], constituents: Sequence[Constituent]
) -> Callable[[float], float]:
    """Fit tide and surge to observed levels.

    A harmonic analysis with the known amplitudes as prior (ridge regression; Murphy 2012, Machine Learning, 7.6.1): an
    hour of observations fixes the great terms, each day more; what is not observed stays likely instead of wild.

    Parameters
    ----------
    times, levels
        Time [s] and level [m above the datum of the observations].
    constituents
        Of the place. Their lags are not used: what was observed decides the phase.

    Returns
    -------
    Level [m] over time [s], in the time and the datum of what was given; constant 0 when nothing was.
    """
    if not len(times):
        return lambda _t: 0.0
    origin = float(times[-1])
    speeds = np.radians([speed for _, speed, _, _ in constituents]) / HOUR_S
    heights = np.array([amplitude for _, _, amplitude, _ in constituents])

    def terms(t: np.ndarray) -> np.ndarray:
        angle = np.outer(t - origin, speeds)
        return np.column_stack([np.ones(len(t)), np.cos(angle), np.sin(angle)])

    design = terms(np.asarray(times, float)) / NOISE_M
    prior = np.concatenate([[SURGE_M], heights, heights]) / np.sqrt(
        np.concatenate([[1.0], np.full(2 * len(heights), 2)])
    )
    weights = np.linalg.solve(
        design.T @ design + np.diag(prior**-2.0), design.T @ (np.asarray(levels, float) / NOISE_M)
    )
    return lambda t: float((terms(np.array([t])) @ weights)[0])
