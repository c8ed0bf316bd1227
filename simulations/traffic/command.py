"""`simulate traffic`: answer a scenario from a file, or repeat a run and compare."""

import argparse
import sys
from pathlib import Path

from gisdata.generate import generate
from simulations.traffic.network import build
from simulations.traffic.result import read_json, verify, write
from simulations.traffic.scenario import Ground, Scenario, prepare, read_scenario, spread, what_if
from twin.errors import BadScenario, TwinError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("--scenario", type=Path, help="JSON file: title, start_h, hours, seed, informed, events")
    parser.add_argument("--out", type=Path, help="folder to write the answer to")
    parser.add_argument("--verify", type=Path, help="folder of an answer: run it again and compare")
    parser.add_argument("--seeds", type=int, default=0, help="also run so many seeds and write their spread")


def generated_ground(scenario: Scenario) -> Ground:
    """Make the ground of the generated city of a scenario."""
    city = generate(scenario.city_seed)
    net = build(city.tables["road_node"], city.tables["road_link"])
    return prepare(net, city.tables["admin_unit"], city.tables["building"], city.tables["facility"])


def run(arguments: argparse.Namespace) -> int:
    """Answer, or verify; return the exit status."""
    try:
        if arguments.verify is not None:
            return _verify(arguments.verify)
        if arguments.scenario is None or arguments.out is None:
            raise BadScenario("--scenario and --out are missing; limit: both, or --verify")
        return _answer(arguments.scenario, arguments.out, arguments.seeds)
    except TwinError as error:
        print(f"gunsan: {error}", file=sys.stderr)
        return 1


def _tell(share: float, what: str) -> bool:
    print(f"\r{what:10} {share:4.0%}", end="", file=sys.stderr, flush=True)
    return False


def _answer(path: Path, out: Path, seeds: int) -> int:
    scenario = read_scenario(read_json(path))
    ground = generated_ground(scenario)
    outcome = what_if(ground, scenario, _tell)
    assert outcome is not None
    made = write(out, ground, scenario, outcome, spread(ground, scenario, seeds, _tell) if seeds else None)
    print(file=sys.stderr)
    change, numbers = outcome.indicators["change"], outcome.indicators["run"]
    print(f"run {made['run'][:16]}")
    print(f"delay {change['delay_h']:+.0f} veh h, detours {change['detours']}, unreachable {change['unreachable']:+d}")
    print(
        f"teleports {numbers['teleports']}: {'to be trusted' if numbers['is_trusted'] else 'not to be trusted alone'}"
    )
    print(out)
    return 0


def _verify(folder: Path) -> int:
    scenario = read_scenario(read_json(folder / "scenario.json"))
    differs = verify(folder, generated_ground(scenario))
    print("\n".join(differs) if differs else f"the same: {read_json(folder / 'receipt.json')['run'][:16]}")
    return 1 if differs else 0
