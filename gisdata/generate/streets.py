"""The street network of the city: main roads, district grids, villages, bridges, underpasses, signals."""

from dataclasses import dataclass
from itertools import pairwise

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, MultiLineString
from shapely.geometry.base import BaseGeometry as Geometry

from gisdata.facts import read_toml, to_metres
from gisdata.generate.districts import District, grid, read_districts
from gisdata.generate.ground import Ground, frame, locate
from gisdata.generate.network import (
    KINDS,
    Lines,
    Network,
    cut,
    drop_parallels,
    join,
    keep_largest,
    lines,
    merge,
    node,
    prune,
    snap,
)
from gisdata.generate.villages import country_roads, settle, village_grounds

UNDERPASSES = 8
LANE_M = 3.2
"""Width of a lane [m]."""


@dataclass(frozen=True, slots=True)
class Streets:
    """The street network and what later steps need of it.

    Parameters
    ----------
    network
        Undirected streets; direction u -> v is link 2 i + 1, v -> u is link 2 i + 2.
    districts
        Districts and villages.
    width_m
        Width of each street's surface [m], shape (len(network.u),).
    """

    network: Network
    districts: list[District]
    width_m: NDArray[np.float64]


def main_roads() -> Lines:
    """Return our own coarse main roads."""
    return join(
        [
            lines(
                [LineString(to_metres(road["line"]))],
                road["rank"],
                road["lanes"],
                road["max_speed_kmh"],
                road["name_ko"],
            )
            for road in read_toml("roads.toml")["road"]
        ]
    )


def lay_streets(
    ground: Ground,
    units: gpd.GeoDataFrame,
    railway: Geometry,
    closed: Geometry,
    seed: int,
    trunk: Lines | None = None,
) -> Streets:
    """Lay the streets of the whole city.

    Parameters
    ----------
    ground
        Land and water.
    units
        Rows of admin_unit.
    railway
        Union of the railway lines.
    closed
        Ground that local streets go round (markets).
    seed
        Seed of every irregularity.
    trunk
        Real main roads (rank <= 104), which replace ours of those ranks outside the islands and the seawall.
    """
    rng = np.random.default_rng([seed, 31])
    water = shapely.union(ground.sea, ground.inland_water)
    main = main_roads() if trunk is None else _with_trunk(main_roads(), trunk, water)
    reservoirs = shapely.union_all([w.geom for w in ground.waters if w.kind == "reservoir"])
    hard_water = shapely.union(ground.sea, reservoirs)
    buildable = shapely.difference(ground.mainland, shapely.buffer(hard_water, 25))
    districts = read_districts(shapely.difference(buildable, shapely.union(_keep_clear(), closed)))
    towns = shapely.union_all([district.area for district in districts])
    rural = units[units.kind.isin(["eup", "myeon"]) & (units.name_ko != "옥도면")]
    countryside = shapely.difference(
        shapely.intersection(shapely.union_all(rural.geometry.to_numpy()), shapely.buffer(buildable, -150)),
        shapely.union(shapely.buffer(towns, 250), _keep_clear()),
    )
    places, directions = settle(countryside, main, 1600, rng)
    density = (rural.households / rural.area_km2).to_numpy()[
        locate(np.asarray(shapely.points(places)), rural.geometry.to_numpy())
    ]
    sizes = np.clip(190 * np.sqrt(density / 100), 150, 290) * rng.uniform(0.85, 1.15, len(places))
    villages = village_grounds(places, directions, sizes, shapely.difference(buildable, towns), rng)
    expressway = main.take(main.rank == 101)
    roads = main.take(main.rank > 101)
    pieces = [roads, country_roads(places, roads, water, rng)]
    pieces += [grid(district, rng) for district in [*districts, *villages]]
    pieces.append(_island_streets(ground, rng))
    streets = join(pieces)
    streets = _across_water(streets, ground, water)
    streets = _under_railway(streets, railway)
    streets = node(streets)
    streets = drop_parallels(streets, 42, 30)
    network = prune(snap(streets, 22), 55)
    network = keep_largest(prune(merge(network), 125))
    network = _with_expressway(network, expressway, water)
    network = _named(merge(network), rng)
    width: NDArray[np.float64] = np.asarray(
        2 * network.lines.lanes * LANE_M + np.where(network.lines.rank <= 105, 2.0, 1.0), dtype=np.float64
    )
    return Streets(network, [*districts, *villages], width)


def _keep_clear() -> Geometry:
    facts = read_toml("geography.toml")
    areas = [shapely.Polygon(to_metres(row["ring"])) for kind in ("airport", "park") for row in facts[kind]]
    return shapely.union_all(areas)


