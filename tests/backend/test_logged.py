"""What people do over HTTP and WebSocket stands in the log; what they read in public does not."""

import asyncio
import json

import asyncpg
import httpx
import pytest
import websockets

from backend.limits import RATES
from tests.backend.test_incidents import FIRE
from tests.backend.test_live import city, operator, url  # noqa: F401
from twin import clock
from twin.chain import check
from twin.settings import Settings

MONTH = f"{clock.now().astimezone(clock.KST):%Y-%m}"


async def since(db: asyncpg.Connection, seq: int) -> list[dict]:
    return [dict(row) for row in await db.fetch("SELECT * FROM log WHERE seq > $1 ORDER BY seq", seq)]


@pytest.fixture
async def start(db: asyncpg.Connection) -> int:
    return int(await db.fetchval("SELECT coalesce(max(seq), 0) FROM log"))


async def test_a_change_a_download_and_a_refusal_leave_a_row_each(
    city: Settings,  # noqa: F811
    db: asyncpg.Connection,
    start: int,
) -> None:
    async with httpx.AsyncClient(base_url=url(city, ""), headers=operator(city)) as client:
        number = (await client.post("/api/incidents", json=FIRE)).json()["id"]
        path = f"/api/incidents/{number}"
        await client.post(f"{path}/close", json={"reason": "오보"})
        assert (await client.post(f"{path}/close", json={"reason": "again"})).status_code == 409
        bare = await client.get(f"{path}/pack.csv")
        assert bare.status_code == 422
        assert "needs a reason" in bare.json()["error"]["what"]
        assert (await client.get(f"{path}/pack.csv", params={"reason": "사후 보고"})).status_code == 200
        for plain in ("/api/layers", "/api/incidents", "/api/health"):
            await client.get(plain)
    async with httpx.AsyncClient(base_url=url(city, "")) as stranger:
        assert {(await stranger.post("/api/incidents", json=FIRE)).status_code for _ in range(5)} == {403}
        assert (await stranger.get("/api/log", params={"month": MONTH})).status_code == 403
    rows = await since(db, start)
    told = [(row["account"], row["work"], row["subject"], row["reason"], row["outcome"]) for row in rows]
    assert told == [
        ("operator", "incidents.open_by_hand", "/api/incidents", "", "done"),
        ("operator", "incidents.close", f"{path}/close", "오보", "done"),
        ("operator", "download", f"{path}/pack.csv", "사후 보고", "done"),
        ("anonymous", "incidents.open_by_hand", "/api/incidents", "", "refused"),
    ]
    assert {row["place"] for row in rows} == {"127.0.0.1"}


async def test_a_sign_in_and_one_that_failed_are_told_apart(
    city: Settings,  # noqa: F811
    db: asyncpg.Connection,
    start: int,
) -> None:
    async with httpx.AsyncClient(base_url=url(city, "")) as client:
        await client.post("/sign-in", data={"key": "guess"})
        await client.post("/sign-in", data={"key": city.secrets().operator_key})
        await client.post("/sign-out")
    rows = await since(db, start)
    assert [(row["account"], row["work"], row["outcome"]) for row in rows] == [
        ("unknown", "sign_in", "failed"), ("operator", "sign_in", "done"), ("operator", "sign_out", "done"),
    ]  # fmt: skip
    assert city.secrets().operator_key not in str(rows)


