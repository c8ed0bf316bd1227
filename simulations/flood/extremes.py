"""What was the most so far, in each cell: arrays only, compiled by numba."""

import math

import numpy as np

from simulations.compiler import njit, prange
from simulations.flood.kernel import DRY, FAST, HALF, IDLE, ONE, ZERO, F, compiled

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
        came = t if now >= LOW else -ONE
        arrival_low[k] = low if low >= ZERO else came
        came = t if now >= HIGH else -ONE
        arrival_high[k] = high if high >= ZERO else came
        above[k] = above[k] + (dt if now >= HIGH else ZERO)


@njit(parallel=True, fastmath=FAST, error_model="numpy", cache=True)
def track(tiles, order, idle, width, t, dt, h, u, v, depth, speed, hazard, arrival_low, arrival_high, above):  # type: ignore[no-untyped-def]
    """Keep the extremes: depth [m], speed [m/s], hazard h(v+0.5) [m2/s], first time over 0.1 and 0.3 m [s].

    `dt` is the time [s] since it was called last.
    """
    for i in prange(len(order)):
        row, c = order[i], 0
        while c < tiles.shape[1]:
            r0, r1, c0, c1 = tiles[row, c]
            c += 1
            if idle[row, c - 1] < IDLE:
                while c < tiles.shape[1] and idle[row, c] < IDLE:
                    c1 = tiles[row, c, 3]
                    c += 1
                for r in range(r0, r1):
                    k0, k1 = np.uint64(r * width + c0), np.uint64(r * width + c1)
                    _track(k0, k1, np.uint64(width), t, dt, h, u, v, depth, speed, hazard, arrival_low, arrival_high,
                           above)  # fmt: skip
