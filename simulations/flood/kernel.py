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
top        largest speed of a wave in each column, squared [m2/s2]
rises      columns from the first to after the last where the ground rises like a weir, for each direction and row
reach      depth [m] from which on a wave runs no faster, or None; see `Solver`
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
from numpy.typing import NDArray

from simulations.compiler import get_thread_id, njit, prange

F = np.float32
WALL = F(1e6)
DRY = F(1e-5)
"""Depth [m] below which nothing flows."""
G, ZERO, QUARTER, HALF, ONE = F(9.81), F(0), F(0.25), F(0.5), F(1)
INV_2G = F(1 / (2 * 9.81))
RISE = 0.02
"""Slope [-] from which on the ground rises from one cell to the next like a weir."""
WEIR = F((2 / 3) ** 1.5)
"""Critical flow over a broad crest: q = (2/3)^1.5 sqrt(g) E^1.5 with the energy head E."""
THETA_OWN, THETA_SIDE = F(0.1), F(0.05)
"""What a face gives to its neighbours, and what it gets from either: theta of de Almeida et al. is 0.9."""
MAGIC, THIRD = F(0x548C39CB), F(1 / 3)
CUBE_ROOT = (F(1.75136436), F(-1.24822597), F(0.50744132))
C0, C1, C2 = CUBE_ROOT
SLACK, TINY = F(1 - 1e-6), F(1e-30)
FREE = F(1e6)
ROW, COLUMN = 64, 64
"""Rows and columns of a tile: where nothing is wet, nothing is computed."""
VECTOR = 16
"""Numbers in the widest vector of a processor."""
IDLE = 2
"""Both copies of a tile's fields are alike: it need not be touched."""

FAST = {"nnan", "ninf", "nsz", "contract"}  # no reassociation: the slope of a lake at rest stays exactly zero
compiled = njit(fastmath=FAST, error_model="numpy", cache=True)


