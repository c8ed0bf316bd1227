"""The sweep of the shallow-water solver: arrays only, compiled by numba.

One staggered (C) grid, explicit forward-backward in time, Manning friction semi-implicit, float32. With `advection` the
momentum equation also carries first-order upwind advection in the momentum-conserving form.

=========  ====================================================================================
z          height of the ground [m]; a wall is `WALL` high
h, rest    depth of water [m], and what of it float32 could not hold yet (Kahan's sum)
u, v       velocity [m/s] through the western and the northern face of a cell; v is positive to the south
p, q       volume through those faces in one step, over the area of a cell [m]
n2         Manning's n squared [s2/m2/3]
rate       source [m/s]
s, t       stride of a face's normal and of its tangent in the flat arrays
top        largest squared (without advection) or plain (with) wave speed of each column [m2/s2 or m/s]
share      what a cell can give of what leaves it [-]: no depth ever falls below zero
=========  ====================================================================================

Fields are flat views of (rows, width) arrays with a margin around the area; `offset` is where a row begins.

References
----------
Local inertia: Bates et al. 2010, doi 10.1016/j.jhydrol.2010.03.027, eq. 11. Weighting of neighbours: de Almeida et al.
2012, doi 10.1029/2011WR011570, eq. 6. Advection: Stelling and Duinmeijer 2003, doi 10.1002/fld.537, sections 2 and 3.
"""

import math

import numpy as np
from numba import get_thread_id, njit, prange  # type: ignore[attr-defined]

F = np.float32
WALL = F(1e6)
DRY = F(1e-5)
"""Depth [m] below which nothing flows."""
G, ZERO, QUARTER, HALF, ONE = F(9.81), F(0), F(0.25), F(0.5), F(1)
INV_2G = F(1 / (2 * 9.81))
WEIR = F((2 / 3) ** 1.5)
"""Critical flow over a broad crest: q = (2/3)^1.5 sqrt(g) E^1.5 with the energy head E."""
THETA, THETA_SIDE = F(0.9), F(0.05)
MAGIC, THIRD = F(0x548C39CB), F(1 / 3)
CUBE_ROOT = (F(1.75136436), F(-1.24822597), F(0.50744132))
C0, C1, C2 = CUBE_ROOT
SLACK, TINY = F(1 - 1e-6), F(1e-30)
FREE = F(1e6)
ROW, COLUMN = 64, 256
"""Rows and columns of a tile: where nothing is wet, nothing is computed."""
IDLE = 2
"""Both copies of a tile's fields are alike: it need not be touched."""

_FAST = {"nnan", "ninf", "nsz", "contract", "arcp"}  # no reassociation: the slope of a lake at rest stays exactly zero
_compiled = njit(fastmath=_FAST, error_model="numpy", cache=True)


@_compiled
def _inverse_cube_root(x):  # type: ignore[no-untyped-def]
    y = np.int32(MAGIC - F(F(x).view(np.int32)) * THIRD).view(F)
    c = x * y * y * y
    return y * (C0 + c * (C1 + c * C2))


@_compiled
def _inertial(k0, k1, offset, s, t, z, h, n2, u, w, un, p, top, dtdx, gdt):  # type: ignore[no-untyped-def]
    gdtdx = G * dtdx
    for k in range(k0, k1):
        j = k - offset
        step = z[k] - z[k - s]
        a, b = h[k - s], h[k] + step
        crest = step if step > ZERO else ZERO
        surface = (a if a > b else b) - crest
        deep = surface if surface > DRY else DRY
        before, behind, ahead = u[k], u[k - s], u[k + s]
        mean = THETA * before + THETA_SIDE * (behind + ahead)
        side = QUARTER * (w[k - s] + w[k] + w[k - s + t] + w[k + t])
        speed = math.sqrt(before * before + side * side)
        y = _inverse_cube_root(deep)
        rough = HALF * (n2[k - s] + n2[k])
        now = (mean - gdtdx * (b - a)) / (ONE + gdt * rough * speed * y * y * y * y)
        given = (a if now > ZERO else b) - crest
        given = given if given > ZERO else ZERO
        along = behind if now > ZERO else ahead
        head = given + along * along * INV_2G
        limit = WEIR * head * math.sqrt(G * head) / (given if given > DRY else DRY)
        limit = limit if now * step > ZERO else FREE
        now = now if now < limit else limit
        now = now if now > -limit else -limit
        now = now if surface > DRY else ZERO
        un[k] = now
        p[j] = given * now * dtdx
        wave, moved = G * deep, now * now
        most = wave if wave > moved else moved
        known = top[j]
        top[j] = most if most > known else known


