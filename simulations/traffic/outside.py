"""Roads beyond the edge: who finds the way into the city closed drives round to the next one.

Streets that are cut at the edge of a city end there as if the world did. A trip from the other bank would then wait
for ever before a closed bridge, and its absence would even relieve the streets behind it. So each main road goes on a
little beyond the edge, to where its outer trips begin and end, and neighbouring ones are joined outside.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from simulations.traffic.network import JAM_SPACING_M

OUTSIDE = "시외 도로"
"""Name of all links beyond the edge; they are in no table of the city."""
MAIN_RANK = 104
"""Roads of lower rank end at the edge [ROAD_RANK]."""
STUB_M = 400.0
"""So far a road goes on beyond the edge [m] (assumed)."""
NEAR_M = 8000.0
"""Roads that leave the city farther apart than this are not joined: they lead elsewhere [m] (assumed)."""
WINDING = 1.3
"""Length of the way between two edges over their distance [-] (assumed)."""
SPEED_KMH, LANES, JOIN_RANK = 60, 2, 107
"""Of the roads that join them (assumed)."""
CAPACITY_VEH_H = 1800.0
"""Of one lane, where the table says it of each link [veh/h]."""


def with_outside(nodes: gpd.GeoDataFrame, links: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return the tables of a city's streets with roads beyond its edge, as `network.build` takes them.

    Parameters
    ----------
    nodes, links
        Rows of `road_node` and `road_link`; EPSG:5186.
    """
    ends = _ends(links)
    if not len(ends):
        return nodes, links
    at = dict(zip(nodes["id"].tolist(), shapely.get_coordinates(nodes.geometry.to_numpy()), strict=True))
    node, link = int(nodes["id"].max()), int(links["id"].max())
    rows, points, place = [], [], {}
    for row in ends.itertuples():
        node += 1
        here = at[int(row.to_node)]
        back = shapely.get_coordinates(shapely.line_interpolate_point(row.geom, -min(50.0, row.geom.length)))[0]
        ahead = (here - back) / max(float(np.hypot(*(here - back))), 1e-6)
        beyond = here + STUB_M * ahead
        points.append((node, beyond))
        place[int(row.to_node)] = here
        rows += _both(int(row.to_node), node, here, beyond, STUB_M, int(row.lanes), row.max_speed_kmh, int(row.rank))
    for a, b in _neighbours(np.array(list(place.values()))):
        (one, here), (other, there) = list(place.items())[a], list(place.items())[b]
        length = WINDING * float(np.hypot(*(here - there)))
        rows += _both(one, other, here, there, length, LANES, SPEED_KMH, JOIN_RANK)
    more = gpd.GeoDataFrame(rows, geometry="geom", crs=links.crs)
    more["id"] = np.arange(link + 1, link + 1 + len(more))
    stubs = gpd.GeoDataFrame(
        {"id": [one for one, _ in points], "is_signalised": False},
        geometry=[shapely.Point(xy) for _, xy in points], crs=nodes.crs,
    ).rename_geometry("geom")  # fmt: skip
    for name, value in (("class_limit", 0), ("lane_capacity", CAPACITY_VEH_H), ("jam_density", 1000 / JAM_SPACING_M)):
        if name in links:
            more[name] = value
    return (
        gpd.GeoDataFrame(pd.concat([nodes, stubs], ignore_index=True), geometry="geom", crs=nodes.crs),
        gpd.GeoDataFrame(pd.concat([links, more], ignore_index=True), geometry="geom", crs=links.crs),
    )


def _ends(links: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the last links of the main roads that end: one link leads to the end and one back."""
    out, back = links["to_node"].value_counts(), links["from_node"].value_counts()
    ends = set(out.index[out == 1]) & set(back.index[back == 1])
    return links[links["to_node"].isin(ends) & (links["rank"] <= MAIN_RANK)].sort_values("id")


def _neighbours(xy: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return pairs of ends that follow each other round the city and are near."""
    if len(xy) < 2:
        return []
    east, north = (xy - xy.mean(axis=0)).T
    order = np.argsort(np.arctan2(north, east))
    pairs = [(int(order[k]), int(order[(k + 1) % len(order)])) for k in range(len(order) if len(order) > 2 else 1)]
    return [(a, b) for a, b in pairs if np.hypot(*(xy[a] - xy[b])) <= NEAR_M]


def _both(
    one: int, other: int, here: NDArray[np.float64], there: NDArray[np.float64], length: float, lanes: int,
    speed: float, rank: int,
) -> list[dict[str, object]]:  # fmt: skip
    """Return the rows of a road in both directions."""
    return [
        {"from_node": a, "to_node": b, "length_m": length, "lanes": lanes, "max_speed_kmh": speed, "rank": rank,
         "kind": "plain", "name_ko": OUTSIDE, "geom": shapely.LineString([p, q])}
        for a, b, p, q in ((one, other, here, there), (other, one, there, here))
    ]  # fmt: skip
