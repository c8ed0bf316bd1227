"""Who can still be reached: minutes of fire engines and ambulances, people cut off, places cut off."""

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from simulations.traffic.network import RoadNet
from simulations.traffic.records import KINDS
from simulations.traffic.routing import Graph, open_turns, times_from

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

PRIVILEGE = 0.5
"""Share of other people's delay that a vehicle with blue light suffers (assumed) [-]."""


@dataclass(frozen=True, slots=True)
class Places:
    """Stations and what they must reach.

    Parameters
    ----------
    district
        Administrative unit of each link (id); 0 outside.
    residents
        People who live along each link.
    stations
        Name and links of each fire station.
    hospitals, shelters
        Name and links of each.
    bus_lines
        Name and links of each bus line, if they are known.
    """

    district: NDArray[np.int64]
    residents: Floats
    stations: dict[str, Ints]
    hospitals: dict[str, Ints]
    shelters: dict[str, Ints]
    bus_lines: dict[str, Ints]


def lay_places(
    net: RoadNet, units: gpd.GeoDataFrame, facilities: gpd.GeoDataFrame, residents: Floats,
    bus_lines: dict[str, Ints] | None = None,
) -> Places:  # fmt: skip
    """Find the streets of stations, hospitals and shelters, and the district of each link.

    Parameters
    ----------
    units
        Rows of `admin_unit`: id, geom (EPSG:5186).
    facilities
        Rows of `facility`: id, kind, name_ko, geom (point, EPSG:5186).
    residents
        People who live along each link.
    """
    tree = shapely.STRtree(units.geometry.to_numpy())
    middle = shapely.line_interpolate_point(net.geom, 0.5, normalized=True)
    point, unit = tree.query(middle, predicate="within")
    district = np.zeros(len(net), np.int64)
    district[point] = units["id"].to_numpy(np.int64)[unit]

    streets = shapely.STRtree(net.geom)

    def of(kind: str) -> dict[str, Ints]:
        rows = facilities[facilities["kind"] == kind]
        return {
            f"{row.name_ko or kind} {row.id}": links_at(net, streets, row.geom)
            for row in rows[["id", "name_ko", "geom"]].itertuples()
        }

    return Places(district, residents, of("fire"), of("hospital"), of("shelter"), bus_lines or {})


def links_at(net: RoadNet, streets: shapely.STRtree, point: shapely.Point) -> Ints:
    """Return the street nearest to a point [EPSG:5186], both directions; `streets`: the tree of all lines."""
    nearest = int(streets.nearest(point))
    back = np.flatnonzero((net.from_node == net.to_node[nearest]) & (net.to_node == net.from_node[nearest]))
    return np.unique(np.concatenate([[nearest], back])).astype(np.int32)


class Reach:
    """How long vehicles with blue light take, on roads as they are.

    Parameters
    ----------
    time_s
        Time on each link for a vehicle with blue light [s].
    shut
        Classes that may not make each turn, from `open_turns`.
    """

    def __init__(self, net: RoadNet, places: Places, time_s: Floats, shut: NDArray[np.uint8]) -> None:
        self._places, self._time_s = places, time_s
        graphs: dict[bytes, Graph] = {}
        self._graphs = {}
        for kind in ("emergency", "ambulance"):
            bit = 1 << KINDS.index(kind)
            barred = ((shut & bit) != 0).tobytes()
            if barred not in graphs:
                graphs[barred] = Graph.of(net, time_s, shut, bit, is_backward=False)
            self._graphs[kind] = graphs[barred]
        people = np.where(places.district > 0, places.residents, 0)
        self._units, self._at = np.unique(places.district, return_inverse=True)
        self._people = people
        self._lived = np.flatnonzero(np.bincount(self._at, people) > 0)

    @property
    def is_alike(self) -> bool:
        """Whether fire engine and ambulance may drive on the same streets, and so take the same time."""
        return self._graphs["emergency"] is self._graphs["ambulance"]

    def minutes_from(self, station: Ints, kind: str) -> Floats:
        """Return the minutes from a station to the end of each link; infinity where the class cannot go."""
        found: Floats = self._graphs[kind].search(station, self._time_s[station])[0] / 60
        return found

    def nearest(self, kind: str) -> Floats:
        """Return for each link the minutes of the nearest vehicle of a class."""
        stations = self._places.stations.values()
        every = np.unique(np.concatenate([*stations])) if stations else np.zeros(0, np.int32)
        return self.minutes_from(every.astype(np.int32), kind)

    def by_district(self, station: Ints, kind: str) -> dict[int, float]:
        """Return for each district with people the mean minutes of those whom a station can reach; NaN: nobody."""
        minutes = self.minutes_from(station, kind)
        can = np.where(np.isfinite(minutes), self._people, 0.0)
        n = len(self._units)
        reached = np.bincount(self._at, can, minlength=n)
        total = np.bincount(self._at, can * np.where(can > 0, minutes, 0.0), minlength=n)
        mean = np.where(reached > 0, total / np.maximum(reached, 1e-12), np.nan)
        return {int(self._units[k]): float(mean[k]) for k in self._lived}