async def test_nobody_looks_through_a_camera_without_purpose_and_ground(
    city: Settings,  # noqa: F811
    db: asyncpg.Connection,
    start: int,
) -> None:
    async with httpx.AsyncClient(base_url=url(city, ""), headers=operator(city)) as client:
        number = (await client.post("/api/incidents", json=FIRE)).json()["id"]
    address = url(city, f"/ws/cameras?incident={number}", "ws")
    for lacking in ("", "&purpose=look", "&ground=public_safety", "&purpose=look&ground=curiosity"):
        async with websockets.connect(address + lacking, additional_headers=operator(city)) as socket:
            with pytest.raises(websockets.ConnectionClosed):
                await socket.recv()
            assert socket.close_code == 4422
    good = f"{address}&purpose=불꽃 확인&ground=imminent_danger"
    async with websockets.connect(good, additional_headers=operator(city)) as socket:
        assert json.loads(await socket.recv())["type"] == "cameras"
    views = [row for row in await since(db, start) if row["work"] == "camera_view"]
    assert [(row["reason"], row["ground"]) for row in views] == [("불꽃 확인", "imminent_danger")]
    assert f"incident {number}" in views[0]["subject"]


async def test_the_log_is_exported_reviewed_and_signed_over_http(city: Settings, db: asyncpg.Connection) -> None:  # noqa: F811
    async with httpx.AsyncClient(base_url=url(city, ""), headers=operator(city)) as client:
        note = {"month": MONTH, "note": "이상 없음"}
        assert (await client.post("/api/log/review", json=note)).status_code == 201
        assert (await client.post("/api/log/review", json=note | {"month": "2199-01"})).status_code == 403
        told = (await client.get("/api/log/review", params={"month": MONTH})).json()
        assert told["signed"][-1]["reason"] == "이상 없음"
        assert next(one for one in told["accounts"] if one["account"] == "operator")["deeds"] > 0
        page = (await client.get("/desk/review", params={"month": MONTH})).text
        assert "이상 없음" in page
        assert "개인정보" in (await client.get("/desk/inventory")).text
        assert (await client.get("/api/log/export.jsonl")).status_code == 422
        file = (await client.get("/api/log/export.jsonl", params={"reason": "감사"})).text
        found = check(file.splitlines())
        assert found.faults == []
        assert json.loads(file.splitlines()[-1])["work"] == "download", "also this export is a row of it"
        rows = (await client.get("/api/log", params={"month": MONTH, "work": "download"})).json()["rows"]
        assert rows[0]["reason"] == "감사"
        report = (await client.get(f"/mayor/report/{clock.now().astimezone(clock.KST):%Y-%m-%d}")).text
        assert (await client.get("/api/log/head")).json()["hash"] in report


async def test_what_the_gate_refuses_is_written_once_a_minute_for_each_address(
    city: Settings,  # noqa: F811
    db: asyncpg.Connection,
    start: int,
) -> None:
    evil = {"Origin": "https://evil.example"}
    async with httpx.AsyncClient(base_url=url(city, "")) as client:

        async def post(path: str, place: str, **more: str) -> int:
            return (await client.post(path, headers={"X-Forwarded-For": place} | more)).status_code

        assert {await post("/sign-out", "192.0.2.21", **evil) for _ in range(3)} == {403}
        assert await post("/_dash-update-component", "192.0.2.22") == 401
        many = await asyncio.gather(*(post("/wall/build", "192.0.2.23") for _ in range(2 * int(RATES["write"].burst))))
        assert set(many) == {405, 429}, "there is no such change, which leaves no row, until it is asked too often"
    from_there = {"X-Forwarded-For": "192.0.2.24"}
    socket = websockets.connect(
        url(city, "/ws/live", "ws"), origin="https://evil.example", additional_headers=from_there, proxy=None
    )
    with pytest.raises(websockets.InvalidStatus):
        await socket.__aenter__()
    told = [
        (row["account"], row["place"], row["work"], row["subject"], row["reason"], row["outcome"])
        for row in await since(db, start)
    ]
    assert told == [
        ("anonymous", "192.0.2.21", "gate", "POST /sign-out", "403 https://evil.example", "refused"),
        ("anonymous", "192.0.2.22", "gate", "POST /_dash-update-component", "401", "refused"),
        ("anonymous", "192.0.2.23", "gate", "POST /wall/build", "429", "refused"),
        ("anonymous", "192.0.2.24", "gate", "WS /ws/live", "403 https://evil.example", "refused"),
    ]
