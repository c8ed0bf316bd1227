"""The live channel and the doors, on a real PostGIS, a real uvicorn and real sockets."""

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta

import httpx
import orjson
import pytest
import websockets

from backend.hub import Screen, snap, ws_frame
from backend.supervisor import environment, role_command
from tests.backend.test_pipeline import flat
from twin import clock, frame
from twin.crs import CITY_BBOX
from twin.settings import Settings

LAYER = "waste_bin"


@pytest.fixture(scope="module")
def city(settings: Settings) -> Iterator[Settings]:
    """The real web and ingest processes on the toy city; no broker is needed here."""
    with (settings.data_dir / "roles.log").open("wb") as log:
        roles = [
            subprocess.Popen(role_command(role), env=environment(settings), stdout=log, stderr=log)
            for role in ("ingest", "web")
        ]
    end = time.monotonic() + 120
    while not is_up(settings):
        assert time.monotonic() < end, (settings.data_dir / "roles.log").read_text()
        time.sleep(0.05)
    yield settings
    for role in roles:
        role.terminate()
    for role in roles:
        role.wait(10)


def is_up(settings: Settings) -> bool:
    try:
        told = httpx.get(url(settings, "/api/health")).json()
    except httpx.HTTPError:
        return False
    return told["ingest"] and told["database"] and told["feed"]["age_s"] is not None and not told["broker"]


def url(city: Settings, path: str, scheme: str = "http") -> str:
    return f"{scheme}://{city.host}:{city.port}{path}"


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def operator(city: Settings) -> dict[str, str]:
    return bearer(city.secrets().operator_key)


async def post(city: Settings, layer: str, body: object) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.post(
            url(city, f"/api/ingest/{layer}"), content=json.dumps(body), headers=bearer(city.secrets().ingest_key)
        )


