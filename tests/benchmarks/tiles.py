"""Building tiles of the generated city, ours and tipg's, from the same table of the same PostGIS, for one client."""

import asyncio
import os
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from urllib.parse import quote

import psycopg

from tests.benchmarks.city import load_generated, private_settings, running
from tests.benchmarks.table import Figure
from tests.conftest import free_ports
from twin.crs import WEB_MERCATOR
from twin.settings import Settings

TITLE = "building tiles beside tipg"
PACKAGES = ("tipg==1.6.1", "uvicorn==0.54.0", "uvloop", "httptools")
TILES = 60
ZOOMS = (14, 15, 16)
Tile = tuple[int, int, int]


class Server:
    """A tile server and one keep-alive connection to it, read without a library: it costs the same on either side."""

    def __init__(self, port: int, path: str) -> None:
        self._port, self._path = port, path
        self.connect()

    def connect(self) -> None:
        """Open the connection anew: servers close one that was idle for some seconds."""
        self._socket = socket.create_connection(("127.0.0.1", self._port), 60)

    def get(self, z: int, x: int, y: int) -> tuple[bytes, bytes]:
        """Return head and body of a tile's answer."""
        path = self._path.format(z=z, x=x, y=y)
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: b\r\nAccept-Encoding: identity\r\n\r\n".encode())
        head, length = b"", 0
        while not (end := head.find(b"\r\n\r\n") + 4) > 3:
            head += self._more()
        head, parts = head[:end].lower(), [head[end:]]
        assert head.startswith((b"http/1.1 200", b"http/1.1 204")), head
        if b"content-length:" in head:
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        got = len(parts[0])
        while got < length:
            parts.append(self._more())
            got += len(parts[-1])
        return head, b"".join(parts)

    def _more(self) -> bytes:
        if not (data := self._socket.recv(2**18)):
            raise ConnectionResetError("the tile server closed the connection")
        return data

    def tag(self) -> str:
        """Return the ETag that tiles bear now, in lower case."""
        self.connect()
        return self.get(0, 0, 0)[0].split(b"etag:")[1].split(b"\r\n")[0].strip().decode()

    def mean_ms(self, tiles: list[Tile]) -> float:
        """Return the mean time from request to last byte [ms]."""
        self.connect()
        started = time.perf_counter()
        for tile in tiles:
            self.get(*tile)
        return (time.perf_counter() - started) * 1e3 / len(tiles)


def measure(is_quick: bool) -> tuple[list[Figure], list[str]]:
    """Run both servers on one city."""
    python = _tipg_python(Settings().data_dir)
    if python is None:
        return [Figure("tiles compared", 0, "")], ["Skipped: tipg cannot be installed from the package index here."]
    with private_settings(demo=False) as settings:
        load_generated(settings)
        return asyncio.run(_serve(settings, python, repetitions=1 if is_quick else 5)), [
            "tipg 1.6.1 under uvicorn with uvloop and httptools, reading the same `geom_3857` and the same columns; no "
            "compression on either side. Uncached: the first request after a new version of the city."
        ]


def _tipg_python(data_dir: Path) -> Path | None:
    """Return the Python of a throw-away environment with tipg, made on demand; None when it cannot be."""
    folder = data_dir.resolve() / "bench-tipg"
    python = folder / "bin" / "python"
    if not (folder / "done").exists():
        venv.create(folder, with_pip=True, clear=True)
        done = subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], capture_output=True, check=False)
        if done.returncode:
            print(done.stderr.decode()[-500:], file=sys.stderr)
            return None
        (folder / "done").touch()
    return python


async def _serve(settings: Settings, python: Path, repetitions: int) -> list[Figure]:
    async with running(settings, "ingest", "web"):
        return await asyncio.to_thread(_compare, settings, python, repetitions)


