"""The map's spec."""

import json
import subprocess
from pathlib import Path

import pytest

from frontend.build import COMPONENT, ensure_bundle
from frontend.shapes import SHAPES
from frontend.twin_map import TwinMap, map_spec
from layers import load_layers

LAYERS = [layer.spec for layer in load_layers().values()]
ROOT = Path(__file__).parents[2]


def test_every_layer_names_its_stream_and_bears_its_own_id() -> None:
    spec = map_spec(LAYERS)
    assert {layer["id"]: layer["data"] for layer in spec["layers"]} == {one.id: f"live://{one.id}" for one in LAYERS}


def test_pydeck_makes_no_expression_of_what_a_layer_says() -> None:
    assert "@@=" not in json.dumps(map_spec(LAYERS))


def test_the_spec_holds_what_the_map_draws_by() -> None:
    for drawn in map_spec(LAYERS)["layers"]:
        live = drawn["live"]
        assert live["symbol"]["shape"] in SHAPES
        assert {"interval_s", "stale_after_s", "is_moving", "height", "properties"} <= live.keys()


def test_layers_are_drawn_by_priority() -> None:
    priorities = [drawn["live"]["symbol"]["priority"] for drawn in map_spec(LAYERS)["layers"]]
    assert priorities == sorted(priorities)


def test_no_layer_is_known_by_name_to_the_screens() -> None:
    ids = {one.id for one in LAYERS} - {"rain", "bus"}
    for path in [
        *(ROOT / "frontend").rglob("*.py"),
        *(COMPONENT / "src").iterdir(),
        *(ROOT / "frontend/assets").iterdir(),
    ]:
        text = path.read_text("utf-8")
        assert not [one for one in ids if f'"{one}"' in text or f"'{one}'" in text], path


def test_component_refuses_a_property_that_it_does_not_have() -> None:
    TwinMap(id="map", spec={})
    with pytest.raises(TypeError):
        TwinMap(id="map", specs={})


def test_lock_file_names_no_registry_and_keeps_every_hash() -> None:
    lock = json.loads((COMPONENT / "package-lock.json").read_text("utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert not [name for name, entry in packages.items() if "resolved" in entry]
    assert not [name for name, entry in packages.items() if "integrity" not in entry]


def test_bundle_is_small_enough_and_calls_nobody() -> None:
    dist = ensure_bundle(lambda line: None)
    scripts = [dist / "twin_map.js", dist / "maplibre-gl-worker.mjs"]
    sizes = [len(subprocess.run(["gzip", "-c", path], capture_output=True, check=True).stdout) for path in scripts]
    assert sum(sizes) <= 800_000