class Watcher:
    """A screen: keeps the newest value of every asset and all events."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self.values: dict[int, dict[str, float]] = {}
        self.events: list[dict] = []
        self.texts: list[dict] = []

    async def subscribe(self, layers: list[str], **more: object) -> None:
        await self.socket.send(json.dumps({"type": "subscribe", "layers": layers, "bbox": CITY_BBOX, **more}))

    async def until(self, is_so, limit_s: float = 5) -> None:
        async with asyncio.timeout(limit_s):
            while not is_so():
                self.take(await self.socket.recv())

    def take(self, message: bytes | str) -> None:
        if isinstance(message, str):
            text = orjson.loads(message)
            self.texts.append(text)
            if text["type"] == "event":
                self.events.append(text)
            return
        _, columns = frame.decode(message)
        for row, asset in enumerate(columns["asset"].tolist()):
            self.values[asset] = {name: column[row].item() for name, column in columns.items()}


def connect(city: Settings, headers: dict[str, str] | None = None) -> websockets.connect:
    return websockets.connect(url(city, "/ws/live", "ws"), additional_headers=headers or operator(city), proxy=None)


async def test_posted_message_reaches_the_screen(city: Settings, db: object) -> None:
    async with connect(city) as socket:
        watcher = Watcher(socket)
        await watcher.subscribe([LAYER])
        await watcher.until(lambda: len(watcher.values) == 2)
        answer = await post(city, LAYER, flat(LAYER, clock.now(), fill=42))
        assert answer.json() == {"accepted": 1, "rejects": []}
        await watcher.until(lambda: any(row.get("fill") == 42 for row in watcher.values.values()))


async def test_event_missed_during_a_cut_is_replayed_once_and_in_order(city: Settings, db: object) -> None:
    start = clock.now() - timedelta(hours=20)
    async with connect(city) as socket:
        watcher = Watcher(socket)
        await watcher.subscribe([LAYER])
        await watcher.until(lambda: bool(watcher.texts))
        welcome = watcher.texts[0]
    for hour, fill in enumerate((95, 96, 10, 95, 96, 10)):
        await post(city, LAYER, flat(LAYER, start + timedelta(hours=hour), key="A-2", fill=fill))
    async with connect(city) as socket:
        watcher = Watcher(socket)
        await watcher.subscribe([LAYER], resume={"epoch": welcome["epoch"], "seq": welcome["seq"]})
        await watcher.until(lambda: len(watcher.events) == 4)
        kinds = [event["kind"] for event in watcher.events]
        assert kinds == ["alarm_raised", "alarm_cleared"] * 2
        assert [event["seq"] for event in watcher.events] == sorted(event["seq"] for event in watcher.events)
        await watcher.subscribe([LAYER])
        await post(city, LAYER, flat(LAYER, start + timedelta(hours=7), key="A-2", fill=11))
        await watcher.until(lambda: any(row.get("fill") == 11 for row in watcher.values.values()))
        assert len(watcher.events) == 4


async def test_resume_of_another_epoch_replays_nothing(city: Settings, db: object) -> None:
    async with connect(city) as socket:
        watcher = Watcher(socket)
        await watcher.subscribe([LAYER], resume={"epoch": "another store", "seq": 0})
        await watcher.until(lambda: len(watcher.values) == 2)
        assert watcher.events == []


async def test_anonymous_screen_gets_no_byte_of_a_restricted_layer(city: Settings, db: object) -> None:
    async with connect(city, {"X-Nobody": "1"}) as socket:
        watcher = Watcher(socket)
        await watcher.subscribe(["cctv", "market_fire", "air_quality"])
        await watcher.until(lambda: bool(watcher.values))
        await post(city, "cctv", {})
        with pytest.raises(TimeoutError):
            await watcher.until(lambda: False, 1)
        assert {text["type"] for text in watcher.texts} <= {"welcome", "heartbeat"}
        seen = await asyncio.to_thread(httpx.get, url(city, "/api/layers/air_quality/items"))
        assert set(watcher.values) == {feature["id"] for feature in seen.json()["features"]}


@pytest.mark.parametrize("path", ["/api/layers/cctv/items", "/api/layers/market_fire/items", "/api/ingest/rejects"])
async def test_refused_caller_gets_403_and_nothing_else(city: Settings, path: str) -> None:
    answer = httpx.get(url(city, path))
    assert answer.status_code == 403
    assert set(answer.json()) == {"error"}
    assert httpx.get(url(city, path), headers=operator(city)).status_code == 200


async def test_search_and_alarms_of_a_restricted_layer_are_hidden_from_the_public(city: Settings) -> None:
    assert {row["layer"] for row in httpx.get(url(city, "/api/search?q=A-")).json()["results"]}.isdisjoint({"cctv"})
    found = httpx.get(url(city, "/api/search?q=A-"), headers=operator(city)).json()["results"]
    assert "cctv" in {row["layer"] for row in found}


async def test_ingest_without_the_key_is_refused(city: Settings) -> None:
    answer = httpx.post(url(city, f"/api/ingest/{LAYER}"), content=b"{}")
    assert answer.status_code == 403
    with pytest.raises(websockets.InvalidStatus):
        async with websockets.connect(url(city, f"/ws/ingest/{LAYER}", "ws"), proxy=None):
            pass


async def test_websocket_ingest_answers_each_message_after_its_commit(city: Settings, db: object) -> None:
    key = bearer(city.secrets().ingest_key)
    async with websockets.connect(url(city, f"/ws/ingest/{LAYER}", "ws"), additional_headers=key, proxy=None) as socket:
        await socket.send(json.dumps(flat(LAYER, clock.now())))
        assert json.loads(await socket.recv())["accepted"] == 1
        await socket.send("no json")
        assert json.loads(await socket.recv())["rejects"]
    assert await db.fetchval("SELECT count(*) FROM observation") > 0  # type: ignore[attr-defined]


async def test_rejects_can_be_read(city: Settings, db: object) -> None:
    await post(city, LAYER, {"nonsense": 1})
    found = httpx.get(url(city, "/api/ingest/rejects"), headers=operator(city)).json()
    assert found["counts"][0]["layer"] == LAYER
    assert "nonsense" in found["rejects"][0]["sample"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/nothing", 404),
        ("/tiles/ground/0/5/0.mvt", 404),
        ("/tiles/nothing/0/0/0.mvt", 404),
        ("/tiles/ground/99/0/0.mvt", 404),
        ("/tiles/ground/-1/0/0.mvt", 404),
        ("/tiles/x", 404),
        ("/api/layers/air_quality/items?bbox=1,2,3", 422),
        ("/api/layers/air_quality/items?limit=0", 422),
        ("/api/layers/air_quality/items?datetime=yesterday", 422),
        ("/api/layers/air_quality/items?datetime=2023-07-14T00:00:00", 422),
        ("/api/assets/99999999999", 422),
        ("/api/assets/999999", 404),
        ("/api/datastreams/999999/observations", 404),
    ],
)
def test_bad_questions_get_json_that_says_what(city: Settings, path: str, status: int) -> None:
    answer = httpx.get(url(city, path))
    assert answer.status_code == status
    assert answer.json()["error"]["what"]


def test_items_are_paged_geojson(city: Settings) -> None:
    first = httpx.get(url(city, "/api/layers/air_quality/items?limit=1")).json()
    assert (first["numberMatched"], first["numberReturned"]) == (2, 1)
    following = next(link["href"] for link in first["links"] if link["rel"] == "next")
    second = httpx.get(following).json()
    assert second["features"][0]["id"] != first["features"][0]["id"]
    assert "next" not in {link["rel"] for link in second["links"]}
    box = "126.73,35.96,126.74,35.97"
    near = httpx.get(url(city, f"/api/layers/air_quality/items?bbox={box}")).json()
    assert [feature["properties"]["key"] for feature in near["features"]] == ["A-1"]


async def test_acknowledged_alarm_keeps_its_name_and_is_told_to_the_screens(city: Settings, db: object) -> None:
    start = clock.now() - timedelta(hours=5)
    async with connect(city) as socket:
        watcher = Watcher(socket)
        await watcher.subscribe([LAYER])
        for hour in range(3):
            await post(city, LAYER, flat(LAYER, start + timedelta(hours=hour), key="A-2", fill=95))
        await watcher.until(lambda: len(watcher.events) == 1)
        [alarm] = httpx.get(url(city, "/api/alarms"), headers=operator(city)).json()["alarms"]
        assert (alarm["state"], alarm["key"], alarm["result"]) == ("UNACK", "A-2", 95)
        httpx.post(url(city, f"/api/alarms/{alarm['id']}/acknowledge"), headers=operator(city))
        await watcher.until(lambda: len(watcher.events) == 2)
        assert watcher.events[1]["kind"] == "alarm_acknowledged"
        [alarm] = httpx.get(url(city, "/api/alarms"), headers=operator(city)).json()["alarms"]
        assert (alarm["state"], alarm["acknowledged_by"]) == ("ACKED", "operator")


async def test_bad_subscription_is_answered_and_does_not_end_the_connection(city: Settings) -> None:
    async with connect(city) as socket:
        watcher = Watcher(socket)
        await socket.send("{}")
        await watcher.until(lambda: bool(watcher.texts))
        assert watcher.texts[0]["type"] == "error"
        await watcher.subscribe([LAYER])
        await watcher.until(lambda: len(watcher.values) == 2)


def test_frames_are_what_rfc_6455_says() -> None:
    assert ws_frame(b"x" * 5, 2)[:2] == bytes((0x82, 5))
    assert ws_frame(b"x" * 300, 1)[:4] == bytes((0x81, 126, 1, 44))
    assert ws_frame(b"x" * 70000, 2)[:10] == bytes((0x82, 127)) + (70000).to_bytes(8)


def test_neighbouring_viewports_share_a_frame() -> None:
    assert snap((126.701, 35.951, 126.739, 35.989)) == snap((126.705, 35.953, 126.742, 35.992))


class FakeTransport(asyncio.Transport):
    """A socket that never drains."""

    def __init__(self) -> None:
        self.size, self.aborted = 0, False

    def get_write_buffer_size(self) -> int:
        return self.size

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True

    def write(self, data: bytes) -> None:
        self.size += len(data)


def test_drowning_screen_is_cut_instead_of_filling_the_memory() -> None:
    from twin.access import OPERATOR

    screen = Screen(FakeTransport(), OPERATOR)
    for _ in range(20):
        screen.write(bytes(2**20))
    assert screen.transport.is_closing()
    assert screen.transport.get_write_buffer_size() < 10 * 2**20