def zeros(n: int, size: int) -> NDArray[np.float32]:
    """Return n rows of zeros, each of which begins with a line of the cache when its size is one of vectors."""
    line = VECTOR
    flat = np.zeros(n * size + line, F)
    first = -(flat.ctypes.data // flat.itemsize) % line
    return flat[first : first + n * size].reshape(n, size)


@compiled
def _inverse_cube_root(x):  # type: ignore[no-untyped-def]
    y = np.int32(MAGIC - F(F(x).view(np.int32)) * THIRD).view(F)
    c = x * y * y * y
    return y * (C0 + c * (C1 + c * C2))


@compiled
def _braked(push, drag, before, side):  # type: ignore[no-untyped-def]
    """Divide what pushes by friction: that of the speed before, at least that of the speed to come alone.

    The second is the root of u + drag |u| u = push: water that stood still is not let go without any friction.
    """
    known = ONE + drag * math.sqrt(before * before + side * side)
    alone = HALF + math.sqrt(QUARTER + drag * abs(push))
    return push / (known if known > alone else alone)


@compiled
def _inertial(k0, k1, offset, s, t, z, h, n2, u, w, un, p, top, dtdx, gdt, reach):  # type: ignore[no-untyped-def]
    gdtdx, half_gdt = G * dtdx, HALF * gdt
    for k in range(k0, k1):
        j = k - offset
        step = z[k] - z[k - s]
        crest = step if step > ZERO else ZERO
        a, b = h[k - s], h[k] + step
        surface = (a if a > b else b) - crest
        deep = surface if surface > DRY else DRY
        before = u[k]
        y = _inverse_cube_root(deep)
        squared = y * y
        drag = squared * squared * (half_gdt * (n2[k - s] + n2[k]))
        push = THETA_SIDE * (u[k - s] + u[k + s]) - THETA_OWN * before - gdtdx * (b - a)
        wave = G * deep
        if reach is not None:
            light = reach * (y * squared)
            light = light if light < ONE else ONE
            drag, push, wave = drag * light, push * light, wave * light
        now = _braked(before + push, drag, before, QUARTER * (w[k - s] + w[k] + w[k - s + t] + w[k + t]))
        now = now if surface > DRY else ZERO
        given = (a if now > ZERO else b) - crest
        un[k] = now
        p[j] = (given if given > ZERO else ZERO) * (now * dtdx)
        fast, known = now * now, top[j]
        more = (fast if fast > wave else wave) - known
        top[j] = known + (more if more > ZERO else ZERO)  # a store under a condition is slow on some processors


@compiled
def _advective(k0, k1, offset, s, t, z, h, n2, u, w, po, qo, un, p, top, dtdx, gdt, ratio):  # type: ignore[no-untyped-def]
    gdtdx, half_gdt = G * dtdx, HALF * gdt
    for k in range(k0, k1):
        j = k - offset
        step = z[k] - z[k - s]
        a, hb = h[k - s], h[k]
        b, crest = hb + step, step if step > ZERO else ZERO
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
        y = _inverse_cube_root(deep)
        squared = y * y
        drag = squared * squared * (half_gdt * (n2[k - s] + n2[k]))
        now = _braked(mean - gdtdx * (b - a), drag, before, QUARTER * (w[k - s] + w[k] + w[k - s + t] + w[k + t]))
        now = now if surface > DRY else ZERO
        given = (a if now > ZERO else b) - crest
        un[k] = now
        p[j] = (given if given > ZERO else ZERO) * (now * dtdx)
        fast, known = math.sqrt(G * deep) + (now if now > ZERO else -now), top[j]
        more = fast * fast - known
        top[j] = known + (more if more > ZERO else ZERO)


@compiled
def _weir(k0, k1, offset, s, z, h, u, un, p, dtdx, least):  # type: ignore[no-untyped-def]
    """Let no more over a step of the ground than a weir would: critical flow of the energy head before it."""
    for k in range(k0, k1):
        step, now, behind, ahead = z[k] - z[k - s], un[k], u[k - s], u[k + s]
        a, b, crest = h[k - s], h[k] + step, step if step > ZERO else ZERO
        given = (a if now > ZERO else b) - crest
        given = given if given > ZERO else ZERO
        along = behind if now > ZERO else ahead
        head = given + along * along * INV_2G
        limit = WEIR * head * math.sqrt(G * head) / (given if given > DRY else DRY)
        limit = limit if (step if now > ZERO else -step) >= least else FREE
        now = now if now < limit else limit
        now = now if now > -limit else -limit
        un[k] = now
        p[k - offset] = given * (now * dtdx)


@compiled
def _share(k0, k1, offset, h, p, q, q_south, share):  # type: ignore[no-untyped-def]
    """Tell, beside the shares, whether any cell is asked for more than it has."""
    signs = np.int32(0)
    for k in range(k0, k1):
        j = k - offset
        east, south, west, north = p[j + np.uint64(1)], q_south[j], p[j], q[j]
        out = (east if east > ZERO else ZERO) + (south if south > ZERO else ZERO)
        out = out - (west if west < ZERO else ZERO) - (north if north < ZERO else ZERO)
        has = h[k] * SLACK
        most = out if out > has else has
        most = most if most > TINY else TINY
        share[j] = has / most if out > has else ONE
        signs = np.int32(signs | F(has - out).view(np.int32))  # LLVM vectorises this one, no greatest of floats
    return signs < 0


@compiled
def _update(advection, limited, k0, k1, offset, h, rate, rest, p, q, q_south, above, here, below, hn, pn, qn, dt):  # type: ignore[no-untyped-def]
    one = np.uint64(1)
    for k in range(k0, k1):
        j = k - offset
        east, south, west, north = p[j + one], q_south[j], p[j], q[j]
        if limited:
            own, of_west, of_east, of_north, of_south = here[j], here[j - one], here[j + one], above[j], below[j]
            west = west * (of_west if west > ZERO else own)
            east = east * (own if east > ZERO else of_east)
            north = north * (of_north if north > ZERO else own)
            south = south * (own if south > ZERO else of_south)
        if advection:
            pn[k] = west
            qn[k] = north
        gain = ((west - east) + (north - south)) + (rate[k] * dt + rest[k])
        before = h[k]
        now = before + gain
        hn[k] = now
        rest[k] = gain - (now - before)


@compiled
def _faces(  # type: ignore[no-untyped-def]
    advection, first, end, rise, least, offset, s, t, z, h, n2, u, w, po, qo, un, p, top, dtdx, gdt, ratio, reach
):
    """Bring the faces of a row to the next step."""
    k0, k1 = offset + np.uint64(first), offset + np.uint64(end)
    if advection:
        _advective(k0, k1, offset, s, t, z, h, n2, u, w, po, qo, un, p, top, dtdx, gdt, ratio)
    else:
        _inertial(k0, k1, offset, s, t, z, h, n2, u, w, un, p, top, dtdx, gdt, reach)
    low, high = max(first, rise[0]), min(end, rise[1])
    if low < high:
        _weir(offset + np.uint64(low), offset + np.uint64(high), offset, s, z, h, u, un, p, dtdx, least)


@compiled
def _strip(advection, r0, r1, c0, c1, width, band, rises, z, n2, rate, rest, old, new, dt, dx, ratio, reach):  # type: ignore[no-untyped-def]
    """Advance the cells [r0, r1) x [c0, c1); a halo of faces is computed with them, the same as the neighbours' own.

    Loops over faces take whole vectors, so that no face gets other bits in a remainder loop than its neighbour gave it.
    """
    h, u, v, po, qo = old[0], old[1], old[2], old[3], old[4]
    hn, un, vn, pn, qn = new[0], new[1], new[2], new[3], new[4]
    dtdx, gdt, step, least = F(dt / dx), F(9.81 * dt), F(dt), F(RISE * dx)
    one, w = np.uint64(1), np.uint64(width)
    first = c0 - 1
    end = first + (c1 + 2 - first + VECTOR - 1) // VECTOR * VECTOR
    top = band[8]
    top[first:end] = ZERO
    before = now = after = False
    for r in range(r0 - 2, r1 + 1):
        offset = np.uint64(r * width)
        x, y, y_south, share = band[r % 2], band[2 + r % 3], band[2 + (r + 1) % 3], band[5 + r % 3]
        if r >= r0 - 1:
            _faces(advection, first, end, rises[0, r], least, offset, one, w, z, h, n2, u, v, po, qo, un, x, top, dtdx,
                   gdt, ratio, reach)  # fmt: skip
        _faces(advection, first, end, rises[1, r + 1], least, offset + w, w, one, z, h, n2, v, u, qo, po, vn, y_south,
               top, dtdx, gdt, ratio, reach)  # fmt: skip
        if r >= r0 - 1:
            before, now = now, after
            after = _share(offset + np.uint64(first), offset + np.uint64(end), offset, h, x, y, y_south, share)
        if r > r0:
            m = r - 1
            row = np.uint64(m * width)
            a, b = row + np.uint64(c0), row + np.uint64(c1)
            xm, ym, yms = band[m % 2], band[2 + m % 3], band[2 + (m + 1) % 3]
            above, here, below = band[5 + (m - 1) % 3], band[5 + m % 3], band[5 + (m + 1) % 3]
            limited = before or now or after
            _update(advection, limited, a, b, row, h, rate, rest, xm, ym, yms, above, here, below, hn, pn, qn, step)


@njit(parallel=True, fastmath=FAST, error_model="numpy", cache=True)
def advance(  # type: ignore[no-untyped-def]
    advection, tiles, order, wake, idle, tops, width, bands, rises, z, n2, rate, rest, old, new, dt, dx, ratio, reach
):
    """Advance the tiles that are awake by one step, and let those that fell asleep have equal copies.

    Neighbours in a row of tiles are swept as one strip: long rows are what memory and vectors like.

    Parameters
    ----------
    tiles
        First and last row and column, shape (rows of tiles, tiles in a row, 4).
    order
        Rows of tiles, so ordered that each thread gets some of everywhere.
    tops
        The largest speed of a wave [m/s] in each tile, written here.
    """
    across = tiles.shape[1]
    for i in prange(len(order)):
        row = order[i]
        band = bands[get_thread_id()]
        top = band[8]
        c = 0
        while c < across:
            end = c + 1
            r0, r1, c0, c1 = tiles[row, c]
            if wake[row, c]:
                while end < across and wake[row, end]:
                    c1 = tiles[row, end, 3]
                    end += 1
                _strip(advection, r0, r1, c0, c1, width, band, rises, z, n2, rate, rest, old, new, dt, dx, ratio, reach)
                for tile in range(c, end):
                    most = ZERO
                    for column in range(tiles[row, tile, 2], tiles[row, tile, 3] + 1):
                        most = max(most, top[column])
                    tops[row, tile] = math.sqrt(most)
                    idle[row, tile] = 0
            elif idle[row, c] < IDLE:
                for field in range(5):
                    for r in range(r0, r1):
                        new[field, r * width + c0 : r * width + c1] = old[field, r * width + c0 : r * width + c1]
                tops[row, c] = ZERO
                idle[row, c] += 1
            c = end


@compiled
def stretch(idle, row, tile):  # type: ignore[no-untyped-def]
    """Return the first tile after those in a row that are awake from a tile on; the tile itself where it sleeps."""
    while tile < idle.shape[1] and idle[row, tile] < IDLE:
        tile += 1
    return tile


@compiled
def rouse(tops, has_source, has_ground, still, wake):  # type: ignore[no-untyped-def]
    """Wake the tiles with a source, and those that are wet with their neighbours; `still` is the speed of dry ones."""
    down, across = tops.shape
    wake[:] = has_source
    for row in range(down):
        for column in range(across):
            if tops[row, column] > still:
                for r in range(max(row - 1, 0), min(row + 2, down)):
                    for c in range(max(column - 1, 0), min(column + 2, across)):
                        if has_ground[r, c]:
                            wake[r, c] = True


@compiled
def survey(z, width, dx, rises):  # type: ignore[no-untyped-def]
    """Find in which columns of each row the ground rises like a weir, from the west and from the north."""
    line, least = np.int64(VECTOR), F(RISE * dx)
    for direction in range(2):
        s = width if direction else 1
        for row in range(1, len(z) // width):
            first, end = width, 0
            for column in range(1, width):
                here, before = z[row * width + column], z[row * width + column - s]
                if here < WALL and before < WALL and abs(here - before) >= least:
                    first, end = min(first, column), column + 1
            rises[direction, row] = first // line * line, (end + line - 1) // line * line


@compiled
def hold(h, rest, cells, depth):  # type: ignore[no-untyped-def]
    """Set the depth [m] of cells; return what that added, summed over the cells [m]."""
    added = 0.0
    for i in range(len(cells)):
        k = cells[i]
        added += depth[i] - (float(h[k]) + float(rest[k]))
        h[k] = depth[i]
        rest[k] = ZERO
    return added
