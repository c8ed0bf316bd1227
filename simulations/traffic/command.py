"""`simulate traffic`: answer a question from a file, or a preset. `roads`: read a street network, say what it is."""

import argparse
from pathlib import Path
from typing import Any

from simulations.receipt import read_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--scenario", required=True, help="scenario file (JSON), or the name of a preset")
    parser.add_argument("--out", type=Path, required=True, help="folder for the answer")
    parser.add_argument("--roads", type=Path, help="folder of other streets: standard node-link data, or GMNS")
    parser.add_argument("--seeds", type=int, default=1, help="runs that show the spread (1 to 5)")


def asked(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what is asked: of a file, or a preset by its name.

    Raises
    ------
    BadScenario
        The file cannot be read.
    """
    path = Path(arguments.scenario)
    scenario = read_json(path) if path.suffix == ".json" else {"preset": arguments.scenario}
    return {"seeds": arguments.seeds} | scenario


def add_roads_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `roads`."""
    parser.add_argument("source", help="folder of standard node-link data or GMNS; `city`: the streets of the store")
    parser.add_argument("--area", type=Path, help="GeoJSON polygon (WGS84): write only its links")
    parser.add_argument("--sumo", type=Path, help="folder for the network as SUMO plain XML")
