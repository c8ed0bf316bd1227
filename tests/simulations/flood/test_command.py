"""The command on any terrain: from two files to a folder of results; and everything that is refused."""

import argparse
import csv
import gzip
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from simulations.flood.command import add_arguments, simulate, verify
from simulations.flood.command import run as command_run
from simulations.flood.model import Model
from simulations.flood.result import Result
from simulations.flood.scenario import read_scenario
from simulations.flood.terrain import Terrain, read_terrain
from twin.crs import KOREA_CENTRAL, WGS84
from twin.errors import BadScenario
from twin.settings import ROOT

CELL, NY, NX = 10.0, 20, 30
TO_GROUND = Affine(CELL, 0, 200_000, 0, -CELL, 300_000)
SCENARIO: dict[str, Any] = {"duration_s": 600, "output_interval_s": 300, "rain": {"rate_mm_h": 60}}


def write(path: Path, values: np.ndarray, *, crs: int | None = KOREA_CENTRAL, transform: Affine = TO_GROUND,
          nodata: float | None = None) -> Path:  # fmt: skip
    profile = {"driver": "GTiff", "height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": "float32",
               "crs": crs and f"EPSG:{crs}", "transform": transform, "nodata": nodata}  # fmt: skip
    with rasterio.open(path, "w", **profile) as target:
        target.write(values.astype(np.float32), 1)
    return path


def valley() -> np.ndarray:
    """Return a valley that falls to the south, 5 m deep [m]."""
    y, x = np.mgrid[0:NY, 0:NX]
    return 20 - 0.1 * y + 0.02 * (x - NX / 2) ** 2


@pytest.fixture
def dem(tmp_path: Path) -> Path:
    return write(tmp_path / "dem.tif", valley())


def run(dem: Path, scenario: dict[str, Any], **more: Any) -> Result:
    file = dem.parent / "scenario.json"
    file.write_text(json.dumps(scenario))
    return simulate(dem, file, dem.parent / "out", more.pop("advection", None), more.pop("threads", 1), **more)


def read(path: Path, band: int = 1) -> np.ndarray:
    with rasterio.open(path) as source:
        assert source.profile["tiled"]
        return source.read(band)


def test_the_command_writes_rasters_gauges_frames_and_a_receipt(dem: Path) -> None:
    scenario = SCENARIO | {
        "boundaries": [{"edge": "south", "kind": "open", "slope": 0.01}],
        "gauges": [{"name": "outlet", "x": 200_155, "y": 299_805}],
    }
    (dem.parent / "s.json").write_text(json.dumps(scenario))
    out = dem.parent / "out"
    command = [ROOT / "gunsan", "simulate", "flood", "--dem", dem, "--scenario", dem.parent / "s.json", "--out", out]
    done = subprocess.run(
        [*command, "--advection", "on", "--threads", "2"], capture_output=True, check=True, cwd="/tmp"
    )
    assert b"mass error" in done.stdout
    assert b"100%" in done.stderr
    facts = json.loads((out / "result.json").read_text())
    assert facts["trusted"]
    rain = 60 / 3.6e6 * 600 * NX * NY * CELL**2
    assert facts["volumes_m3"]["rain"] == pytest.approx(rain, rel=1e-5)
    assert facts["volumes_m3"]["at_end"] - facts["volumes_m3"]["held"] == pytest.approx(rain, rel=1e-4)
    deepest = read(out / "max_depth.tif")
    assert deepest.shape == (NY, NX)
    assert deepest.max() == pytest.approx(1000 * facts["deepest_m"], abs=1)
    frames = np.frombuffer(gzip.decompress((out / "depth.u8.gz").read_bytes()), np.uint8).reshape(3, NY, NX)
    assert not frames[0].any()
    assert (np.abs(frames[2] * 20.0 - read(out / "depth.tif", 3)) <= 10).all()
    rows = list(csv.DictReader((out / "gauges.csv").open()))
    assert [float(row["t_s"]) for row in rows] == list(range(0, 601, 60))
    assert float(rows[-1]["depth_m"]) > 0.02
    assert float(rows[-1]["velocity_north_m_s"]) < 0
    assert verify(out) == 0
    (out / "max_depth.tif").write_bytes(b"")
    assert verify(out) == 1


