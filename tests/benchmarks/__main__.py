"""`python -m tests.benchmarks NAME`: run a benchmark or all of them."""

import argparse
import sys
from importlib import import_module

from tests.benchmarks.machine import OtherLoad
from tests.benchmarks.table import Report, write_page

NAMES = ("ingest", "live", "alarms", "tiles", "crash", "page", "flood", "traffic", "fork", "wall")


def run(name: str, *, is_quick: bool) -> Report:
    """Run one benchmark."""
    module = import_module(f"tests.benchmarks.{name}")
    load = OtherLoad()
    figures, notes = module.measure(is_quick)
    return Report(name, module.TITLE, is_quick, load.share(), tuple(figures), tuple(notes))


def main() -> int:
    """Print the tables; the exit status tells whether every target was met."""
    parser = argparse.ArgumentParser(prog="gunsan bench", description=__doc__)
    parser.add_argument("name", nargs="?", default="all", choices=(*NAMES, "all"))
    parser.add_argument("--quick", action="store_true", help="short runs, to see that everything works")
    parser.add_argument("--docs", action="store_true", help="also write docs/reference/benchmarks.md")
    parser.add_argument("--peers", help="folder of Python packages that are measured beside ours (pip --target)")
    given = parser.parse_args()
    if given.peers:
        sys.path.append(given.peers)
    is_missed = False
    for name in NAMES if given.name == "all" else (given.name,):
        report = run(name, is_quick=given.quick)
        report.show()
        print(f"  {report.write()}")
        is_missed |= any(figure.is_met is False for figure in report.figures)
    if given.docs:
        write_page(NAMES)
    return 1 if is_missed and not given.quick else 0


if __name__ == "__main__":
    sys.exit(main())
