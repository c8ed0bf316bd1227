"""The flood solver beside Landlab and ANUGA on one terrain and storm, and beside the memory of the machine."""

import subprocess
import sys
import time
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from simulations.flood.solver import Solver, warm
from tests.benchmarks import flood_peers as peers
from tests.benchmarks.flood_peers import END_S, MANNINGS_N, RAIN_MM_H, RAIN_S
from tests.benchmarks.table import Figure
from twin.settings import ROOT

TITLE = "the solver, alone and beside Landlab and ANUGA"
WET_M = 0.05
JUDGED, PEER_CELLS = 300, 500
"""Cells on a side where maps are compared, and where ANUGA runs on as many triangles."""
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


def uniform_flow(ground: NDArray[Any], cell_m: float) -> float:
    """Return the speed [m/s] of water of one depth in the middle of a plane."""
    solver = Solver(ground, cell_m, MANNINGS_N, peers.UNIFORM_M)
    solver.run_to(peers.UNIFORM_S)
    east, north = solver.velocity()
    middle = tuple(n // 2 for n in ground.shape)
    return float(np.hypot(east[middle], north[middle]))


def agreement(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Return the critical success index of 5 cm [-]."""
    wet, also = one >= WET_M, other >= WET_M
    return float((wet & also).sum() / (wet | also).sum())


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
    has_peer = peers.has("landlab")
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    peer: list[float] = []
    peer_threads: list[float] = []
    for repetition in range(repetitions):
        for turn in range(len(kinds)):
            kind = list(kinds)[(repetition + turn) % len(kinds)]
            advection, threads = kinds[kind]
            seconds, solver = ours(ground, cell_m, advection=advection, threads=threads)
            times[kind].append(seconds)
            if kind == "without":
                plain = solver
        if has_peer:
            seconds, depth = peers.run("landlab", ground, cell_m)
            peer.append(seconds)
            peer_threads.append(peers.run("landlab", ground, cell_m, threads=2)[0])
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
        figures += [
            Figure("Landlab, the same, one thread", median(peer), "s"),
            Figure("Landlab, the same, two threads", median(peer_threads), "s"),
            Figure("Landlab / ours, one thread each, without advection", _ratio(peer, times["without"]), "x",
                   at_least=12),
            Figure("Landlab / ours, one thread each, with advection", _ratio(peer, times["with"]), "x", at_least=4),
            Figure("Landlab / ours, two threads each, without advection",
                   _ratio(peer_threads, times["without, two threads"]), "x"),
            Figure("critical success index of 5 cm against Landlab", agreement(plain.depth, depth), "", at_least=0.88),
            *_judge(is_quick),
        ]  # fmt: skip
        notes.append(WHY)
    else:
        notes.append("Landlab is not installed and was left out.")
    if peers.has("anuga"):
        figures += _beside_anuga(is_quick)
    else:
        notes.append("ANUGA is not installed and was left out.")
    whole = ((200, 20.0, 600.0), (200, 20.0, 600.0)) if is_quick else ((1000, 10.0, 21_600.0), (500, 20.0, 21_600.0))
    for name, (cells, size, end), limit in zip(("100 km2 at 10 m", "the same at 20 m"), whole, (60, 6), strict=True):
        seconds, _ = ours(terrain(cells, size), size, advection=False, threads=2, end_s=end)
        figures.append(Figure(f"{name}, six hours, two threads", seconds, "s", at_most=limit))
    started = time.perf_counter()
    code = "import numpy as np; from simulations.flood.solver import Solver as S; S(np.zeros((9, 9)), 1.0).run_to(1)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    figures.append(Figure("a new process until its first step", time.perf_counter() - started, "s", at_most=1))
    return figures, notes


WHY = (
    "Landlab takes the friction of the speed along each link alone: down a slope that lies across its links at 45 "
    "degrees its water runs 2^(1/4) times as fast as Manning's formula says, and gathers sooner. Ours takes the whole "
    "speed. With the friction of the whole speed, and steps so fine that its map stands still, Landlab draws our map. "
    "ANUGA is a scheme with hydrostatic reconstruction: films of rain on slopes are its weak side, so that its index "
    "judges neither."
)


def _judge(is_quick: bool) -> list[Figure]:
    """Return why the maps differ: uniform flow down planes, and Landlab's map with a fine step and our friction."""
    n, cell_m = 80, 5.0
    y, x = np.mgrid[0:n, 0:n] * cell_m
    right = peers.UNIFORM_M ** (2 / 3) * peers.SLOPE**0.5 / MANNINGS_N
    diagonal = 50 - peers.SLOPE * (x + y) / 2**0.5
    ground = terrain(100 if is_quick else JUDGED, cell_m)
    _, solver = ours(ground, cell_m, advection=False, threads=1)
    seconds = ours(ground, cell_m, advection=False, threads=1)[0]
    took, fine = peers.run("landlab", ground, cell_m, step=peers.FINE_STEP)
    _, own_step = peers.run("landlab", ground, cell_m)
    _, whole = peers.run("landlab_whole_speed", ground, cell_m, step=peers.FINE_STEP)
    speed = float(peers.run("landlab_uniform", diagonal, cell_m)[1][0])
    return [
        Figure("speed on a diagonal plane over Manning's, ours", uniform_flow(diagonal, cell_m) / right, ""),
        Figure("speed on a diagonal plane over Manning's, Landlab", speed / right, ""),
        Figure("Landlab's own index between its step and a fine one", agreement(own_step, fine), ""),
        Figure("index against Landlab with the fine step", agreement(solver.depth, fine), ""),
        Figure("index against Landlab with the fine step and the whole speed", agreement(solver.depth, whole), "",
               at_least=0.88),
        Figure("Landlab with the fine step / ours, one thread each", took / seconds, "x"),
    ]  # fmt: skip


def _beside_anuga(is_quick: bool) -> list[Figure]:
    n, cell_m = (100 if is_quick else PEER_CELLS), 5.0
    ground = terrain(n, cell_m)
    took, depth = peers.run("anuga", ground, cell_m)
    seconds, solver = ours(ground, cell_m, advection=True, threads=1)
    return [
        Figure(f"ANUGA, {n * n:,} triangles, one thread", took, "s"),
        Figure("ANUGA / ours, as many cells, one thread each, with advection", took / seconds, "x", at_least=25),
        Figure("index against ANUGA", agreement(solver.depth, depth), ""),
    ]


def _ratio(above: list[float], below: list[float]) -> float:
    return median(a / b for a, b in zip(above, below, strict=True))
