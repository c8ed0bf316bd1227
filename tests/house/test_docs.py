"""The documents are true: links, commands, examples, generated pages."""

import base64
import json
import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import rasterio
from affine import Affine

from docs.generate import PAGES, page
from frontend.pages.console import KEYS
from layers import load_layers
from layers.check import results_of
from layers.registry import load_layer
from simulations import simulation_of
from simulations.flood.model import Model
from simulations.flood.scenario import read_scenario
from simulations.flood.terrain import Terrain
from tests.house.house import ROOT, files, text
from twin.crs import CITY_BBOX, KOREA_CENTRAL, WGS84, transformer
from twin.errors import BadMessage
from twin.report import Report
from twin.state import LayerState

DOCUMENTS = [path for path in files() if path.suffix == ".md"]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\S*)([^\n]*)\n(.*?)^```$", re.M | re.S)
QUANTITY = re.compile(
    r"(?<![\w.])\d[\d.,]*\s?(ns|us|µs|ms|s|min|h|kB|MB|GB|%|times|rows|events|messages|people|ships|km|m|초|분|건|배)\b"
)
GENERATED = {f"docs/reference/{name}" for name in ("benchmarks.md", *PAGES)}


def anchors(document: str) -> set[str]:
    return {
        re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", FENCE.sub("", document), re.M)
    }


def fences(path: str, kind: str) -> list[tuple[str, str]]:
    """Return note and text of the fenced blocks of one kind."""
    return [(note.strip(), body) for found, note, body in FENCE.findall((ROOT / path).read_text()) if found == kind]


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_every_link_leads_somewhere(path):
    broken = []
    for target in LINK.findall(FENCE.sub("", text(path))):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        place = (ROOT / path.parent / name).resolve() if name else ROOT / path
        if not place.exists() or (anchor and anchor not in anchors(place.read_text())):
            broken.append(target)
    assert not broken, broken


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_the_first_screen_shows_what_it_is_and_both_commands(name):
    lines = (ROOT / name).read_text().splitlines()
    first = "\n".join(lines[:16])
    assert len(lines) <= 120
    assert "./gunsan up" in first
    assert "./gunsan test" in first
    assert "](docs/images/console-1920.jpg)" in first


def test_the_changelog_knows_the_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert f"## [{version}]" in changes
    assert "## [Unreleased]" in changes


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_the_code_says(name):
    assert (ROOT / "docs" / "reference" / name).read_text() == page(name), "run: python -m docs.generate"


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if str(path) not in GENERATED], ids=str)
def test_a_quantity_in_prose_names_its_source(path):
    found = [
        item
        for item in re.split(r"\n(?=- |\||\n)", FENCE.sub("", text(path)))
        if QUANTITY.search(re.sub(r"`[^`]*`|\]\([^)]*\)", "", item)) and "design study" not in item.lower()
    ]
    assert not found, "generate it, test it, or quote the design study:\n" + "\n".join(found)


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "adr").glob("0*.md")), ids=lambda path: path.name)
def test_a_decision_has_context_decision_and_consequences_on_one_page(path):
    lines = path.read_text().splitlines()
    assert lines[0].startswith(f"# ADR {int(path.name[:4])}: ")
    assert [line for line in lines if line.startswith("## ")] == ["## Context", "## Decision", "## Consequences"]
    assert len(lines) <= 60
    assert path.name in (path.parent / "README.md").read_text()


def test_the_tutorial_names_the_keys_of_the_console():
    tutorial = (ROOT / "docs" / "tutorial" / "first-city.md").read_text()
    assert re.findall(r"^\| `([^`]+)` \|", tutorial, re.M) == [key for key, _ in KEYS]


def test_the_messages_of_the_how_to_are_taken():
    layers, seen = load_layers(), 0
    for note, body in fences("docs/how-to/real-sources.md", "json"):
        if note.startswith("layer="):
            layer = layers[note.removeprefix("layer=")]
            entries = list(layer.adapt(body.encode(), datetime(2026, 5, 1, 1, tzinfo=UTC)))
            assert entries
            assert all(isinstance(entry, Report) and results_of(layer.spec, entry) for entry in entries)
            seen += 1
    assert seen >= 3


