"""A private city for each benchmark: its own folder, ports, PostGIS and processes; nothing is left behind."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

import geopandas
import numpy as np
from shapely.geometry import Point

from backend.supervisor import Supervisor, build_city
from layers import load_layers
from tests.conftest import ToyCity, new_settings
from twin import clock
from twin.city_load import load_city
from twin.cluster import Cluster
from twin.crs import KOREA_CENTRAL, WGS84
from twin.migrate import migrate
from twin.settings import Settings


@contextmanager
def private_settings(**given: object) -> Iterator[Settings]:
    """Yield settings on a fresh folder and free ports; the folder is removed afterwards."""
    alone = {"database_url": None, "broker_port": None, "ais_port": None}
    settings = new_settings(**(alone | given))
    try:
        yield settings.model_copy(update={"port": _ports()})
    finally:
        shutil.rmtree(settings.data_dir, ignore_errors=True)


def _ports() -> int:
    """Return the first of three free ports, where no test looks for its own: a city is long in the making."""
    for first in range(30_000 + os.getpid() % 400 * 4, 32_760, 4):
        with ExitStack() as probes:
            try:
                for port in range(first, first + 3):
                    probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
                return first
            except OSError:
                continue
    raise OSError("no free ports")


@contextmanager
def store(settings: Settings) -> Iterator[None]:
    """Run the migrated PostGIS alone."""
    cluster = Cluster(settings)
    cluster.make()
    with (settings.data_dir / "pg.log").open("ab") as log:
        server = subprocess.Popen(cluster.command(), stdout=log, stderr=log, cwd="/")
    try:
        end = time.monotonic() + 30
        while not cluster.is_ready():
            if time.monotonic() > end:
                raise TimeoutError((settings.data_dir / "pg.log").read_text())
            time.sleep(0.05)
        cluster.prepare()
        migrate(settings.dsn())
        yield
    finally:
        server.terminate()
        server.wait(60)


class BinCity(ToyCity):
    """The tests' toy city with as many smart bins as asked for, spread over the box of its one district."""

    def __init__(self, specs: dict, bins: int) -> None:
        super().__init__(specs)
        rng = np.random.default_rng(self.seed)
        lon, lat = rng.uniform(126.51, 126.89, bins), rng.uniform(35.91, 36.04, bins)
        places = [Point(*place) for place in zip(lon, lat, strict=True)]
        register = {
            "key": [f"BIN-{n:05d}" for n in range(bins)],
            "name_ko": [f"수거함 {n}" for n in range(bins)],
            "name_en": [None] * bins,
            "quality": ["synthetic"] * bins,
            "attributes": [{}] * bins,
        }
        points = geopandas.GeoSeries(places, crs=WGS84).to_crs(KOREA_CENTRAL)
        rows = geopandas.GeoDataFrame(register, geometry=list(points), crs=KOREA_CENTRAL)
        self.assets["waste_bin"] = rows.rename_geometry("geom")


def load_bins(settings: Settings, bins: int) -> None:
    """Put the toy city into a fresh store; the store is down afterwards."""
    specs = {key: layer.spec for key, layer in load_layers().items()}
    with store(settings):
        load_city(settings.dsn(), "", BinCity(specs, bins), specs, clock.now(), lambda share, what: None)


def load_generated(settings: Settings) -> None:
    """Put the whole generated city into a fresh store; the store is down afterwards."""
    with store(settings):
        build_city(settings)


@asynccontextmanager
async def running(settings: Settings, *roles: str) -> AsyncIterator[Supervisor]:
    """Run the processes of a loaded city."""
    city = Supervisor(settings, roles, say=lambda text: None)
    try:
        await city.start()
        yield city
    except BaseException:
        for log in sorted((settings.data_dir / "log").glob("*.log")):
            print(f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-25:]), flush=True)
        raise
    finally:
        await city.stop()
