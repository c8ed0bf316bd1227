"""Real parts for the tests: a PostGIS of their own, and a whole running city where one is needed."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import geopandas
import hypothesis
import pytest
from shapely.geometry import MultiPolygon, Point, box

from backend.supervisor import environment, is_healthy
from gisdata.city import City
from gisdata.generate import generate
from layers import load_layers
from twin import clock
from twin.city_load import load_city
from twin.cluster import Cluster
from twin.crs import KOREA_CENTRAL, WGS84
from twin.db import connect
from twin.migrate import migrate
from twin.settings import Settings

# a loaded machine is not an error
hypothesis.settings.register_profile("house", deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
hypothesis.settings.load_profile("house")

CITY_HALL = (126.73688, 35.96763)


_candidates = iter(range(18050 + os.getpid() % 600 * 10, 32000, 10))
"""Suites that run side by side begin at different ports, so that none takes what another has just found free."""


def free_ports(count: int) -> int:
    """Return the first of `count` neighbouring ports that nobody uses, and that were not given to anybody before."""
    for first in _candidates:
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise OSError("no free ports")


def new_settings(**given: object) -> Settings:
    """Return settings on a fresh data folder that the postgres user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="gt-"))
    folder.chmod(0o755)
    (folder / "run").mkdir()
    given.setdefault("nowcast", False)  # it starts by the clock, and would take half a core in the middle of a test
    return Settings(data_dir=folder, port=free_ports(3), **given)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def settings() -> Iterator[Settings]:
    """A migrated PostGIS with a toy city: one unit, and two assets of each layer that has a register."""
    settings = new_settings()
    cluster = Cluster(settings)
    cluster.make()
    with (settings.data_dir / "pg.log").open("wb") as log:
        server = subprocess.Popen(cluster.command(), stdout=log, stderr=log, cwd="/")
    while not cluster.is_ready():
        time.sleep(0.05)
    cluster.prepare()
    migrate(settings.dsn())
    specs = {key: layer.spec for key, layer in load_layers().items()}
    load_city(settings.dsn(), "", ToyCity(specs), specs, clock.now(), lambda share, what: None)
    yield settings
    server.terminate()
    server.wait()
    shutil.rmtree(settings.data_dir)


class ToyCity:
    """The smallest city that the loader takes."""

    seed = 1

    def __init__(self, specs: dict) -> None:
        unit = geopandas.GeoSeries([MultiPolygon([box(126.5, 35.9, 126.9, 36.05)])], crs=WGS84).to_crs(KOREA_CENTRAL)
        rows = {"id": [1], "name_ko": ["수송동"], "name_en": ["Susong-dong"], "kind": ["dong"], "code": [None]}
        rows |= {"area_km2": [5.4], "population": [53992], "households": [21157]}
        self.tables = {
            "admin_unit": geopandas.GeoDataFrame(rows, geometry=list(unit), crs=KOREA_CENTRAL).rename_geometry("geom")
        }
        points = geopandas.GeoSeries([Point(CITY_HALL), Point(126.6, 35.95)], crs=WGS84).to_crs(KOREA_CENTRAL)
        register = {
            "key": ["A-1", "A-2"],
            "name_ko": ["가", "나"],
            "name_en": ["one", None],
            "quality": ["synthetic"] * 2,
        }
        register["attributes"] = [{"caution_m": 1.0, "alarm_m": 2.0, "danger_m": 3.0, "kind": "stage"}, {}]
        assets = geopandas.GeoDataFrame(register, geometry=list(points), crs=KOREA_CENTRAL).rename_geometry("geom")
        self.assets = {key: assets for key, spec in specs.items() if not spec.registers_assets}
        entry = {
            "title_ko": "행정동",
            "title_en": "Districts",
            "origin": "test",
            "licence": "none",
            "attribution": "test",
        }
        self.catalogue = {"admin_unit": entry | {"as_of": date(2023, 1, 1), "quality": "synthetic"}}


@pytest.fixture(scope="session")
def city() -> City:
    """The generated city of the demo's seed, made once for all tests that read it."""
    return generate(7)


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[object]:
    """A connection to the toy city, emptied of what was measured."""
    connection = await connect(settings.dsn())
    await connection.execute(
        "TRUNCATE observation, latest, feed, alarm, event, reject, reject_count, incident, incident_alarm, "
        "incident_task, incident_entry, notice, alert, drill, share, share_register, forecast, forecast_value"
    )
    yield connection
    await asyncio.wait_for(connection.close(), 5)


@dataclass(frozen=True)
class LiveCity:
    """A whole running city: generated base, broker, ingest, web, worker, demo feed."""

    settings: Settings

    @property
    def url(self) -> str:
        """Address of the web process."""
        return f"http://{self.settings.host}:{self.settings.port}"

    @property
    def key(self) -> str:
        """The operator's key."""
        return self.settings.secrets().operator_key

    @property
    def console_url(self) -> str:
        """Address that signs in and opens the console."""
        return f"{self.url}/sign-in?key={self.key}"


@pytest.fixture(scope="session")
def live_city() -> Iterator[LiveCity]:
    """The city as a user runs it: `up` in a process of its own, on a fresh data folder."""
    settings = new_settings()
    log = settings.data_dir / "up.log"
    with log.open("wb") as out:
        up = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "backend.cli",
                "up",
                "--data-dir",
                str(settings.data_dir),
                "--port",
                str(settings.port),
            ],
            stdout=out,
            stderr=out,
            env=environment(settings),
        )
    end = time.monotonic() + 300
    while not is_healthy(settings):
        assert up.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)
    yield LiveCity(settings)
    up.send_signal(signal.SIGINT)
    assert up.wait(30) == 0, log.read_text()
    shutil.rmtree(settings.data_dir)