def _with_trunk(own: Lines, trunk: Lines, water: Geometry) -> Lines:
    """Put the real main roads in the place of ours that run beside them; ours that now lie in the sea go too."""
    reach = shapely.buffer(shapely.union_all(trunk.geom), 350)
    share = shapely.length(shapely.intersection(own.geom, reach)) / shapely.length(own.geom)
    wet = shapely.length(shapely.intersection(own.geom, water)) / shapely.length(own.geom)
    keeps = ((own.rank >= 105) | (share < 0.5)) & (own.rank > 101) & (wet < 0.25)
    is_fixed = np.isin(own.name, ["새만금로", "고군산로", "동백대교"])
    return join([own.take(keeps | is_fixed), trunk])


def _island_streets(ground: Ground, rng: np.random.Generator) -> Lines:
    """Lay a few village streets along the road over the islands."""
    islands = shapely.buffer(shapely.difference(ground.land, shapely.buffer(ground.mainland, 50)), -30)
    places = to_metres(
        [[126.4905, 35.8385], [126.4690, 35.8165], [126.4195, 35.8045], [126.4140, 35.8115], [126.3935, 35.8165]]
    )
    grounds = village_grounds(places, rng.uniform(-0.5, 0.5, len(places)), np.full(len(places), 190.0), islands, rng)
    return join([grid(village, rng) for village in grounds])


def _across_water(streets: Lines, ground: Ground, water: Geometry) -> Lines:
    """Lead main roads over water on bridges, local streets over streams only; they end at other water."""
    on_wall = shapely.union_all([wall.geom.buffer(60) for wall in ground.walls if wall.kind == "seawall"])
    wet = shapely.difference(shapely.buffer(water, 12), on_wall)
    near = np.unique(shapely.STRtree(streets.geom).query(wet, predicate="intersects"))
    crossing = np.zeros(len(streets))
    crossing[near] = shapely.length(shapely.intersection(streets.geom[near], wet))
    is_dropped = (streets.rank >= 107) & (crossing > 0)
    is_dropped |= (streets.rank == 106) & (crossing > 85)
    dropped = streets.take(is_dropped)
    parts, index = shapely.get_parts(shapely.difference(dropped.geom, wet), return_index=True)
    is_line = shapely.length(parts) > 40
    return join([cut(streets.take(~is_dropped), wet, "bridge"), dropped.take(index[is_line], parts[is_line])])


def _under_railway(streets: Lines, railway: Geometry) -> Lines:
    """Let a few main streets pass under the railway, the other main streets over it."""
    main = np.flatnonzero(streets.rank <= 105)
    crossings = shapely.get_parts(shapely.intersection(MultiLineString(list(streets.geom[main])), railway))
    crossings = crossings[shapely.get_type_id(crossings) == 0]
    if not len(crossings):
        return streets
    order = np.argsort([point.x for point in crossings], kind="stable")
    crossings = crossings[order]
    spots = shapely.get_coordinates(crossings)
    apart = np.concatenate([[True], np.hypot(*np.diff(spots, axis=0).T) > 150])
    crossings = crossings[apart]
    chosen = np.unique(np.linspace(0, len(crossings) - 1, UNDERPASSES).astype(int))
    under = shapely.buffer(crossings[chosen], 45)
    over = shapely.buffer(np.delete(crossings, chosen), 60)
    is_main = streets.rank <= 105
    kept = cut(streets.take(is_main), shapely.union_all(under), "underpass")
    if len(over):
        kept = cut(kept, shapely.union_all(over), "overpass")
    local = streets.take(~is_main)
    beside = shapely.difference(local.geom, shapely.buffer(railway, 14))
    parts, index = shapely.get_parts(beside, return_index=True)
    is_line = (shapely.get_type_id(parts) == 1) & (shapely.length(parts) > 20)
    return join([kept, local.take(index[is_line], parts[is_line])])


