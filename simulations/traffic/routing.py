"""Shortest ways on the line graph: its nodes are links, its arcs are turns, so that forbidden turns cost nothing."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulations.traffic.heap import bare
from simulations.traffic.network import RoadNet
from simulations.traffic.records import ALL_CLASSES, TO_END, TO_NOWHERE

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Closed = NDArray[np.uint8]
Array = Any
NARROW = 2
"""Buckets to the cost of a common link [-]."""
MOST_BUCKETS = 20_000


@dataclass(frozen=True, slots=True)
class Arcs:
    """Turns by the link at one of their ends, for searches forth or back.

    Parameters
    ----------
    at
        First place of each link in `turn`, shape (links + 1,).
    turn
        Turns, link after link.
    other
        The link at the other end of each turn, by turn.
    """

    at: Ints
    turn: Ints
    other: Ints


def arcs(net: RoadNet, *, is_backward: bool) -> Arcs:
    """Return the arcs that a search from destinations (backward) or from origins follows."""
    name = "arcs_back" if is_backward else "arcs"
    found = net._cache.get(name)
    if not isinstance(found, Arcs):
        turns = net.turns
        if is_backward:
            order = np.argsort(turns.to_link, kind="stable").astype(np.int32)
            at = np.searchsorted(turns.to_link[order], np.arange(len(net) + 1)).astype(np.int32)
            found = Arcs(at, order, turns.from_link)
        else:
            found = Arcs(turns.at, np.arange(len(turns), dtype=np.int32), turns.to_link)
        net._cache[name] = found
    return found


def open_turns(net: RoadNet, closed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return for each turn the classes that may not make it, one bit each.

    A turn is closed with the link it leads to. A turn back is open only where no other turn is.

    Parameters
    ----------
    closed
        Classes that may not enter each link.
    """
    turns = net.turns
    shut = closed[turns.to_link]
    result = shut.copy()
    for bit in (1 << k for k in range(ALL_CLASSES.bit_length())):
        has_way = np.bincount(turns.from_link, ((shut & bit) == 0) & ~turns.is_back, minlength=len(net)) > 0
        result[turns.is_back & has_way[turns.from_link]] |= np.uint8(bit)
    return result


@bare
def _move(link: int, to: int, bucket: Array, before: Array, after: Array, head: Array) -> None:
    """Take a link out of its bucket, if it is in one, and put it into another (-1: into none)."""
    if bucket[link] >= 0:
        if before[link] >= 0:
            after[before[link]] = after[link]
        else:
            head[bucket[link]] = after[link]
        if after[link] >= 0:
            before[after[link]] = before[link]
    bucket[link] = to
    if to >= 0:
        before[link], after[link] = -1, head[to]
        if head[to] >= 0:
            before[head[to]] = link
        head[to] = link


@bare
def _search(
    at: Array,
    turn: Array,
    other: Array,
    cost: Array,
    cost_of: Array,
    extra: Array,
    closed: Array,
    mask: int,
    sources: Array,
    first: Array,
    dist: Array,
    via: Array,
    width: float,
    head: Array,
    lists: Array,
) -> None:
    """Fill `dist` and `via`. An arc adds the cost of the link `cost_of[turn]` and `extra[turn]`.

    Dijkstra with buckets (Dial 1969, doi:10.1145/363269.363610); within one bucket a link may be corrected again, so
    that the width of the buckets changes the time and not the result.
    """
    bucket, before, after = lists[0], lists[1], lists[2]
    dist[:] = np.inf
    via[:] = TO_NOWHERE
    bucket[:] = -1
    head[:] = -1
    n, waiting, number = len(head), 0, 0
    for i in range(len(sources)):
        link = sources[i]
        if first[i] < dist[link]:
            waiting += bucket[link] < 0
            dist[link], via[link] = first[i], TO_END
            _move(link, int(first[i] / width) % n, bucket, before, after, head)
    while waiting > 0:
        while head[number % n] >= 0:
            link = head[number % n]
            _move(link, -1, bucket, before, after, head)
            waiting -= 1
            for i in range(at[link], at[link + 1]):
                t = turn[i]
                reached = dist[link] + cost[cost_of[t]] + extra[t]
                to = other[t]
                if reached < dist[to] and not closed[t] & mask:
                    waiting += bucket[to] < 0
                    dist[to], via[to] = reached, t
                    _move(to, int(reached / width) % n, bucket, before, after, head)
        number += 1


def _run(
    net: RoadNet, one: Arcs, cost: Floats, extra: Floats | None, closed: Closed, mask: int, sources: Ints, first: Floats
) -> tuple[Floats, Ints]:
    dist, via = np.full(len(net), np.inf), np.full(len(net), TO_NOWHERE, np.int32)
    extra = np.zeros(len(net.turns)) if extra is None else extra
    if len(sources):
        most = max(float(cost.max() + extra.max(initial=0.0)), float(first.max()))
        width = max(float(np.median(cost)) / NARROW, most / MOST_BUCKETS)
        head, lists = np.empty(int(most / width) + 2, np.int32), np.empty((3, len(net)), np.int32)
        _search(one.at, one.turn, one.other, cost, net.turns.to_link, extra, closed, mask, sources, first, dist, via,
                width, head, lists)  # fmt: skip
    return dist, via


def ways_to(
    net: RoadNet, gates: Ints, cost: Floats, closed: Closed, mask: int = 1, extra: Floats | None = None
) -> tuple[Floats, Ints]:
    """Return for each link the cost still to go from its end, and the next turn, to the nearest of some links.

    Parameters
    ----------
    gates
        Links at whose end the trip is over.
    cost
        Cost of each link, above 0 (time [s]).
    closed
        Classes that may not make each turn, from `open_turns`.
    mask
        Bit of the class.
    extra
        Cost of each turn, 0 or more; None: nothing.

    Returns
    -------
    tuple
        Cost to the end of the nearest gate, infinity where no way leads there; turn, `TO_END` or `TO_NOWHERE`.
    """
    return _run(net, arcs(net, is_backward=True), cost, extra, closed, mask, gates, np.zeros(len(gates)))


def times_from(
    net: RoadNet, sources: Ints, cost: Floats, closed: Closed, mask: int = 1, first: Floats | None = None
) -> Floats:
    """Return the cost to reach the end of each link from some links (an isochrone is a level of it).

    Parameters
    ----------
    sources
        Links to start on.
    first
        Cost to the end of each source; their own cost when None.
    """
    begin = cost[sources] if first is None else first
    return _run(net, arcs(net, is_backward=False), cost, None, closed, mask, sources, begin)[0]


@njit(cache=True)
def _follow(via: Array, to: Array, link: int, limit: int) -> Array:
    turns = np.empty(limit, np.int32)
    n = 0
    while via[link] >= 0 and n < limit:
        turns[n] = via[link]
        link = to[via[link]]
        n += 1
    return turns[:n] if via[link] == TO_END else turns[:0]


def route(net: RoadNet, origin: int, via: Ints) -> Ints:
    """Return the turns from a link to the destination of `via`; none when there is no way or nothing to turn."""
    found: Ints = _follow(via, net.turns.to_link, origin, len(net))
    return found
