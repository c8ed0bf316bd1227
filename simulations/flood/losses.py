"""What drains and ground swallow: arrays only, compiled by numba."""

import math

import numpy as np

from simulations.compiler import njit, prange
from simulations.flood.kernel import FAST, HALF, IDLE, ZERO, F, compiled, stretch


@compiled
def _swallow(k0, k1, h, most, dt, gone):  # type: ignore[no-untyped-def]
    for k in range(k0, k1):
        want, before = most[k] * dt, h[k]
        now = before - (want if want < before else before)
        h[k] = now
        gone[k - k0] = before - now


@njit(fastmath=True, error_model="numpy", cache=True)
def _sum(values):  # type: ignore[no-untyped-def]
    whole = 0.0
    for value in values:
        whole += float(value)
    return whole


@njit(parallel=True, fastmath=FAST, error_model="numpy", cache=True)
def drain(tiles, idle, width, h, most, dt):  # type: ignore[no-untyped-def]
    """Take water at up to `most` [m/s] from every cell that is awake; return what was taken, over the cells [m]."""
    taken = np.zeros(len(tiles))
    for row in prange(len(tiles)):
        gone = np.empty(width, F)
        tile = 0
        while tile < tiles.shape[1]:
            end = stretch(idle, row, tile)
            if end > tile:
                c0, c1 = tiles[row, tile, 2], tiles[row, end - 1, 3]
                for r in range(tiles[row, tile, 0], tiles[row, tile, 1]):
                    _swallow(np.uint64(r * width + c0), np.uint64(r * width + c1), h, most, F(dt), gone)
                    taken[row] += _sum(gone[: c1 - c0])
            tile = max(end, tile + 1)
    return taken.sum()


@compiled
def soak(tiles, idle, width, h, conductivity, suction, soaked, dt):  # type: ignore[no-untyped-def]
    """Let the ground that is awake take water by Green and Ampt; return what was taken, summed over the cells [m].

    `suction` is that of the wetting front times the deficit [m], `soaked` what went in so far [m]. Over a step the
    rate K (1 + S/F) is that of its end: F' = F + K dt (1 + S/F'), a quadratic with one positive root.
    """
    taken = 0.0
    for row in range(tiles.shape[0]):
        for column in range(tiles.shape[1]):
            r0, r1, c0, c1 = tiles[row, column]
            if idle[row, column] < IDLE:
                for r in range(r0, r1):
                    for k in range(r * width + c0, r * width + c1):
                        if conductivity[k] > ZERO and h[k] > ZERO:
                            most = conductivity[k] * F(dt)
                            whole = soaked[k] + most
                            after = HALF * (whole + math.sqrt(whole * whole + F(4) * most * suction[k]))
                            want, before = after - soaked[k], h[k]
                            less = want if want < before else before
                            h[k] = before - less
                            soaked[k] += less
                            taken += float(before) - float(h[k])
    return taken
