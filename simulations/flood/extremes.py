"""What was the most so far, in each cell: arrays only, compiled by numba."""

import math

import numpy as np

from simulations.compiler import njit, prange
from simulations.flood.kernel import DRY, FAST, HALF, ONE, ZERO, F, compiled, stretch

LOW, HIGH, FILM = F(0.1), F(0.3), F(0.01)
"""Depths [m] whose arrival is kept, and below which speed and hazard are none."""


@compiled
def _track(k0, k1, width, t, dt, h, u, v, depth, speed, hazard, arrival_low, arrival_high, above):  # type: ignore[no-untyped-def]
    for k in range(k0, k1):
        now = h[k]
        x, y = HALF * (u[k] + u[k + np.uint64(1)]), HALF * (v[k] + v[k + width])
        fast = math.sqrt(x * x + y * y)
        deep = now if now > DRY else ZERO
        quick = fast if now > FILM else ZERO
        force = now * (fast + HALF) if now > FILM else ZERO
        most, fastest, worst, low, high = depth[k], speed[k], hazard[k], arrival_low[k], arrival_high[k]
        depth[k] = deep if deep > most else most
        speed[k] = quick if quick > fastest else fastest
        hazard[k] = force if force > worst else worst
        # -1 until it came; sums, since a store under a condition is slow on some processors
        arrival_low[k] = low + (t + ONE if now >= LOW and low < ZERO else ZERO)
        arrival_high[k] = high + (t + ONE if now >= HIGH and high < ZERO else ZERO)
        above[k] = above[k] + (dt if now >= HIGH else ZERO)


@njit(parallel=True, fastmath=FAST, error_model="numpy", cache=True)
def track(tiles, order, idle, width, t, dt, h, u, v, depth, speed, hazard, arrival_low, arrival_high, above):  # type: ignore[no-untyped-def]
    """Keep the extremes: depth [m], speed [m/s], hazard h(v+0.5) [m2/s], first time over 0.1 and 0.3 m [s].

    `dt` is the time [s] since it was called last.
    """
    for i in prange(len(order)):
        row, tile = order[i], 0
        while tile < tiles.shape[1]:
            end = stretch(idle, row, tile)
            if end > tile:
                for r in range(tiles[row, tile, 0], tiles[row, tile, 1]):
                    k0, k1 = np.uint64(r * width + tiles[row, tile, 2]), np.uint64(r * width + tiles[row, end - 1, 3])
                    _track(k0, k1, np.uint64(width), t, dt, h, u, v, depth, speed, hazard, arrival_low, arrival_high,
                           above)  # fmt: skip
            tile = max(end, tile + 1)
