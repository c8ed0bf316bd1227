"""Share links: making and ending them at the desk, the register, and what the bearer of a link is told."""

import asyncio
from datetime import timedelta
from io import BytesIO
from typing import Annotated, Any, Literal

import orjson
import segno
from fastapi import APIRouter, Depends, Query, Request, Response, WebSocket, WebSocketDisconnect
from fastapi import Path as PathValue
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from backend import register
from backend.city import CityParts, parts_of
from backend.logged import Reason, tell
from backend.routes.live import TRANSPORT
from backend.share_door import CASE_READER, cookie_name, cookie_value
from backend.share_live import Told
from twin import clock
from twin.access import Right
from twin.errors import BadInput, NotFound, Refused, Unavailable
from twin.grounds import OPENS_RESTRICTED, PASSING_ON, Ground
from twin.moment import LIVE
from twin.past import names_of
from twin.share_map import address_of, area_of_city, ground_of
from twin.share_register import rows
from twin.shares import MOST_CAMERAS, RADII_M, USUAL_M, Asked, area_round, shareable
from twin.state import BBox
from twin.units import UNITS

Record = dict[str, Any]
router = APIRouter()
Parts = Annotated[CityParts, Depends(parts_of)]
Number = Annotated[int, PathValue(ge=1, le=2**53)]
Token = Annotated[str, PathValue(max_length=100)]
HELPERS = ("fire", "police", "hospital")
WET = ("flood", "underpass", "rain")
"""Topics for which the water's layers are offered first; for all others those of safety."""
TASK = ("title_ko", "title_en", "state", "due")
CASE = ("id", "title_ko", "title_en", "severity", "state", "lon", "lat", "unit_ko", "unit_en", "opened")
CAMERA = ("asset", "key", "name_ko", "name_en", "direction_deg", "longitude", "latitude")
NO_STORE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
ROUND_S, CASE_EVERY = 1.0, 2
MOSAIC = 40
"""Width of a masked picture before it is blown up again [px]: a crowd can be told from smoke, no face from another."""


class ShareAsked(BaseModel):
    """What somebody wants to share with whom, why, and for how long."""

    model_config = ConfigDict(extra="forbid")

    agency: str = Field(min_length=1, max_length=120, pattern=r"^[^\x00]*$")
    purpose: str = Field(min_length=1, max_length=300, pattern=r"^[^\x00]*$")
    ground: Ground
    contact: str = Field(default="", max_length=120, pattern=r"^[^\x00]*$")
    area: BBox | None = None
    layers: list[str] = Field(default=[], max_length=100)
    cameras: list[int] = Field(default=[], max_length=100)
    is_masked: bool = True
    hours: float = Field(default=4, gt=0, allow_inf_nan=False)
    pin: str = Field(default="", max_length=8)


class Pin(BaseModel):
    """The PIN of a share."""

    model_config = ConfigDict(extra="forbid")

    pin: str = Field(max_length=8)


@router.get("/api/incidents/{incident_id}/shares")
async def shares(request: Request, city: Parts, incident_id: Number) -> dict[str, Any]:
    """List the shares of an incident, and what may be shared of it: grounds, layers, cameras, areas."""
    caller = city.caller(request)
    told = await city.incidents.get(caller, incident_id)
    may = caller.may(Right.SHARE) and told["state"] not in ("closed", "merged")
    open_to = shareable(caller, city.hub.layers.values(), Ground.IMMINENT_DANGER) if may else []
    place = told["lon"] is not None
    cameras = await city.cameras.best(caller, incident_id) if may and place and caller.may(Right.CAMERAS) else []
    group = "water" if told["topic"] in WET else "safety"
    usual = {alarm["layer"] for alarm in told["alarm_list"]}
    usual |= {layer.id for layer in open_to if layer.group == group and layer.alarms}
    return {
        "shares": await city.shares.list(caller, incident_id, clock.now()),
        "may_share": may,
        "grounds": [{"id": ground, "opens_restricted": ground in OPENS_RESTRICTED}
                    for ground in Ground if ground in PASSING_ON],
        "layers": [{"id": layer.id, "title": layer.title, "access": layer.access,
                    "is_usual": layer.id in usual and layer.access != "restricted"} for layer in open_to],
        "cameras": [{name: camera[name] for name in CAMERA} for camera in cameras],
        "areas": await _areas(city, told) if may else [],
    }  # fmt: skip


