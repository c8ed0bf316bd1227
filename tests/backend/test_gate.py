"""The gate: other sites, floods, headers, sign-in by name, and sockets that end with their session."""

# ruff: noqa: F401, F811
import asyncio
from urllib.parse import urlsplit

import httpx
import pytest
import websockets

from backend.limits import RATES, Limits
from tests.backend.test_live import city, operator, url
from twin import clock
from twin.access import AccessClass, Caller, Right
from twin.accounts import Accounts
from twin.db import connect
from twin.settings import Settings

BOSS = Caller("boss", AccessClass.RESTRICTED, frozenset({Right.ACCOUNTS}))


def test_a_bucket_empties_says_how_long_to_wait_and_fills_again() -> None:
    at = [0.0]
    limits = Limits(lambda: at[0])
    assert [limits.take("door", "a") for _ in range(int(RATES["door"].burst))] == [0] * int(RATES["door"].burst)
    wait = limits.take("door", "a")
    assert wait == pytest.approx(1 / RATES["door"].per_s)
    assert limits.take("door", "b") == 0, "another address has its own"
    at[0] += wait
    assert limits.take("door", "a") == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({}, 303),
    ],
)
def test_what_another_site_sends_is_refused(city: Settings, headers: dict[str, str], status: int) -> None:
    assert httpx.post(url(city, "/sign-out"), headers=headers).status_code == status


async def test_a_socket_that_another_site_opens_is_refused(city: Settings) -> None:
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(url(city, "/ws/live", "ws"), origin="https://evil.example", proxy=None).__aenter__()
    own = urlsplit(url(city, ""))._replace(path="").geturl()
    async with websockets.connect(url(city, "/ws/live", "ws"), origin=own, proxy=None):
        pass


@pytest.mark.parametrize("path", ["/console", "/public", "/api/layers", "/desk", "/tiles/x"])
def test_every_answer_says_what_may_be_loaded_and_who_may_frame_it(city: Settings, path: str) -> None:
    told = httpx.get(url(city, path), headers=operator(city)).headers
    policy = told["content-security-policy"]
    assert "unsafe-eval" not in policy
    assert "unsafe-inline" not in policy.partition("style-src")[0]
    assert ("frame-ancestors *" in policy) == (path == "/public")
    assert "frame-ancestors 'none'" in policy or path == "/public"
    assert told["x-content-type-options"] == "nosniff"


async def drain(socket: websockets.ClientConnection) -> None:
    while True:
        await socket.recv()


async def test_by_name_a_first_password_opens_one_page_and_the_new_one_all_and_a_socket_ends_with_its_session(
    city: Settings,
) -> None:
    db = await connect(city.dsn())
    await db.execute("TRUNCATE account, account_grant, session")
    first = await Accounts(db).add(BOSS, "kim", "", "operator", clock.now())
    page = {"Accept": "text/html"}
    async with httpx.AsyncClient(base_url=url(city, ""), headers=page, timeout=60) as client:
        form = {"name": "kim", "password": "wrong"}
        assert (await client.post("/sign-in", data=form)).headers["location"] == "/console?refused=name"
        answer = await client.post("/sign-in", data=form | {"password": first})
        assert answer.headers["location"] == "/account"
        assert {"httponly", "samesite=lax"} <= set(answer.headers["set-cookie"].lower().split("; "))
        assert (await client.get("/console")).headers["location"] == "/account"
        assert (await client.get("/api/incidents", headers={"Accept": "*/*"})).status_code == 403
        new = {"old": first, "new": "a long enough word", "again": "a long enough word"}
        assert (await client.post("/account/password", data=new)).headers["location"] == "/console?changed=1"
        answer = await client.post("/sign-in", data=form | {"password": new["new"]})
        assert answer.headers["location"] == "/console"
        assert (await client.get("/console")).status_code == 200
        assert (await client.get("/api/incidents")).status_code == 200
        header = {"Cookie": f"gunsan_session={client.cookies['gunsan_session']}"}
        async with websockets.connect(url(city, "/ws/live", "ws"), additional_headers=header, proxy=None) as socket:
            await Accounts(db).change(BOSS, "kim", is_disabled=True)
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await asyncio.wait_for(drain(socket), 10)
            assert closed.value.rcvd.code == 4401
        assert (await client.get("/api/incidents")).status_code == 403
    await db.close()


def test_who_signs_in_wrongly_too_often_has_to_wait(city: Settings) -> None:
    away = {"X-Forwarded-For": "192.0.2.7"}
    for _ in range(3 * int(RATES["door"].burst)):
        if httpx.post(url(city, "/sign-in"), data={"key": "wrong"}, headers=away).status_code == 429:
            break
    answer = httpx.post(url(city, "/sign-in"), data={"key": city.secrets().operator_key}, headers=away)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert httpx.get(url(city, "/api/health")).status_code != 429


async def test_a_store_that_is_away_ends_no_session_and_opens_no_channel_as_nobody(city: Settings) -> None:
    db = await connect(city.dsn())
    await db.execute("TRUNCATE account, account_grant, session")
    first = await Accounts(db).add(BOSS, "lee", "", "operator", clock.now())
    async with httpx.AsyncClient(base_url=url(city, ""), timeout=60) as client:
        await client.post("/sign-in", data={"name": "lee", "password": first})
        new = {"old": first, "new": "a long enough word", "again": "a long enough word"}
        await client.post("/account/password", data=new)
        await client.post("/sign-in", data={"name": "lee", "password": new["new"]})
        header = {"Cookie": f"gunsan_session={client.cookies['gunsan_session']}"}
    live = url(city, "/ws/live", "ws")
    async with websockets.connect(live, additional_headers=header, proxy=None) as socket:
        await db.execute("ALTER TABLE session RENAME TO session_away")
        try:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(drain(socket), 3)
            with pytest.raises(websockets.InvalidStatus):
                await websockets.connect(live, additional_headers=header, proxy=None).__aenter__()
            page = httpx.get(url(city, "/console"), headers=header | {"Accept": "text/html"})
            assert (page.status_code, page.headers["refresh"]) == (503, "5")
        finally:
            await db.execute("ALTER TABLE session_away RENAME TO session")
        await db.execute("TRUNCATE session")
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await asyncio.wait_for(drain(socket), 10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
    await db.close()
