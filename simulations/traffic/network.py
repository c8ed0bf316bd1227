"""The street network in the form the engine needs: immutable arrays, checked, with every turn spelt out."""

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from simulations.traffic.junctions import Turns, lay_turns
from simulations.traffic.signals import DualRing, plan_signals, tune
from twin.errors import BadNetwork

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]

KINDS = ("plain", "bridge", "overpass", "underpass", "tunnel")
SHORTEST_M = 15.0
"""Links shorter than this hold less than two cars and become part of the junction."""
JAM_SPACING_M = 7.5
"""Length of road that one standing car takes [m] (SUMO's default: 5 m car and 2.5 m gap)."""
NAMED = 8
"""Bad links that a refusal names."""


def capacity_veh_h(rank: NDArray[np.int64], speed_kmh: Floats) -> Floats:
    """Return the capacity of one lane [veh/h] by ROAD_RANK and speed limit (Korean HCM 2013, rounded).

    Expressways 2,200; other roads from 80 km/h on 2,000; city streets 1,800, the saturation flow of a green light.
    """
    return np.where(rank == 101, 2200.0, np.where(speed_kmh >= 80, 2000.0, 1800.0))


@dataclass(frozen=True, slots=True)
class RoadNet:
    """Links, turns and signals; arrays of one length for each noun, nobody writes into them.

    Parameters
    ----------
    node_id, link_id
        Numbers in the source; everything else counts from 0.
    node_xy
        Positions [m, EPSG:5186], shape (nodes, 2).
    length_m, lanes, speed_kmh
        Of each link: length [m], lanes [-], free-flow speed [km/h].
    lane_capacity
        Flow of one lane at most [veh/h].
    jam_density
        Of one lane [veh/km].
    rank, kind
        ROAD_RANK (101 to 107), index into `KINDS`.
    class_limit
        Classes that may never enter, one bit each (`records.KINDS`).
    geom
        Line of each link, EPSG:5186.
    name
        Name of the street or None.
    turns
        All movements from link to link.
    ring
        Signal plan of each signalised node by its number from 0.
    link_at
        Link of the source -> number from 0, also for links that were merged or left out (-1).
    excluded
        What was left out: id in the source and why.
    """

    node_id: NDArray[np.int64]
    node_xy: Floats
    link_id: NDArray[np.int64]
    from_node: Ints
    to_node: Ints
    length_m: Floats
    lanes: Ints
    speed_kmh: Floats
    lane_capacity: Floats
    jam_density: Floats
    rank: Ints
    kind: Ints
    class_limit: NDArray[np.uint8]
    geom: NDArray[np.object_]
    name: NDArray[np.object_]
    turns: Turns
    ring: dict[int, DualRing]
    link_at: dict[int, int]
    excluded: tuple[tuple[int, str], ...] = ()
    _cache: dict[object, object] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.link_id)

    @property
    def free_s(self) -> Floats:
        """Free-flow time of each link [s]."""
        return self.length_m / (self.speed_kmh / 3.6)

    @property
    def wave_kmh(self) -> Floats:
        """Speed of the backward wave of each link [km/h], from the triangular fundamental diagram."""
        return self.lane_capacity / (self.jam_density - self.lane_capacity / self.speed_kmh)

    def digest(self) -> str:
        """Return a SHA-256 over everything that changes a result."""
        state = sha256()
        for name in ("node_id", "node_xy", "link_id", "from_node", "to_node", "length_m", "lanes", "speed_kmh"):
            state.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        for name in ("lane_capacity", "jam_density", "kind", "class_limit"):
            state.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        state.update(self.turns.digest())
        state.update(repr(sorted(self.ring.items())).encode())
        return state.hexdigest()

    def links(self, ids: list[int] | tuple[int, ...]) -> Ints:
        """Return the numbers of links by their ids in the source; merged ones are left out.

        Raises
        ------
        BadNetwork
            When an id is unknown.
        """
        unknown = [one for one in ids if one not in self.link_at]
        if unknown:
            raise BadNetwork(f"links {unknown[:NAMED]} are unknown; limit: one of {len(self.link_at):,} of the network")
        found = {self.link_at[one] for one in ids} - {-1}
        return np.array(sorted(found), np.int32)

    def links_in(self, area: shapely.Geometry) -> Ints:
        """Return the links that touch an area [EPSG:5186]."""
        tree = self._cache.get("tree")
        if not isinstance(tree, shapely.STRtree):
            tree = self._cache["tree"] = shapely.STRtree(self.geom)
        return np.sort(tree.query(area, predicate="intersects")).astype(np.int32)

    def title(self, link: int) -> str:
        """Return the name of the street and the number of a link in the source."""
        return f"{self.name[link] or ''} {self.link_id[link]}".strip()

    def tuned(self, flow: Floats) -> "RoadNet":
        """Return the network with signal plans made for flows of the turns [veh/h]."""
        turns, ring = tune(self.turns, self.to_node, self.ring, flow)
        return replace(self, turns=turns, ring=ring, _cache={})

    def middle(self) -> Floats:
        """Return the middle of each link [m, EPSG:5186], shape (links, 2)."""
        return shapely.get_coordinates(shapely.line_interpolate_point(self.geom, 0.5, normalized=True))


