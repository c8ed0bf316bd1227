"""What a run leaves behind: rasters, the frame stack for the map, gauge tables, mass balance, receipt."""

import csv
import gzip
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from simulations.flood.scenario import Gauge, Scenario
from simulations.flood.solver import Solver
from simulations.flood.terrain import Terrain
from twin.crs import WGS84
from twin.errors import BadScenario

FRAME_STEP_M = 0.02
"""Depth of one step of a frame's code [m]; 255 stands for 5.1 m and more."""
TRUST = 1e-4
"""Mass error [-] above which a result must not be trusted."""
FRAMES = "depth.u8.gz"
COLUMNS = ("t_s", "depth_m", "level_m", "velocity_east_m_s", "velocity_north_m_s", "speed_m_s")


class Frames:
    """Depths at the times of output [mm], shape (n, ny, nx)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.times: list[float] = []
        self.frames: list[NDArray[np.uint16]] = []
        self._shape = shape

    def add(self, t: float, depth: NDArray[np.float32]) -> None:
        """Keep one."""
        self.times.append(t)
        self.frames.append(np.minimum(np.round(depth * 1000), 65535).astype(np.uint16))

    def kept(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"times": np.array(self.times), "frames": np.array(self.frames, np.uint16)}

    def load(self, more: dict[str, NDArray[Any]]) -> None:
        """Take what a checkpoint kept."""
        self.times, self.frames = more["times"].tolist(), list(more["frames"])

    def codes(self) -> bytes:
        """Return all frames as uint8 codes of `FRAME_STEP_M`, row 0 in the north."""
        return b"".join(
            np.minimum((frame + 10) // round(1000 * FRAME_STEP_M), 255).astype(np.uint8).tobytes()
            for frame in self.frames
        )


class GaugeTable:
    """Series at points; a point between cell centres is weighted by distance (bilinear)."""

    def __init__(self, terrain: Terrain, gauges: list[Gauge]) -> None:
        self.names = [gauge.name for gauge in gauges]
        self.rows: list[list[list[float]]] = []
        self._points = [(~terrain.transform @ (gauge.x, gauge.y)) for gauge in gauges]

    def add(self, t: float, solver: Solver) -> None:
        """Read all points now."""
        if not self._points:
            return
        east, north = solver.velocity()
        depth, level = solver.depth, solver.level
        self.rows.append([[t, *_read(column, row, depth, level, east, north)] for column, row in self._points])

    def kept(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"gauges": np.array(self.rows)}

    def load(self, more: dict[str, NDArray[Any]]) -> None:
        """Take what a checkpoint kept."""
        self.rows = more["gauges"].tolist()


def _read(
    column: float, row: float, depth: NDArray[Any], level: NDArray[Any], east: NDArray[Any], north: NDArray[Any]
) -> list[float]:
    ny, nx = depth.shape
    c, r = column - 0.5, row - 0.5
    c0, r0 = int(np.floor(c + 1e-9)), int(np.floor(r + 1e-9))
    found = np.zeros(4)
    whole = wet = 0.0
    for i, j in ((r0, c0), (r0, c0 + 1), (r0 + 1, c0), (r0 + 1, c0 + 1)):
        weight = max(0.0, 1 - abs(r - i)) * max(0.0, 1 - abs(c - j))
        i, j = min(max(i, 0), ny - 1), min(max(j, 0), nx - 1)
        if weight <= 1e-9 or level[i, j] > 9e5:  # a wall
            continue
        whole += weight
        found[0] += weight * depth[i, j]
        found[2:] += weight * np.array([east[i, j], north[i, j]])
        if depth[i, j] > 1e-4:
            wet += weight
            found[1] += weight * level[i, j]
    i, j = min(max(int(row), 0), ny - 1), min(max(int(column), 0), nx - 1)
    stands = found[1] / wet if wet else float(level[i, j])
    found /= max(whole, 1e-9)
    return [float(found[0]), stands, float(found[2]), float(found[3]), float(np.hypot(found[2], found[3]))]


@dataclass
class Result:
    """What was found, as written to `result.json`."""

    facts: dict[str, Any]
    frames: Frames
    files: list[str] = field(default_factory=list)

    @classmethod
    def write(
        cls, out: Path, terrain: Terrain, scenario: Scenario, solver: Solver, frames: Frames, gauges: GaugeTable,
        wall_s: float, more: dict[str, Any],
    ) -> "Result":  # fmt: skip
        """Write all files of a run.

        Parameters
        ----------
        more
            Facts that stand beside those of the solver.

        Raises
        ------
        BadScenario
            The disk does not take them.
        """
        try:
            return cls._write(out, terrain, scenario, solver, frames, gauges, wall_s, more)
        except OSError as error:
            raise BadScenario(f"the result cannot be written to {out}: {error}") from error

    @classmethod
    def _write(
        cls, out: Path, terrain: Terrain, scenario: Scenario, solver: Solver, frames: Frames, gauges: GaugeTable,
        wall_s: float, more: dict[str, Any],
    ) -> "Result":  # fmt: skip
        ground = np.isfinite(terrain.elevation)
        deepest = solver.most("depth")
        rasters: dict[str, tuple[NDArray[Any], str]] = {
            "max_depth": (millis(deepest), "mm"),
            "max_speed": (millis(solver.most("speed")), "mm/s"),
            # debris factor of Defra FD2321: none in water below 0.25 m, one above
            "hazard": (millis(solver.most("hazard") + (deepest > 0.25)), "0.001 m2/s"),
            "arrival_0.1m": (_seconds(solver.most("arrival_low")), "s"),
            "arrival_0.3m": (_seconds(solver.most("arrival_high")), "s"),
            "duration_0.3m": (_seconds(solver.most("above")), "s"),
        }
        for name, (values, unit) in rasters.items():
            nodata = np.iinfo(values.dtype).max
            write_raster(out / f"{name}.tif", terrain, np.where(ground, values, nodata)[None], [unit])
        stack = np.where(ground, np.array(frames.frames), 65535).astype(np.uint16)
        write_raster(out / "depth.tif", terrain, stack, [f"mm at t={t:g} s" for t in frames.times])
        (out / FRAMES).write_bytes(gzip.compress(frames.codes(), 4, mtime=0))
        files = [*(f"{name}.tif" for name in rasters), "depth.tif", FRAMES]
        if gauges.names:
            files += _write_gauges(out, gauges)
        error = solver.mass_error()
        facts = {
            "title": scenario.title, "trusted": error <= TRUST, "mass_error": error,
            "volumes_m3": solver.flow | {"at_start": solver.stored_at_start, "at_end": solver.stored()},
            "area_flooded_m2": float((deepest[ground] >= 0.05).sum()) * terrain.cell_size**2,
            "deepest_m": float(deepest[ground].max()), "steps": solver._steps, "wall_s": wall_s,
            "depth": {"file": FRAMES, "nx": solver.nx, "ny": solver.ny, "times_s": frames.times,
                      "step_m": FRAME_STEP_M, "corners": _corners(terrain)},
            "files": files,
        } | more  # fmt: skip
        (out / "result.json").write_text(json.dumps(facts, indent=1))
        return cls(facts, frames, files)


def millis(values: NDArray[Any]) -> NDArray[np.uint16]:
    """Return metres as whole millimetres."""
    return np.minimum(np.round(values * 1000), 65534).astype(np.uint16)


def _seconds(values: NDArray[Any]) -> NDArray[np.uint32]:
    known = np.round(np.maximum(values, 0)).astype(np.uint32)
    return np.where(values < 0, np.uint32(np.iinfo(np.uint32).max), known)


def write_raster(path: Path, terrain: Terrain, bands: NDArray[Any], what: list[str]) -> None:
    """Write bands of whole numbers as a cloud-optimised GeoTIFF; the greatest number stands for no data."""
    count, ny, nx = bands.shape
    profile = {
        "driver": "COG", "height": ny, "width": nx, "count": count, "dtype": bands.dtype.name,
        "nodata": int(np.iinfo(bands.dtype).max), "crs": terrain.crs or None, "transform": terrain.transform,
        "compress": "DEFLATE", "overviews": "NONE",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as target:
        target.write(bands)
        for number, text in enumerate(what, start=1):
            target.set_band_description(number, text)


def _write_gauges(out: Path, gauges: GaugeTable) -> list[str]:
    with (out / "gauges.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["gauge", *COLUMNS])
        for number, name in enumerate(gauges.names):
            for row in gauges.rows:
                table.writerow([name, *(f"{value:.6g}" for value in row[number])])
    return ["gauges.csv"]


def _corners(terrain: Terrain) -> list[tuple[float, float]] | None:
    """Return lon and lat of the corners nw, ne, se, sw; None of local metres."""
    if not terrain.crs:
        return None
    ny, nx = terrain.elevation.shape
    to = Transformer.from_crs(CRS.from_wkt(terrain.crs), WGS84, always_xy=True)
    return [to.transform(*(terrain.transform @ at)) for at in ((0, 0), (nx, 0), (nx, ny), (0, ny))]
