# ruff: noqa: F401, F811
"""Every route, page, stream, tile and export, with every role: who is refused gets nothing but the refusal."""

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
import websockets
from fastapi.routing import APIWebSocketRoute
from starlette.routing import Mount

from backend.app import create_app
from backend.auth import COOKIE
from backend.doors import DOORS, Need
from frontend.pages.refused import refused_page
from frontend.pages.sign_in import sign_in_page
from layers import load_layers
from tests.backend.test_live import Watcher, bearer, city, operator, post, url
from tests.backend.test_pipeline import flat
from twin import clock
from twin.access import ANONYMOUS, ROLES, AccessClass, Caller, Right
from twin.accounts import Accounts
from twin.db import connect
from twin.sessions import Sessions
from twin.settings import Settings

WHO = ["anonymous", *ROLES]
LAYERS = {AccessClass.PUBLIC: "waste_bin", AccessClass.INTERNAL: "market_fire", AccessClass.RESTRICTED: "cctv"}
INSTALLER = Caller("installation", AccessClass.PUBLIC, frozenset({Right.ACCOUNTS}))
AT = "2026-12-01T00:00:00Z"
DRAFT = {
    "event": {"ko": "호우", "en": "Heavy rain"}, "headline": {"ko": "호우", "en": "Heavy rain"},
    "instruction": {"ko": "피하세요", "en": "Stay away"}, "category": "Met", "urgency": "Immediate",
    "severity": "Severe", "certainty": "Observed", "expires": "2100-01-01T00:00:00Z",
    "area": {"ko": "군산", "en": "Gunsan"}, "geocode": "52130",
}  # fmt: skip
BODIES: dict[str, Any] = {
    "POST /api/alarms/{alarm_id}/shelve": {"reason": "test", "until": AT},
    "POST /api/maintenance": {"reason": "test", "until": AT, "asset": 2147483647},
    "POST /api/incidents": {"topic": "fire", "title": "door"},
    "POST /api/incidents/{incident_id}/dispatch": {}, "POST /api/incidents/{incident_id}/close": {"reason": "over"},
    "POST /api/incidents/{incident_id}/reopen": {"reason": "again"},
    "POST /api/incidents/{incident_id}/merge": {"into": 2**40},
    "POST /api/incidents/{incident_id}/notes": {"text": "a note"},
    "POST /api/incidents/{incident_id}/tasks": {"title": "a task"},
    "POST /api/incidents/{incident_id}/tasks/{task_id}": {"state": "done"},
    "POST /api/alerts": {"content": DRAFT}, "POST /api/drills": {"scenario": "none"},
    "PUT /api/wall/layouts/{name}": {}, "PUT /api/office/entries/{kind}/{key}": {"title": "a title"},
    "POST /api/alerts/{identifier}/withdraw": {"reason": "a door"},
    "POST /api/incidents/{incident_id}/shares": {"agency": "fire", "purpose": "a door", "ground": "imminent_danger"},
    "POST /api/log/review": {"month": "2026-11", "note": "a door"},
    "PUT /api/runs/{run_id}/cost": {"million_krw": None}, "POST /s/{token}/pin": {"pin": "0000"},
    "POST /api/runs": {"simulation": "none", "scenario": {}},
}  # fmt: skip
"""What a body needs so that nothing but the caller can be wrong with it."""
QUERIES = {
    "GET /s/{token}/route": "lon=126.7&lat=35.97",
    "GET /api/shares/register.{kind}": "reason=door",
    "GET /api/log": "month=2026-11", "GET /api/log/export.jsonl": "reason=door", "GET /api/log/review": "month=2026-11",
    "GET /api/incidents/{incident_id}/pack.{kind}": "reason=door",
    "GET /api/search": "q=A-", "GET /api/parking/guidance": "lon=126.7&lat=35.97", "GET /sign-in": "",
    "GET /api/office/brief": f"since={AT.replace('2026', '2025')}",
    "GET /api/incidents/{incident_id}/route": "lon=126.7&lat=35.97",
}  # fmt: skip
NO_LINK = (403, 404, 410, 429)
"""What a token that is none is answered."""
HEALTH = "GET /api/health"
"""Says 503 in this city, which has no broker."""
DASH = {"GET /_dash-component-suites/{package_name}/{fingerprinted_path:path}", "POST /_dash-update-component"}
"""Dash says 500 to a file that it does not have, and to a question without a body."""
ONCE = {"POST /sign-out", "POST /account/sessions/{number:int}/end"}
"""Doors that end the very session that walks; they have their own tests."""
VALUES = {
    "alarm_id": "1", "number": "1", "identifier": "none", "drill_id": "none", "name": "none", "kind": "placard",
    "key": "one", "run_id": "none", "task_id": "1", "no": "1", "day": "2026-11-01", "unit_id": "1", "z": "12",
    "x": "3490", "y": "1613", "path": "nothing", "package_name": "dash", "fingerprinted_path": "none.js",
    "share_id": "1", "token": "none" * 10,
    "asset": "1",
}  # fmt: skip