def blue_light_s(net: RoadNet, delay_s: Floats, free_s: Floats | None = None) -> Floats:
    """Return the time on each link of a vehicle with blue light [s]."""
    made: Floats = (net.free_s if free_s is None else free_s) + PRIVILEGE * delay_s
    return made


def access_by_district(places: Places, minutes: Floats) -> dict[int, dict[str, float]]:
    """Return for each district the mean minutes of its people and how many are within 5 and 8 minutes, or cut off."""
    found = {}
    people = np.where(places.district > 0, places.residents, 0)
    for unit in np.unique(places.district[people > 0]).tolist():
        here = (places.district == unit) & (people > 0)
        lived, at = people[here], minutes[here]
        can = np.isfinite(at)
        found[int(unit)] = {
            "people": float(lived.sum()),
            "minutes": float((lived[can] @ at[can]) / lived[can].sum()) if can.any() else float("nan"),
            "within_5_min": float(lived[at <= 5].sum() / lived.sum()),
            "within_8_min": float(lived[at <= 8].sum() / lived.sum()),
            "isolated": float(lived[~can].sum()),
        }
    return found


def cut_off(
    net: RoadNet, places: Places, closed: NDArray[np.uint8], shut: NDArray[np.uint8], backward: Graph
) -> dict[str, list[str]]:
    """Return hospitals and shelters that most people cannot drive to any more, and bus lines with a closed link.

    Who can drive to the largest part of the streets in which each leads to each, can drive on to all that it leads to:
    only for places elsewhere each street has to be asked. `backward` is the graph of the turns that are not `shut`.
    """
    arcs = csr_matrix((np.ones(len(backward.other), np.int8), backward.other, backward.at), (len(net), len(net)))
    label = connected_components(arcs, connection="strong")[1]
    core = np.flatnonzero(label == np.bincount(label).argmax()).astype(np.int32)[:1]
    onward = np.isfinite(times_from(net, core, net.free_s, shut))
    half = places.residents.sum() / 2
    is_common = places.residents[np.isinf(backward.search(core)[0])].sum() <= half

    def is_cut(links: Ints) -> bool:
        usable = links[closed[links] & 1 == 0].astype(np.int32)
        if not len(usable):
            return True
        if is_common and onward[usable].any():
            return False
        return bool(places.residents[np.isinf(backward.search(usable)[0])].sum() > half)

    bus = 1 << KINDS.index("bus")
    return {
        "hospitals": [name for name, links in places.hospitals.items() if is_cut(links)],
        "shelters": [name for name, links in places.shelters.items() if is_cut(links)],
        "bus_lines": [name for name, links in places.bus_lines.items() if (closed[links] & bus).any()],
    }


def isolated_people(net: RoadNet, places: Places, closed: NDArray[np.uint8], backward: Graph) -> float:
    """Return how many people cannot drive to where most streets are.

    A street counts as connected when the street in the middle of the city can be reached from it; `backward` is the
    graph of the turns that are open.
    """
    start = np.array([_hub(net)], np.int32)
    before = net._cache.get("joined")
    if not isinstance(before, np.ndarray):
        usual = Graph.of(net, net.free_s, open_turns(net, net.class_limit))
        before = net._cache["joined"] = np.isfinite(usual.search(start)[0])
    after = np.isfinite(backward.search(start)[0]) & (closed & 1 == 0)
    return float(places.residents[before & ~after].sum())


def _hub(net: RoadNet) -> int:
    """Return the main street nearest to the middle of all streets."""
    hub = net._cache.get("hub")
    if not isinstance(hub, int):
        middle = net.middle()
        main = np.flatnonzero((net.rank >= 103) & (net.rank <= 105)) if (net.rank <= 105).any() else np.arange(len(net))
        hub = net._cache["hub"] = int(main[np.hypot(*(middle[main] - np.median(middle, axis=0)).T).argmin()])
    return hub
