"""A share over HTTP and WebSocket: what its bearer gets, and that it is over within two seconds."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from io import BytesIO
from itertools import count

import asyncpg
import httpx
import pytest
import websockets
from PIL import Image, ImageDraw

from backend.routes.share import MOSAIC, mask
from backend.share_door import MOST_MISSES
from tests.backend.test_incidents import FIRE
from tests.backend.test_live import city, operator, post, url  # noqa: F401
from tests.backend.test_pipeline import flat
from twin import clock
from twin.settings import Settings

SHARE = {
    "agency": "군산소방서",
    "purpose": "시장 화재 출동",
    "ground": "imminent_danger",
    "contact": "관제 063-000-0000",
}
ADDRESSES = count(20)
RAIN = {"rainfall_rate": 30.0, "rain_10min": 5.0, "rain_1h": 12.0, "rain_3h": 20.0, "rain_day": 40.0}


@pytest.fixture
async def desk(city: Settings, db: asyncpg.Connection) -> AsyncIterator[httpx.AsyncClient]:  # noqa: F811
    async with httpx.AsyncClient(base_url=url(city, ""), headers=operator(city), timeout=30) as client:
        yield client


@pytest.fixture
async def phone(city: Settings) -> AsyncIterator[httpx.AsyncClient]:  # noqa: F811
    transport = httpx.AsyncHTTPTransport(local_address=f"127.0.0.{next(ADDRESSES)}")  # guesses are counted by address
    async with httpx.AsyncClient(base_url=url(city, ""), timeout=30, transport=transport) as client:
        yield client


async def shared(desk: httpx.AsyncClient, **more: object) -> tuple[int, dict, str]:
    """Open an incident and share it; return its number, the answer, and the link's path."""
    number = (await desk.post("/api/incidents", json=FIRE)).json()["id"]
    answer = await desk.post(f"/api/incidents/{number}/shares", json=SHARE | {"layers": ["rain"]} | more)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return number, made, httpx.URL(made["url"]).path


def listen(desk: httpx.AsyncClient, path: str) -> websockets.connect:
    base = str(desk.base_url).replace("http", "ws")
    return websockets.connect(f"{base}{path.replace('/s/', '/ws/share/')}", proxy=None, max_queue=None)


async def closed_after(socket: websockets.ClientConnection, act: object) -> float:
    """Do something, and return how long after its beginning the socket was closed [s]."""
    began = time.monotonic()
    await act  # type: ignore[misc]
    async with asyncio.timeout(10):
        await socket.wait_closed()
    assert socket.close_code == 4410
    return time.monotonic() - began


async def test_the_areas_that_are_offered_can_be_shared_and_the_whole_city_is_drawn_coarsely(
    desk: httpx.AsyncClient, phone: httpx.AsyncClient
) -> None:
    number = (await desk.post("/api/incidents", json=FIRE)).json()["id"]
    areas = (await desk.get(f"/api/incidents/{number}/shares")).json()["areas"]
    assert [(one["id"], one["is_usual"]) for one in areas] == [
        ("300_m", False), ("1000_m", True), ("3000_m", False), ("city", False),
    ]  # fmt: skip
    drawn = {}
    for one in areas:
        made = await desk.post(f"/api/incidents/{number}/shares", json=SHARE | {"area": one["area"]})
        assert made.status_code == 201, one
        ground = (await phone.get(f"{httpx.URL(made.json()['url']).path}/map")).json()
        assert ground["area"] == one["area"]
        drawn[one["id"]] = {part["table"]: len(part["shapes"]) for part in ground["parts"]}
    assert drawn["300_m"]["road_link"] <= drawn["1000_m"]["road_link"] <= drawn["3000_m"]["road_link"]
    assert drawn["city"]["building"] == 0
    wide = [124.0, 33.0, 131.0, 39.0]
    assert (await desk.post(f"/api/incidents/{number}/shares", json=SHARE | {"area": wide})).status_code == 422


async def test_the_bearer_gets_the_case_and_every_use_is_on_record(
    desk: httpx.AsyncClient, phone: httpx.AsyncClient, db: asyncpg.Connection
) -> None:
    number, made, path = await shared(desk)
    assert made["qr"].startswith("data:image/svg+xml")
    page = await phone.get(path)
    assert page.status_code == 200
    assert FIRE["title"] not in page.text, "a preview of the link tells nothing"
    case = (await phone.get(f"{path}/case")).json()
    assert case["incident"]["title_ko"] == FIRE["title"]
    assert [layer["id"] for layer in case["layers"]] == ["rain"]
    assert case["share"]["contact"] == SHARE["contact"]
    assert "operator" not in json.dumps(case), "nobody's name goes out"
    assert (await phone.get(f"{path}/map")).json()["parts"]
    assert (await phone.get(f"{path}/cameras/1.jpg")).status_code == 403
    assert (await phone.post(f"{path}/seen", json={})).json()["seen"]
    assert (await phone.get("/api/incidents")).status_code == 403, "the link opens nothing else"
    [share] = (await desk.get(f"/api/incidents/{number}/shares")).json()["shares"]
    assert (share["opened"], share["state"]) == (1, "live")
    assert share["seen"]
    table = (await desk.get("/api/shares/register.csv", params={"incident": number, "reason": "보고"})).text
    assert [word in table for word in ("granted", "opened", "seen", "군산소방서", "Imminent danger")] == [True] * 5
    assert "imminent_danger" not in table, "in words, not in codes"
    pdf = await desk.get("/api/shares/register.pdf", params={"incident": number, "reason": "보고"})
    assert pdf.content.startswith(b"%PDF")
    assert (await desk.get("/api/shares/register.pdf")).status_code == 422
    account = f"share {share['id']} · 군산소방서"
    works = await db.fetch("SELECT work, reason, ground FROM log WHERE account = $1 ORDER BY seq", account)
    assert [row["work"] for row in works if row["work"] != "share.picture"] == ["share_opened", "share_seen"]
    assert {(row["reason"], row["ground"]) for row in works if row["reason"]} == {(SHARE["purpose"], "imminent_danger")}