@_compiled
def _advective(k0, k1, offset, s, t, z, h, n2, u, w, po, qo, un, p, top, dtdx, gdt, ratio):  # type: ignore[no-untyped-def]
    gdtdx = G * dtdx
    for k in range(k0, k1):
        j = k - offset
        step = z[k] - z[k - s]
        a, hb = h[k - s], h[k]
        b = hb + step
        crest = step if step > ZERO else ZERO
        surface = (a if a > b else b) - crest
        deep = surface if surface > DRY else DRY
        middle = HALF * (a + hb)
        share = HALF * ratio / (middle if middle > DRY else DRY)
        before, behind, ahead, left, right = u[k], u[k - s], u[k + s], u[k - t], u[k + t]
        through = po[k]
        back, front = po[k - s] + through, through + po[k + s]
        near, far = qo[k - s] + qo[k], qo[k - s + t] + qo[k + t]
        from_behind = (back if back > ZERO else ZERO) * share
        from_ahead = (-front if front < ZERO else ZERO) * share
        from_left = (near if near > ZERO else ZERO) * share
        from_right = (-far if far < ZERO else ZERO) * share
        total = from_behind + from_ahead + from_left + from_right
        own = ONE - total
        own = own if own > ZERO else ZERO
        brought = from_behind * behind + from_ahead * ahead + from_left * left + from_right * right
        mean = (own * before + brought) / (total if total > ONE else ONE)
        side = QUARTER * (w[k - s] + w[k] + w[k - s + t] + w[k + t])
        speed = math.sqrt(before * before + side * side)
        y = _inverse_cube_root(deep)
        rough = HALF * (n2[k - s] + n2[k])
        now = (mean - gdtdx * (b - a)) / (ONE + gdt * rough * speed * y * y * y * y)
        given = (a if now > ZERO else b) - crest
        given = given if given > ZERO else ZERO
        along = behind if now > ZERO else ahead
        head = given + along * along * INV_2G
        limit = WEIR * head * math.sqrt(G * head) / (given if given > DRY else DRY)
        limit = limit if now * step > ZERO else FREE
        now = now if now < limit else limit
        now = now if now > -limit else -limit
        now = now if surface > DRY else ZERO
        un[k] = now
        p[j] = given * now * dtdx
        most = (now if now > ZERO else -now) + math.sqrt(G * deep)
        known = top[j]
        top[j] = most if most > known else known


@_compiled
def _share(k0, k1, offset, h, p, q, q_south, share):  # type: ignore[no-untyped-def]
    for k in range(k0, k1):
        j = k - offset
        east, south, west, north = p[j + np.uint64(1)], q_south[j], p[j], q[j]
        out = (east if east > ZERO else ZERO) + (south if south > ZERO else ZERO)
        out = out - (west if west < ZERO else ZERO) - (north if north < ZERO else ZERO)
        has = h[k] * SLACK
        most = out if out > has else has
        most = most if most > TINY else TINY
        share[j] = has / most if out > has else ONE


@_compiled
def _update(k0, k1, offset, h, rate, rest, p, q, q_south, above, here, below, hn, dt):  # type: ignore[no-untyped-def]
    one = np.uint64(1)
    for k in range(k0, k1):
        j = k - offset
        east, south, west, north = p[j + one], q_south[j], p[j], q[j]
        own = here[j]
        west = west * (here[j - one] if west > ZERO else own)
        east = east * (own if east > ZERO else here[j + one])
        north = north * (above[j] if north > ZERO else own)
        south = south * (own if south > ZERO else below[j])
        gain = ((west - east) + (north - south)) + (rate[k] * dt + rest[k])
        before = h[k]
        now = before + gain
        hn[k] = now
        rest[k] = gain - (now - before)


@_compiled
def _keep(k0, k1, offset, p, q, above, here, pn, qn):  # type: ignore[no-untyped-def]
    for k in range(k0, k1):
        j = k - offset
        west, north, own = p[j], q[j], here[j]
        pn[k] = west * (here[j - np.uint64(1)] if west > ZERO else own)
        qn[k] = north * (above[j] if north > ZERO else own)


