"""All processes of one city under one roof: started in order, started again when they fall, stopped together.

Every child asks the kernel for a signal when its parent dies, so that a `kill -9` of the supervisor leaves no orphan.
"""

import asyncio
import fcntl
import hashlib
import json
import os
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pydantic import SecretStr
from tqdm import tqdm

from backend.broker import Broker
from gisdata.base import read_base
from gisdata.city import TERRAIN_FILE, write_terrain
from gisdata.generate import generate
from layers import load_layers
from twin import clock
from twin.accounts import first_account
from twin.city_load import load_city, write_layers
from twin.cluster import Cluster
from twin.db import connect
from twin.errors import Unavailable
from twin.migrate import migrate
from twin.reader_city import city_base
from twin.settings import ROOT, Settings

ROLES = ("ingest", "web", "worker", "traffic", "feed")
FIRST = ("ingest", "web")
"""These are what a city is healthy by; the others start once it is, so that nobody waits for them."""
STOP_S = 8.0
HEALTHY_S = 60.0


class Child:
    """A process that is kept running."""

    def __init__(self, name: str, command: list[str], env: dict[str, str], log: Path) -> None:
        self.name, self._command, self._env, self._log = name, command, env, log
        self.process: asyncio.subprocess.Process | None = None
        self.restarts = 0

    async def keep(self) -> None:
        """Run the process for ever; one that falls is started again at once, then ever more slowly."""
        pause = 0.1
        while True:
            started = time.monotonic()
            with self._log.open("ab") as out:
                self.process = await asyncio.create_subprocess_exec(
                    *self._command, env=self._env, stdout=out, stderr=out, stdin=asyncio.subprocess.DEVNULL,
                    start_new_session=True, cwd="/",
                )  # fmt: skip
            code = await self.process.wait()
            self.restarts += 1
            pause = 0.1 if time.monotonic() - started > 10 else min(pause * 2, 5)
            print(f"{self.name} ended with {code}; starting it again in {pause:.1f} s (log: {self._log})", flush=True)
            await asyncio.sleep(pause)

    async def stop(self, sign: signal.Signals) -> None:
        """End the process, by force after a while."""
        if self.process is None or self.process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self.process.send_signal(sign)
            try:
                async with asyncio.timeout(STOP_S):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
                await self.process.wait()


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a child: the parent's, with the settings spelled out."""
    given = {name.upper(): _spelled(value) for name, value in settings.model_dump().items() if value is not None}
    return os.environ | given | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def _spelled(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return json.dumps(value) if isinstance(value, dict) else str(value)


def role_command(role: str) -> list[str]:
    """Return the command of one of our own processes."""
    return ["setpriv", "--pdeathsig=TERM", "--", sys.executable, "-m", "backend", role]


class Supervisor:
    """One city: database, broker, and our processes."""

    def __init__(self, settings: Settings, roles: tuple[str, ...] = ROLES, say: Callable[[str], None] = print) -> None:
        self._settings = settings
        self._roles = roles
        self._say = say
        self.children: dict[str, Child] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._lock: int | None = None
        self.first_password: str | None = None
        """Of the account that a new store gets; said once, kept nowhere."""

    async def start(self) -> None:
        """Bring everything up, in order; returns when the city is healthy."""
        settings = self._settings
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        settings.run_dir.mkdir(exist_ok=True)
        self._take_lock()
        require_ports(settings)
        logs = settings.data_dir / "log"
        logs.mkdir(exist_ok=True)
        env = environment(settings)
        if settings.database_url is None:
            cluster = Cluster(settings)
            cluster.make()
            self._keep("database", cluster.command(), env, logs)
            await self._until(cluster.is_ready, "the database", 30)
            cluster.prepare()
        migrate(settings.dsn())
        await asyncio.to_thread(ensure_city, settings)
        if "web" in self._roles:
            self.first_password = await ensure_account(settings)
        if "ingest" in self._roles:
            broker = Broker(settings)
            broker.make()
            self._keep("broker", broker.command(), env, logs)
        for role in sorted(self._roles, key=lambda role: role not in FIRST):
            if role not in FIRST and "web" in self._roles:
                await self._until(self._is_healthy, "the city", HEALTHY_S)
            self._keep(role, role_command(role), env, logs)
        if "web" in self._roles:
            await self._until(self._is_healthy, "the city", HEALTHY_S)

    def _take_lock(self) -> None:
        self._lock = os.open(self._settings.run_dir / "supervisor.pid", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Unavailable(f"a city is running already in {self._settings.data_dir} (./gunsan stop)") from error
        os.ftruncate(self._lock, 0)
        os.write(self._lock, str(os.getpid()).encode())

    def _keep(self, name: str, command: list[str], env: dict[str, str], logs: Path) -> None:
        child = self.children[name] = Child(name, command, env, logs / f"{name}.log")
        self._tasks.append(asyncio.create_task(child.keep()))

    async def _until(self, is_so: Callable[[], bool], what: str, limit_s: float) -> None:
        end = time.monotonic() + limit_s
        while not await asyncio.to_thread(is_so):
            if time.monotonic() > end:
                raise Unavailable(
                    f"{what} did not answer within {limit_s:.0f} s; see {self._settings.data_dir / 'log'}"
                )
            await asyncio.sleep(0.05)

    def _is_healthy(self) -> bool:
        return is_healthy(self._settings)

    def restart_roles(self) -> None:
        """Start our own processes again: the city they know was replaced."""
        for role in self._roles:
            process = self.children[role].process
            if process is not None and process.returncode is None:
                process.terminate()

    async def stop(self) -> None:
        """Stop everything, sources first, the database last."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        own = [child for name, child in self.children.items() if name not in ("database", "broker")]
        await asyncio.gather(*(child.stop(signal.SIGTERM) for child in own))
        for name, sign in (("broker", signal.SIGTERM), ("database", signal.SIGINT)):
            if name in self.children:
                await self.children[name].stop(sign)
        if self._lock is not None:
            os.close(self._lock)


def require_ports(settings: Settings) -> None:
    """Refuse to start on a port that somebody else uses.

    Raises
    ------
    Unavailable
        With the port and what it is for.
    """
    wanted = (("web", settings.host, settings.port), ("AIS", settings.host, settings.nmea_port))
    for what, host, port in (*wanted, ("MQTT", settings.broker_host, settings.mqtt_port)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise Unavailable(
                    f"{what} port {host}:{port} cannot be used ({error.strerror}); choose --port"
                ) from error


def is_healthy(settings: Settings) -> bool:
    """Ask the web process whether the city is well."""
    try:
        with urllib.request.urlopen(f"http://{settings.host}:{settings.port}/api/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def ensure_city(settings: Settings) -> None:
    """Build the city when there is none yet, or when another base is asked for than the one it stands on."""
    stands_on, wanted = city_base(settings.dsn()), settings.gisdata_dir
    if stands_on is None or (wanted and fingerprint(wanted) != stands_on):
        build_city(settings)
    else:
        write_layers(settings.dsn(), {key: layer.spec for key, layer in load_layers().items()})


async def ensure_account(settings: Settings) -> str | None:
    """Make the first account of a new store; return its password, or None where there are accounts already."""
    db = await connect(settings.dsn())
    try:
        return await first_account(db, clock.now())
    finally:
        await db.close()


def fingerprint(folder: Path) -> str:
    """Return the SHA-256 of the names and bytes of all files in a folder of base data."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def build_city(settings: Settings) -> None:
    """Generate the city, on the real base when there is one, and load it, with a progress bar."""
    specs = {key: layer.spec for key, layer in load_layers().items()}
    with tqdm(
        total=100, desc="도시 만들기 · building the city", bar_format="{desc} {percentage:3.0f}% |{bar:30}| {postfix}"
    ) as bar:

        def show(share: float, what: str, start: float, span: float) -> None:
            bar.set_postfix_str(what, refresh=False)
            bar.update(start + span * share - bar.n)

        base = read_base(settings.gisdata_dir) if settings.gisdata_dir else None
        city = generate(settings.seed, base, lambda share, what: show(share, what, 0, 60))
        fresh = settings.data_dir / f"{TERRAIN_FILE}.new"
        write_terrain(city.terrain, fresh)
        stands_on = fingerprint(settings.gisdata_dir) if settings.gisdata_dir else ""
        load_city(settings.dsn(), stands_on, city, specs, clock.now(), lambda share, what: show(share, what, 60, 40))
        fresh.rename(settings.data_dir / TERRAIN_FILE)