def doors_of(app: Any) -> Iterator[str]:
    """Yield every route of the app as the table names it."""

    def flat_routes(routes: Any) -> Iterator[Any]:
        for route in routes:
            inner = getattr(route, "original_router", None)
            yield from flat_routes(inner.routes) if inner is not None else (route,)

    for route in flat_routes(app.routes):
        if isinstance(route, Mount):
            yield f"MOUNT {route.path}"
        elif isinstance(route, APIWebSocketRoute):
            yield f"WS {route.path}"
        else:
            yield from (f"{method} {route.path}" for method in sorted(route.methods - {"HEAD"}))


def test_every_route_has_a_decision(settings: Settings) -> None:
    found = set(doors_of(create_app(settings)))
    dash = {"GET /console", "GET /planner"}  # behind Dash's catch-all, which is made when it starts
    assert found - set(DOORS) == set(), "say in backend/doors.py what opens these"
    assert set(DOORS) - found - dash == set(), "these are gone"


def may(need: Need, caller: Caller, layer: AccessClass = AccessClass.PUBLIC) -> bool:
    match need:
        case Right():
            return caller.may(need)
        case tuple():
            return any(caller.may(right) for right in need)
        case AccessClass():
            return caller.may_see(need)
        case "layer":
            return caller.may_see(layer)
        case "own":
            return caller.name != ANONYMOUS.name
    return False


@pytest.fixture(scope="module")
def cookies(city: Settings) -> dict[str, dict[str, str]]:
    """Somebody of every role, signed in; and nobody in particular."""
    return asyncio.run(sign_all_in(city))


async def sign_all_in(city: Settings) -> dict[str, dict[str, str]]:
    db = await connect(city.dsn())
    now, told = clock.now(), {"anonymous": {}}
    await db.execute("TRUNCATE account, account_grant, session")
    for role in ROLES:
        await Accounts(db).add(INSTALLER, f"some.{role}", "", role, now)
        await db.execute("UPDATE account SET must_change = false")
        number = await db.fetchval("SELECT id FROM account WHERE name = $1", f"some.{role}")
        told[role] = {"Cookie": f"{COOKIE}={await Sessions(db).begin(number, 'test', now)}"}
    await db.close()
    return told


@pytest.fixture
async def places(city: Settings, db: Any) -> dict[str, Any]:
    """An incident, and of each class an asset and a datastream with a value."""
    async with httpx.AsyncClient(base_url=url(city, ""), headers=operator(city), timeout=60) as client:
        made = (await client.post("/api/incidents", json=BODIES["POST /api/incidents"])).json()
    row: dict[str, Any] = {"incident_id": str(made["id"])}
    for access, layer in LAYERS.items():
        asset = await db.fetchval("SELECT id FROM asset WHERE layer = $1 ORDER BY id LIMIT 1", layer)
        await db.execute(
            "INSERT INTO datastream (asset_id, observed_property) SELECT $1, 'fill' "
            "WHERE NOT EXISTS (SELECT FROM datastream WHERE asset_id = $1)", asset,
        )  # fmt: skip
        stream = await db.fetchval("SELECT id FROM datastream WHERE asset_id = $1 LIMIT 1", asset)
        row[access.name] = {"layer_id": layer, "asset_id": str(asset), "datastream_id": str(stream), "kind": "csv"}
    return row


def caller_of(who: str) -> Caller:
    return ANONYMOUS if who == "anonymous" else Caller(f"some.{who}", ROLES[who].clearance, ROLES[who].rights)


