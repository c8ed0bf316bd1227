"""Sewers under the surface: a real SWMM, whose volumes close with those of the surface."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine

from simulations.flood.model import Model, Tell
from simulations.flood.result import Result
from simulations.flood.scenario import read_scenario
from simulations.flood.terrain import Terrain
from twin.errors import BadScenario

CELL = 10.0
NETWORK = """
[OPTIONS]
FLOW_UNITS {units}
FLOW_ROUTING DYNWAVE
LINK_OFFSETS ELEVATION
START_DATE 01/01/2026
START_TIME 00:00:00
END_DATE 01/01/2026
END_TIME {end}
ROUTING_STEP 1
VARIABLE_STEP 0
ALLOW_PONDING NO
[JUNCTIONS]
HIGH {high} 2.0 0 0 0
LOW {low} 2.0 0 0 0
[OUTFALLS]
OUT {out} FIXED {sea}
[CONDUITS]
C1 HIGH LOW 100 0.013 {high} {low}
C2 LOW OUT 100 0.013 {low} {out}
[XSECTIONS]
C1 CIRCULAR 0.8 0 0 0
C2 CIRCULAR {throat} 0 0 0
[COORDINATES]
HIGH 45 45
LOW 155 45
"""


def network(folder: Path, **given: Any) -> Path:
    facts = {"units": "CMS", "end": "06:00:00", "high": 3.0, "low": -2.0, "out": -3.0, "sea": -2.5, "throat": 0.8}
    path = folder / "sewer.inp"
    path.write_text(NETWORK.format(**facts | given))
    return path


def run(
    folder: Path, high_m: float, low_m: float, *, resume: bool = False, tell: Tell = lambda share, what: None,
    **more: Any,
) -> tuple[Model, Result]:  # fmt: skip
    """Let two basins, at 5 m and at 0 m with a wall between them, drain for an hour."""
    ground = np.zeros((8, 21))
    ground[:, :10], ground[:, 10] = 5, 20
    scenario = {"duration_s": 3600, "output_interval_s": 600, "crs": "local", "sewer": {"model": "sewer.inp"}} | more
    terrain = Terrain(ground.astype(np.float32), Affine(CELL, 0, 0, 0, -CELL, 80), "")
    model = Model(terrain, read_scenario(scenario, folder))
    model.solver.depth[:, :10], model.solver.depth[:, 11:] = high_m, low_m
    model.solver.stored_at_start = model.solver.stored()
    return model, model.run(folder / "out", tell, resume=resume)


def test_what_the_surface_loses_is_what_swmm_takes(tmp_path: Path) -> None:
    network(tmp_path)
    model, result = run(tmp_path, 0.3, 0.0)
    sewer = result.facts["sewer_m3"]
    assert sewer["taken"] > 400
    assert sewer["unclosed"] < 1e-5
    assert result.facts["mass_error"] < 1e-5
    stored = model.solver.stored()
    assert model.solver.stored_at_start - stored == pytest.approx(sewer["taken"] - sewer["returned"], rel=1e-5)
    assert 0.5 * sewer["taken"] < sewer["outflow"] <= sewer["taken"]


@pytest.mark.parametrize("killed_at", [0.4, 0.9])
def test_a_killed_run_with_a_sewer_goes_on_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: float
) -> None:
    network(tmp_path, throat=0.1)
    _, whole = run(tmp_path, 0.3, 0.0)
    (tmp_path / "out").rename(tmp_path / "whole")
    monkeypatch.setattr("simulations.flood.model.CHECKPOINT_S", 0.0)

    def killed(share: float, what: str) -> None:
        if share >= killed_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, 0.3, 0.0, tell=killed)
    _, resumed = run(tmp_path, 0.3, 0.0, resume=True)
    assert resumed.facts["sewer_m3"] == whole.facts["sewer_m3"]
    for name in ("depth.tif", "max_depth.tif", "depth.u8.gz"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "out" / name).read_bytes(), name


def test_a_sewer_that_changed_since_the_stop_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network(tmp_path, throat=0.1)
    monkeypatch.setattr("simulations.flood.model.CHECKPOINT_S", 0.0)

    def killed(share: float, what: str) -> None:
        if share >= 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, 0.3, 0.0, tell=killed)
    network(tmp_path, throat=0.8)
    with pytest.raises(BadScenario, match="does not answer as it did"):
        run(tmp_path, 0.3, 0.0, resume=True)


def test_water_from_above_comes_up_where_the_pipe_is_too_small(tmp_path: Path) -> None:
    """Six metres of head fill a pipe whose throat lets little out: the low basin floods from below, and only so."""
    network(tmp_path, throat=0.1)
    model, result = run(tmp_path, 0.3, 0.0)
    assert result.facts["sewer_m3"]["returned"] > 100
    assert model.solver.depth[:, 11:].sum() * CELL**2 > 100
    assert result.facts["mass_error"] < 1e-5


def test_an_inlet_takes_what_falls_over_its_kerb(tmp_path: Path) -> None:
    """2/3 * 0.58 * 1 m * sqrt(2g) * 0.1^1.5 = 0.054 m3/s at 0.1 m of water."""
    network(tmp_path)
    model, _ = run(tmp_path, 0.0, 0.0)
    inlet = model.sewer.inlets[0]  # type: ignore[union-attr]
    model.solver.depth[:, :10] = 0.1
    assert inlet.flow(model.solver, -1.0) == pytest.approx(0.0542, abs=2e-4)
    assert inlet.flow(model.solver, 5.11) == 0, "the node stands as high as the street"


def test_the_same_run_twice_is_the_same(tmp_path: Path) -> None:
    network(tmp_path, throat=0.2)
    first, _ = run(tmp_path, 0.3, 0.0)
    second, _ = run(tmp_path, 0.3, 0.0)
    assert (first.solver._old == second.solver._old).all()


@pytest.mark.parametrize(
    ("given", "more", "told"),
    [
        ({"units": "LPS"}, {}, "FLOW_UNITS CMS"),
        ({"throat": -1}, {}, "ERROR"),
        ({"end": "00:10:00"}, {}, "ends after"),
        ({}, {"sewer": {"model": "sewer.inp", "inlets": [{"node": "NOWHERE", "x": 45, "y": 45}]}}, "sewer model"),
        ({}, {"sewer": {"model": "sewer.inp", "inlets": [{"node": "HIGH", "x": 1050, "y": 45}]}}, "HIGH"),
        ({}, {"sewer": {"model": "nothing.inp"}}, "no file"),
    ],
)
def test_a_sewer_that_cannot_be_right_is_refused(tmp_path: Path, given: dict, more: dict, told: str) -> None:
    network(tmp_path, **given)
    with pytest.raises(BadScenario, match=told):
        run(tmp_path, 0.1, 0.0, **more)