async def test_the_socket_tells_what_came_since_the_grant_in_granted_layers_and_nothing_else(
    city: Settings,  # noqa: F811
    desk: httpx.AsyncClient,
) -> None:
    old = clock.now()
    for layer, fields in (("rain", RAIN | {"rain_day": 77.0}), ("waste_bin", {})):
        assert (await post(city, layer, flat(layer, old) | fields)).json()["accepted"] > 0
    _, _, path = await shared(desk)
    async with listen(desk, path) as socket:
        heard: list[dict] = []

        async def until(is_so) -> None:
            async with asyncio.timeout(20):
                while not is_so():
                    heard.append(json.loads(await socket.recv()))

        def rows() -> list[dict]:
            return [row for one in heard if one["type"] == "rows" for row in one["rows"]]

        await until(lambda: rows())
        assert all(row["results"] == {} and row["time"] is None for row in rows()), "what was before is not opened"
        for layer, fields in (("waste_bin", {}), ("rain", RAIN | {"rain_day": 88.0})):
            await post(city, layer, flat(layer, clock.now()) | fields)
        await until(lambda: any(row["results"].get("rain_day") == 88.0 for row in rows()))
        assert {one["layer"] for one in heard if one["type"] == "rows"} == {"rain"}
        assert "77.0" not in json.dumps(heard)


@pytest.mark.parametrize("way", ["revoked", "incident closed", "expired"])
async def test_an_open_socket_dies_within_two_seconds(
    desk: httpx.AsyncClient, phone: httpx.AsyncClient, db: asyncpg.Connection, way: str
) -> None:
    number, made, path = await shared(desk)
    share = made["share"]["id"]
    async with listen(desk, path) as socket:
        assert json.loads(await socket.recv())["type"] == "case"
        act = {
            "revoked": desk.post(f"/api/shares/{share}/revoke"),
            "incident closed": desk.post(f"/api/incidents/{number}/close", json={"reason": "진화"}),
            "expired": db.execute("UPDATE share SET expires = now() WHERE id = $1", share),
        }
        after = await closed_after(socket, act.pop(way))
        for other in act.values():
            other.close()
    assert after <= 2, f"{after:.2f} s"
    print(f"{way}: the socket was closed {after:.2f} s after it began")
    gone, never = await phone.get(path), await phone.get("/s/" + "x" * 32)
    assert (gone.status_code, gone.content) == (never.status_code, never.content) == (404, never.content)
    for rest in ("case", "map", "route?lon=126.7&lat=35.9", "cameras/1.jpg"):
        answer = await phone.get(f"{path}/{rest}")
        assert (answer.status_code, FIRE["title"] in answer.text) == (404, False)
    assert (await phone.post(f"{path}/seen", json={})).status_code == 404
    async with listen(desk, path) as socket:
        with pytest.raises(websockets.ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 4404


async def test_no_byte_before_the_pin(desk: httpx.AsyncClient, phone: httpx.AsyncClient) -> None:
    _, _, path = await shared(desk, pin="20240")
    for rest in ("case", "map", "route?lon=126.7&lat=35.9"):
        answer = await phone.get(f"{path}/{rest}")
        assert (answer.status_code, FIRE["title"] in answer.text) == (403, False)
    async with listen(desk, path) as socket:
        with pytest.raises(websockets.ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 4403
    assert (await phone.post(f"{path}/pin", json={"pin": "0000"})).json() == {"is_right": False}
    assert (await phone.post(f"{path}/pin", json={"pin": "20240"})).json() == {"is_right": True}
    assert (await phone.get(f"{path}/case")).status_code == 200


async def test_who_guesses_hears_nothing_more_for_a_while(desk: httpx.AsyncClient) -> None:
    _, _, path = await shared(desk)
    transport = httpx.AsyncHTTPTransport(local_address="127.0.0.9")
    async with httpx.AsyncClient(base_url=desk.base_url, transport=transport) as guesser:
        answers = [(await guesser.get(f"/s/guess-{n}/case")).status_code for n in range(MOST_MISSES)]
        assert set(answers) == {404}
        assert (await guesser.get(path)).status_code == 429
        assert (await guesser.get(f"{path}/case")).status_code == 429


def test_a_masked_picture_is_too_coarse_for_a_face() -> None:
    face = Image.new("RGB", (640, 360), "grey")
    for n in range(0, 640, 8):
        ImageDraw.Draw(face).line((n, 0, n, 360), fill="white", width=3)
    out = BytesIO()
    face.save(out, "JPEG")
    told = Image.open(BytesIO(mask(out.getvalue())))
    assert told.size == (640, 360)
    block = 640 // MOSAIC
    columns = [told.getpixel((x, 180))[0] for x in range(block * 4, block * 5)]
    assert max(columns) - min(columns) < 25, "within a block there is one colour"
