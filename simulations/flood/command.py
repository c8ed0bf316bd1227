"""`./gunsan simulate flood` and `./gunsan verify`, on any terrain, without a city."""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from simulations.flood.checkpoint import code_digest
from simulations.flood.model import Model
from simulations.flood.result import Result
from simulations.flood.scenario import Scenario, read_scenario
from simulations.flood.terrain import read_terrain
from simulations.receipt import compare, file_digest, read_json, tell
from twin.errors import BadScenario

RECEIPT = "receipt.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--dem", type=Path, help="terrain: a GeoTIFF in metres; without it, the city's own")
    parser.add_argument("--scenario", required=True, help="scenario file (JSON), or the name of a preset of the city")
    parser.add_argument("--out", type=Path, required=True, help="folder for the result")
    parser.add_argument("--advection", choices=("on", "off"), help="carry momentum; overrules the scenario")
    parser.add_argument("--threads", type=int, default=1, help="threads; any number gives the same result")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in the folder")


def simulate(
    dem: Path, scenario_file: Path, out: Path, advection: str | None, threads: int, *, resume: bool = False
) -> Result:
    """Run a scenario file on a terrain file, and write the receipt.

    Raises
    ------
    BadScenario
        Anything that would give a wrong map; nothing has been computed then.
    """
    if not 1 <= threads <= 64:
        raise BadScenario(f"{threads} threads; the limits are 1 and 64")
    scenario = read_scenario(read_json(scenario_file), scenario_file.resolve().parent)
    if advection is not None:
        scenario = scenario.model_copy(update={"advection": advection == "on"})
    is_local = scenario.crs == "local"
    terrain = read_terrain(dem, is_local=is_local, holes_are_walls=scenario.holes == "wall")
    model = Model(terrain, scenario, threads=threads)
    result = model.run(out, tell, resume=resume)
    inputs = {str(path): file_digest(path) for path in sorted({dem.resolve(), *_paths(scenario.model_dump())})}
    receipt = {
        "dem": str(dem.resolve()), "scenario": scenario.model_dump(mode="json"), "threads": threads,
        "inputs": inputs, "code": code_digest(), "outputs": {name: file_digest(out / name) for name in result.files},
    }  # fmt: skip
    (out / RECEIPT).write_text(json.dumps(receipt, indent=1))
    return result


def _paths(value: Any) -> list[Path]:
    if isinstance(value, Path):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [path for part in parts for path in _paths(part)]


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command; a result that must not be trusted is said and exits with 3."""
    started = time.monotonic()
    result = simulate(
        arguments.dem, Path(arguments.scenario), arguments.out, arguments.advection, arguments.threads,
        resume=arguments.resume,
    )  # fmt: skip
    facts = result.facts
    print(f"{facts['title'] or 'flood'}: {facts['area_flooded_m2'] / 1e6:.3f} km2 flooded, at most "
          f"{facts['deepest_m']:.2f} m; mass error {facts['mass_error']:.1e}; {time.monotonic() - started:.1f} s; "
          f"{arguments.out}")  # fmt: skip
    if facts["vertical_datum"] is None and facts["has_levels"]:
        print("levels: neither terrain nor scenario names a vertical datum; taken to be the same", file=sys.stderr)
    if not facts["trusted"]:
        print(f"UNTRUSTED: mass error {facts['mass_error']:.1e}", file=sys.stderr)
        return 3
    return 0


def verify(folder: Path) -> int:
    """Repeat a run from its receipt and compare every file bit for bit."""
    receipt = read_json(folder / RECEIPT)
    changed = [path for path, digest in receipt["inputs"].items()
               if not Path(path).is_file() or file_digest(Path(path)) != digest]  # fmt: skip
    if changed:
        print(f"an input is gone or has changed: {', '.join(changed)}")
        return 1
    if receipt["code"] != code_digest():
        print("the code is not the one that computed this run; comparing all the same")
    scenario = Scenario.model_validate(receipt["scenario"])
    terrain = read_terrain(
        Path(receipt["dem"]), is_local=scenario.crs == "local", holes_are_walls=scenario.holes == "wall"
    )
    with tempfile.TemporaryDirectory() as again:
        files = Model(terrain, scenario, threads=receipt["threads"]).run(Path(again), tell).files
        outputs = {name: file_digest(Path(again) / name) for name in files}
    return compare(receipt["outputs"], outputs, folder)