def asked(door: str, places: dict[str, Any], access: AccessClass) -> tuple[str, str, dict[str, Any]]:
    """Return method, path and what else a request to a door needs."""
    method, _, path = door.partition(" ")
    kind = "/pack." in path or "/register." in path
    values = VALUES | places | ({"kind": "csv"} if kind else {})
    if DOORS[door] == "layer":
        values |= places[access.name]
    values.setdefault("layer_id", LAYERS[access])
    filled = re.sub(r"{(\w+)(:\w+)?}", lambda match: values[match[1]], path)
    query = f"layers={LAYERS[access]}" if path == "/api/frames" else QUERIES.get(door, "")
    more: dict[str, Any] = {"json": BODIES[door]} if door in BODIES else {}
    return method, f"{filled}?{query}" if query else filled, more


def is_refusal(answer: httpx.Response, who: str, need: Need) -> bool:
    """Tell whether an answer is the refusal and nothing else."""
    if answer.status_code not in (401, 403):
        return False
    if answer.headers["content-type"].startswith("application/json"):
        return set(answer.json()) == {"error"} and set(answer.json()["error"]) == {"what", "status"}
    page = (
        sign_in_page().encode()
        if who == "anonymous"
        else refused_page(f"some.{who}", None, need if isinstance(need, Right) else None).body
    )
    return answer.content == page


@pytest.mark.parametrize("who", WHO)
async def test_a_refused_caller_gets_the_refusal_and_an_allowed_one_comes_in(
    city: Settings,
    cookies: dict[str, dict[str, str]],
    places: dict[str, Any],
    who: str,
) -> None:
    caller, wrong = caller_of(who), []
    async with httpx.AsyncClient(base_url=url(city, ""), headers=cookies[who], timeout=60) as client:
        for door, need in DOORS.items():
            if door.startswith(("WS", "MOUNT")) or door in ONCE:
                continue
            for access in AccessClass if need == "layer" else (AccessClass.PUBLIC,):
                method, path, more = asked(door, places, access)
                try:
                    answer = await client.request(method, path, **more)
                except httpx.HTTPError as error:
                    wrong.append((door, str(need), repr(error)))
                    continue
                is_fine = (
                    answer.status_code not in (401, 403, 405) and (answer.status_code < 500 or door in (HEALTH, *DASH))
                    if may(need, caller, access)
                    else is_refusal(answer, who, need) or (need == "share token" and answer.status_code in NO_LINK)
                )  # fmt: skip
                if not is_fine:
                    wrong.append((door, str(need), answer.status_code, answer.text[:80]))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("who", WHO)
async def test_lists_and_pages_hold_only_layers_that_the_caller_may_see(
    city: Settings,
    cookies: dict[str, dict[str, str]],
    places: dict[str, Any],
    who: str,
) -> None:
    caller = caller_of(who)
    hidden = {key for key, one in load_layers().items() if not caller.may_see(one.spec.access_class)}
    page = {
        "output": "page.children", "outputs": {"id": "page", "property": "children"},
        "inputs": [{"id": "where", "property": "pathname", "value": "/console"},
                   {"id": "where", "property": "search", "value": ""}], "changedPropIds": ["where.pathname"],
    }  # fmt: skip
    async with httpx.AsyncClient(base_url=url(city, ""), headers=cookies[who], timeout=60) as client:
        for path, name in (("/api/layers", "layers"), ("/api/open", "layers"), ("/api/search?q=A-", "results")):
            rows = (await client.get(path)).json()[name]
            assert {row.get("id", row.get("layer")) for row in rows}.isdisjoint(hidden), path
        figures = (await client.get("/api/figures")).json()["figures"]
        assert all(caller.may_see(AccessClass[figure["access"].upper()]) for figure in figures)
        answer = await client.post("/_dash-update-component", json=page)
    if who == "anonymous":
        assert is_refusal(answer, who, "own")
    else:
        assert answer.status_code == 200
        assert not [layer for layer in hidden if f'"{layer}"' in answer.text]


