"""What makes a run repeatable: digests of files, their comparison, and how progress is told on a terminal."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from twin.errors import BadScenario


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path) -> Any:
    """Read a JSON file of a simulation.

    Raises
    ------
    BadScenario
        There is none, or it is no JSON.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadScenario(f"{path} cannot be read as JSON: {error}") from error


def compare(told: dict[str, str], again: dict[str, str], folder: Path) -> int:
    """Say which files of a run differ from its receipt or from their repetition; return the exit status."""
    unlike = [
        name for name, digest in told.items()
        if again.get(name) != digest or not (folder / name).is_file() or file_digest(folder / name) != digest
    ]  # fmt: skip
    print(f"differs: {', '.join(unlike)}" if unlike else f"identical: {len(told)} files")
    return 1 if unlike else 0


def tell(share: float, what: str) -> None:
    """Write the progress over the last line of the terminal."""
    end = "\r" if sys.stderr.isatty() else "\n"
    print(f"{100 * share:3.0f}% {what}", end=end, file=sys.stderr, flush=True)
