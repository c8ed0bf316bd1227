"""Stopping and going on: a file from which a run continues bit for bit."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.flood.solver import EXTREMES, Solver

NUMBERS = ("t", "dt", "_last_dt", "_since_track", "_since_drain", "_steps", "stored_at_start", "_rain_m3_s")
ARRAYS = ("z", "rest", "rate", "_old", "_new", "_tops", "_wake", "_idle")
BUILT = ("is_on", "is_done", "moved_m3")
"""What structures remember, by name of their attribute."""


@cache
def code_digest() -> str:
    """Return the SHA-256 of the code that computes: equal digests compute the same."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def save(solver: Solver, path: Path, mark: str = "", **more: Any) -> None:
    """Write a checkpoint (.npz), whole or not at all.

    Parameters
    ----------
    mark
        Names what is computed, so that nothing else goes on from here.
    more
        Arrays of the caller's own, to be given back by `load`.
    """
    fresh = path.with_suffix(".new.npz")
    parts: dict[str, Any] = {name: getattr(solver, name) for name in ARRAYS}
    parts |= {f"most_{name}": getattr(solver.extremes, name) for name in EXTREMES}
    parts |= {f"more_{name}": value for name, value in more.items()}
    if solver.soil is not None:
        parts["soaked"] = solver.soil.soaked
    built = [[float(getattr(one, name, 0)) for name in BUILT] for one in solver.structures]
    np.savez(
        fresh, numbers=np.array([float(getattr(solver, name)) for name in NUMBERS]),
        flow=np.array(list(solver.flow.values())), built=np.array(built).reshape(-1, len(BUILT)),
        mark=np.array(code_digest() + mark), **parts,
    )  # fmt: skip
    fresh.rename(path)


def fits(solver: Solver, path: Path, mark: str = "") -> bool:
    """Return whether there is a checkpoint that this code wrote of the same computation."""
    if not path.exists():
        return False
    with np.load(path) as kept:
        return bool(
            str(kept["mark"]) == code_digest() + mark
            and kept["_old"].shape == solver._old.shape
            and len(kept["built"]) == len(solver.structures)
        )


def load(solver: Solver, path: Path) -> dict[str, NDArray[Any]]:
    """Go on from a checkpoint of the same terrain; return what the caller gave to `save`."""
    with np.load(path) as kept:
        for name, value in zip(NUMBERS, kept["numbers"], strict=True):
            setattr(solver, name, float(value))
        solver._steps = int(solver._steps)
        solver.flow = dict(zip(solver.flow, map(float, kept["flow"]), strict=True))
        for name in ARRAYS:
            getattr(solver, name)[...] = kept[name]
        for name in EXTREMES:
            getattr(solver.extremes, name)[...] = kept[f"most_{name}"]
        for one, values in zip(solver.structures, kept["built"], strict=True):
            for name, value in zip(BUILT, values, strict=True):
                if hasattr(one, name):
                    setattr(one, name, type(getattr(one, name))(value))
        if solver.soil is not None:
            solver.soil.soaked[:] = kept["soaked"]
        return {name[5:]: kept[name] for name in kept.files if name.startswith("more_")}
