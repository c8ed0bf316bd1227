"""Streets from outside: what a folder of them holds, questions asked of them, and the way to SUMO."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import shapely

from simulations.receipt import read_json
from simulations.traffic import city
from simulations.traffic.gmns import read_gmns
from simulations.traffic.ground_of import ground_of
from simulations.traffic.network import NAMED, RoadNet
from simulations.traffic.nodelink import read_nodelink
from simulations.traffic.sumo import write_sumo
from twin.crs import KOREA_CENTRAL, WGS84, transformer
from twin.errors import BadNetwork, BadScenario


def run_on(
    folder: Path, dsn: str, data_dir: Path, scenario: dict[str, Any], out: Path, tell: Callable[[float, str], None]
) -> dict[str, Any]:
    """Answer a question as `city.run` does, on the streets of a folder."""
    return city.run(dsn, data_dir, scenario, out, tell, read_roads(folder)[0])


def read_roads(folder: Path) -> tuple[RoadNet, dict[str, int]]:
    """Return the network of a folder, and how many rows of its files could not be used, by what they are.

    Raises
    ------
    BadNetwork
        The folder holds neither kind of network, or nothing of it can be used.
    """
    if (folder / "MOCT_LINK.shp").exists():
        found = read_nodelink(folder)
        return found.network(), found.rejected
    if (folder / "link.csv").exists():
        return read_gmns(folder, is_strict=False), {}
    raise BadNetwork(f"{folder}: holds no street network; limit: MOCT_LINK.shp or link.csv")


def roads(arguments: argparse.Namespace, dsn: str | None, data_dir: Path) -> dict[str, Any]:
    """Read streets, write them for SUMO when that is asked for, and return what they are.

    Parameters
    ----------
    dsn
        The store; None when its streets are not asked for.
    """
    net, rejected = (ground_of(dsn, data_dir).ground.net, {}) if dsn else read_roads(Path(arguments.source))
    facts: dict[str, Any] = {
        "links": len(net), "nodes": len(net.node_id), "turns": len(net.turns), "signals": len(net.ring),
        "length_km": round(float(net.length_m.sum()) / 1000, 1), "rejected": rejected, "excluded": len(net.excluded),
        "first_excluded": [f"{link}: {why}" for link, why in net.excluded[:NAMED]],
    }  # fmt: skip
    if arguments.sumo is not None:
        facts["written"] = write_sumo(arguments.sumo, net, _area(arguments.area))
    return facts


def _area(path: Path | None) -> shapely.Geometry | None:
    """Return the polygon of a file [EPSG:5186]; None without a file."""
    if path is None:
        return None
    try:
        area = shapely.from_geojson(orjson.dumps(read_json(path)))
    except shapely.errors.GEOSException as error:
        raise BadScenario(f"{path}: is no GeoJSON ({error}); limit: a polygon in WGS84") from error
    parts = shapely.get_parts(area)
    if not len(parts) or not all(one.geom_type == "Polygon" and one.is_valid for one in parts):
        raise BadScenario(f"{path}: is a {area.geom_type}; limit: a valid polygon in WGS84")
    convert = transformer(WGS84, KOREA_CENTRAL)
    return shapely.transform(
        shapely.union_all(parts), lambda at: shapely.get_coordinates(shapely.points(*convert.transform(*at.T)))
    )
