"""Finding layers: ours by folder, others' by entry point."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from layers import load_layers, registry
from layers.registry import HERE, load_layer
from twin.errors import BadLayer


def copy_of(layer: str, folder: Path, name: str) -> Path:
    """Make a layer `name` like one of ours."""
    target = folder / name
    target.mkdir()
    text = (HERE / layer / "layer.toml").read_text("utf-8")
    (target / "layer.toml").write_text(text.replace(f'id = "{layer}"', f'id = "{name}"', 1), "utf-8")
    (target / "sample.json").write_bytes((HERE / layer / "sample.json").read_bytes())
    return target


def test_layers_are_in_order_of_their_ids() -> None:
    assert list(load_layers()) == sorted(load_layers())


def test_stateful_adapters_are_fresh_at_every_load() -> None:
    assert load_layers()["vessel"].adapt is not load_layers()["vessel"].adapt


def test_layer_of_others_comes_by_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copy_of("waste_bin", tmp_path, "street_lamp")
    module = SimpleNamespace(__name__="street_lamp", __file__=str(folder / "__init__.py"))
    point = SimpleNamespace(name="lamp", value="street_lamp", load=lambda: module)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] if group == registry.ENTRY_POINTS else [])
    assert load_layers()["street_lamp"].spec.title.ko == "스마트 수거함"


def test_id_that_stands_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copy_of("waste_bin", tmp_path, "waste_bin")
    module = SimpleNamespace(__name__="other", __file__=str(folder / "__init__.py"))
    monkeypatch.setattr(
        registry, "entry_points", lambda group: [SimpleNamespace(name="x", value="x", load=lambda: module)]
    )
    with pytest.raises(BadLayer, match="exists already"):
        load_layers()


def test_layer_without_a_sample_is_refused(tmp_path: Path) -> None:
    folder = copy_of("waste_bin", tmp_path, "lamp")
    (folder / "sample.json").unlink()
    with pytest.raises(BadLayer, match="exactly one sample"):
        load_layer(folder, "lamp")


def test_alarm_without_an_action_is_refused(tmp_path: Path) -> None:
    folder = copy_of("waste_bin", tmp_path, "lamp")
    path = folder / "layer.toml"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if not line.startswith("action")))
    with pytest.raises(BadLayer, match="action"):
        load_layer(folder, "lamp")