async def _areas(city: CityParts, told: Record) -> list[Record]:
    """Return the areas that the dialogue offers: round the incident, and the whole city."""
    place = told["lon"] is not None
    near = [{"id": f"{reach}_m", "area": area_round(told["lon"], told["lat"], reach), "is_usual": reach == USUAL_M}
            for reach in RADII_M if place]  # fmt: skip
    whole = await area_of_city(city.pool)
    return near + ([{"id": "city", "area": whole, "is_usual": not place}] if whole else [])


@router.post("/api/incidents/{incident_id}/shares", status_code=201)
async def grant(request: Request, city: Parts, incident_id: Number, body: ShareAsked) -> dict[str, Any]:
    """Make a share; the answer holds its link and QR code, which are shown this once."""
    caller = city.caller(request)
    caller.require(Right.SHARE, "a share link")
    told = await city.incidents.get(caller, incident_id)
    tell(request, "share.grant", subject=f"incident {incident_id} · {body.agency}", reason=body.purpose,
         ground=str(body.ground))  # fmt: skip
    permitted: list[int] = []
    if body.cameras:
        if len(body.cameras) > MOST_CAMERAS:
            raise BadInput(f"{len(body.cameras)} cameras; the limit is {MOST_CAMERAS}")
        permitted = [camera["asset"] for camera in await city.cameras.best(caller, incident_id)]
    asked = Asked(
        body.agency, body.purpose, body.ground, body.contact, body.area, tuple(dict.fromkeys(body.layers)),
        tuple(dict.fromkeys(body.cameras)), body.is_masked, timedelta(hours=min(body.hours, 10_000)), body.pin,
    )  # fmt: skip
    made, token = await city.shares.grant(caller, told, asked, permitted, clock.now())
    url = str(request.base_url.replace(path=f"/s/{token}", query=""))
    return {"share": made, "url": url, "qr": segno.make(url, error="m").svg_data_uri(scale=4, border=3)}


@router.post("/api/shares/{share_id}/revoke")
async def revoke(request: Request, city: Parts, share_id: Number) -> dict[str, Any]:
    """End a share at once; its open pages go dark."""
    ended = await city.shares.revoke(city.caller(request), share_id, clock.now())
    city.share_watch.end({share_id})
    return ended


@router.get("/api/shares/register.{kind}")
async def register_of(
    request: Request, city: Parts, kind: Literal["csv", "pdf"], reason: Reason,
    incident: Annotated[int | None, Query(ge=1, le=2**53)] = None,
) -> Response:  # fmt: skip
    """Return the register of what was passed on (decree art. 15), of one incident or of all. It needs a reason."""
    caller = city.caller(request)
    if not caller.may(Right.SHARE):
        caller.require(Right.AUDIT, "the register of shares")
    told = await rows(city.pool, incident)
    made = (
        register.as_csv(told, city.word) if kind == "csv"
        else await asyncio.to_thread(register.as_pdf, told, city.word, city.font)
    )  # fmt: skip
    headers = {"Content-Disposition": f'attachment; filename="share-register.{kind}"'}
    return Response(made, media_type=register.TYPES[kind], headers=headers)


# --- what the bearer of a link gets --------------------------------------------------------------------------------


