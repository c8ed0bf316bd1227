"""Finds the simulations by scanning the folder; none is known by name."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from twin.errors import NotFound

FOLDER = Path(__file__).parent
Record = dict[str, Any]
Tell = Callable[[float, str], None]
"""Takes the share of the work that is done [-] and what is done now."""


@dataclass(frozen=True)
class Simulation:
    """One folder of `simulations/`.

    Parameters
    ----------
    id
        Name of the folder.
    spec
        Its `simulation.toml`.
    """

    id: str
    spec: Record

    @property
    def title(self) -> dict[str, str]:
        """Title in Korean and English."""
        return dict(self.spec["title"])

    @property
    def _city(self) -> Any:
        return import_module(f"simulations.{self.id}.city")

    def check(self, scenario: Record) -> Record:
        """Return a scenario with its defaults filled in.

        Raises
        ------
        BadInput
            It is not one; the text says what, the value, the limit, and where.
        """
        checked: Record = self._city.check(scenario)
        return checked

    def run(self, dsn: str, data_dir: Path, scenario: Record, out: Path, tell: Tell) -> Record:
        """Simulate on the city of a store.

        Parameters
        ----------
        dsn, data_dir
            The store, and the folder where its terrain lies.
        out
            Folder for the files of the result.

        Returns
        -------
        What was found, ready for JSON; `files` names what lies in `out`.
        """
        found: Record = self._city.run(dsn, data_dir, scenario, out, tell)
        return found

    def load(self) -> None:
        """Import its code, which takes longer than many a run."""
        _ = self._city

    def warm(self) -> None:
        """Compile its code into the cache beside it."""
        self._city.warm()

    def describe(self) -> Record:
        """Return what a client needs to ask for a run."""
        return {"id": self.id, "title": self.title, "presets": self._city.presets(), "schema": self._city.schema()}


@cache
def simulations() -> dict[str, Simulation]:
    """Return the simulations that can run on the city, by id."""
    return {
        path.parent.name: Simulation(path.parent.name, tomllib.loads(path.read_text("utf-8")))
        for path in sorted(FOLDER.glob("*/simulation.toml"))
        if (path.parent / "city.py").exists()
    }


def simulation_of(name: str) -> Simulation:
    """Return a simulation.

    Raises
    ------
    NotFound
        There is none of this name.
    """
    found = simulations().get(name)
    if found is None:
        raise NotFound(f"there is no simulation {name[:40]!r}; there are {', '.join(simulations()) or 'none'}")
    return found
