"""The Korean standard node-link data: MOCT_NODE, MOCT_LINK and TURNINFO as shapefiles and DBF, CP949, EPSG:5186."""

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyogrio.errors
from numpy.typing import NDArray

from gisdata.formats import read_shapefile
from simulations.traffic.network import RoadNet, build
from simulations.traffic.records import KINDS
from simulations.traffic.signals import DualRing
from twin.errors import BadNetwork

ROAD_TYPE = {"000": "plain", "001": "overpass", "002": "underpass", "003": "bridge", "004": "tunnel"}
ALLOWED = {"001", "011", "012"}
"""TURN_TYPE that allows a turn; 011 is a U-turn."""
FORBIDDEN = {"002", "003", "101", "102", "103"}
SIGNAL_TYPES = {"101"}
"""NODE_TYPE of a junction. Signals are not surveyed: a junction of main roads is assumed to have one."""
MAIN_RANK = 105
REST_VEH = {1: 1 << KINDS.index("car"), 3: 1 << KINDS.index("bus"), 4: 1 << KINDS.index("truck")}
"""Class that REST_VEH shuts out; 0 is nobody, others do not drive in this model."""
TRUCKS = REST_VEH[4]
DEFAULT_SPEED_KMH = {101: 100, 102: 80, 103: 80, 104: 60, 105: 60, 106: 50, 107: 50}
"""Speed where MAX_SPD is 0: not surveyed."""


@dataclass(frozen=True, slots=True)
class NodeLink:
    """What was read.

    Parameters
    ----------
    nodes, links
        Tables as `network.build` takes them, EPSG:5186.
    turns
        from_link, to_link, is_allowed.
    rejected
        Rows that could not be used: no geometry, unknown node, unknown turn code, by what they are.
    """

    nodes: gpd.GeoDataFrame
    links: gpd.GeoDataFrame
    turns: pd.DataFrame
    rejected: dict[str, int]

    def network(self, rings: dict[int, DualRing] | None = None) -> RoadNet:
        """Build the network; bad links are left out and named in `RoadNet.excluded`."""
        return build(self.nodes, self.links, self.turns, rings, is_strict=False)


def read_nodelink(folder: Path, epsg: int | None = None) -> NodeLink:
    """Read the standard node-link data of a folder.

    Parameters
    ----------
    folder
        Holds MOCT_NODE.shp, MOCT_LINK.shp, and if there are any TURNINFO.dbf.
    epsg
        Coordinate system, when the `.prj` is missing or says too little.

    Raises
    ------
    BadBase
        When a shapefile cannot be read, is not Korean, or its coordinate system is not certain.
    BadNetwork
        When columns are missing.
    """
    points = read_shapefile(folder / "MOCT_NODE.shp", epsg)
    lines = read_shapefile(folder / "MOCT_LINK.shp", epsg)
    node, link = points.table, lines.table
    _need(node, folder / "MOCT_NODE.shp", "NODE_ID", "NODE_TYPE")
    _need(
        link,
        folder / "MOCT_LINK.shp",
        "LINK_ID",
        "F_NODE",
        "T_NODE",
        "LANES",
        "ROAD_RANK",
        "ROAD_TYPE",
        "MAX_SPD",
        "LENGTH",
    )
    ids = link["LINK_ID"].astype(np.int64)
    rank = pd.to_numeric(link["ROAD_RANK"], errors="coerce").fillna(107).astype(np.int64)
    speed = pd.to_numeric(link["MAX_SPD"], errors="coerce").fillna(0)
    links = gpd.GeoDataFrame(
        {
            "id": ids,
            "from_node": link["F_NODE"].astype(np.int64),
            "to_node": link["T_NODE"].astype(np.int64),
            "length_m": pd.to_numeric(link["LENGTH"], errors="coerce").fillna(0.0),
            "lanes": pd.to_numeric(link["LANES"], errors="coerce").fillna(0).astype(np.int64),
            "max_speed_kmh": np.where(speed > 0, speed, rank.map(DEFAULT_SPEED_KMH).fillna(50)),
            "rank": rank,
            "kind": link["ROAD_TYPE"].map(ROAD_TYPE).fillna("plain"),
            "name_ko": link.get("ROAD_NAME"),
            "class_limit": _limits(link),
        },
        geometry=_single(link.geometry),
        crs=link.crs,
    ).rename_geometry("geom")
    at_node = pd.concat([links["from_node"], links["to_node"]])
    main = pd.concat([links["rank"], links["rank"]]) <= MAIN_RANK
    arms = at_node[main.to_numpy()].value_counts()
    node_id = node["NODE_ID"].astype(np.int64)
    nodes = gpd.GeoDataFrame(
        {
            "id": node_id,
            "is_signalised": node["NODE_TYPE"].isin(SIGNAL_TYPES) & (node_id.map(arms).fillna(0) >= 5),
        },
        geometry=node.geometry,
        crs=node.crs,
    ).rename_geometry("geom")
    turns, strange = _turns(folder / "TURNINFO.dbf", set(ids))
    rejected = {"nodes": points.rejected, "links": lines.rejected, **strange}
    return NodeLink(nodes, links, turns, rejected)


def _need(table: pd.DataFrame, where: Path, *names: str) -> None:
    missing = [name for name in names if name not in table]
    if missing:
        raise BadNetwork(f"{where}: columns {missing} are missing; limit: {', '.join(names)} are needed")


def _limits(link: pd.DataFrame) -> NDArray[np.int64]:
    """Return who may not enter, one bit each; a limit of weight or height shuts lorries out, 0 is none."""
    limit = np.zeros(len(link), np.int64)
    for name in ("REST_VEH", "REST_W", "REST_H"):
        if name in link:
            value = pd.to_numeric(link[name], errors="coerce").fillna(0)
            bits = value.map(REST_VEH).fillna(0) if name == "REST_VEH" else (value > 0) * TRUCKS
            limit |= bits.to_numpy(np.int64)
    return limit


def _single(geometry: gpd.GeoSeries) -> gpd.GeoSeries:
    """Return lines; a multi-line of one part is that part."""
    return geometry.apply(lambda one: one.geoms[0] if one is not None and one.geom_type == "MultiLineString" else one)


def _turns(path: Path, known: set[int]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return what TURNINFO says, and how many of its rows could not be used."""
    empty = pd.DataFrame({"from_link": [], "to_link": [], "is_allowed": []}, dtype=np.int64)
    if not path.exists():
        return empty, {"turns": 0}
    try:
        rows = pyogrio.read_dataframe(path, encoding="cp949", read_geometry=False)
    except (pyogrio.errors.DataSourceError, UnicodeDecodeError) as error:
        raise BadNetwork(f"{path}: cannot be read ({error}); limit: a DBF in CP949") from error
    _need(rows, path, "ST_LINK", "ED_LINK", "TURN_TYPE")
    code = rows["TURN_TYPE"].astype(str).str.strip().str.zfill(3)
    start, end = (
        pd.to_numeric(rows[name], errors="coerce").fillna(-1).astype(np.int64) for name in ("ST_LINK", "ED_LINK")
    )
    good = code.isin(ALLOWED | FORBIDDEN) & start.isin(known) & end.isin(known)
    table = pd.DataFrame({"from_link": start, "to_link": end, "is_allowed": code.isin(ALLOWED).astype(np.int64)})
    return table[good].reset_index(drop=True), {"turns": int((~good).sum())}
