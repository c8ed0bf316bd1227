"""`kill -9` of every process in turn while messages flow: nothing acknowledged is lost, nothing comes twice."""

import asyncio
import os
import signal
import time
from statistics import median
from typing import Any

import orjson
import websockets

from backend.supervisor import Supervisor, is_healthy
from tests.benchmarks.city import load_bins, private_settings, running
from tests.benchmarks.live import start
from tests.benchmarks.senders import BINS
from tests.benchmarks.table import Figure
from twin import db, frame
from twin.crs import CITY_BBOX
from twin.settings import Settings

TITLE = "kill -9 while messages flow"
VICTIMS = ("broker", "database", "ingest", "web")
"""The broker first: killed seconds after its first start it must know already who subscribes."""
LAYERS = ["waste_bin", "cctv"]
HEALTHY_S = 30.0


class Screen:
    """A screen that comes back by itself and says where it was."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._resume: dict[str, Any] | None = None
        self.newest: dict[int, float] = {}
        """Asset -> time of its newest observation [s]."""
        self.events: list[int] = []
        """Sequence numbers as they came."""
        self.connections = 0

    async def run(self) -> None:
        """Look on for ever."""
        address = f"ws://{self._settings.host}:{self._settings.port}/ws/live"
        bearer = {"Authorization": f"Bearer {self._settings.secrets().operator_key}"}
        while True:
            try:
                async with websockets.connect(
                    address, additional_headers=bearer, max_size=None, proxy=None, compression=None, open_timeout=5
                ) as socket:
                    wish = {"type": "subscribe", "layers": LAYERS, "bbox": CITY_BBOX, "resume": self._resume}
                    await socket.send(orjson.dumps(wish).decode())
                    self.connections += 1
                    async for message in socket:
                        self._take(message)
            except (OSError, websockets.WebSocketException, TimeoutError):
                await asyncio.sleep(0.1)

    def _take(self, message: bytes | str) -> None:
        if isinstance(message, bytes):
            columns = frame.decode(message)[1]
            self.newest |= zip(columns["asset"].tolist(), columns["time"].tolist(), strict=True)
            return
        text = orjson.loads(message)
        if text["type"] == "welcome":
            self._resume = self._resume or {"seq": text["seq"]}
            self._resume["epoch"] = text["epoch"]
        elif text["type"] == "event":
            assert self._resume is not None
            self._resume["seq"] = text["seq"]
            self.events.append(text["seq"])


def measure(is_quick: bool) -> tuple[list[Figure], list[str]]:
    """Kill, wait, count."""
    victims = VICTIMS if is_quick else VICTIMS * 3
    with private_settings(demo=False) as settings:
        load_bins(settings, BINS)
        return asyncio.run(_kill(settings, victims)), [
            "A city is healthy again when `/api/health` says so and rows sent after the kill, over MQTT and over HTTP, "
            "have reached a screen that came back by itself. Sources send again what was not acknowledged.",
            "mosquitto acknowledges a message before it is on its disk, so sources publish the last seconds before a "
            "cut again; the store takes a row once. HTTP is answered after the commit.",
        ]


async def _kill(settings: Settings, victims: tuple[str, ...]) -> list[Figure]:
    (settings.data_dir / "settings.json").write_text(settings.model_dump_json(exclude_none=True))
    sent_file = settings.data_dir / "sent.json"
    async with running(settings, "ingest", "web", "worker") as city:
        screen = Screen(settings)
        looking = asyncio.create_task(screen.run())
        senders = await start("senders", settings.data_dir / "settings.json", sent_file)
        assets = await _assets(settings)
        await _until_shown(screen, assets, time.time())
        downtimes: dict[str, list[float]] = {victim: [] for victim in victims}
        started = time.monotonic()
        for victim in victims:
            await asyncio.sleep(2)
            downtimes[victim].append(await _down(settings, city, victim, screen, assets))
        seconds = time.monotonic() - started
        await senders.communicate(b"\n")
        assert senders.returncode == 0
        sent = orjson.loads(sent_file.read_bytes())
        await _until_still(settings)
        await asyncio.sleep(1)
        looking.cancel()
        figures = await _judge(settings, sent, screen)
    rows = sum(len(sent[route]["sent"]) for route in sent)
    return [
        *(Figure(f"{victim}: until healthy, worst", max(down), "s", at_most=5) for victim, down in downtimes.items()),
        *(Figure(f"{victim}: until healthy, median", median(down), "s") for victim, down in downtimes.items()),
        Figure("kills", len(victims), ""),
        Figure("messages sent", rows, ""),
        Figure("messages/s", rows / seconds, "1/s"),
        *figures,
    ]


async def _assets(settings: Settings) -> dict[str, set[int]]:
    connection = await db.connect(settings.dsn())
    rows = await connection.fetch("SELECT id, key FROM asset WHERE layer = 'waste_bin'")
    await connection.close()
    split = f"BIN-{BINS // 2:05d}"
    return {
        "mqtt": {row["id"] for row in rows if row["key"] < split},
        "http": {row["id"] for row in rows if row["key"] >= split},
    }


async def _until_shown(screen: Screen, assets: dict[str, set[int]], after: float) -> None:
    """Wait until the screen shows rows of both routes that were measured after a time."""
    end = time.monotonic() + HEALTHY_S
    while not all(any(screen.newest.get(asset, 0) > after for asset in some) for some in assets.values()):
        if time.monotonic() > end:
            shown = {route: max(screen.newest.get(one, 0) for one in some) - after for route, some in assets.items()}
            raise TimeoutError(f"no live rows within {HEALTHY_S:.0f} s; newest after the kill [s]: {shown}")
        await asyncio.sleep(0.02)


async def _down(
    settings: Settings, city: Supervisor, victim: str, screen: Screen, assets: dict[str, set[int]]
) -> float:
    process = city.children[victim].process
    assert process is not None
    killed = time.time()
    os.kill(process.pid, signal.SIGKILL)
    await _until_shown(screen, assets, killed)
    while not await asyncio.to_thread(is_healthy, settings):
        await asyncio.sleep(0.05)
    return time.time() - killed


async def _until_still(settings: Settings) -> None:
    """Wait until nothing more is written."""
    connection = await db.connect(settings.dsn())
    before = -1
    while before != (before := await connection.fetchval("SELECT count(*) FROM observation")):
        await asyncio.sleep(1.5)
    await connection.close()


async def _judge(settings: Settings, sent: dict[str, Any], screen: Screen) -> list[Figure]:
    connection = await db.connect(settings.dsn())
    stored = [
        (row["key"], row["us"])
        for row in await connection.fetch(
            "SELECT a.key, (extract(epoch FROM o.phenomenon_time) * 1000000)::bigint AS us FROM observation o "
            "JOIN datastream d ON d.id = o.datastream_id JOIN asset a ON a.id = d.asset_id WHERE a.layer = 'waste_bin'"
        )
    ]
    events = await connection.fetch("SELECT seq, key FROM event WHERE layer = ANY($1) ORDER BY seq", LAYERS)
    newest = {
        row["asset_id"]: row["phenomenon_time"].timestamp()
        for row in await connection.fetch(
            "SELECT d.asset_id, l.phenomenon_time FROM latest l JOIN datastream d ON d.id = l.datastream_id "
            "JOIN asset a ON a.id = d.asset_id WHERE a.layer = 'waste_bin'"
        )
    }
    await connection.close()
    rows, keys = set(stored), {row["key"] for row in events}
    lost = {route: sum(tuple(one) not in rows for one in sent[route]["acknowledged"]) for route in ("mqtt", "http")}
    left = {tuple(one) for route in ("mqtt", "http") for one in sent[route]["sent"]}
    seqs = [row["seq"] for row in events]
    behind = sum(abs(screen.newest.get(asset, 0) - at) > 1e-5 for asset, at in newest.items())
    return [
        Figure("acknowledged MQTT messages", len(sent["mqtt"]["acknowledged"]), ""),
        Figure("acknowledged MQTT messages lost", lost["mqtt"], "", at_most=0),
        Figure("acknowledged HTTP messages", len(sent["http"]["acknowledged"]), ""),
        Figure("acknowledged HTTP messages lost", lost["http"], "", at_most=0),
        Figure("acknowledged events", len(sent["events"]["acknowledged"]), ""),
        Figure("acknowledged events lost", sum(key not in keys for key, _ in sent["events"]["acknowledged"]), "",
               at_most=0),
        Figure("rows stored twice or never sent", len(stored) - len(rows) + len(rows - left), "", at_most=0),
        Figure("times the screen came back", screen.connections - 1, ""),
        Figure("events the screen missed", len(set(seqs) - set(screen.events)), "", at_most=0),
        Figure("events the screen got twice", len(screen.events) - len(set(screen.events)), "", at_most=0),
        Figure("assets whose newest value the screen lacks", behind, "", at_most=0),
    ]  # fmt: skip
