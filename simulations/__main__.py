"""`python -m simulations`: carry out one job given as JSON on the standard input; see `backend/jobs.py`."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from simulations import simulation_of, simulations
from twin.errors import TwinError


def say(**line: Any) -> None:
    """Print one line for the job runner."""
    print(json.dumps(line, allow_nan=False), flush=True)


def main() -> None:
    """Compile what is compiled (argument `warm`), or run the job on the standard input (`wait`: import all before it).

    What goes wrong by input is one line, all else a traceback in the log of the job.
    """
    if sys.argv[1:] == ["warm"]:
        for simulation in simulations().values():
            simulation.warm()
        return
    if sys.argv[1:] == ["wait"]:
        for simulation in simulations().values():
            simulation.load()
    job = json.load(sys.stdin)
    with (Path(job["out"]) / "log").open("wb") as log:
        os.dup2(log.fileno(), sys.stderr.fileno())
    try:
        found = simulation_of(job["simulation"]).run(
            job["dsn"],
            Path(job["data_dir"]),
            job["scenario"],
            Path(job["out"]),
            lambda progress, note: say(progress=progress, note=note),
        )
    except TwinError as error:
        say(error=str(error))
    else:
        say(result=found)


if __name__ == "__main__":
    main()
