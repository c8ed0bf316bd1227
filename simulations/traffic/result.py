"""An answer on disk.

links-SSSSSS.parquet        links at the end of each time bin (seconds after the start), GeoParquet, WGS84
roads.bin.gz                what the map draws of all bins
indicators.json             all indicators of base and run, for the city and for each district
result.json                 what the screens show; the receipt, with which anybody can repeat the run
"""

import gzip
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely

from simulations.traffic.events import write_events
from simulations.traffic.indicators import speed_kmh
from simulations.traffic.network import RoadNet
from simulations.traffic.scenario import Ground, Outcome, Scenario
from simulations.traffic.sim import TrafficSim, service
from twin.crs import KOREA_CENTRAL, WGS84, transformer

CODE = Path(__file__).parent
ROADS, INDICATORS = "roads.bin.gz", "indicators.json"
JSON = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


@cache
def code_version() -> str:
    """Return a SHA-256 over the source of this simulation and what computes for it."""
    state = sha256(f"numpy {version('numpy')} numba {version('numba')}".encode())
    for path in sorted(CODE.glob("*.py")):
        state.update(path.read_bytes())
    return state.hexdigest()


def receipt(ground: Ground, scenario: Scenario, outcome: Outcome) -> dict[str, Any]:
    """Return what names a run: the digests of its parts, of all of them, and of the code."""
    parts = {
        "network": ground.net.digest(),
        "demand": _demand_digest(outcome.base),
        "events": sha256(write_events(list(scenario.events))).hexdigest(),
        "seed": scenario.seed,
        "informed": scenario.informed,
        "start_h": scenario.start_h,
        "hours": scenario.hours,
    }
    digest, version = sha256(orjson.dumps(parts)).hexdigest(), code_version()[:12]
    return parts | {"digest": digest, "version": version}


def _demand_digest(base: TrafficSim) -> str:
    state = sha256(repr(base.zones).encode())
    for name in ("depart", "origin", "kind"):
        state.update(np.ascontiguousarray(base.world.vehicles[name]).tobytes())
    state.update(base.world.path.tobytes())
    return state.hexdigest()


def bin_table(net: RoadNet, base: TrafficSim, run: TrafficSim, number: int) -> pa.Table:
    """Return the links of one time bin, and how they differ from the base, as GeoParquet 1.0; geometry in WGS84.

    Columns: link_id, flow_veh_h, speed_kmh, delay_s, queue, service (0 nobody there, 1 A to 6 F), closed (to cars),
    flow_change_veh_h, speed_change_kmh.
    """
    one, other = run.bins[number], base.bins[number]
    hours = run.bin_s / 3600
    speed = speed_kmh(net, run, number)
    table = {
        "link_id": net.link_id,
        "flow_veh_h": one.left / hours,
        "speed_kmh": speed.astype(np.float32),
        "delay_s": one.delay_s / np.maximum(one.left, 1),
        "queue": one.queue,
        "service": service(net, one),
        "closed": one.is_closed,
        "flow_change_veh_h": (one.left - other.left) / hours,
        "speed_change_kmh": (speed - speed_kmh(net, base, number)).astype(np.float32),
    }
    if "wkb" not in net._cache:
        net._cache["wkb"] = pa.array(shapely.to_wkb(lines_wgs84(net)), pa.binary())
    columns = {name: pa.array(values) for name, values in table.items()} | {"geometry": net._cache["wkb"]}
    return pa.table(columns).replace_schema_metadata({"geo": orjson.dumps(_geo(net))})


def _geo(net: RoadNet) -> dict[str, Any]:
    """Return what GeoParquet says of the geometry."""
    column = {
        "encoding": "WKB", "geometry_types": ["LineString"], "crs": pyproj.CRS(WGS84).to_json_dict(),
        "bbox": shapely.total_bounds(lines_wgs84(net)).tolist(),
    }  # fmt: skip
    return {"version": "1.0.0", "primary_column": "geometry", "columns": {"geometry": column}}


def lines_wgs84(net: RoadNet) -> Any:
    """Return the line of each link in WGS84, computed once for a network."""
    if "lines" not in net._cache:
        convert = transformer(KOREA_CENTRAL, WGS84)
        net._cache["lines"] = shapely.transform(
            net.geom, lambda at: np.round(np.stack(convert.transform(at[:, 0], at[:, 1]), axis=1), 7)
        )
    return net._cache["lines"]


def write(folder: Path, ground: Ground, outcome: Outcome) -> list[str]:
    """Write the bins of an answer, what the map draws of them, and all indicators; return the names of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for number, one in enumerate(outcome.run.bins):
        names.append(f"links-{one.end_s - outcome.begins_s:06.0f}.parquet")
        pq.write_table(bin_table(ground.net, outcome.base, outcome.run, number), folder / names[-1])
    (folder / ROADS).write_bytes(gzip.compress(road_planes(ground.net, outcome), 4, mtime=0))
    (folder / INDICATORS).write_bytes(orjson.dumps(outcome.indicators, option=JSON))
    return [*names, ROADS, INDICATORS]


def road_planes(net: RoadNet, outcome: Outcome) -> bytes:
    """Return what the map draws: ids of the links (uint32), then four planes of one byte a link and bin.

    Level of service (0 nobody there, 1 A to 6 F, 255 closed to cars); vehicles that stand at the end of the bin;
    128 and the change of vehicles that entered against the base; 128 and the change of the mean speed [km/h].
    """
    base, run = outcome.base.bins, outcome.run.bins
    service = [outcome.run.frame(number) for number in range(len(run))]
    queue = [np.clip(one.queue, 0, 255) for one in run]
    change = [128 + np.clip(one.entered - other.entered, -127, 127) for one, other in zip(run, base, strict=True)]
    faster = [speed_kmh(net, outcome.run, number) - speed_kmh(net, outcome.base, number) for number in range(len(run))]
    speed = [128 + np.clip(np.rint(one), -127, 127) for one in faster]
    planes = [np.array(plane).astype(np.uint8) for plane in (service, queue, change, speed)]
    return net.link_id.astype("<u4").tobytes() + b"".join(plane.tobytes() for plane in planes)
