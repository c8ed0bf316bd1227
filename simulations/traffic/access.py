"""Who can still be reached: minutes of fire engines and ambulances, people cut off, places cut off."""

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from simulations.traffic.network import RoadNet
from simulations.traffic.records import KINDS
from simulations.traffic.routing import open_turns, times_from, ways_to

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

    def of(kind: str) -> dict[str, Ints]:
        rows = facilities[facilities["kind"] == kind]
        return {
            f"{row.name_ko or kind} {row.id}": links_at(net, row.geom)
            for row in rows[["id", "name_ko", "geom"]].itertuples()
        }

    return Places(district, residents, of("fire"), of("hospital"), of("shelter"), bus_lines or {})


def links_at(net: RoadNet, point: shapely.Point) -> Ints:
    """Return the street nearest to a point [EPSG:5186], both directions."""
    tree = shapely.STRtree(net.geom)
    nearest = int(tree.nearest(point))
    back = np.flatnonzero((net.from_node == net.to_node[nearest]) & (net.to_node == net.from_node[nearest]))
    return np.unique(np.concatenate([[nearest], back])).astype(np.int32)


def minutes_from(net: RoadNet, station: Ints, time_s: Floats, closed: NDArray[np.uint8], kind: str) -> Floats:
    """Return the minutes from a station to the end of each link; infinity where it cannot go.

    Parameters
    ----------
    time_s
        Time on each link for a vehicle with blue light [s].
    closed
        Classes that may not enter each link.
    kind
        Class of the vehicle.
    """
    mask = 1 << KINDS.index(kind)
    return times_from(net, station, time_s, open_turns(net, closed), mask) / 60


def reach(net: RoadNet, places: Places, time_s: Floats, closed: NDArray[np.uint8]) -> dict[str, Floats]:
    """Return for each link the minutes of the nearest fire engine and ambulance."""
    shut = open_turns(net, closed)
    every = np.concatenate([*places.stations.values()]) if places.stations else np.zeros(0, np.int32)
    return {
        kind: times_from(net, every, time_s, shut, 1 << KINDS.index(kind)) / 60 for kind in ("emergency", "ambulance")
    }


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


def cut_off(net: RoadNet, places: Places, closed: NDArray[np.uint8]) -> dict[str, list[str]]:
    """Return hospitals and shelters that most people cannot drive to any more, and bus lines with a closed link."""
    shut = open_turns(net, closed)
    total = places.residents.sum()

    def cut(which: dict[str, Ints]) -> list[str]:
        found = []
        for name, links in which.items():
            usable = links[closed[links] & 1 == 0].astype(np.int32)
            far = ways_to(net, usable, net.free_s, shut)[0] if len(usable) else np.full(len(net), np.inf)
            if places.residents[np.isinf(far)].sum() > total / 2:
                found.append(name)
        return found

    bus = 1 << KINDS.index("bus")
    return {
        "hospitals": cut(places.hospitals),
        "shelters": cut(places.shelters),
        "bus_lines": [name for name, links in places.bus_lines.items() if (closed[links] & bus).any()],
    }


def isolated_people(net: RoadNet, places: Places, closed: NDArray[np.uint8]) -> float:
    """Return how many people cannot drive to where most streets are.

    A street counts as connected when the street in the middle of the city can be reached from it.
    """
    shut = open_turns(net, closed)
    start = np.array([_hub(net)], np.int32)
    before = np.isfinite(ways_to(net, start, net.free_s, open_turns(net, net.class_limit))[0])
    after = np.isfinite(ways_to(net, start, net.free_s, shut)[0]) & (closed & 1 == 0)
    return float(places.residents[before & ~after].sum())


def _hub(net: RoadNet) -> int:
    """Return the main street nearest to the middle of all streets."""
    middle = net.middle()
    main = np.flatnonzero((net.rank >= 103) & (net.rank <= 105)) if (net.rank <= 105).any() else np.arange(len(net))
    return int(main[np.hypot(*(middle[main] - np.median(middle, axis=0)).T).argmin()])