def build(
    nodes: "gpd.GeoDataFrame",
    links: "gpd.GeoDataFrame",
    bans: "pd.DataFrame | None" = None,
    rings: dict[int, DualRing] | None = None,
    *,
    is_strict: bool = True,
    shortest_m: float = SHORTEST_M,
) -> RoadNet:
    """Build the network from plain tables.

    Parameters
    ----------
    nodes
        Columns id, geom (point, EPSG:5186), is_signalised; others are ignored. As the store's `road_node`.
    links
        Columns id, from_node, to_node, length_m, lanes, max_speed_kmh, geom (line, EPSG:5186), rank; if there are any
        also kind, name_ko, lane_capacity [veh/h], jam_density [veh/km], class_limit (bits). As the store's `road_link`.
    bans
        Columns from_link, to_link, is_allowed: turns that are forbidden, or turns back that are allowed.
    rings
        Signal plans by node id; signalised nodes without one get a plan by their lanes.
    is_strict
        Refuse a network with bad links; else leave them out, by name, in `excluded`.
    shortest_m
        Links shorter than this become part of the junction [m].

    Raises
    ------
    BadNetwork
        When links are bad and `is_strict`, or nothing is left.
    """
    bad = _bad_links(nodes, links)
    if bad and is_strict:
        named = "; ".join(f"link {one}: {why}" for one, why in bad[:NAMED])
        raise BadNetwork(f"{len(bad)} of {len(links)} links are bad; limit: 0; {named}")
    every = [int(one) for one in links["id"]]
    links = links[~links["id"].isin([one for one, _ in bad])]
    links = links.drop_duplicates("id")
    node_id = nodes["id"].to_numpy(np.int64)
    start, end = _numbers(node_id, links["from_node"]), _numbers(node_id, links["to_node"])
    length = links["length_m"].to_numpy(np.float64)
    is_short = length < shortest_m
    group = _groups(start[is_short], end[is_short], len(node_id))
    kept = ~is_short & (group[start] != group[end])
    loops = [(int(one), "a loop at one junction") for one in links["id"][~is_short & (group[start] == group[end])]]
    piece = _groups(group[start[kept]], group[end[kept]], len(node_id))
    if not kept.any():
        raise BadNetwork(f"0 of {len(every)} links can be used; limit: at least 1")
    largest = np.bincount(piece[group[start[kept]]]).argmax()
    apart = kept & (piece[group[start]] != largest)
    islands = [(int(one), "not connected with the rest") for one in links["id"][apart]]
    kept &= ~apart
    table = links[kept]
    used, numbers = np.unique(np.concatenate([group[start[kept]], group[end[kept]]]), return_inverse=True)
    n = len(table)
    xy = shapely.get_coordinates(nodes.geometry.to_numpy())
    is_signalised = np.zeros(len(node_id), bool)
    np.logical_or.at(is_signalised, group, nodes["is_signalised"].to_numpy(bool))
    link_id = table["id"].to_numpy(np.int64)
    link_at = dict.fromkeys(every, -1) | {int(one): i for i, one in enumerate(link_id)}
    speed = table["max_speed_kmh"].to_numpy(np.float64)
    rank = table["rank"].to_numpy(np.int64)
    geom = table.geometry.to_numpy()
    turns = lay_turns(
        numbers[:n].astype(np.int32),
        numbers[n:].astype(np.int32),
        geom,
        table["lanes"].to_numpy(np.int32),
        rank,
        _allowed(bans, links[is_short], link_at, link_id, start[kept], end[kept], node_id),
    )
    plans = {int(np.searchsorted(used, group[i])): ring for i, ring in _at_nodes(node_id, rings or {}).items()}
    signalised = [i for i in np.flatnonzero(is_signalised[used]).tolist() if i not in plans]
    turns, ring = plan_signals(
        turns, numbers[n:].astype(np.int32), signalised, plans, table["lanes"].to_numpy(np.int32), geom
    )
    return RoadNet(
        node_id=node_id[used],
        node_xy=xy[used],
        link_id=link_id,
        from_node=numbers[:n].astype(np.int32),
        to_node=numbers[n:].astype(np.int32),
        length_m=length[kept],
        lanes=table["lanes"].to_numpy(np.int32),
        speed_kmh=speed,
        lane_capacity=_column(table, "lane_capacity", capacity_veh_h(rank, speed)),
        jam_density=_column(table, "jam_density", np.full(n, 1000 / JAM_SPACING_M)),
        rank=rank.astype(np.int32),
        kind=np.array([KINDS.index(one) for one in table["kind"]], np.int32)
        if "kind" in table
        else np.zeros(n, np.int32),
        class_limit=_column(table, "class_limit", np.zeros(n)).astype(np.uint8),
        geom=geom,
        name=table["name_ko"].to_numpy(object) if "name_ko" in table else np.full(n, None, object),
        turns=turns,
        ring=ring,
        link_at=link_at,
        excluded=(*bad, *loops, *islands),
    )


