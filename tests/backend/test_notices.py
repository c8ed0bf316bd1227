"""Notices through a real HTTP server, a real mail server and a real broker; what is not configured is said."""

import json
import shutil
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import asyncpg
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MailHandler
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from backend.notices import Outbox
from layers import load_layers
from tests.conftest import CITY_HALL, free_ports
from tests.twin.test_desk import fire
from twin.access import ANONYMOUS, OPERATOR
from twin.db import open_pool
from twin.errors import BadInput, Conflict, Refused
from twin.incidents import Incidents
from twin.notices import ATTEMPTS, Channels, Notices, chain
from twin.settings import Settings

NOON = datetime(2026, 7, 14, 3, 0, tzinfo=UTC)
SHOPS = [
    {"market": "신영시장", "shop": "7", "distance_m": 0.0, "burns": True},
    {"market": "신영시장", "shop": "8", "distance_m": 3.6, "burns": False},
    {"market": "신영시장", "shop": "5", "distance_m": 7.2, "burns": False},
]


@pytest.fixture
async def notices(settings: Settings, db: asyncpg.Connection) -> AsyncIterator[Notices]:
    await db.execute("TRUNCATE notice")
    pool = await open_pool(settings.dsn(), 4)
    yield Notices(pool, Incidents(pool, {key: layer.spec for key, layer in load_layers().items()}))
    await pool.close()


async def opened(notices: Notices, branch: str = "live") -> int:
    made = await notices._incidents.open(OPERATOR, "fire", "불", NOON, place=CITY_HALL, branch=branch)
    return made["id"]