def test_a_killed_run_goes_on_from_its_checkpoint_to_the_same_bytes(
    dem: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = read_scenario(SCENARIO | {"gauges": [{"name": "a", "x": 200_155, "y": 299_805}]}, tmp_path)
    terrain = read_terrain(dem, is_local=False, holes_are_walls=False)
    Model(terrain, scenario).run(tmp_path / "whole")
    monkeypatch.setattr("simulations.flood.model.CHECKPOINT_S", 0.0)

    def killed(share: float, what: str) -> None:
        if share >= 0.99:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Model(terrain, scenario).run(tmp_path / "cut", killed)
    assert (tmp_path / "cut" / "checkpoint.npz").exists()
    Model(terrain, scenario).run(tmp_path / "cut", resume=True)
    for name in ("depth.tif", "max_depth.tif", "gauges.csv", "depth.u8.gz"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes(), name


LEVEL = {"duration_s": 60, "output_interval_s": 60, "boundaries": [{"edge": "west", "kind": "level", "level_m": 50}]}


def test_levels_above_another_datum_than_the_terrain_are_refused(dem: Path) -> None:
    with rasterio.open(dem, "r+") as file:
        file.update_tags(vertical_datum="Incheon mean sea level")
    with pytest.raises(BadScenario, match="heights of the terrain are above Incheon mean sea level"):
        run(dem, LEVEL)
    with pytest.raises(BadScenario, match="levels are above chart datum"):
        run(dem, LEVEL | {"vertical_datum": "chart datum"})
    result = run(dem, LEVEL | {"vertical_datum": "m above mean sea level (Incheon)"})
    assert result.facts["vertical_datum"] == "m above mean sea level (Incheon)"
    assert run(dem, SCENARIO).facts["vertical_datum"] == "Incheon mean sea level"


def test_a_raster_of_levels_above_another_datum_is_refused(dem: Path) -> None:
    for path, datum in ((dem, "one"), (write(dem.parent / "level.tif", valley() + 1), "other")):
        with rasterio.open(path, "r+") as file:
            file.update_tags(vertical_datum=datum)
    with pytest.raises(BadScenario, match="levels above other, the terrain heights above one"):
        run(dem, SCENARIO | {"initial": {"level_m": "level.tif"}, "vertical_datum": "one"})


def test_levels_above_an_unnamed_datum_are_told(dem: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = dem.parent / "level.json"
    file.write_text(json.dumps(LEVEL))
    options = ["--dem", str(dem), "--scenario", str(file), "--out", str(dem.parent / "out")]
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert command_run(parser.parse_args(options)) == 0
    assert "neither terrain nor scenario names a vertical datum" in capsys.readouterr().err


def test_a_level_boundary_fills_the_ground_below_it(dem: Path) -> None:
    write(dem, np.zeros((NY, NX)))
    run(dem, {"duration_s": 7200, "output_interval_s": 7200, "boundaries": [
        {"edge": "west", "kind": "level", "level_m": [[0, 0], [1800, 0.5]]}]})  # fmt: skip
    assert np.abs(read(dem.parent / "out" / "depth.tif", 2).astype(int) - 500).max() <= 25


def test_a_discharge_through_a_part_of_an_edge_is_what_was_asked_for(dem: Path) -> None:
    result = run(dem, {"duration_s": 600, "output_interval_s": 600, "boundaries": [
        {"edge": "north", "kind": "discharge", "discharge_m3_s": 3, "from_m": 200_100, "to_m": 200_150}]})  # fmt: skip
    assert result.facts["volumes_m3"]["sources"] == pytest.approx(1800)
    assert result.facts["volumes_m3"]["at_end"] == pytest.approx(1800, rel=1e-4)


def test_rain_from_rasters_falls_where_and_when_they_say(dem: Path) -> None:
    half = np.zeros((NY, NX))
    half[:, : NX // 2] = 36
    rasters = [{"t_s": 0, "path": str(write(dem.parent / "a.tif", half))},
               {"t_s": 300, "path": str(write(dem.parent / "b.tif", np.zeros((NY, NX))))}]  # fmt: skip
    result = run(dem, SCENARIO | {"rain": {"rasters": rasters}})
    assert result.facts["volumes_m3"]["rain"] == pytest.approx(36 / 3.6e6 * 300 * NX / 2 * NY * CELL**2, rel=1e-5)


def test_between_gauges_it_rains_by_the_inverse_square_of_the_distance(dem: Path) -> None:
    """At distances 1 and 3 the near gauge counts 9 of 10: 0.9 * 100 + 0.1 * 0 = 90 mm/h."""
    gauges = [
        {"x": 200_005, "y": 299_995, "rate_mm_h": [[0, 100], [300, 0]]},
        {"x": 200_205, "y": 299_995, "rate_mm_h": [[0, 0]]},
    ]
    scenario = read_scenario(SCENARIO | {"rain": {"gauges": gauges}}, dem.parent)
    model = Model(read_terrain(dem, is_local=False, holes_are_walls=False), scenario)
    (first, rate), (second, later) = model._rain_steps()
    assert (first, second) == (0, 300)
    assert rate()[0, 5] * 3.6e6 == pytest.approx(90, rel=1e-5)
    assert (later() == 0).all()


def test_a_checkpoint_of_another_scenario_is_not_gone_on_from(
    dem: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulations.flood.model.CHECKPOINT_S", 0.0)
    terrain = read_terrain(dem, is_local=False, holes_are_walls=False)

    def killed(share: float, what: str) -> None:
        if share >= 0.99:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Model(terrain, read_scenario(SCENARIO, tmp_path)).run(tmp_path / "out", killed)
    other = read_scenario(SCENARIO | {"rain": {"rate_mm_h": 120}}, tmp_path)
    found = Model(terrain, other).run(tmp_path / "out", resume=True)
    rain = 120 / 3.6e6 * 600 * NX * NY * CELL**2
    assert found.facts["volumes_m3"]["rain"] == pytest.approx(rain, rel=1e-5)


def test_rain_after_the_end_is_not_simulated(dem: Path) -> None:
    result = run(dem, SCENARIO | {"rain": {"rate_mm_h": [[0, 60], [3600, 0]]}})
    assert result.facts["volumes_m3"]["rain"] == pytest.approx(60 / 3.6e6 * 600 * NX * NY * CELL**2, rel=1e-5)
    assert read(dem.parent / "out" / "duration_0.3m.tif").max() <= 600


def test_ground_swallows_at_most_its_infiltration(dem: Path) -> None:
    result = run(dem, SCENARIO | {"infiltration_mm_h": 100})
    volumes = result.facts["volumes_m3"]
    assert volumes["drained"] == pytest.approx(volumes["rain"], rel=0.05)
    assert result.facts["trusted"]


def two_ponds(**more: Any) -> tuple[Terrain, dict[str, Any]]:
    """Return a terrain of two ponds with a wall in between, and a scenario with a metre of water in the western one."""
    ground = np.zeros((8, 21))
    ground[:, 10] = 9
    depth = np.zeros((8, 21))
    depth[:, :10] = 1
    return Terrain(ground.astype(np.float32), Affine(CELL, 0, 0, 0, -CELL, 80), ""), {
        "duration_s": 3600, "output_interval_s": 3600, "crs": "local", **more,
    }  # fmt: skip


def ponds(structure: dict[str, Any], west_m: float, tmp_path: Path, duration_s: float = 3600) -> Model:
    terrain, scenario = two_ponds(structures=[structure], duration_s=duration_s)
    model = Model(terrain, read_scenario(scenario, tmp_path))
    model.solver.depth[:, :10] = west_m
    model.solver.depth[:, 11:] = 1.0 if west_m == 0 else 0.0
    model.solver.stored_at_start = model.solver.stored()
    model.solver.run_to(duration_s)
    assert model.solver.mass_error() < 1e-5
    return model


def test_a_pump_moves_exactly_what_it_reports(tmp_path: Path) -> None:
    pump = {"kind": "pump", "at": [45, 45], "to": [155, 45], "capacity_m3_s": 0.5, "failed_s": [[600, 1200]]}
    model = ponds(pump, 1.0, tmp_path, 1800)
    moved = model.solver.structures[0].moved_m3  # type: ignore[attr-defined]
    assert moved == pytest.approx(0.5 * 1200, rel=0.02)
    east = (model.solver.depth + model.solver._inner(model.solver.rest))[:, 11:]  # what was given last is still to come
    assert east.sum(dtype=float) * CELL**2 == pytest.approx(moved, rel=1e-5)


def test_a_pump_stops_at_its_lower_level(tmp_path: Path) -> None:
    pump = {"kind": "pump", "at": [45, 45], "capacity_m3_s": 1, "radius_m": 20}
    pump |= {"on_level_m": 0.9, "off_level_m": 0.6}
    model = ponds(pump, 1.0, tmp_path)
    assert model.solver.depth[:, :10].mean() == pytest.approx(0.6, abs=0.05)


def test_a_culvert_evens_out_two_ponds_and_a_gate_lets_nothing_back(tmp_path: Path) -> None:
    culvert = {"kind": "culvert", "at": [85, 45], "to": [125, 45], "width_m": 2, "height_m": 1, "sill_m": 0}
    model = ponds(culvert, 1.0, tmp_path, 7200)
    assert model.solver.depth[:, :10].mean() == pytest.approx(model.solver.depth[:, 11:].mean(), abs=0.02)
    gate = ponds(culvert | {"kind": "gate"}, 0.0, tmp_path)
    assert gate.solver.depth[:, :10].sum() <= 1e-5 * gate.solver.stored()


def test_a_barrier_holds_until_it_breaches(tmp_path: Path) -> None:
    terrain, scenario = two_ponds()
    terrain.elevation[:, 10] = 0
    barrier = {"kind": "barrier", "line": [[105, -5], [105, 85]], "crest_m": 2, "breach_at_s": 600, "breach_to_m": 0}
    model = Model(terrain, read_scenario(scenario | {"structures": [barrier], "advection": True}, tmp_path))
    model.solver.depth[:, :10] = 1
    model.solver.run_to(590)
    assert not model.solver.depth[:, 11:].any()
    model.solver.run_to(3600)
    assert model.solver.depth[:, 11:].mean() == pytest.approx(0.48, abs=0.06)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rain": {"rate_mm_h": -1}}, "negative"),
        ({"rain": {"rate_mm_h": [[0, 5], [60, -2]]}}, "negative"),
        ({"duration_s": 0}, "duration_s"),
        ({"unknown": 1}, "unknown"),
        ({"mannings_n": 3}, "Manning"),
        ({"mannings_n": "nowhere.tif"}, "no file"),
        ({"initial": {"depth_m": -1}}, "negative"),
        ({"gauges": [{"name": "far", "x": 0, "y": 0}]}, "outside the terrain"),
        ({"sources": [{"x": 1, "y": 2, "discharge_m3_s": 1}]}, "outside the terrain"),
        ({"boundaries": [{"edge": "north", "kind": "level", "level_m": 1}]}, "never reaches its ground"),
        ({"boundaries": [{"edge": "north", "kind": "level"}]}, "do not go together"),
        ({"boundaries": [{"edge": "north", "kind": "open", "from_m": 0, "to_m": 1}]}, "no ground along it"),
        ({"boundaries": [{"cells": [[99, 0]], "kind": "discharge", "discharge_m3_s": 1}]}, "outside"),
        ({"structures": [{"kind": "pump", "at": [200_005, 299_995], "capacity_m3_s": 1, "on_level_m": 1,
                          "off_level_m": 2}]}, "stops at"),
        ({"structures": [{"kind": "barrier", "line": [[0, 0], [1, 1]], "crest_m": 5}]}, "outside the terrain"),
    ],
)  # fmt: skip
def test_a_bad_scenario_is_refused_before_anything_runs(dem: Path, change: dict[str, Any], told: str) -> None:
    with pytest.raises(BadScenario, match=told):
        run(dem, SCENARIO | change)
    assert not list((dem.parent / "out").glob("*"))


def test_a_pump_on_a_wall_is_refused(dem: Path) -> None:
    ground = valley()
    ground[:, -1] = np.nan
    write(dem, ground, nodata=-9999)
    pump = {"kind": "pump", "at": [200_295, 299_905], "capacity_m3_s": 1}
    with pytest.raises(BadScenario, match="no ground"):
        run(dem, SCENARIO | {"structures": [pump]})


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"crs": None}, "no reference system"),
        ({"crs": WGS84, "transform": Affine(0.001, 0, 126.6, 0, -0.001, 36)}, "in degrees"),
        ({"transform": Affine(10, 0, 0, 0, -12, 0)}, "square"),
        ({"transform": Affine(10, 1, 0, 1, -10, 0)}, "turned"),
        ({"transform": Affine(10, 0, 0, 0, 10, 0)}, "upside down"),
        ({"transform": Affine(5000, 0, 0, 0, -5000, 0)}, "limits"),
    ],
)
def test_a_terrain_that_would_give_a_wrong_map_is_refused(dem: Path, more: dict[str, Any], told: str) -> None:
    write(dem, valley(), **more)
    with pytest.raises(BadScenario, match=told):
        run(dem, SCENARIO)