def _column(table: "pd.DataFrame", name: str, default: Floats) -> Floats:
    return table[name].to_numpy(np.float64) if name in table else default


def _bad_links(nodes: "pd.DataFrame", links: "pd.DataFrame") -> list[tuple[int, str]]:
    """Return id and reason of each link that cannot be driven on."""
    known = set(nodes["id"].tolist())
    checks = {
        "its number stood before": links["id"].duplicated(),
        "its first node is unknown": ~links["from_node"].isin(known),
        "its last node is unknown": ~links["to_node"].isin(known),
        "length {length_m} m; limit: above 0": ~(links["length_m"] > 0),
        "{lanes} lanes; limit: 1 to 12": ~links["lanes"].between(1, 12),
        "{max_speed_kmh} km/h; limit: 1 to 130": ~links["max_speed_kmh"].between(1, 130),
        "no line": links.geometry.isna() | links.geometry.is_empty,
    }
    bad: dict[int, str] = {}
    for why, mask in checks.items():
        for row in links[mask.to_numpy()].itertuples():
            bad.setdefault(
                int(row.id), why.format(**{key: getattr(row, key) for key in ("length_m", "lanes", "max_speed_kmh")})
            )
    return list(bad.items())


def _numbers(known: NDArray[np.int64], wanted: "pd.Series") -> NDArray[np.int64]:
    order = np.argsort(known, kind="stable")
    found: NDArray[np.int64] = order[np.searchsorted(known[order], wanted.to_numpy(np.int64))]
    return found


def _groups(a: NDArray[np.int64], b: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return for each of n nodes the lowest node it is connected with."""
    graph = coo_matrix((np.ones(len(a)), (a, b)), shape=(n, n))
    label = connected_components(graph, directed=False)[1]
    first = np.full(label.max() + 1, n)
    np.minimum.at(first, label, np.arange(n))
    grouped: NDArray[np.int64] = first[label]
    return grouped


def _at_nodes(node_id: NDArray[np.int64], rings: dict[int, DualRing]) -> dict[int, DualRing]:
    place = {int(one): i for i, one in enumerate(node_id)}
    unknown = [one for one in rings if one not in place]
    if unknown:
        raise BadNetwork(f"signal plans at unknown nodes {unknown[:NAMED]}; limit: nodes of the network")
    return {place[one]: ring for one, ring in rings.items()}


def _allowed(
    bans: "pd.DataFrame | None",
    short: "pd.DataFrame",
    link_at: dict[int, int],
    link_id: NDArray[np.int64],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    node_id: NDArray[np.int64],
) -> dict[tuple[int, int], bool]:
    """Return what is said of turns, by link numbers; a ban on the way through a merged short link bans the turn."""
    if bans is None or not len(bans):
        return {}
    rows = bans[["from_link", "to_link", "is_allowed"]].to_numpy(np.int64).tolist()
    said = {(a, b): bool(is_allowed) for a, b, is_allowed in rows}
    unknown = sorted({one for pair in said for one in pair if one not in link_at})
    if unknown:
        raise BadNetwork(f"turns name unknown links {unknown[:NAMED]}; limit: links of the network")
    found = {(link_at[a], link_at[b]): ok for (a, b), ok in said.items() if link_at[a] >= 0 and link_at[b] >= 0}
    for s, u, v in short[["id", "from_node", "to_node"]].to_numpy(np.int64).tolist():
        for a in np.flatnonzero(node_id[end] == u).tolist():
            for b in np.flatnonzero(node_id[start] == v).tolist():
                way = [said.get((int(link_id[a]), s)), said.get((s, int(link_id[b])))]
                if False in way:
                    found[a, b] = False
    return found
