"""Who may import whom, where import-linter cannot tell."""

from typing import get_args

import pytest

from layers import load_layers
from tests.house.house import files, imports, is_of, modules, strings
from twin.layer import Symbol
from twin.model import Base

ADAPTERS_MAY_USE = ("twin.report", "twin.errors", "twin.clock", "twin.crs", "twin.layer")


@pytest.mark.parametrize("package", ["pydeck", "dash_leaflet"])
def test_a_map_library_is_imported_by_one_frontend_file(package):
    users = {str(path) for path in modules() for _, name in imports(path) if is_of(name, package)}
    assert len(users) == 1, users
    assert users.pop().startswith("frontend/")


def test_only_the_app_mounts_the_screens():
    users = {str(path) for path in modules("backend") for _, name in imports(path) if is_of(name, "frontend")}
    assert users == {"backend/app.py"}


@pytest.mark.parametrize("package", ["layers", "simulations"])
def test_siblings_do_not_know_each_other(package):
    folders = {path.parts[1] for path in files() if path.parts[0] == package and len(path.parts) > 2}
    found = [
        f"{path}:{line}: {name}"
        for path in modules(package)
        if len(path.parts) > 2
        for line, name in imports(path)
        for folder in folders - {path.parts[1]}
        if is_of(name, f"{package}.{folder}")
    ]
    assert not found, found


def test_an_adapter_sees_messages_only():
    found = [
        f"{path}:{line}: {name}"
        for path in modules("layers")
        if path.name == "adapter.py"
        for line, name in imports(path)
        if is_of(name, "twin") and not any(is_of(name, one) for one in ADAPTERS_MAY_USE)
    ]
    assert not found, found


def test_a_layer_folder_holds_declaration_sample_and_adapter_only():
    found = [
        str(path)
        for path in files()
        if path.parts[0] == "layers" and len(path.parts) > 2
        if path.name not in ("layer.toml", "adapter.py", "__init__.py") and not path.match("layers/*/sample.*")
    ]
    assert not found, found


def test_the_twin_knows_no_layer_by_name():
    shapes = get_args(Symbol.model_fields["shape"].annotation)  # a bus is also a shape to draw
    names = set(load_layers()) - set(Base.metadata.tables) - set(shapes) - {"berth"}  # a berth is a part of the city
    found = [f"{path}:{line}: {value!r}" for path in modules("twin") for line, value in strings(path) if value in names]
    assert not found, found
