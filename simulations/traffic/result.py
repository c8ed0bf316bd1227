"""An answer on disk: one GeoParquet for each time bin, `result.json`, and a receipt that lets anybody repeat it.

scenario.json               what was asked
result.json                 all indicators; the spread over seeds, when it was run
receipt.json                hashes of network, demand, events, code and result; seed
bins/SSSSSS.parquet         links at the end of each bin (seconds after the start), WGS84
"""

from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import orjson
import shapely

from simulations.traffic.events import write_events
from simulations.traffic.indicators import speed_kmh
from simulations.traffic.network import RoadNet
from simulations.traffic.scenario import Ground, Outcome, Scenario, read_scenario, what_if
from simulations.traffic.sim import TrafficSim, service
from twin.crs import KOREA_CENTRAL, WGS84, transformer
from twin.errors import BadScenario

CODE = Path(__file__).parent
JSON = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


def code_version() -> str:
    """Return a SHA-256 over the source of this simulation and what computes for it."""
    state = sha256(f"numpy {version('numpy')} numba {version('numba')}".encode())
    for path in sorted(CODE.glob("*.py")):
        state.update(path.read_bytes())
    return state.hexdigest()


def receipt(ground: Ground, scenario: Scenario, outcome: Outcome) -> dict[str, Any]:
    """Return what names a run: equal receipts are equal runs."""
    parts = {
        "simulation": "traffic",
        "network": ground.net.digest(),
        "demand": _demand_digest(outcome.base),
        "events": sha256(write_events(list(scenario.events))).hexdigest(),
        "seed": scenario.seed,
        "informed": scenario.informed,
        "start_h": scenario.start_h,
        "hours": scenario.hours,
        "code": code_version(),
    }
    return parts | {"run": sha256(orjson.dumps(parts)).hexdigest(), "result": _result_digest(outcome)}


def _demand_digest(base: TrafficSim) -> str:
    state = sha256(repr(base.zones).encode())
    for name in ("depart", "origin", "kind"):
        state.update(np.ascontiguousarray(base.world.vehicles[name]).tobytes())
    state.update(base.world.path.tobytes())
    return state.hexdigest()


def _result_digest(outcome: Outcome) -> str:
    state = sha256()
    for sim in (outcome.base, outcome.run):
        for records in (sim.world.vehicles, sim.world.links, sim.world.counts):
            state.update(records.tobytes())
    return state.hexdigest()


def bin_table(net: RoadNet, base: TrafficSim, run: TrafficSim, number: int) -> gpd.GeoDataFrame:
    """Return the links of one time bin, and how they differ from the base; geometry in WGS84.

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
    return gpd.GeoDataFrame(table, geometry=lines_wgs84(net), crs=WGS84)


def lines_wgs84(net: RoadNet) -> Any:
    """Return the line of each link in WGS84, computed once for a network."""
    if "lines" not in net._cache:
        convert = transformer(KOREA_CENTRAL, WGS84)
        net._cache["lines"] = shapely.transform(
            net.geom, lambda at: np.round(np.stack(convert.transform(at[:, 0], at[:, 1]), axis=1), 7)
        )
    return net._cache["lines"]


def write(
    folder: Path, ground: Ground, scenario: Scenario, outcome: Outcome, spread: dict[str, list[float]] | None = None
) -> dict[str, Any]:
    """Write an answer and return its receipt."""
    bins = folder / "bins"
    bins.mkdir(parents=True, exist_ok=True)
    for number, one in enumerate(outcome.run.bins):
        if number < len(outcome.base.bins):
            bin_table(ground.net, outcome.base, outcome.run, number).to_parquet(bins / f"{one.end_s:06.0f}.parquet")
    made = receipt(ground, scenario, outcome)
    (folder / "scenario.json").write_bytes(orjson.dumps(scenario.model_dump(mode="json"), option=JSON))
    (folder / "result.json").write_bytes(orjson.dumps(outcome.indicators | {"spread": spread}, option=JSON))
    (folder / "receipt.json").write_bytes(orjson.dumps(made, option=JSON))
    return made


def read_json(path: Path) -> Any:
    """Return the JSON of a file.

    Raises
    ------
    BadScenario
        When there is none.
    """
    try:
        return orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise BadScenario(f"{path}: cannot be read as JSON ({error}); limit: a file of this simulation") from error


def verify(folder: Path, ground: Ground) -> list[str]:
    """Repeat a run and return what differs from its receipt; nothing when it is the same."""
    scenario, kept = read_scenario(read_json(folder / "scenario.json")), read_json(folder / "receipt.json")
    outcome = what_if(ground, scenario)
    assert outcome is not None
    again = receipt(ground, scenario, outcome)
    return [f"{name}: was {kept.get(name)}, is {again[name]}" for name in again if kept.get(name) != again[name]]
