"""Shortest ways on the line graph: its nodes are links, its arcs are turns, so that forbidden turns cost nothing."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.compiler import njit
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
class Graph:
    """Open turns with their costs, laid out link by link for searches in one direction.

    Parameters
    ----------
    at
        First arc of each link, shape (links + 1,).
    other, turn, cost
        Of each arc: the link at its other end, its turn, what it costs.
    own
        Cost of each link.
    width, buckets
        Width of a bucket in the unit of the costs, and how many span the dearest arc.
    """

    at: Ints
    other: Ints
    turn: Ints
    cost: Floats
    own: Floats
    width: float
    buckets: int

    @classmethod
    def of(
        cls, net: RoadNet, cost: Floats, closed: Closed, mask: int = 1, extra: Floats | None = None,
        *, is_backward: bool = True,
    ) -> "Graph":  # fmt: skip
        """Lay the graph out.

        Parameters
        ----------
        cost
            Cost of each link, above 0 (time [s]).
        closed
            Classes that may not make each turn, from `open_turns`.
        mask
            Bits of the classes that must all be allowed.
        extra
            Cost of each turn, 0 or more; None: nothing.
        is_backward
            For searches from destinations against the traffic; else from origins with it.
        """
        turns = net.turns
        near, far = (turns.to_link, turns.from_link) if is_backward else (turns.from_link, turns.to_link)
        order = net._cache.get(is_backward)
        if order is None:
            order = net._cache[is_backward] = np.argsort(near, kind="stable").astype(np.int32)
        assert isinstance(order, np.ndarray)
        turn = order[(closed[order] & mask) == 0]
        arc_cost = cost[turns.to_link[turn]]
        if extra is not None:
            arc_cost = arc_cost + extra[turn]
        at = np.searchsorted(near[turn], np.arange(len(net) + 1)).astype(np.int32)
        most = max(float(arc_cost.max(initial=0.0)), float(cost.max()))
        width = max(float(np.median(cost)) / NARROW, most / MOST_BUCKETS)
        return cls(at, far[turn], turn, arc_cost, cost, width, 1 << int(most / width + 2).bit_length())

    def search(self, sources: Ints, first: Floats | None = None) -> tuple[Floats, Ints]:
        """Return cost of and turn to the next link on the way, for each link, from or to the nearest of some links.

        Parameters
        ----------
        first
            Cost at each source, at most that of the dearest link; 0 when None.
        """
        n = len(self.own)
        dist, via = np.empty(n), np.empty(n, np.int32)
        begin = np.zeros(len(sources)) if first is None else first
        _search(self.at, self.other, self.turn, self.cost, sources, begin, dist, via, self.width,
                np.empty(self.buckets, np.int32), np.empty((3, n), np.int32))  # fmt: skip
        return dist, via


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
    onward = np.append(np.where(turns.is_back, np.uint8(0), ~shut & np.uint8(ALL_CLASSES)), np.uint8(0))
    ways = np.where(np.diff(turns.at) > 0, np.bitwise_or.reduceat(onward, turns.at[:-1]), np.uint8(0))
    return np.where(turns.is_back, shut | ways[turns.from_link], shut)


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
def _search(at: Array, other: Array, turn: Array, cost: Array, sources: Array, first: Array, dist: Array, via: Array,
            width: float, head: Array, lists: Array) -> None:  # fmt: skip
    """Fill `dist` and `via`.

    Dijkstra with buckets (Dial 1969, doi:10.1145/363269.363610); within one bucket a link may be corrected again, so
    that the width of the buckets changes the time and not the result.
    """
    bucket, before, after = lists[0], lists[1], lists[2]
    dist[:] = np.inf
    via[:] = TO_NOWHERE
    bucket[:] = -1
    head[:] = -1
    place, per_s, waiting, number = len(head) - 1, 1 / width, 0, 0
    for i in range(len(sources)):
        link = sources[i]
        if first[i] < dist[link]:
            waiting += bucket[link] < 0
            dist[link], via[link] = first[i], TO_END
            _move(link, int(first[i] * per_s) & place, bucket, before, after, head)
    while waiting > 0:
        while head[number & place] >= 0:
            link = head[number & place]
            _move(link, -1, bucket, before, after, head)
            waiting -= 1
            for i in range(at[link], at[link + 1]):
                to, reached = other[i], dist[link] + cost[i]
                if reached < dist[to]:
                    waiting += bucket[to] < 0
                    dist[to], via[to] = reached, turn[i]
                    _move(to, int(reached * per_s) & place, bucket, before, after, head)
        number += 1


def ways_to(
    net: RoadNet, gates: Ints, cost: Floats, closed: Closed, mask: int = 1, extra: Floats | None = None
) -> tuple[Floats, Ints]:
    """Return for each link the cost still to go from its end, and the next turn, to the nearest of some links.

    For more than one destination lay the `Graph` out once.

    Parameters
    ----------
    gates
        Links at whose end the trip is over.
    cost, closed, mask, extra
        As in `Graph.of`.

    Returns
    -------
    tuple
        Cost to the end of the nearest gate, infinity where no way leads there; turn, `TO_END` or `TO_NOWHERE`.
    """
    return Graph.of(net, cost, closed, mask, extra).search(gates)


def times_from(net: RoadNet, sources: Ints, cost: Floats, closed: Closed, mask: int = 1) -> Floats:
    """Return the cost to reach the end of each link from the beginning of some links; isochrones are its levels."""
    return Graph.of(net, cost, closed, mask, is_backward=False).search(sources, cost[sources])[0]


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
