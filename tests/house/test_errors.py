"""The error tree is drawn where it grows."""

import pkgutil
from importlib import import_module

import twin.errors
from tests.house.house import PACKAGES
from twin.errors import HTTP_STATUS, TwinError

INDENT = 4


def drawn() -> dict[str, str | None]:
    """Return error -> parent, as the docstring draws them."""
    parents: dict[str, str | None] = {}
    above: list[str] = []
    for line in (twin.errors.__doc__ or "").splitlines():
        bare = line.lstrip(" │├└─")
        name = bare.split(" ")[0]
        if not name or not isinstance(getattr(twin.errors, name, None), type):
            continue
        depth = (len(line) - len(bare)) // INDENT
        above = above[:depth]
        parents[name] = above[-1] if above else None
        above.append(name)
    return parents


def subclasses(kind: type) -> dict[str, str | None]:
    """Return error -> parent, as they are."""
    found: dict[str, str | None] = {}
    for child in kind.__subclasses__():
        found |= {child.__name__: kind.__name__} | subclasses(child)
    return found


def test_the_drawing_is_the_tree():
    for package in PACKAGES:
        for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
            if "migrations" not in module.name and not module.name.endswith("__main__"):
                import_module(module.name)
    assert drawn() == {"TwinError": None} | subclasses(TwinError)


def test_every_first_branch_has_a_status():
    assert set(HTTP_STATUS) == set(TwinError.__subclasses__())