@_compiled
def _tile(advection, r0, r1, c0, c1, width, band, z, n2, rate, rest, old, new, dt, dx, ratio):  # type: ignore[no-untyped-def]
    """Advance the cells [r0, r1) x [c0, c1); a halo of faces is computed with them, the same as the neighbours' own."""
    h, u, v, po, qo = old[0], old[1], old[2], old[3], old[4]
    hn, un, vn, pn, qn = new[0], new[1], new[2], new[3], new[4]
    dtdx, gdt, step = F(dt / dx), F(9.81 * dt), F(dt)
    one, w = np.uint64(1), np.uint64(width)
    top = band[11]
    top[c0 - 1 : c1 + 2] = ZERO
    for r in range(r0 - 2, r1 + 1):
        offset = np.uint64(r * width)
        k0, k1 = offset + np.uint64(c0 - 1), offset + np.uint64(c1 + 2)
        x, y, y_south, share = band[r % 2], band[2 + r % 3], band[2 + (r + 1) % 3], band[8 + r % 3]
        if advection:
            if r >= r0 - 1:
                _advective(k0, k1, offset, one, w, z, h, n2, u, v, po, qo, un, x, top, dtdx, gdt, ratio)
            _advective(k0 + w, k1 + w, offset + w, w, one, z, h, n2, v, u, qo, po, vn, y_south, top, dtdx, gdt, ratio)
        else:
            if r >= r0 - 1:
                _inertial(k0, k1, offset, one, w, z, h, n2, u, v, un, x, top, dtdx, gdt)
            _inertial(k0 + w, k1 + w, offset + w, w, one, z, h, n2, v, u, vn, y_south, top, dtdx, gdt)
        if r >= r0 - 1:
            _share(k0, k1 - one, offset, h, x, y, y_south, share)
        if r > r0:
            m = r - 1
            row = np.uint64(m * width)
            a, b = row + np.uint64(c0), row + np.uint64(c1)
            xm, ym, yms = band[m % 2], band[2 + m % 3], band[2 + (m + 1) % 3]
            above, here, below = band[8 + (m - 1) % 3], band[8 + m % 3], band[8 + (m + 1) % 3]
            _update(a, b, row, h, rate, rest, xm, ym, yms, above, here, below, hn, step)
            if advection:
                _keep(a, b, row, xm, ym, above, here, pn, qn)
    most = ZERO
    for c in range(c0, c1 + 1):
        most = max(most, top[c])
    return most


@njit(parallel=True, fastmath=_FAST, error_model="numpy", cache=True)
def advance(advection, tiles, wake, idle, tops, width, bands, z, n2, rate, rest, old, new, dt, dx, ratio):  # type: ignore[no-untyped-def]
    """Advance the tiles that are awake by one step, and let those that fell asleep have equal copies.

    Returns
    -------
    The largest wave speed (squared without advection).
    """
    for i in prange(len(tiles)):
        r0, r1, c0, c1 = tiles[i]
        if wake[i]:
            band = bands[get_thread_id()]
            tops[i] = _tile(advection, r0, r1, c0, c1, width, band, z, n2, rate, rest, old, new, dt, dx, ratio)
            idle[i] = 0
        elif idle[i] < IDLE:
            for field in range(5):
                for r in range(r0, r1):
                    a, b = r * width + c0, r * width + c1
                    new[field, a:b] = old[field, a:b]
            tops[i] = ZERO
            idle[i] += 1
    return tops.max()


@_compiled
def rouse(tops, has_source, across, still, wake):  # type: ignore[no-untyped-def]
    """Wake the tiles with a source, and those that are wet with their neighbours; `still` is the speed of dry ones."""
    n = len(tops)
    for i in range(n):
        wake[i] = has_source[i]
    for i in range(n):
        if tops[i] > still:
            row, column = i // across, i % across
            for dr in range(-1, 2):
                for dc in range(-1, 2):
                    if 0 <= column + dc < across and 0 <= (row + dr) * across + column + dc < n:
                        wake[(row + dr) * across + column + dc] = True


@_compiled
def hold(h, rest, cells, depth):  # type: ignore[no-untyped-def]
    """Set the depth [m] of cells; return what that added, summed over the cells [m]."""
    added = 0.0
    for i in range(len(cells)):
        k = cells[i]
        added += depth[i] - (float(h[k]) + float(rest[k]))
        h[k] = depth[i]
        rest[k] = ZERO
    return added


@_compiled
def drain(h, rest, most, dt):  # type: ignore[no-untyped-def]
    """Take water at up to `most` [m/s] from every cell; return what was taken, summed over the cells [m]."""
    taken = 0.0
    for k in range(len(h)):
        want = most[k] * F(dt)
        if want > ZERO and h[k] > ZERO:
            less = want if want < h[k] else h[k]
            before = h[k]
            now = before - less
            h[k] = now
            taken += float(before) - float(now)
    return taken


@_compiled
def track(t, dt, width, h, u, v, depth, speed, hazard, arrival_low, arrival_high, above):  # type: ignore[no-untyped-def]
    """Keep the extremes: depth [m], speed [m/s], hazard h(v+0.5) [m2/s], first time over 0.1 and 0.3 m [s]."""
    for k in range(width, len(h) - width):
        now = h[k]
        if now > DRY:
            x, y = HALF * (u[k] + u[k + 1]), HALF * (v[k] + v[k + width])
            fast = math.sqrt(x * x + y * y)
            depth[k] = max(depth[k], now)
            if now > F(0.01):
                speed[k] = max(speed[k], fast)
                hazard[k] = max(hazard[k], now * (fast + HALF))
            if now >= F(0.1) and arrival_low[k] < ZERO:
                arrival_low[k] = t
            if now >= F(0.3):
                above[k] += F(dt)
                if arrival_high[k] < ZERO:
                    arrival_high[k] = t