def test_the_scenario_of_the_how_to_runs(tmp_path):
    (_, body), _ = fences("docs/how-to/simulate-a-flood.md", "json")
    ground = np.repeat(20 - 0.1 * np.arange(20.0)[:, None], 30, axis=1).astype(np.float32)
    terrain = Terrain(ground, Affine(10, 0, 200_000, 0, -10, 300_000), "")
    result = Model(terrain, read_scenario(json.loads(body), tmp_path)).run(tmp_path / "out")
    assert result.facts["trusted"]
    told = set(re.findall(r"`([\w.]+\.(?:tif|csv|json))`", (ROOT / "docs/how-to/simulate-a-flood.md").read_text()))
    assert {name for name in result.files if name != "depth.u8.gz"} <= told


def test_the_commands_on_a_real_terrain_and_sewers_work(tmp_path):
    """A survey in degrees of ground that falls to the south goes the way that the page describes."""
    page = "docs/how-to/real-terrain-and-sewers.md"
    for kind in ("ini", "json"):
        for name, body in fences(page, kind):
            (tmp_path / name).write_text(body)
    (tmp_path / "gunsan").symlink_to(ROOT / "gunsan")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    x, y = transformer(KOREA_CENTRAL, WGS84).transform([200_000, 200_600], [300_000, 300_500])
    ground = np.repeat(np.linspace(8, 2, 50)[:, None], 60, axis=1).astype(np.float32)
    cell_x, cell_y = (x[1] - x[0]) / 60, (y[1] - y[0]) / 50
    options = {"driver": "GTiff", "height": 50, "width": 60, "count": 1, "dtype": "float32", "crs": f"EPSG:{WGS84}",
               "transform": Affine(cell_x, 0, x[0], 0, -cell_y, y[1])}  # fmt: skip
    with rasterio.open(tmp_path / "survey.tif", "w", **options) as survey:
        survey.write(ground, 1)
    commands = [line for note, body in fences(page, "sh") if note == "run" for line in body.splitlines()]
    assert len(commands) == 5
    for command in commands:
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}"
    facts = json.loads((tmp_path / "result" / "result.json").read_text())
    assert facts["vertical_datum"] == "Incheon mean sea level"
    assert facts["sewer_m3"]["taken"] > 0


def test_the_question_of_the_how_to_is_taken():
    ((_, body),) = fences("docs/how-to/close-a-road.md", "json")
    asked = simulation_of("traffic").check(json.loads(body))
    assert [one["event"] for one in asked["events"]] == ["close", "close", "close", "inform"]


def test_the_layer_of_the_how_to_is_a_layer(tmp_path):
    folder = tmp_path / "street_lamp"
    folder.mkdir()
    for kind in ("toml", "json"):
        for note, body in fences("docs/how-to/add-a-layer.md", kind):
            (folder / note.removeprefix("file=")).write_text(body)
    layer = load_layer(folder, "street_lamp")
    received = datetime(2026, 5, 1, 12, tzinfo=UTC) + timedelta(minutes=1)
    for entry in layer.adapt(layer.sample, received):
        assert not isinstance(entry, BadMessage)
        assert results_of(layer.spec, entry)


def test_the_decoded_frame_is_what_the_server_sends():
    ((_, program),) = fences("docs/reference/websocket.md", "python")
    names: dict[str, object] = {}
    exec(program, names)  # our own document
    state = LayerState(load_layers()["rain"].spec)
    state._resize([7])
    state.lon[:], state.lat[:] = 126.73688, 35.96763
    for index, result in enumerate((24.5, 4.5, 18.0)):
        one = (np.array([7], np.uint32), np.array([index], np.uint16), np.array([1777593600.0]), np.array([result]))
        state.update(*one)
    state.set_severity(7, 1)
    made = state.encode(-1, CITY_BBOX, 1777593600250)
    assert made == names["frame"], f"put it into the document: {base64.b64encode(made or b'').decode()}"
