"""Locked requirements are pinned, hashed, and bound to no package index."""

import json
import re
import tomllib

import pytest

from tests.house.house import ROOT, text

LOCKS = sorted(path.relative_to(ROOT) for path in ROOT.glob("requirements*.lock"))
PACKAGE_LOCK = ROOT / "frontend" / "component" / "package-lock.json"
REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+(\[[a-z0-9,_-]+\])?==[^\s;]+( ; .+?)?( --hash=sha256:[0-9a-f]{64})+")


def entries(path) -> list[str]:
    lines = [line for line in text(path).splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return re.sub(r"\s*\\\n\s*", " ", "\n".join(lines)).splitlines()


def test_there_are_locks():
    assert len(LOCKS) == 2


@pytest.mark.parametrize("path", LOCKS, ids=str)
def test_every_requirement_is_pinned_and_hashed(path):
    assert entries(path)
    assert not [entry[:80] for entry in entries(path) if not REQUIREMENT.fullmatch(entry)]


@pytest.mark.parametrize("path", LOCKS, ids=str)
def test_a_lock_names_no_index(path):
    assert "://" not in text(path)
    assert not [
        line for line in text(path).splitlines() if re.match(r"\s*(-i\b|--(extra-)?index|--find-links|-f\b)", line)
    ]


def test_every_dependency_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = {re.split(r"[\[=]", entry)[0].lower() for entry in entries(LOCKS[-1])}
    wanted = {re.split(r"[\[<>=]", need)[0].lower() for need in project["dependencies"]}
    assert not wanted - locked


def test_npm_packages_are_hashed_and_name_no_host():
    packages = json.loads(PACKAGE_LOCK.read_text())["packages"]
    outside = {name: facts for name, facts in packages.items() if name}
    assert outside
    assert not [name for name, facts in outside.items() if "resolved" in facts]
    assert not [name for name, facts in outside.items() if "integrity" not in facts]
