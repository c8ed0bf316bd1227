"""A module is short enough to be read at one go."""

from tests.house.house import files, text

LIMIT = 400
HARD_LIMIT = 600
LONG = {
    "twin/model.py": "the whole schema in one place",
    "tests/gisdata/test_city.py": "one city is made once for all its tests",
}
"""Modules that had their second look, with why they stay long."""
SUFFIXES = {".py", ".js", ".mjs", ".ts"}


def lengths() -> dict[str, int]:
    return {str(path): len(text(path).splitlines()) for path in files() if path.suffix in SUFFIXES}


def test_modules_are_short():
    found = {path: n for path, n in lengths().items() if n > LIMIT and path not in LONG}
    assert not found, f"over {LIMIT} lines: divide it, or name it in LONG with the reason: {found}"


def test_no_module_is_very_long():
    found = {path: n for path, n in lengths().items() if n > HARD_LIMIT}
    assert not found, found


def test_the_list_of_long_modules_is_true():
    known = lengths()
    assert not [path for path in LONG if known.get(path, 0) <= LIMIT]
