"""Landlab and ANUGA on the storm of the flood benchmark, each in a process of its own with its own threads."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.settings import ROOT

MANNINGS_N, RAIN_MM_H, RAIN_S, END_S = 0.03, 100.0, 600.0, 600.0
OWN_STEP, FINE_STEP = 0.7, 0.2
"""Landlab's own Courant number, and one from which on its map does not change any more."""
SLOPE, UNIFORM_M, UNIFORM_S = 0.01, 0.05, 60.0
"""Slope [-], depth [m] and time [s] of uniform flow down a plane."""
Floats = NDArray[np.float64]


def has(peer: str) -> bool:
    """Tell whether a peer is installed."""
    return find_spec(peer) is not None


def run(what: str, ground: Floats, cell_m: float, *, threads: int = 1, step: float = OWN_STEP) -> tuple[float, Floats]:
    """Return the wall time [s] of a peer, and its depth [m] (or speed [m/s]) after the storm.

    Parameters
    ----------
    what
        Name of a function below.
    threads
        OpenMP threads of its process.
    step
        Courant number of Landlab.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "given.npz", Path(folder) / "found.npy"
        np.savez(given, ground=ground, cell_m=cell_m, step=step)
        command = [sys.executable, "-m", "tests.benchmarks.flood_peers", what, str(given), str(found)]
        seen = f"PYTHONPATH={os.pathsep.join(filter(None, sys.path))}"
        done = subprocess.run(["env", f"OMP_NUM_THREADS={threads}", seen, *command], cwd=ROOT, capture_output=True,
                              text=True, check=False)  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{what}: {done.stderr[-2000:]}")
        return json.loads(done.stdout.splitlines()[-1]), np.load(found)


def landlab(ground: Floats, cell_m: float, step: float) -> tuple[float, Floats]:
    """Run Landlab's OverlandFlow.

    Its closed edge is a ring of nodes that takes no part, so it gets one around the ground.
    """
    grid, flow = _overland_flow(ground, cell_m, step, RAIN_MM_H / 3.6e6)
    started = time.perf_counter()
    _flow(flow, END_S)
    return time.perf_counter() - started, _inside(grid, "surface_water__depth")


def landlab_whole_speed(ground: Floats, cell_m: float, step: float) -> tuple[float, Floats]:
    """Run it with the friction of the whole speed: its own counts that along a link alone."""
    grid, flow = _overland_flow(ground, cell_m, step, RAIN_MM_H / 3.6e6)
    rough = grid.add_full("mannings_n", MANNINGS_N, at="link")
    flow._mannings_n = "mannings_n"
    ny, nx = grid.shape
    places = np.arange(grid.number_of_links + nx)[: ny * (2 * nx - 1)].reshape(ny, 2 * nx - 1)
    across, along = places[:, : nx - 1], places[:-1, nx - 1 :]

    def more() -> None:
        q = grid.at_link["surface_water__discharge"]
        for own, other in ((q[across], _beside(q[along], 0)), (q[along], _beside(q[across], 1))):
            more = np.sqrt(np.hypot(own, other) / np.maximum(np.abs(own), 1e-6)).clip(1, 30)
            rough[across if own.shape == across.shape else along] = MANNINGS_N * more

    started = time.perf_counter()
    _flow(flow, END_S, more)
    return time.perf_counter() - started, _inside(grid, "surface_water__depth")


def _beside(q: Floats, axis: int) -> Floats:
    """Return the mean discharge across, of the four links around each link of the other direction."""
    wide = np.pad(q, [(1, 1), (0, 0)] if axis == 0 else [(0, 0), (1, 1)])
    mean = (wide[1:] + wide[:-1]) / 2 if axis == 0 else (wide[:, 1:] + wide[:, :-1]) / 2
    found: Floats = (mean[:, 1:] + mean[:, :-1]) / 2 if axis == 0 else (mean[1:] + mean[:-1]) / 2
    return found


def landlab_uniform(ground: Floats, cell_m: float, step: float) -> tuple[float, Floats]:
    """Let water of one depth run down a plane; return the speed in the middle [m/s]."""
    grid, flow = _overland_flow(ground, cell_m, step, 0.0)
    grid.at_node["surface_water__depth"][:] = UNIFORM_M
    started = time.perf_counter()
    _flow(flow, UNIFORM_S)
    middle = grid.number_of_nodes // 2 + grid.shape[1] // 2 * (1 - grid.shape[0] % 2)
    links = grid.links_at_node[middle]
    q = grid.at_link["surface_water__discharge"][links]
    speed = np.hypot((q[0] + q[2]) / 2, (q[1] + q[3]) / 2) / grid.at_node["surface_water__depth"][middle]
    return time.perf_counter() - started, np.array([speed])


def _overland_flow(ground: Floats, cell_m: float, step: float, rain_m_s: float) -> tuple[Any, Any]:
    from landlab import RasterModelGrid
    from landlab.components import OverlandFlow

    padded = np.pad(ground, 1, mode="edge")
    grid = RasterModelGrid(padded.shape, xy_spacing=cell_m)
    grid.add_field("topographic__elevation", padded.ravel().copy(), at="node")
    grid.add_zeros("surface_water__depth", at="node")
    grid.set_closed_boundaries_at_grid_edges(True, True, True, True)
    flow = OverlandFlow(grid, mannings_n=MANNINGS_N, rainfall_intensity=rain_m_s, steep_slopes=False, alpha=step)
    return grid, flow


def _flow(flow: Any, end_s: float, before: Any = None) -> None:
    t = 0.0
    while t < end_s:
        if before is not None:
            before()
        step = min(flow.calc_time_step(), end_s - t)
        flow.run_one_step(step)
        t += step


def _inside(grid: Any, name: str) -> Floats:
    found: Floats = grid.at_node[name].reshape(grid.shape)[1:-1, 1:-1]
    return found


def anuga(ground: Floats, cell_m: float, _step: float) -> tuple[float, Floats]:
    """Run ANUGA on as many triangles as there are cells; return its depth at the middles of the cells."""
    import anuga as peer
    from scipy.interpolate import RegularGridInterpolator
    from scipy.spatial import cKDTree

    n = len(ground)
    side, at = n * cell_m, (np.arange(n) + 0.5) * cell_m
    height = RegularGridInterpolator((at, at), ground, bounds_error=False, fill_value=None)
    domain = peer.rectangular_cross_domain(n // 2, n // 2, len1=side, len2=side)
    domain.set_store(False)
    domain.set_evolve_max_timestep(1.0)  # a dry start knows no wave that would bound the first step
    domain.set_quantity("elevation", lambda x, y: height(np.column_stack([y, x])))
    domain.set_quantity("stage", expression="elevation")
    domain.set_quantity("friction", MANNINGS_N)
    wall = peer.Reflective_boundary(domain)
    domain.set_boundary(dict.fromkeys(("left", "right", "top", "bottom"), wall))
    peer.Rate_operator(domain, rate=RAIN_MM_H, factor=1 / 3.6e6)
    started = time.perf_counter()
    for _ in domain.evolve(yieldstep=END_S, finaltime=END_S):
        pass
    seconds = time.perf_counter() - started
    stage, bed = (domain.quantities[name].centroid_values for name in ("stage", "elevation"))
    x, y = np.meshgrid(at, at)
    _, nearest = cKDTree(domain.centroid_coordinates).query(np.column_stack([x.ravel(), y.ravel()]))
    return seconds, (stage - bed)[nearest].reshape(n, n)


def main() -> None:
    """Run one peer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("landlab", "landlab_whole_speed", "landlab_uniform", "anuga"))
    parser.add_argument("given", type=Path)
    parser.add_argument("found", type=Path)
    asked = parser.parse_args()
    with np.load(asked.given) as given:
        seconds, found = globals()[asked.what](given["ground"], float(given["cell_m"]), float(given["step"]))
    np.save(asked.found, found)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
