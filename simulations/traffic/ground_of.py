"""The ground of the store's city: read and made once for each version of the city and of this code, then kept."""

import pickle
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from simulations.traffic.network import RoadNet, build
from simulations.traffic.outside import with_outside
from simulations.traffic.result import code_version
from simulations.traffic.scenario import Ground, prepare
from twin.city_tables import read_qualities, read_tables
from twin.errors import BadScenario
from twin.reader_city import city_version

FOLDER = "traffic"


@dataclass(frozen=True, slots=True)
class CityGround:
    """What every question of the store's city stands on.

    Parameters
    ----------
    ground
        Streets, demand, habits, places.
    districts
        Korean and English name of each district by id.
    is_synthetic
        The streets are generated, not real.
    version
        Name of this city and of the code that made it.
    """

    ground: Ground
    districts: dict[int, dict[str, str | None]]
    is_synthetic: bool
    version: str = ""


def ground_of(dsn: str, data_dir: Path) -> CityGround:
    """Return the ground of the city as it is now; the first time for a city that takes some seconds.

    It is kept as a pickle in a folder that only this installation writes, beside its other caches.

    Raises
    ------
    BadScenario
        The store has no city.
    """
    version = city_version(dsn)
    if version is None:
        raise BadScenario("the store has no city; ./gunsan up makes one")
    folder, name = data_dir / FOLDER, sha256((version + code_version()).encode()).hexdigest()[:16]
    path = folder / f"ground-{name}.pickle"
    if path.exists():
        with path.open("rb") as file:
            kept: CityGround = pickle.load(file)
        return kept
    made = _make(dsn, name)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("ground-*.pickle"):
        with suppress(FileNotFoundError):
            old.unlink()
    write_pickle(path, made)
    return made


def write_pickle(path: Path, value: Any) -> None:
    """Write a file that is there whole or not at all."""
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        pickle.dump(value, file, protocol=5)
    fresh.replace(path)


def ground_on(dsn: str, net: RoadNet) -> CityGround:
    """Return people and buildings of the store's city on other streets; made anew each time."""
    return _lay(dsn, net, sha256((net.digest() + code_version()).encode()).hexdigest()[:16], is_synthetic=False)


def _make(dsn: str, version: str) -> CityGround:
    tables = read_tables(dsn, ("road_node", "road_link"))
    net = build(*with_outside(tables["road_node"], tables["road_link"]), is_strict=False)
    is_synthetic = read_qualities(dsn).get("road_link", "synthetic") == "synthetic"
    return _lay(dsn, net, version, is_synthetic=is_synthetic)


def _lay(dsn: str, net: RoadNet, version: str, *, is_synthetic: bool) -> CityGround:
    tables = read_tables(dsn, ("admin_unit", "building", "facility"))
    units = tables["admin_unit"]
    ground = prepare(net, units, tables["building"], tables["facility"])
    names = {
        int(row.id): {"name_ko": row.name_ko, "name_en": row.name_en}
        for row in units[["id", "name_ko", "name_en"]].itertuples()
    }
    return CityGround(ground, names, is_synthetic, version)
