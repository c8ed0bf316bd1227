"""What the rules of the house look at: the project's own files, read and parsed once."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from twin.settings import ROOT

PACKAGES = ("twin", "layers", "gisdata", "simulations", "backend", "frontend")


@cache
def files() -> tuple[Path, ...]:
    """Return every file that is committed, or would be by `git add --all`, relative to the root."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return tuple(sorted(Path(name) for name in set(listed.split("\0")) if name and (ROOT / name).is_file()))


def modules(*folders: str) -> tuple[Path, ...]:
    """Return the Python files below some folders (all packages when none is named)."""
    return tuple(path for path in files() if path.suffix == ".py" and path.parts[0] in (folders or PACKAGES))


@cache
def text(path: Path) -> str:
    """Return the text of a file."""
    return (ROOT / path).read_text("utf-8")


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(text(path))


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of every string of a module that is no docstring."""
    docs = {id(node.value) for node in ast.walk(tree(path)) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, node.value


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and full name of everything that a module imports, also inside functions."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{name.name}") for name in node.names)


def calls(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of everything that a module calls or reads, e.g. `os.environ`, `time.time`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute):
            yield node.lineno, ast.unparse(node)


def is_of(name: str, package: str) -> bool:
    """Tell whether an imported name is a package or lies in it."""
    return name == package or name.startswith(package + ".")
