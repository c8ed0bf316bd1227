"""Pictures of an incident's cameras, all over one WebSocket. Nobody looks without a purpose and a ground on record."""

import asyncio
from datetime import UTC

import asyncpg
import orjson
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from backend.cameras import Lease
from backend.city import parts_of
from backend.logged import deed
from twin import clock
from twin.db import STORE_AWAY
from twin.errors import Conflict, NotFound, Refused
from twin.grounds import Ground

router = APIRouter()
PICTURE_S = 1.0
ROUNDS = 5
"""So often the pictures go round until the incident is asked for again whether it still stands."""


@router.websocket("/ws/cameras")
async def cameras(websocket: WebSocket, incident: int, purpose: str = "", ground: str = "") -> None:
    """Send first which cameras there are and where their pictures come from; then u32 length, JSON, JPEG, each.

    `purpose` says in words what one looks for, `ground` names a `Ground` of `twin.grounds`; both are logged. Closes
    with 4403 for who may not see them, 4404 for no such incident, 4409 when it is closed or too many are open, 4422
    when purpose or ground is missing.
    """
    city = parts_of(websocket)
    caller = city.caller(websocket)
    await websocket.accept()
    if not purpose.strip() or ground not in set(Ground):
        await websocket.close(4422, f"to look at cameras needs purpose=... and ground=..., not ground={ground[:20]!r}")
        return
    try:
        lease = await city.cameras.open(caller, incident, clock.now())
    except (Refused, NotFound, Conflict) as error:
        code = {Refused: 4403, NotFound: 4404, Conflict: 4409}[type(error)]
        await websocket.close(code, str(error)[:120])
        return
    seen = f"incident {incident}: {', '.join(camera['key'] for camera in lease.cameras)}"
    viewed = deed(websocket, "camera_view", subject=seen, reason=purpose.strip(), ground=ground)
    try:
        await city.log.write(viewed, clock.now())
    except (*STORE_AWAY, asyncpg.PostgresError):
        city.cameras.close(caller, lease)
        await websocket.close(4503, "the log cannot be written; without it nobody looks")
        return
    watch = asyncio.create_task(_ended(websocket))
    try:
        told = {"type": "cameras", "incident": incident, "source": city.cameras.source.name, "cameras": lease.cameras}
        await websocket.send_text(orjson.dumps(told).decode())
        while not watch.done() and await city.cameras.is_open(caller, incident):
            for _ in range(ROUNDS):
                await _send(websocket, lease)
                await asyncio.wait([watch], timeout=PICTURE_S)
                if watch.done():
                    return
        await websocket.close(4409, f"incident {incident} is closed")
    except (WebSocketDisconnect, RuntimeError):  # RuntimeError: it went between two pictures
        pass
    finally:
        watch.cancel()
        city.cameras.close(caller, lease)


async def _send(websocket: WebSocket, lease: Lease) -> None:
    city, at = parts_of(websocket), clock.now().astimezone(UTC)
    for camera in lease.cameras:
        picture = await city.cameras.source.picture(camera, at)
        if picture is not None:
            head = orjson.dumps({"asset": camera["asset"], "at": at})
            await websocket.send_bytes(len(head).to_bytes(4, "little") + head + picture)


async def _ended(websocket: WebSocket) -> None:
    """Return when the other side is gone; what it says meanwhile is not listened to."""
    try:
        while True:
            await websocket.receive()
    except (WebSocketDisconnect, RuntimeError):
        return
