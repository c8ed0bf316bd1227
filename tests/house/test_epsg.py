"""EPSG numbers stand in one file."""

import ast
import re

from tests.house.house import modules, strings, tree
from twin import crs

HOME = "twin/crs.py"
NUMBERS = {value for name, value in vars(crs).items() if name.isupper() and isinstance(value, int)}
IN_TEXT = re.compile(r"(?i)epsg:\s*\d|\b(" + "|".join(map(str, sorted(NUMBERS))) + r")\b")


def test_epsg_numbers_stand_in_one_file():
    found = []
    for path in modules():
        if str(path) == HOME:
            continue
        found += [
            f"{path}:{node.lineno}: {node.value}"
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Constant) and type(node.value) is int and node.value in NUMBERS
        ]
        found += [f"{path}:{line}: {value[:60]!r}" for line, value in strings(path) if IN_TEXT.search(value)]
    assert not found, "use the names of twin.crs:\n" + "\n".join(found)
