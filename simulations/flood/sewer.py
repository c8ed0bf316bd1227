"""Sewers by SWMM under the surface: what flows in at the inlets, and what comes up again."""

import json
import math
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.flood.solver import Ints, Solver
from twin.errors import BadScenario
from twin.settings import ROOT

WEIR, ORIFICE = 0.58, 0.6
"""Coefficients of the kerb as a broad crest and of a drowned opening [-] (Leandro and Martins 2016,
doi 10.2166/wst.2016.171, in the middle of their range)."""
G = 9.81


@dataclass
class Inlet:
    """Where surface and sewer meet.

    Parameters
    ----------
    node
        Name of the SWMM node.
    cells
        Cell of the surface.
    weir_m, area_m2
        Length of the kerb that water falls over [m], and area of the opening [m2].
    """

    node: str
    cells: Ints
    weir_m: float
    area_m2: float
    owed_m3: float = field(default=0.0, init=False)
    """Taken from the surface and not yet counted by SWMM, which starts each new flow with half a step."""

    def flow(self, solver: Solver, head: float) -> float:
        """Return what falls in [m3/s]: over the kerb while the node is low, through the opening while it is drowned."""
        depth = float(solver._old[0][self.cells[0]])
        level = float(solver.z[self.cells[0]]) + solver.datum + depth
        if depth <= 0 or level <= head:
            return 0.0
        over = 2 / 3 * WEIR * self.weir_m * math.sqrt(2 * G) * depth**1.5
        through = ORIFICE * self.area_m2 * math.sqrt(2 * G * min(depth, level - head))
        return float(min(over, through))


class Sewer:
    """A SWMM model coupled at its inlets every `step_s`; it computes its interval while the surface computes the next.

    Raises
    ------
    BadScenario
        SWMM refuses the model, or a node is not in it.
    """

    def __init__(self, model: Path, inlets: list[Inlet], step_s: float) -> None:
        self.inlets, self.step_s = inlets, step_s
        self.taken_m3 = self.returned_m3 = self.outflow_m3 = 0.0
        self._next = 0.0
        self._waits = False
        self._said: list[list[float]] = []
        names = [inlet.node for inlet in inlets]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "simulations.flood.sewer_process", str(model), *names],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT,
        )  # fmt: skip
        told = self._hear()
        self._heads, self._counted, self._flooded = told["heads"], told["taken"], np.array(told["flooded"])

    def _hear(self) -> dict[str, Any]:
        """Return the next answer that is one: SWMM prints lines of its own."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                told: dict[str, Any] = json.loads(line)
                if "error" in told:
                    raise BadScenario(told["error"])
                return told
        raise BadScenario(f"the sewer model stopped with {self._process.wait()} without saying why")

    def _say(self, line: list[float]) -> None:
        """Tell until when [s] what flows into each inlet [m3/s]."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"flows": line[1:], "until": line[0]}) + "\n")
        self._process.stdin.flush()
        self._said.append(line)

    def kept(self) -> dict[str, Any]:
        """Return what a checkpoint keeps: SWMM cannot be kept, but all that it was told."""
        owed = [inlet.owed_m3 for inlet in self.inlets]
        inlets = np.array(list(zip(owed, self._heads, self._counted, self._flooded, strict=True))).reshape(-1, 4)
        numbers = [self.taken_m3, self.returned_m3, self.outflow_m3, self._next, self._waits]
        return {"said": np.array(self._said), "sewer": np.array(numbers), "inlets": inlets}

    def load(self, more: dict[str, NDArray[Any]]) -> None:
        """Take what a checkpoint kept: tell SWMM once more all that it was told.

        Raises
        ------
        BadScenario
            It does not answer as it did.
        """
        *counts, waits = more["sewer"].tolist()
        self.taken_m3, self.returned_m3, self.outflow_m3, self._next = counts
        self._waits, said, heads = bool(waits), more["said"].tolist(), self._heads
        for number, line in enumerate(said, 1):
            self._say(line)
            if number < len(said) or not waits:
                heads = self._hear()["heads"]
        owed, self._heads, self._counted, flooded = more["inlets"].T.tolist()
        if heads != self._heads:
            raise BadScenario("the sewer model does not answer as it did before the stop; run it from the beginning")
        self._flooded = np.array(flooded)
        for inlet, amount in zip(self.inlets, owed, strict=True):
            inlet.owed_m3 = amount

    def places(self) -> list[Ints]:
        """Return the cells of the inlets."""
        return [inlet.cells for inlet in self.inlets]

    def move(self, solver: Solver, dt: float) -> float:
        """Exchange when it is time; return what the surface gained [m3]."""
        if solver.t < self._next - 1e-9:
            return 0.0
        gained = self.settle(solver)
        until, flows = solver.t + self.step_s, []
        for inlet, head in zip(self.inlets, self._heads, strict=True):
            taken = solver.take(inlet.cells, inlet.flow(solver, head) * self.step_s)
            self.taken_m3 += taken
            gained -= taken
            inlet.owed_m3 += taken
            flows.append(inlet.owed_m3 / self.step_s)
        self._say([until, *flows])
        self._waits, self._next = True, until
        return gained

    def settle(self, solver: Solver) -> float:
        """Take what SWMM has answered; give back what flooded. Return that [m3]."""
        if not self._waits:
            return 0.0
        told, self._waits, gained = self._hear(), False, 0.0
        self._heads, self.outflow_m3 = told["heads"], told["outflow"]
        flooded = np.array(told["flooded"])
        for inlet, back, now, before in zip(
            self.inlets, flooded - self._flooded, told["taken"], self._counted, strict=True
        ):
            inlet.owed_m3 -= now - before
            if back > 0:
                solver.give(inlet.cells, float(back))
                self.returned_m3 += float(back)
                gained += float(back)
        self._flooded, self._counted = flooded, told["taken"]
        return gained

    def facts(self) -> dict[str, float]:
        """Return the balance of the exchange [m3]; `unclosed` is what neither side has [-]."""
        owed = sum(inlet.owed_m3 for inlet in self.inlets)
        counted = float(sum(self._counted))
        return {
            "taken": self.taken_m3, "returned": self.returned_m3, "outflow": self.outflow_m3, "owed": owed,
            "unclosed": abs(self.taken_m3 - counted - owed) / max(self.taken_m3, 1e-9),
        }  # fmt: skip

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def coordinates(model: Path) -> dict[str, tuple[float, float]]:
    """Return where the nodes of a SWMM model lie, by name: its section [COORDINATES].

    Raises
    ------
    BadScenario
        It has none.
    """
    found: dict[str, tuple[float, float]] = {}
    section = ""
    for raw in model.read_text("utf-8", errors="replace").splitlines():
        line = raw.split(";")[0].strip()
        if line.startswith("["):
            section = line.upper()
        elif line and section == "[COORDINATES]":
            name, x, y = line.split()[:3]
            found[name] = (float(x), float(y))
    if not found:
        raise BadScenario(f"sewer model {model.name} has no [COORDINATES]; name its inlets with x and y")
    return found