@pytest.mark.parametrize("who", WHO)
async def test_the_live_channel_sends_no_frame_and_no_event_of_a_layer_that_is_not_seen(
    city: Settings,
    cookies: dict[str, dict[str, str]],
    db: Any,
    who: str,
) -> None:
    caller = caller_of(who)
    ids = {access: [row["id"] for row in await db.fetch("SELECT id FROM asset WHERE layer = $1", layer)]
           for access, layer in LAYERS.items()}  # fmt: skip
    last = LAYERS[AccessClass.PUBLIC]
    async with websockets.connect(url(city, "/ws/live", "ws"), additional_headers=cookies[who], proxy=None) as socket:
        watcher = Watcher(socket)
        await watcher.subscribe(list(LAYERS.values()))
        await watcher.until(lambda: set(ids[AccessClass.PUBLIC]) <= set(watcher.values), 20)
        for layer in (LAYERS[AccessClass.INTERNAL], last):
            await post(city, layer, flat(layer, clock.now()))
        async with httpx.AsyncClient(headers=operator(city)) as client:
            await client.post(url(city, "/api/incidents"), json=BODIES["POST /api/incidents"])
        seen = [access for access in AccessClass if caller.may_see(access)]
        if AccessClass.INTERNAL in seen:
            await watcher.until(lambda: any(event["layer"] == "incident" for event in watcher.events), 20)
        await watcher.subscribe([last, "rain"])  # what comes after this was written after all that
        rain = {row["id"] for row in await db.fetch("SELECT id FROM asset WHERE layer = 'rain'")}
        await watcher.until(lambda: rain <= set(watcher.values), 20)
    assert not set(watcher.values) & {one for access in AccessClass if access not in seen for one in ids[access]}
    if AccessClass.INTERNAL not in seen:
        assert watcher.events == []


@pytest.mark.parametrize("who", WHO)
async def test_pictures_and_screens_open_only_to_whose_they_are(
    city: Settings,
    cookies: dict[str, dict[str, str]],
    places: dict[str, Any],
    who: str,
) -> None:
    caller, header = caller_of(who), cookies[who]
    path = f"/ws/cameras?incident={places['incident_id']}&purpose=door&ground=imminent_danger"
    async with websockets.connect(url(city, path, "ws"), additional_headers=header, proxy=None) as socket:
        if caller.may(Right.CAMERAS):
            assert orjson.loads(await socket.recv())["type"] == "cameras"
        else:
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd.code == 4403
    for path in ("/ws/ingest/waste_bin", "/_dash-ws-callback"):
        opens = path.startswith("/_dash") and who != "anonymous"
        origin = {"Origin": url(city, "")}
        door = websockets.connect(url(city, path, "ws"), additional_headers=header | origin, proxy=None)
        if opens:
            async with door:
                pass
        else:
            with pytest.raises(websockets.InvalidStatus) as refused:
                await door.__aenter__()
            assert refused.value.response.status_code == 403


async def test_a_grant_opens_a_layer_from_its_beginning_to_its_end_and_not_before(
    city: Settings,
    cookies: dict[str, dict[str, str]],
    places: dict[str, Any],
    db: Any,
) -> None:
    now = clock.now()
    boss = Caller("somebody", AccessClass.PUBLIC, frozenset({Right.ACCOUNTS}))
    layer, accounts = LAYERS[AccessClass.INTERNAL], Accounts(db)
    path, before = f"/api/layers/{layer}/items", f"as_of={(now - timedelta(hours=1)).strftime('%Y-%m-%dT%H:%M:%SZ')}"

    async def status(client: httpx.AsyncClient, wanted: int) -> None:
        async with asyncio.timeout(5):  # a session that was looked up is taken for standing for a moment
            while (await client.get(path)).status_code != wanted:
                await asyncio.sleep(0.1)

    async with httpx.AsyncClient(base_url=url(city, ""), headers=cookies["agency"], timeout=60) as client:
        assert (await client.get(path)).status_code == 403
        await accounts.grant(boss, "some.agency", layer, "a market on fire", now + timedelta(hours=1), now)
        await status(client, 200)
        assert (await client.get(f"{path}?{before}")).status_code == 403
        assert (await client.get(f"/api/frames?layers={layer}&{before}")).status_code == 403
        assert (await client.get(f"/api/open/{layer}.csv?{before}")).status_code == 403
        assert (await client.get("/api/incidents")).status_code == 403
        async with websockets.connect(
            url(city, "/ws/live", "ws"), additional_headers=cookies["agency"], proxy=None
        ) as socket:
            watcher = Watcher(socket)
            await watcher.subscribe([layer])
            await watcher.until(lambda: bool(watcher.values), 10)
            number = await db.fetchval("SELECT max(id) FROM account_grant")
            await accounts.end_grant(boss, number, clock.now())
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await watcher.until(lambda: False, 10)
            assert closed.value.rcvd.code == 4401
        await status(client, 403)