def _with_expressway(network: Network, expressway: Lines, water: Geometry) -> Network:
    """Add the expressway, which meets other roads only at its interchanges."""
    if not len(expressway):
        return network
    nodes, u, v, parts = network.nodes, list(network.u), list(network.v), [network.lines]
    main = np.unique(np.concatenate([network.u[network.lines.rank <= 104], network.v[network.lines.rank <= 104]]))
    known: dict[tuple[float, float], int] = {}
    pieces = cut(expressway, shapely.buffer(water, 12), "bridge")
    for k in range(len(pieces)):
        coords = shapely.get_coordinates(pieces.geom[k]).copy()
        gap = np.hypot(*(nodes[main][None] - coords[:, None]).transpose(2, 0, 1))
        numbers: dict[int, int] = {}
        for i, point in enumerate(coords):
            place = (round(float(point[0]), 2), round(float(point[1]), 2))
            if gap[i].min() < 60:
                numbers[i] = known.setdefault(place, int(main[gap[i].argmin()]))
            elif i in {0, len(coords) - 1}:
                if place not in known:
                    nodes = np.concatenate([nodes, point[None]])
                    known[place] = len(nodes) - 1
                numbers[i] = known[place]
        for i, number in numbers.items():
            coords[i] = nodes[number]
        stops = sorted(numbers)
        for i, j in pairwise(stops):
            piece = pieces.take(np.array([k]))
            piece.geom = np.array([LineString(coords[i : j + 1])], dtype=object)
            parts.append(piece)
            u.append(numbers[i])
            v.append(numbers[j])
    return keep_largest(Network(join(parts), np.array(u), np.array(v), nodes))


def _named(network: Network, rng: np.random.Generator) -> Network:
    """Give the nameless streets a name after the main street they branch from, with a number (`대학로3길`)."""
    lines_ = network.lines
    middle = shapely.line_interpolate_point(lines_.geom, 0.5, normalized=True)
    named = np.flatnonzero([name is not None for name in lines_.name])
    nameless = np.flatnonzero([name is None for name in lines_.name])
    tree = shapely.STRtree(lines_.geom[named])
    parent = named[tree.nearest(middle[nameless])]
    # streets in one direction in a 220 m strip share a number: a street of several blocks bears one name
    xy = shapely.get_coordinates(middle[nameless])
    start = shapely.get_coordinates(shapely.get_point(lines_.geom[nameless], 0))
    end = shapely.get_coordinates(shapely.get_point(lines_.geom[nameless], -1))
    heading = np.arctan2(end[:, 1] - start[:, 1], end[:, 0] - start[:, 0]) % np.pi
    sector = np.round(heading / (np.pi / 6)).astype(int) % 6
    axis = sector * np.pi / 6
    offset = np.round((-xy[:, 0] * np.sin(axis) + xy[:, 1] * np.cos(axis)) / 130).astype(int)
    numbers: dict[tuple[str, int, int], int] = {}
    used: dict[str, int] = {}
    names = lines_.name.copy()
    for i, street in enumerate(nameless):
        base = str(lines_.name[parent[i]])
        key = (base, int(sector[i]), int(offset[i]))
        if key not in numbers:
            used[base] = used.get(base, 0) + 1
            numbers[key] = used[base]
        names[street] = f"{base}{numbers[key]}길"
    lines_.name = names
    return network


def street_tables(streets: Streets) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return the rows of road_node and road_link (two links for each street)."""
    network = streets.network
    lines_ = network.lines
    degree = network.degree()
    arms = np.zeros(len(network.nodes), dtype=int)
    for end in (network.u, network.v):
        np.add.at(arms, end[lines_.rank <= 105], 1)
    best = np.full(len(network.nodes), 999)
    for end in (network.u, network.v):
        np.minimum.at(best, end, lines_.rank)
    collector = np.zeros(len(network.nodes), dtype=int)
    for end in (network.u, network.v):
        np.add.at(collector, end[lines_.rank <= 106], 1)
    is_signalised = (degree >= 3) & (best > 101) & ((arms >= 3) | ((arms == 2) & (collector >= 3)))
    nodes = frame(
        {"id": np.arange(1, len(network.nodes) + 1), "is_signalised": is_signalised}, shapely.points(network.nodes)
    )
    n = len(network.u)

    def both(values: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.repeat(values, 2)

    geom = np.empty(2 * n, dtype=object)
    geom[0::2] = lines_.geom
    geom[1::2] = shapely.reverse(lines_.geom)
    start, end = np.empty(2 * n, np.int64), np.empty(2 * n, np.int64)
    start[0::2], start[1::2] = network.u + 1, network.v + 1
    end[0::2], end[1::2] = network.v + 1, network.u + 1
    links = frame(
        {
            "id": np.arange(1, 2 * n + 1),
            "from_node": start,
            "to_node": end,
            "name_ko": both(lines_.name),
            "rank": both(lines_.rank),
            "kind": both(np.array(KINDS, dtype=object)[lines_.kind]),
            "lanes": both(lines_.lanes),
            "max_speed_kmh": both(lines_.speed),
            "length_m": np.round(shapely.length(geom), 2),
        },
        geom,
    )
    return nodes, links
