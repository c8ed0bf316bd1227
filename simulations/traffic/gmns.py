"""Networks in the General Modeling Network Specification (GMNS 0.96): node.csv, link.csv, movement.csv."""

import csv
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from simulations.traffic.network import RoadNet, build
from twin.crs import KOREA_CENTRAL, WGS84
from twin.errors import BadNetwork

RANK = {"motorway": 101, "trunk": 103, "primary": 104, "secondary": 105, "tertiary": 106}
"""ROAD_RANK by `facility_type`; what is not named is a city street."""
KMH = {"kph": 1.0, "km/h": 1.0, "kmh": 1.0, "mph": 1.609344, "m/s": 3.6}
METRES = {"m": 1.0, "meter": 1.0, "meters": 1.0, "km": 1000.0, "mi": 1609.344, "ft": 0.3048}


def read_gmns(
    folder: Path, epsg: int = WGS84, speed_unit: str = "kph", length_unit: str = "m", *, is_strict: bool = True
) -> RoadNet:
    """Read a GMNS folder.

    Parameters
    ----------
    folder
        Holds node.csv (node_id, x_coord, y_coord, ctrl_type), link.csv (link_id, from_node_id, to_node_id, directed,
        length, lanes, free_speed, capacity, facility_type, name, geometry as WKT) and if there are any movement.csv
        (ib_link_id, ob_link_id, type).
    epsg
        Coordinate system of the positions.
    speed_unit, length_unit
        Units of free_speed and length; config.csv of the folder overrides them.
    is_strict
        As in `network.build`.

    Raises
    ------
    BadNetwork
        When a file or column is missing, a unit is unknown, or links are bad.
    """
    config = _read(folder / "config.csv") if (folder / "config.csv").exists() else pd.DataFrame()
    if len(config):
        length_unit = str(config.get("long_length", [length_unit])[0] or length_unit)
        speed_unit = str(config.get("speed", [speed_unit])[0] or speed_unit)
    if speed_unit not in KMH or length_unit not in METRES:
        raise BadNetwork(f"{folder}: units {speed_unit}, {length_unit}; limit: {sorted(KMH)}, {sorted(METRES)}")
    node, link = (
        _read(folder / "node.csv", "node_id", "x_coord", "y_coord"),
        _read(folder / "link.csv", "link_id", "from_node_id", "to_node_id", "lanes", "free_speed"),
    )
    points = gpd.GeoSeries(gpd.points_from_xy(_number(node, "x_coord"), _number(node, "y_coord")), crs=epsg)
    numbers = {one: i + 1 for i, one in enumerate(node["node_id"])}
    nodes = gpd.GeoDataFrame(
        {
            "id": list(numbers.values()),
            "is_signalised": [one == "signal" for one in node["ctrl_type"]] if "ctrl_type" in node else False,
        },
        geometry=points.to_crs(KOREA_CENTRAL),
    ).rename_geometry("geom")
    links = _links(link, numbers, nodes, epsg, KMH[speed_unit], METRES[length_unit])
    return build(nodes, links, _bans(folder / "movement.csv", set(links["id"])), is_strict=is_strict)


def _read(path: Path, *needed: str) -> pd.DataFrame:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise BadNetwork(f"{path}: cannot be read ({error}); limit: a CSV in UTF-8") from error
    missing = [name for name in needed if not rows or name not in rows[0]]
    if missing:
        raise BadNetwork(f"{path}: columns {missing} are missing; limit: {', '.join(needed)} are needed")
    return pd.DataFrame(rows)


def _number(table: pd.DataFrame, name: str, default: float = float("nan")) -> pd.Series:
    if name not in table:
        return pd.Series(default, index=table.index)
    return pd.to_numeric(table[name], errors="coerce").fillna(default)


def _links(
    link: pd.DataFrame, numbers: dict[str, int], nodes: gpd.GeoDataFrame, epsg: int, kmh: float, metres: float
) -> gpd.GeoDataFrame:
    """Return the links; one that is not directed becomes two, the way back with the negative id."""
    at = nodes.set_index("id").geometry
    start, end = (link[name].map(numbers).fillna(0).astype(np.int64) for name in ("from_node_id", "to_node_id"))
    if "geometry" in link and (link["geometry"] != "").all():
        lines = gpd.GeoSeries.from_wkt(link["geometry"], crs=epsg).to_crs(KOREA_CENTRAL)
    else:
        ends = [(at.get(a), at.get(b)) for a, b in zip(start, end, strict=True)]
        lines = gpd.GeoSeries(
            [shapely.LineString(pair) if None not in pair else None for pair in ends], crs=KOREA_CENTRAL
        )
    length = _number(link, "length") * metres
    kind = link["facility_type"] if "facility_type" in link else pd.Series("", index=link.index)
    made = gpd.GeoDataFrame(
        {
            "id": pd.to_numeric(link["link_id"]).astype(np.int64),
            "from_node": start,
            "to_node": end,
            "length_m": np.where(length.notna(), length, lines.length),
            "lanes": _number(link, "lanes", 0).astype(np.int64),
            "max_speed_kmh": _number(link, "free_speed", 0) * kmh,
            "rank": kind.map(RANK).fillna(107).astype(np.int64),
            "name_ko": link.get("name"),
        },
        geometry=lines,
    ).rename_geometry("geom")
    capacity = _number(link, "capacity", 0)
    if (capacity > 0).all():
        made["lane_capacity"] = capacity / np.maximum(made["lanes"], 1)
    two_way = (
        link["directed"].str.lower().isin(["0", "false"]) if "directed" in link else pd.Series(False, index=link.index)
    )
    back = made[two_way.to_numpy()].copy()
    back["id"] = -back["id"]
    back[["from_node", "to_node"]] = back[["to_node", "from_node"]].to_numpy()
    back["geom"] = back.geometry.reverse()
    return gpd.GeoDataFrame(pd.concat([made, back], ignore_index=True), geometry="geom", crs=KOREA_CENTRAL)


def _bans(path: Path, known: set[int]) -> pd.DataFrame | None:
    """Return forbidden and allowed movements; a link with any movement listed allows only those."""
    if not path.exists():
        return None
    rows = _read(path, "ib_link_id", "ob_link_id")
    start, end = (pd.to_numeric(rows[name]).astype(np.int64) for name in ("ib_link_id", "ob_link_id"))
    is_ban = rows["type"].str.lower().eq("prohibited") if "type" in rows else pd.Series(False, index=rows.index)
    table = pd.DataFrame({"from_link": start, "to_link": end, "is_allowed": (~is_ban).astype(np.int64)})
    return table[start.isin(known) & end.isin(known)].reset_index(drop=True)