def channels(*contacts: tuple[str, str, str], **more: object) -> Channels:
    rows = [{"role": role, "name": role, "channel": kind, "address": address} for role, kind, address in contacts]
    return Channels.model_validate({"contact": rows, **more})


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    """A real HTTP server that remembers what it was sent and answers with `status`."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.seen.append((self.path, dict(self.headers), json.loads(body)))
            self.send_response(self.server.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    server.seen, server.status = [], 200
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def hook(server: HTTPServer, path: str = "/fire") -> str:
    return f"http://127.0.0.1:{server.server_port}{path}"


def test_a_market_fire_goes_from_the_owner_to_the_hospital() -> None:
    book = Channels.model_validate({"contact": [
        {"role": "owner", "name": "김", "market": "신영시장", "shop": "7", "channel": "webhook", "address": "x"},
        {"role": "owner", "name": "이", "market": "신영시장", "shop": "5", "channel": "webhook", "address": "x"},
        {"role": "union", "name": "상인회", "market": "신영시장", "channel": "smtp", "address": "x"},
        {"role": "union", "name": "다른 시장", "market": "공설시장", "channel": "smtp", "address": "x"},
        {"role": "fire", "name": "119", "channel": "mqtt", "address": "x"},
    ]})  # fmt: skip
    rows = chain(("owner", "union", "neighbour", "fire", "police", "hospital"), book, SHOPS)
    assert [(role, name, contact is not None) for role, name, contact in rows] == [
        ("owner", "김 · 신영시장 7호", True), ("union", "상인회", True), ("neighbour", "신영시장 8호", False),
        ("neighbour", "이 · 신영시장 5호", True), ("fire", "119", True), ("police", "police", False),
        ("hospital", "hospital", False),
    ]  # fmt: skip


async def test_without_channels_everybody_is_shown_as_not_told(notices: Notices) -> None:
    told = await notices.send(OPERATOR, await opened(notices), Channels(), NOON)
    assert {row["state"] for row in told["notices"]} == {"not_configured"}
    assert [row["role"] for row in told["notices"]] == ["union", "fire", "police", "hospital"]
    assert await notices.take(NOON + timedelta(hours=1)) is None


async def test_a_webhook_gets_the_message_with_its_key(notices: Notices, server: HTTPServer) -> None:
    number, book = await opened(notices), channels(("fire", "webhook", hook(server)), webhook_key="secret")
    await notices.send(OPERATOR, number, book, NOON)
    assert await Outbox(notices, book).next()
    [(path, headers, body)] = server.seen
    assert (path, body["incident"], body["status"]) == ("/fire", number, "Actual")
    assert headers["Authorization"] == "Bearer secret"
    assert headers["Idempotency-Key"].startswith("gunsan-notice-")
    rows = {row["role"]: row["state"] for row in (await notices.list(OPERATOR, number))["notices"]}
    assert rows == {"union": "not_configured", "fire": "sent", "police": "not_configured", "hospital": "not_configured"}
    timeline = (await notices._incidents.get(OPERATOR, number))["timeline"]
    assert [entry["kind"] for entry in timeline] == ["opened", "notices", "notice"]


async def test_a_receiver_that_fails_is_tried_again_and_then_given_up_aloud(
    notices: Notices, server: HTTPServer, db: asyncpg.Connection
) -> None:
    server.status = 503
    number, book = await opened(notices), channels(("fire", "webhook", hook(server)))
    await notices.send(OPERATOR, number, book, NOON)
    for _ in range(ATTEMPTS):
        await db.execute("UPDATE notice SET next_try = $1 WHERE state = 'waiting'", NOON)
        assert await Outbox(notices, book).next()
    assert not await Outbox(notices, book).next()
    assert len(server.seen) == ATTEMPTS
    assert len({headers["Idempotency-Key"] for _, headers, _ in server.seen}) == 1
    [row] = [row for row in (await notices.list(OPERATOR, number))["notices"] if row["role"] == "fire"]
    assert (row["state"], row["error"]) == ("failed", "NotSent: HTTP 503")
    assert (await notices._incidents.get(OPERATOR, number))["timeline"][-1]["kind"] == "notice_failed"


async def test_pauses_between_attempts_grow(notices: Notices, server: HTTPServer) -> None:
    await notices.send(OPERATOR, await opened(notices), channels(("fire", "webhook", hook(server))), NOON)
    first = await notices.take(NOON)
    assert await notices.take(NOON + timedelta(seconds=4)) is None
    second = await notices.take(NOON + timedelta(seconds=5))
    assert first["id"] == second["id"]
    assert (second["next_try"] - NOON).total_seconds() == 5 + 10


async def test_a_mail_server_takes_the_notice(notices: Notices) -> None:
    class Box(MailHandler):
        def handle_message(self, message: object) -> None:
            seen.append(message)

    seen: list = []
    controller = Controller(Box(), hostname="127.0.0.1", port=free_ports(1))
    controller.start()
    try:
        smtp = {"host": "127.0.0.1", "port": controller.port, "sender": "twin@city.test", "starttls": False}
        book = channels(("police", "smtp", "desk@police.test"), smtp=smtp)
        await notices.send(OPERATOR, await opened(notices), book, NOON)
        assert await Outbox(notices, book).next()
    finally:
        controller.stop()
    [mail] = seen
    assert (mail["To"], mail["From"]) == ("desk@police.test", "twin@city.test")
    assert "danger" in mail.get_payload(decode=True).decode() or "caution" in mail.get_payload(decode=True).decode()


@dataclass
class Broker:
    """A real broker with one listener."""

    port: int
    heard: list[dict] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def channel(self) -> dict[str, object]:
        return {"host": "127.0.0.1", "port": self.port, "tls": False}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(free_ports(1))
    conf = tmp_path / "mosquitto.conf"
    conf.write_text(f"listener {made.port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen([shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", str(conf)])
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_connect = lambda *_: client.subscribe("city/notice", qos=1)
    client.on_subscribe = lambda *_: made.done.set()
    client.on_message = lambda _c, _u, message: (made.heard.append(json.loads(message.payload)), made.done.set())
    client.connect_async("127.0.0.1", made.port)
    client.loop_start()
    assert made.done.wait(20)
    made.done.clear()
    yield made
    client.disconnect()
    client.loop_stop()
    process.terminate()
    process.wait(10)


async def test_a_broker_takes_the_notice(notices: Notices, broker: Broker) -> None:
    book = channels(("hospital", "mqtt", "city/notice"), mqtt=broker.channel)
    number = await opened(notices)
    await notices.send(OPERATOR, number, book, NOON)
    assert await Outbox(notices, book).next()
    assert broker.done.wait(10)
    assert [one["incident"] for one in broker.heard] == [number]


async def test_the_whole_chain_of_a_market_fire_goes_out_in_its_order_by_three_real_channels(
    notices: Notices, server: HTTPServer, broker: Broker, db: asyncpg.Connection
) -> None:
    order: list[str] = []

    class Box(MailHandler):
        def handle_message(self, message: object) -> None:
            order.append(message["To"])

    await db.execute("TRUNCATE shop, market CASCADE")
    ground = "ST_Buffer(ST_SetSRID(ST_MakePoint($2, 200000), 5186), 2)"
    await db.execute(
        "INSERT INTO market (id, name_ko, name_en, shop_count, geom, geom_3857) VALUES (1, $1, $1, 9, "
        f"{ground}, ST_Transform({ground}, 3857))", "신영시장", 100000.0,
    )  # fmt: skip
    await db.executemany(
        f"INSERT INTO shop (id, market_id, number, geom) VALUES ($1, 1, $1, {ground})",
        [(n, 100000.0 + 5 * n) for n in range(1, 10)],
    )
    before = await db.fetchrow("SELECT id, attributes, geom FROM asset WHERE layer = 'market_fire' ORDER BY key")
    await db.execute(
        "UPDATE asset SET attributes = $2, geom = ST_SetSRID(ST_MakePoint(100020, 200000), 5186) WHERE id = $1",
        before["id"], {"market": "신영시장", "shop": 4},
    )  # fmt: skip
    await fire(db)
    [row] = (await notices._incidents.list(OPERATOR))["incidents"]
    smtp = Controller(Box(), hostname="127.0.0.1", port=free_ports(1))
    smtp.start()
    contacts = [
        {"role": "owner", "name": f"점주 {n}", "market": "신영시장", "shop": str(n), "channel": "webhook",
         "address": hook(server, f"/shop/{n}")} for n in range(1, 10)
    ] + [
        {"role": "union", "name": "상인회", "market": "신영시장", "channel": "smtp", "address": "union@market.test"},
        {"role": "fire", "name": "119", "channel": "mqtt", "address": "city/notice"},
        {"role": "police", "name": "112", "channel": "smtp", "address": "desk@police.test"},
        {"role": "hospital", "name": "의료원", "channel": "webhook", "address": hook(server, "/hospital")},
    ]  # fmt: skip
    book = Channels.model_validate({
        "contact": contacts, "mqtt": broker.channel,
        "smtp": {"host": "127.0.0.1", "port": smtp.port, "sender": "twin@city.test", "starttls": False},
    })  # fmt: skip
    try:
        await notices.send(OPERATOR, row["id"], book, NOON)
        while await Outbox(notices, book).next():
            order += [path for path, *_ in server.seen if path not in order]
            if broker.heard and "city/notice" not in order:
                order.append("city/notice")
        assert broker.done.wait(10)
    finally:
        smtp.stop()
        await db.execute("UPDATE asset SET attributes = $2, geom = $3 WHERE id = $1", *before)
    told = (await notices.list(OPERATOR, row["id"]))["notices"]
    assert [one["role"] for one in told] == ["owner", "union", *["neighbour"] * 5, "fire", "police", "hospital"]
    assert {one["state"] for one in told} == {"sent"}
    neighbours = [int(path.rsplit("/", 1)[1]) for path in order if path.startswith("/shop/")][1:]
    assert [abs(n - 4) for n in neighbours] == [1, 1, 2, 2, 3], "by distance"
    others = [one for one in order if not one.startswith("/shop/") and one != "city/notice"]
    assert (order[0], order[1], others) == (
        "/shop/4", "union@market.test", ["union@market.test", "desk@police.test", "/hospital"],
    )  # fmt: skip
    assert [one["incident"] for one in broker.heard] == [row["id"]]
    entries = (await notices._incidents.get(OPERATOR, row["id"]))["timeline"]
    assert sum(entry["kind"] == "notice" for entry in entries) == len(told)
    assert not [entry for entry in entries if "점주" in json.dumps(entry["detail"], ensure_ascii=False)], (
        "no name in what is kept for ever"
    )


async def test_a_drill_tells_nobody(notices: Notices, server: HTTPServer) -> None:
    number, book = await opened(notices, "drill:x"), channels(("fire", "webhook", hook(server)))
    told = await notices.send(OPERATOR, number, book, NOON)
    assert {row["state"] for row in told["notices"]} == {"exercise"}
    assert told["notices"][0]["message"]["status"] == "Exercise"
    assert told["notices"][0]["message"]["title"]["ko"].startswith("[훈련]")
    assert not await Outbox(notices, book).next()


async def test_a_chain_is_started_once_and_by_the_desk_only(notices: Notices) -> None:
    number = await opened(notices)
    with pytest.raises(Refused):
        await notices.send(ANONYMOUS, number, Channels(), NOON)
    await notices.send(OPERATOR, number, Channels(), NOON)
    with pytest.raises(Conflict):
        await notices.send(OPERATOR, number, Channels(), NOON)


def test_a_wrong_address_book_is_refused_with_its_name(tmp_path: Path) -> None:
    assert Channels.of(tmp_path) == Channels()
    (tmp_path / "channels.toml").write_text(
        '[[contact]]\nrole = "fire"\nname = "119"\nchannel = "pigeon"\naddress = "x"\n'
    )
    with pytest.raises(BadInput, match=r"channels\.toml"):
        Channels.of(tmp_path)