@contextmanager
def _tipg(settings: Settings, python: Path) -> Iterator[Server]:
    port = free_ports(1)
    folder = quote(str(settings.run_dir / "pg"), safe="")
    dsn = f"postgresql://gunsan:{settings.secrets().database_password}@{folder}:5432/city"
    env = {"PATH": os.environ["PATH"], "DATABASE_URL": dsn}
    command = [python, "-m", "uvicorn", "tipg.main:app", "--port", str(port), "--no-access-log", "--log-level", "error"]
    process = subprocess.Popen(["setpriv", "--pdeathsig=KILL", "--", *command], env=env, cwd=settings.data_dir)
    path = ("/collections/public.building/tiles/WebMercatorQuad/{z}/{x}/{y}"
            "?geom-column=geom_3857&properties=height_m,use,floors")  # fmt: skip
    try:
        end = time.monotonic() + 30
        while True:
            try:
                server = Server(port, path)
                server.get(ZOOMS[0], 0, 0)
                break
            except OSError:
                assert time.monotonic() < end, "tipg does not answer"
                assert process.poll() is None, "tipg ended"
                time.sleep(0.2)
        yield server
    finally:
        process.terminate()
        process.wait(20)


def _compare(settings: Settings, python: Path, repetitions: int) -> list[Figure]:
    ours = Server(settings.port, "/tiles/building/{z}/{x}/{y}.mvt")
    tiles = _busy_tiles(settings)
    with _tipg(settings, python) as theirs:
        ours.connect()
        sizes = [(len(ours.get(*tile)[1]), len(theirs.get(*tile)[1])) for tile in tiles]  # also warms both
        times: dict[str, list[float]] = {"uncached": [], "cached": [], "tipg": []}
        for repetition in range(repetitions):
            _new_version(settings, ours)
            turns = [("uncached", ours), ("cached", ours)], [("tipg", theirs)]
            for turn in turns if repetition % 2 else turns[::-1]:
                for name, server in turn:
                    times[name].append(server.mean_ms(tiles if name != "cached" else tiles * 5))
    uncached, cached = (
        median(theirs / ours for theirs, ours in zip(times["tipg"], times[name], strict=True))
        for name in ("uncached", "cached")
    )
    return [
        Figure("building tiles compared, zoom 14-16", len(tiles), ""),
        Figure("mean size, ours", sum(size for size, _ in sizes) / len(sizes) / 1024, "KiB"),
        Figure("mean size, tipg", sum(size for _, size in sizes) / len(sizes) / 1024, "KiB"),
        Figure("ours, uncached", median(times["uncached"]), "ms"),
        Figure("ours, cached", median(times["cached"]), "ms"),
        Figure("tipg", median(times["tipg"]), "ms"),
        Figure("tipg / ours uncached", uncached, "x", at_least=1.3),
        Figure("tipg / ours cached", cached, "x", at_least=50),
    ]


def _busy_tiles(settings: Settings) -> list[Tile]:
    """Return the tiles with most buildings, as many of each zoom."""
    found: list[Tile] = []
    width = 2 * 20037508.342789244
    with psycopg.connect(settings.dsn()) as sql:
        for zoom in ZOOMS:
            size = width / 2**zoom
            found += sql.execute(
                "SELECT %s::int, floor((ST_X(p) + %s) / %s)::int AS x, floor((%s - ST_Y(p)) / %s)::int AS y "
                f"FROM building, ST_SetSRID(ST_Centroid(geom_3857), {WEB_MERCATOR}) p "
                "GROUP BY 2, 3 ORDER BY count(*) DESC, 2, 3 LIMIT %s",
                (zoom, width / 2, size, width / 2, size, TILES // len(ZOOMS)),
            ).fetchall()
    return found


def _new_version(settings: Settings, ours: Server) -> None:
    """Make the city look new, and wait until the web process has emptied its cache."""
    with psycopg.connect(settings.dsn()) as sql:
        sql.execute("UPDATE meta SET value = value || '+' WHERE key = 'city_version'")
        version = sql.execute("SELECT value FROM meta WHERE key = 'city_version'").fetchone()
    assert version is not None
    while ours.tag() != f'"{version[0]}"'.lower():
        time.sleep(0.2)
