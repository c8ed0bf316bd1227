"""`python -m simulations.flood.sewer_process MODEL NODE...`: one SWMM in a process of its own, for SWMM knows only one.

A line on the standard input is `{"flows": [m3/s for each node], "until": s}`, a line of the answer tells heads [m], and
what came in and what flooded so far at each node [m3]. It ends with its input.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from swmm.toolkit import shared_enum, solver

CMS = 3
"""Flow unit of a model in m3/s."""
DAY_S = 86_400


def say(**line: Any) -> None:
    """Answer."""
    print(json.dumps(line), flush=True)


def answer(nodes: list[int]) -> dict[str, Any]:
    """Return the state of the nodes and the balance of the whole."""
    stats = [solver.node_get_stats(node) for node in nodes]
    totals = solver.system_get_routing_totals()
    return {
        "heads": [solver.node_get_result(node, shared_enum.NodeResult.HEAD) for node in nodes],
        "taken": [one.totLatFlow for one in stats],
        "flooded": [one.volFlooded for one in stats],
        "outflow": totals.outflow,
    }


def run(model: str, names: list[str], folder: Path) -> None:
    """Step as told until the input ends."""
    solver.swmm_open(model, str(folder / "report"), str(folder / "binary"))
    unit = solver.simulation_get_unit(shared_enum.UnitProperty.FLOW_UNIT)
    if unit != CMS:
        raise ValueError(f"its flows are in {shared_enum.FlowUnits(unit).name}; FLOW_UNITS CMS is needed")
    nodes = [solver.project_get_index(shared_enum.ObjectType.NODE, name) for name in names]
    solver.swmm_start(0)
    say(**answer(nodes))
    now = 0.0
    for line in sys.stdin:
        asked = json.loads(line)
        for node, flow in zip(nodes, asked["flows"], strict=True):
            solver.node_set_total_inflow(node, flow)
        while now < asked["until"] - 1e-6:
            elapsed = solver.swmm_step() * DAY_S
            if elapsed <= now:
                raise ValueError(f"it ends after {now:.0f} s, before the scenario does; set its END_DATE later")
            now = elapsed
        say(**answer(nodes))


def main() -> None:
    """Run; what is wrong with the model is one line."""
    model, *names = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        try:
            run(model, names, Path(folder))
        except Exception as error:  # the toolkit raises plain exceptions
            report = Path(folder) / "report"
            lines = report.read_text(errors="replace").splitlines() if report.exists() else []
            why = next((one.strip() for one in lines if "ERROR" in one), str(error).strip())
            say(error=f"sewer model {Path(model).name}: {why}")


if __name__ == "__main__":
    main()
