"""From loose lines to a clean street network: noded, snapped, without stubs, in one piece."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry as Geometry

KINDS = ("plain", "bridge", "overpass", "underpass", "tunnel")
LOCAL_RANK = 106
"""Ranks from here on are local streets, which give way."""


@dataclass(slots=True)
class Lines:
    """Streets as lines with their attributes, all arrays of one length.

    Parameters
    ----------
    geom
        Lines, EPSG:5186.
    rank
        ROAD_RANK, 101 expressway to 107 city street.
    lanes
        Lanes in each direction.
    speed
        Speed limit [km/h].
    name
        Korean name or None.
    kind
        Index into `KINDS`.
    style
        District style, "" outside districts.
    """

    geom: NDArray[np.object_]
    rank: NDArray[np.int64]
    lanes: NDArray[np.int64]
    speed: NDArray[np.int64]
    name: NDArray[np.object_]
    kind: NDArray[np.int64]
    style: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.geom)

    def take(self, which: NDArray[np.int64] | NDArray[np.bool_], geom: NDArray[np.object_] | None = None) -> "Lines":
        """Return some of the lines, with other geometry if given."""
        return Lines(
            self.geom[which] if geom is None else geom,
            self.rank[which],
            self.lanes[which],
            self.speed[which],
            self.name[which],
            self.kind[which],
            self.style[which],
        )


def lines(
    geom: list[shapely.LineString] | NDArray[np.object_],
    rank: int,
    lanes: int,
    speed: int,
    name: str | None = None,
    style: str = "",
) -> Lines:
    """Make lines that share their attributes."""
    n = len(geom)
    array = np.empty(n, dtype=object)
    array[:] = geom
    names = np.empty(n, dtype=object)
    names[:] = name
    return Lines(
        array,
        np.full(n, rank),
        np.full(n, lanes),
        np.full(n, speed),
        names,
        np.zeros(n, np.int64),
        np.full(n, style, object),
    )


def join(parts: list[Lines]) -> Lines:
    """Put several sets of lines into one."""
    return Lines(*(np.concatenate([getattr(p, f) for p in parts]) for f in Lines.__slots__))


def cut(streets: Lines, area: Geometry, kind: str) -> Lines:
    """Cut lines along the outline of an area; the pieces inside get a kind (if they were plain)."""
    near = np.unique(shapely.STRtree(streets.geom).query(area, predicate="intersects"))
    if not len(near):
        return streets
    touched = streets.take(near)
    shapely.prepare(area)
    inner, at_inner = shapely.get_parts(shapely.intersection(touched.geom, area), return_index=True)
    outer, at_outer = shapely.get_parts(shapely.difference(touched.geom, area), return_index=True)
    ok_inner = (shapely.get_type_id(inner) == 1) & (shapely.length(inner) > 0.5)
    ok_outer = (shapely.get_type_id(outer) == 1) & (shapely.length(outer) > 0.5)
    wet = touched.take(at_inner[ok_inner], inner[ok_inner])
    wet.kind = np.where(wet.kind == 0, KINDS.index(kind), wet.kind)
    rest = np.setdiff1d(np.arange(len(streets)), near)
    return join([streets.take(rest), wet, touched.take(at_outer[ok_outer], outer[ok_outer])])


def node(streets: Lines) -> Lines:
    """Split lines wherever they meet; each piece keeps the attributes of the highest-ranking line it lies on."""
    pieces = shapely.get_parts(shapely.node(shapely.union_all([shapely.MultiLineString(list(streets.geom))])))
    middle = shapely.line_interpolate_point(pieces, 0.5, normalized=True)
    tree = shapely.STRtree(streets.geom)
    piece, source = tree.query(middle, predicate="dwithin", distance=0.05)
    order = np.lexsort((source, streets.rank[source], piece))
    piece, source = piece[order], source[order]
    first = np.unique(piece, return_index=True)[1]
    return streets.take(source[first], pieces[piece[first]])


def drop_parallels(streets: Lines, distance_m: float, angle_deg: float) -> Lines:
    """Drop local pieces that run close beside a main street (they would be a second carriageway)."""
    main = np.flatnonzero(streets.rank < LOCAL_RANK)
    local = np.flatnonzero(streets.rank >= LOCAL_RANK)
    if not len(main) or not len(local):
        return streets
    # main streets as single segments, so that each has one direction
    coords, index = shapely.get_coordinates(streets.geom[main], return_index=True)
    same = index[1:] == index[:-1]
    a, b = coords[:-1][same], coords[1:][same]
    segments = np.asarray(shapely.linestrings(np.stack([a, b], axis=1)))
    tree = shapely.STRtree(segments)
    drop = np.zeros(len(streets), bool)
    heading = np.arctan2(b[:, 1] - a[:, 1], b[:, 0] - a[:, 0])
    ends = shapely.get_coordinates(shapely.line_interpolate_point(streets.geom[local], 1.0, normalized=True))
    starts = shapely.get_coordinates(shapely.line_interpolate_point(streets.geom[local], 0.0, normalized=True))
    own = np.arctan2(ends[:, 1] - starts[:, 1], ends[:, 0] - starts[:, 0])
    for at in (0.5, 0.25, 0.75):
        point = shapely.line_interpolate_point(streets.geom[local], at, normalized=True)
        i, j = tree.query(point, predicate="dwithin", distance=distance_m)
        turn = np.abs((own[i] - heading[j] + np.pi / 2) % np.pi - np.pi / 2)
        drop[local[i[turn < np.radians(angle_deg)]]] = True
    return streets.take(~drop)


@dataclass(slots=True)
class Network:
    """A graph of streets: `lines[i]` runs from node `u[i]` to node `v[i]`.

    Parameters
    ----------
    lines
        Streets; their ends are exactly the nodes' positions.
    u, v
        Node numbers, from 0.
    nodes
        Positions [m, EPSG:5186], shape (n, 2).
    """

    lines: Lines
    u: NDArray[np.int64]
    v: NDArray[np.int64]
    nodes: NDArray[np.float64]

    def degree(self) -> NDArray[np.int64]:
        """Return how many streets end at each node."""
        return np.bincount(np.concatenate([self.u, self.v]), minlength=len(self.nodes))

    def take(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> "Network":
        """Return some of the streets; nodes keep their numbers."""
        return Network(self.lines.take(which), self.u[which], self.v[which], self.nodes)

    def compact(self) -> "Network":
        """Return the same streets with the nodes numbered anew, without those that no street uses."""
        used, numbers = np.unique(np.concatenate([self.u, self.v]), return_inverse=True)
        n = len(self.u)
        return Network(self.lines, numbers[:n], numbers[n:], self.nodes[used])


def snap(streets: Lines, within_m: float) -> Network:
    """Merge ends that lie close together into nodes, and drop what becomes a point or a copy."""
    starts = shapely.get_coordinates(shapely.get_point(streets.geom, 0))
    ends = shapely.get_coordinates(shapely.get_point(streets.geom, -1))
    points, where = np.unique(np.round(np.concatenate([starts, ends]), 2), axis=0, return_inverse=True)
    pairs = cKDTree(points).query_pairs(within_m, output_type="ndarray")
    # a bridge shorter than the reach must not vanish: its two ends stay apart
    n = len(streets)
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(points), len(points)))
    _, group = connected_components(graph, directed=False)
    rank = np.full(len(points), 999)
    np.minimum.at(rank, where, np.concatenate([streets.rank, streets.rank]))
    best = np.full(group.max() + 1, 999)
    np.minimum.at(best, group, rank)
    chief = rank == best[group]
    count = np.bincount(group[chief], minlength=len(best))
    nodes = np.stack(
        [np.bincount(group[chief], weights=points[chief, k], minlength=len(best)) / count for k in (0, 1)], axis=1
    )
    u, v = group[where[:n]], group[where[n:]]
    lines_ = _move_ends(streets, nodes[u], nodes[v])
    length = shapely.length(lines_.geom)
    loop = (u == v) & (length < 150)
    network = Network(lines_, u, v, nodes).take(~loop)
    return _drop_copies(network).compact()


def _move_ends(streets: Lines, start: NDArray[np.float64], end: NDArray[np.float64]) -> Lines:
    coords, index = shapely.get_coordinates(streets.geom, return_index=True)
    first = np.searchsorted(index, np.arange(len(streets)), side="left")
    last = np.searchsorted(index, np.arange(len(streets)), side="right") - 1
    # inner vertices nearer to a node than 12 m would make a kink: they go
    near = np.minimum(np.hypot(*(coords - start[index]).T), np.hypot(*(coords - end[index]).T)) < 12
    coords[first], coords[last] = start, end
    near[first] = near[last] = False
    geom = shapely.linestrings(coords[~near], indices=index[~near])
    return streets.take(np.arange(len(streets)), geom)


def _drop_copies(network: Network) -> Network:
    low, high = np.minimum(network.u, network.v), np.maximum(network.u, network.v)
    length = shapely.length(network.lines.geom)
    order = np.lexsort((length, network.lines.rank, high, low))
    same = (np.diff(low[order]) == 0) & (np.diff(high[order]) == 0)
    ratio = length[order][1:] / np.maximum(length[order][:-1], 1)
    copy = np.concatenate([[False], same & (ratio < 1.6)])
    return network.take(np.sort(order[~copy]))


def prune(network: Network, shortest_m: float, rounds: int = 6) -> Network:
    """Take away local dead ends shorter than `shortest_m`, repeatedly."""
    for _ in range(rounds):
        degree = network.degree()
        stub = (degree[network.u] == 1) | (degree[network.v] == 1)
        drop = stub & (network.lines.rank >= LOCAL_RANK) & (shapely.length(network.lines.geom) < shortest_m)
        if not drop.any():
            break
        network = network.take(~drop)
    return network.compact()


def merge(network: Network) -> Network:
    """Join streets through nodes where only two of one rank, kind and name meet."""
    lines_ = network.lines
    key = list(
        zip(lines_.rank.tolist(), lines_.kind.tolist(), lines_.name.tolist(), lines_.lanes.tolist(), strict=True)
    )
    at: dict[int, list[int]] = {}
    for i, (a, b) in enumerate(zip(network.u.tolist(), network.v.tolist(), strict=True)):
        at.setdefault(a, []).append(i)
        at.setdefault(b, []).append(i)
    u, v = network.u.tolist(), network.v.tolist()
    geom = list(lines_.geom)
    alive = [True] * len(geom)
    for node_, edges in at.items():
        if len(edges) != 2 or edges[0] == edges[1]:
            continue
        i, j = edges
        far_i, far_j = u[i] + v[i] - node_, u[j] + v[j] - node_
        if key[i] != key[j] or far_i in (far_j, node_) or far_j == node_:
            continue
        if geom[i].length + geom[j].length > 1500 and lines_.rank[i] > 101:
            continue
        a = shapely.get_coordinates(geom[i])
        b = shapely.get_coordinates(geom[j])
        a = a if v[i] == node_ else a[::-1]
        b = b if u[j] == node_ else b[::-1]
        geom[i] = shapely.LineString(np.concatenate([a, b[1:]]))
        u[i], v[i], alive[j] = far_i, far_j, False
        at[far_j] = [i if e == j else e for e in at[far_j]]
    keep = np.flatnonzero(alive)
    array = np.empty(len(keep), dtype=object)
    array[:] = [geom[i] for i in keep]
    return Network(lines_.take(keep, array), np.array(u)[keep], np.array(v)[keep], network.nodes).compact()


def components(network: Network) -> NDArray[np.int64]:
    """Return for each node the number of the connected piece it belongs to."""
    n = len(network.nodes)
    graph = coo_matrix((np.ones(len(network.u)), (network.u, network.v)), shape=(n, n))
    group: NDArray[np.int64] = connected_components(graph, directed=False)[1]
    return group


def keep_largest(network: Network) -> Network:
    """Keep the largest connected piece."""
    group = components(network)
    biggest = np.bincount(group).argmax()
    return network.take(group[network.u] == biggest).compact()