def test_holes_are_refused_unless_they_are_declared_walls(dem: Path) -> None:
    ground = valley()
    ground[5, 7] = np.nan
    write(dem, ground)
    with pytest.raises(BadScenario, match="row 5, column 7"):
        run(dem, SCENARIO)
    assert run(dem, SCENARIO | {"holes": "wall"}).facts["trusted"]


def test_a_terrain_larger_than_memory_is_refused_before_it_is_read(dem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulations.flood.terrain.BYTES_PER_CELL", 10**12)
    with pytest.raises(BadScenario, match="GiB of memory"):
        run(dem, SCENARIO)


def test_a_full_disk_is_said_in_one_line(dem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("simulations.flood.result.write_raster", full)
    with pytest.raises(BadScenario, match="No space left"):
        run(dem, SCENARIO)


def test_a_run_that_lost_water_is_not_to_be_trusted(dem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulations.flood.solver.Solver.mass_error", lambda _: 1.1e-4)
    assert not run(dem, SCENARIO).facts["trusted"]


def test_the_command_says_what_is_wrong_in_one_line(dem: Path) -> None:
    (dem.parent / "bad.json").write_text("{")
    command = [ROOT / "gunsan", "simulate", "flood", "--dem", dem, "--scenario", dem.parent / "bad.json", "--out",
               dem.parent / "out"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 1
    last = done.stderr.decode().strip().splitlines()[-1]
    assert last.startswith("gunsan: ")
    assert "bad.json cannot be read" in last
