"""A wheel carries everything that the packages need at run time."""

import tomllib
from pathlib import PurePath

from tests.house.house import PACKAGES, ROOT, files

TOOL = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def test_every_data_file_is_in_the_wheel():
    missing = [
        str(path)
        for path in files()
        if path.parts[0] in PACKAGES and path.suffix != ".py" and path.parts[:2] != ("frontend", "component")
        if not any(PurePath(*path.parts[1:]).match(pattern) for pattern in TOOL["package-data"].get(path.parts[0], ()))
    ]
    assert not missing, "name it in [tool.setuptools.package-data]:\n" + "\n".join(missing)


def test_the_wheel_carries_the_bundle_and_not_its_sources():
    assert "component/dist/*" in TOOL["package-data"]["frontend"]
    assert "frontend.component*" in TOOL["packages"]["find"]["exclude"]