@router.get("/s/{token}/case")
async def case(request: Request, city: Parts, token: Token) -> Response:
    """Return the case as the share opens it. Each time is a use that the register keeps."""
    share = await city.share_door.open(request, token)
    now = clock.now()
    told = await _case(city, share)
    lon, lat = told["incident"]["lon"], told["incident"]["lat"]
    is_placed = lon is not None
    layers = [city.hub.layers[name] for name in share["layers"] if name in city.hub.layers]
    states = [city.hub.states[layer.id] for layer in layers if layer.id in city.hub.states]
    area = (share["west"], share["south"], share["east"], share["north"])
    inside = [int(state.asset[row]) for state in states for row in state.within(area)]
    async with city.pool.acquire() as db:
        names = await names_of(db, inside + list(share["cameras"]))
    told |= {
        "share": {name: share[name] for name in ("agency", "purpose", "contact", "granted", "expires", "seen")}
        | {"area": area, "ground": share["ground"]},
        "mode": "live" if share["branch"] == LIVE else "drill",
        "address": await address_of(city.pool, lon, lat) if is_placed else None,
        "help": await city.resources.nearest(lon, lat, HELPERS) if is_placed else [],
        "cameras": [
            {name: names[one][name] for name in ("key", "name_ko", "name_en", "lon", "lat")} | {"asset": one}
            for one in share["cameras"] if one in names
        ],
        "layers": [
            {"id": layer.id, "title": layer.title.model_dump(),
             "properties": [{"id": prop.id, "title": prop.title.model_dump(), "kind": prop.kind,
                             "unit": UNITS.get(prop.unit or "", ""),
                             "values": [label.model_dump() for label in prop.labels] or
                             [{"ko": value, "en": value} for value in prop.values]} for prop in layer.properties]}
            for layer in layers
        ],
        "names": {str(one): [names[one]["name_ko"], names[one]["name_en"]] for one in inside if one in names},
        "at": now,
    }  # fmt: skip
    await city.shares.use(share, "opened", "사건 화면 · page of the incident", now)
    tell(request, "share_opened", subject=_subject(share), reason=share["purpose"], ground=share["ground"])
    return Response(orjson.dumps(told), media_type="application/json", headers=NO_STORE)


def _subject(share: Record) -> str:
    return f"share {share['id']} of incident {share['incident_id']}"


async def _case(city: CityParts, share: Record) -> Record:
    """Return what changes in a case while it is looked at; nobody's name, nothing from before the grant."""
    told = await city.incidents.get(CASE_READER, share["incident_id"])
    return {
        "incident": {name: told[name] for name in CASE},
        "tasks": [{name: task[name] for name in TASK} for task in told["tasks"]],
        "timeline": [
            {"at": one["at"], "kind": one["kind"]} for one in told["timeline"] if one["at"] >= share["granted"]
        ],
    }


@router.get("/s/{token}/map")
async def ground(request: Request, city: Parts, token: Token) -> Response:
    """Return streets, buildings, water and names of the share's area."""
    share = await city.share_door.open(request, token)
    found = await ground_of(city.pool, (share["west"], share["south"], share["east"], share["north"]))
    return Response(orjson.dumps(found), media_type="application/json", headers=NO_STORE)


@router.get("/s/{token}/route")
async def route(
    request: Request, city: Parts, token: Token,
    lon: Annotated[float, Query(ge=-180, le=180)], lat: Annotated[float, Query(ge=-90, le=90)],
) -> Response:  # fmt: skip
    """Return the fastest way by road from a place to the incident. The place is not kept."""
    share = await city.share_door.open(request, token)
    told = await city.incidents.get(CASE_READER, share["incident_id"])
    if told["lon"] is None:
        raise BadInput("the incident has no place")
    found = await city.resources.route((lon, lat), (told["lon"], told["lat"]), "")
    way = {"road_s": found["road_s"], "line": found["line"]}
    return Response(orjson.dumps(way), media_type="application/json", headers=NO_STORE)


@router.get("/s/{token}/cameras/{asset}.jpg")
async def picture(request: Request, city: Parts, token: Token, asset: Number, first: bool = False) -> Response:
    """Return the present picture of a camera that the share grants; `first` opens the view, which is logged.

    Without a view that was opened there are no pictures.
    """
    share = await city.share_door.open(request, token)
    if asset not in share["cameras"]:
        raise Refused(f"this share does not open camera {asset}")
    async with city.pool.acquire() as db:
        facts = (await names_of(db, [asset])).get(asset)
    if facts is None:
        raise NotFound(f"there is no camera {asset}")
    key = (share["id"], asset)
    if first or key not in city.share_views:
        city.share_views.add(key)
        await city.shares.use(share, "camera", f"카메라 · camera {facts['key']}", clock.now())
        tell(request, "share_camera", subject=f"{facts['key']}, {_subject(share)}", reason=share["purpose"],
             ground=share["ground"])  # fmt: skip
    given = facts["attributes"] or {}
    camera = {"asset": asset, "key": facts["key"], "direction_deg": given.get("direction_deg")}
    made = await city.cameras.source.picture(camera, clock.now())
    if made is None:
        raise Unavailable("no source of pictures is connected")
    if share["is_masked"]:
        made = await asyncio.to_thread(mask, made)
    return Response(made, media_type="image/jpeg", headers=NO_STORE)


