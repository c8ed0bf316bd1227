"""Runs without events, kept on disk: a question of the same hours need not drive them again."""

import pickle
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from hashlib import sha256
from pathlib import Path
from typing import Any

from simulations.traffic.indicators import measure
from simulations.traffic.scenario import Base, Ground, Scenario
from simulations.traffic.sim import TrafficSim

KEPT = 6
"""Runs that are kept, the newest used ones [-]."""
SHARE = 0.5
"""A run is kept as it stands after this share of its time, and at its end."""
LONGEST_H = 3.0
"""Longer runs are not kept: they would fill the disk."""


class Bases:
    """The kept runs of one ground.

    Parameters
    ----------
    folder
        Where they lie; only this installation writes there.
    ground, version
        What they ran on, and its name.
    """

    def __init__(self, folder: Path, ground: Ground, version: str) -> None:
        self._folder, self._ground, self._version = folder, ground, version

    def __call__(self, scenario: Scenario, split_s: float, told: Callable[[float], bool]) -> Base | None:
        """Return the run of a scenario without its events, as `scenario.begin_anew` does; None when cancelled."""
        end_s, middle_s = scenario.hours * 3600, float(int(SHARE * scenario.hours * 3600))
        parts = (self._version, scenario.start_h, scenario.hours, scenario.seed, scenario.informed)
        stem = f"base-{sha256(repr(parts).encode()).hexdigest()[:16]}"
        half, whole = (self._folder / f"{stem}-{part}.pickle" for part in ("half", "whole"))
        found = self._read(half), self._read(whole)
        if found[0] is None or found[1] is None:
            sim = self._ground.start(scenario)
            kept: dict[float, TrafficSim] = {}
            for stop in sorted({middle_s, split_s, end_s}):
                is_cancelled = False

                def tell(t: float) -> bool:
                    nonlocal is_cancelled
                    is_cancelled = told(t)
                    return is_cancelled

                sim.run_to(stop, tell)
                if is_cancelled:
                    return None
                kept[stop] = sim.fork()
            before = measure(sim, self._ground.places)
            if scenario.hours <= LONGEST_H:
                self._write(half, (kept[middle_s], {}))
                self._write(whole, (sim, before))
                self._sweep()
            return Base(kept[split_s], sim, before)
        (start, _), (sim, before) = found[0], found[1]
        if split_s == end_s:
            start = sim.fork()
        elif split_s < start.t:
            start = self._ground.start(scenario)
        return None if told(end_s) else Base(start.run_to(split_s), sim, before)

    def _read(self, path: Path) -> tuple[TrafficSim, dict[str, Any]] | None:
        """Return what a file holds; what cannot be read is run again."""
        try:
            with path.open("rb") as file:
                sim, before = pickle.load(file)
            path.touch()
        except (OSError, EOFError, pickle.UnpicklingError):
            return None
        sim.net = self._ground.net
        return sim, before

    def _write(self, path: Path, value: tuple[TrafficSim, dict[str, Any]]) -> None:
        lean = copy(value[0])
        lean.net = None  # type: ignore[assignment]
        fresh = path.with_suffix(".new")
        self._folder.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            pickle.dump((lean, value[1]), file, protocol=5)
        fresh.replace(path)

    def _sweep(self) -> None:
        with suppress(FileNotFoundError):  # another run sweeps too
            files = sorted(self._folder.glob("base-*.pickle"), key=lambda one: one.stat().st_mtime)
            for old in files[: -2 * KEPT]:
                old.unlink()
