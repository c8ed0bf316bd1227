"""The flood solver beside Landlab on the same terrain and storm, and beside the memory of the machine."""

import subprocess
import sys
import time
from importlib.util import find_spec
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from simulations.flood.solver import Solver, warm
from tests.benchmarks.table import Figure
from twin.settings import ROOT

TITLE = "the solver, alone and beside Landlab"
MANNINGS_N, RAIN_MM_H, RAIN_S, END_S = 0.03, 100.0, 600.0, 600.0
WET_M = 0.05
BYTES = 36
"""What a cell and step must read and write: 24 and 12 bytes."""


def terrain(n: int, cell_m: float) -> NDArray[np.float64]:
    """Return hills, hollows and a general slope [m], shape (n, n); smooth enough that no peer's depth gets negative."""
    y, x = np.mgrid[0:n, 0:n] * cell_m
    rough = 1.5 * gaussian_filter(np.random.default_rng(1).normal(0, 1, (n, n)), 6)
    return 10 + 3 * np.sin(x / 400) * np.cos(y / 300) + 0.002 * x + rough


def ours(
    ground: NDArray[Any], cell_m: float, *, advection: bool, threads: int, end_s: float = END_S
) -> tuple[float, Solver]:
    """Return the wall time [s] and the solver after the storm."""
    solver = Solver(ground, cell_m, MANNINGS_N, advection=advection, threads=threads)
    started = time.perf_counter()
    solver.rain(RAIN_MM_H / 3.6e6)
    solver.run_to(min(RAIN_S, end_s))
    solver.rain(0.0)
    solver.run_to(end_s)
    return time.perf_counter() - started, solver


def landlab(ground: NDArray[Any], cell_m: float) -> tuple[float, NDArray[Any]]:
    """Return the wall time [s] and the depth [m] of Landlab's OverlandFlow after the same storm.

    Landlab's closed edge is a ring of nodes that takes no part, so it gets one around the ground.
    """
    from landlab import RasterModelGrid
    from landlab.components import OverlandFlow

    padded = np.pad(ground, 1, mode="edge")
    grid = RasterModelGrid(padded.shape, xy_spacing=cell_m)
    grid.add_field("topographic__elevation", padded.ravel().copy(), at="node")
    depth = grid.add_zeros("surface_water__depth", at="node")
    grid.set_closed_boundaries_at_grid_edges(True, True, True, True)
    flow = OverlandFlow(grid, mannings_n=MANNINGS_N, rainfall_intensity=RAIN_MM_H / 3.6e6, steep_slopes=False)
    t, started = 0.0, time.perf_counter()
    while t < END_S:
        step = min(flow.calc_time_step(), END_S - t)
        flow.run_one_step(step)
        t += step
    return time.perf_counter() - started, depth.reshape(padded.shape)[1:-1, 1:-1]


def triad_gb_s() -> float:
    """Return the bandwidth of memory [GB/s]: a = b + 3 c over arrays that no cache holds, one thread."""
    b, c = (np.ones(20_000_000, np.float32) for _ in range(2))
    a = np.empty_like(b)
    best = 0.0
    for _ in range(5):
        started = time.perf_counter()
        np.multiply(c, 3, out=a)
        np.add(a, b, out=a)
        best = max(best, 5 * b.nbytes / (time.perf_counter() - started) / 1e9)
    return best


def measure(is_quick: bool) -> tuple[list[Figure], list[str]]:
    """Run all; the peer is left out where it is not installed."""
    warm(2)
    n, cell_m, repetitions = (300, 5.0, 1) if is_quick else (1000, 5.0, 3)
    ground = terrain(n, cell_m)
    kinds = {
        "without": (False, 1),
        "without, two threads": (False, 2),
        "with": (True, 1),
        "with, two threads": (True, 2),
    }
    has_peer = find_spec("landlab") is not None
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    peer: list[float] = []
    for repetition in range(repetitions):
        for turn in range(len(kinds)):
            kind = list(kinds)[(repetition + turn) % len(kinds)]
            advection, threads = kinds[kind]
            seconds, solver = ours(ground, cell_m, advection=advection, threads=threads)
            times[kind].append(seconds)
            if kind == "without":
                plain = solver
        if has_peer:
            seconds, depth = landlab(ground, cell_m)
            peer.append(seconds)
    roof = triad_gb_s() * 1e9 / BYTES
    figures = [Figure(f"{n} x {n} cells, 600 s, {kind} advection" if "threads" not in kind else
                      f"{n} x {n} cells, 600 s, {kind.replace(',', ' advection,')}", median(one), "s")
               for kind, one in times.items()]  # fmt: skip
    figures += [
        Figure("two threads / one, without advection", _ratio(times["without"], times["without, two threads"]), "x",
               at_least=1.6),
        Figure("cells and steps, one thread, without advection", plain._steps * n * n / median(times["without"]) / 1e6,
               "million/s"),
        Figure("share of the memory roof, without advection",
               plain._steps * n * n / median(times["without"]) / roof, "", at_least=0.30),
        Figure("mass error", plain.mass_error(), "", at_most=1e-6),
    ]  # fmt: skip
    notes = ["The roof is a triad of one thread over the bytes that a cell and step must move."]
    if has_peer:
        wet, other = plain.depth >= WET_M, depth >= WET_M
        figures += [
            Figure("Landlab, the same", median(peer), "s"),
            Figure("Landlab / ours, without advection", _ratio(peer, times["without"]), "x", at_least=12),
            Figure("Landlab / ours, with advection", _ratio(peer, times["with"]), "x", at_least=4),
            Figure("critical success index of 5 cm against Landlab",
                   float((wet & other).sum() / (wet | other).sum()), "", at_least=0.88),
        ]  # fmt: skip
    else:
        notes.append("Landlab is not installed and was left out (pip install landlab requireit==0.8.0).")
    whole = ((200, 20.0, 600.0), (200, 20.0, 600.0)) if is_quick else ((1000, 10.0, 21_600.0), (500, 20.0, 21_600.0))
    for name, (cells, size, end), limit in zip(("100 km2 at 10 m", "the same at 20 m"), whole, (60, 6), strict=True):
        seconds, _ = ours(terrain(cells, size), size, advection=False, threads=2, end_s=end)
        figures.append(Figure(f"{name}, six hours, two threads", seconds, "s", at_most=limit))
    started = time.perf_counter()
    code = "import numpy as np; from simulations.flood.solver import Solver as S; S(np.zeros((9, 9)), 1.0).run_to(1)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    figures.append(Figure("a new process until its first step", time.perf_counter() - started, "s", at_most=1))
    return figures, notes


def _ratio(above: list[float], below: list[float]) -> float:
    return median(a / b for a, b in zip(above, below, strict=True))