def mask(picture: bytes) -> bytes:
    """Return a picture made so coarse that nobody can be told in it."""
    image = Image.open(BytesIO(picture)).convert("RGB")
    small = image.resize((MOSAIC, max(1, round(MOSAIC * image.height / image.width))), Image.Resampling.BOX)
    out = BytesIO()
    small.resize(image.size, Image.Resampling.NEAREST).save(out, "JPEG", quality=50)
    return out.getvalue()


@router.post("/s/{token}/seen")
async def seen(request: Request, city: Parts, token: Token) -> Response:
    """Say that the agency has seen it; the incident's timeline shows it."""
    share = await city.share_door.open(request, token)
    now = clock.now()
    if share["seen"] is None:
        await city.shares.use(share, "seen", "확인 · seen", now)
    tell(request, "share_seen", subject=_subject(share), reason=share["purpose"], ground=share["ground"])
    return Response(orjson.dumps({"seen": share["seen"] or now}), media_type="application/json", headers=NO_STORE)


@router.post("/s/{token}/pin")
async def pin(request: Request, city: Parts, token: Token, body: Pin) -> Response:
    """Give the PIN; too many wrong ones end the share."""
    share = await city.share_door.find(request, token)
    if share is None:
        raise NotFound("this share is over, or never was")
    is_right = await city.shares.try_pin(share, body.pin, clock.now())
    tell(request, "share_pin", subject=_subject(share), outcome="done" if is_right else "failed")
    answer = Response(orjson.dumps({"is_right": is_right}), media_type="application/json", headers=NO_STORE)
    if is_right:
        answer.set_cookie(cookie_name(share), cookie_value(share), httponly=True, samesite="strict", max_age=86_400)
    return answer


@router.websocket("/ws/share/{token}")
async def share_live(websocket: WebSocket, token: str) -> None:
    """Send what changes: `case` (facts, tasks, timeline), `rows` (assets of a layer), `beat`; each as JSON.

    Only granted layers, only inside the area, nothing measured before the grant. Closes with 4410 within two seconds of
    the share's end, with 4403 when the PIN is wanted first, with 4404 for no such share.
    """
    city = parts_of(websocket)
    try:
        share = await city.share_door.open(websocket, token)
    except (NotFound, Refused, HTTPException) as error:
        await websocket.accept()
        await websocket.close(4403 if isinstance(error, Refused) else 4404, str(error)[:120])
        return
    await websocket.accept()
    with city.share_watch.joined(share["id"]) as over:
        work = asyncio.create_task(_follow(websocket, city, share))
        ends = [work, asyncio.create_task(over.wait()), asyncio.create_task(_gone(websocket))]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ends:
                task.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
    if over.is_set():
        await _close(websocket)


async def _close(websocket: WebSocket) -> None:
    """Close a socket with 4410; one whose other side does not read is cut."""
    try:
        await asyncio.wait_for(websocket.close(4410, "this share is over"), 0.5)
    except (TimeoutError, RuntimeError, WebSocketDisconnect):
        websocket.scope["extensions"][TRANSPORT].abort()


async def _follow(websocket: WebSocket, city: CityParts, share: Record) -> None:
    """Send what is new, round after round."""
    told, last, rounds = Told(city.hub, share), b"", 0
    try:
        while True:
            if rounds % CASE_EVERY == 0:
                now = orjson.dumps({"type": "case"} | await _case(city, share))
                if now != last:
                    await websocket.send_text(now.decode())
                    last = now
                await websocket.send_text(orjson.dumps({"type": "beat", "at": clock.now()}).decode())
            for message in told.news():
                await websocket.send_text(message.decode())
            rounds += 1
            await asyncio.sleep(ROUND_S)
    except (WebSocketDisconnect, RuntimeError):  # RuntimeError: it went between two messages
        pass


async def _gone(websocket: WebSocket) -> None:
    """Return when the other side is gone; what it says is not listened to."""
    try:
        while True:
            await websocket.receive()
    except (WebSocketDisconnect, RuntimeError):
        return
