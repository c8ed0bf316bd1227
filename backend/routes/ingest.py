"""Messages over HTTP and WebSocket, through the same pipeline as all others; the answer comes after the commit."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, WebSocket, WebSocketDisconnect

from backend.auth import may_ingest
from backend.city import CityParts, parts_of
from backend.intake import Outcome
from backend.limits import read_body
from backend.sources.inlet import PAYLOAD_LIMIT
from twin.access import Right
from twin.errors import BadInput, NotFound, Refused, Unavailable

router = APIRouter()
Parts = Annotated[CityParts, Depends(parts_of)]


@router.post("/api/ingest/{layer_id}")
async def post(request: Request, city: Parts, layer_id: str) -> dict[str, Any]:
    """Take one message of a layer; needs `Authorization: Bearer <ingest key>`."""
    _require_key(city, request, layer_id)
    payload = await read_body(request, PAYLOAD_LIMIT, "message")
    return _answer(await city.inlet.send(layer_id, payload, "http"))


@router.get("/api/ingest/rejects")
async def rejects(request: Request, city: Parts, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> dict[str, Any]:
    """Count the refused messages by layer and reason, and show the newest."""
    city.caller(request).require(Right.STEWARD, "the list of refused messages")
    return await city.reader.rejects(limit)


@router.websocket("/ws/ingest/{layer_id}")
async def socket(websocket: WebSocket, layer_id: str) -> None:
    """Take a stream of messages of a layer; each is answered after its commit."""
    city = parts_of(websocket)
    try:
        _require_key(city, websocket, layer_id)
    except (Refused, NotFound):
        await websocket.close(1008)
        return
    await websocket.accept()
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            payload = message.get("bytes") or (message.get("text") or "").encode()
            try:
                _require_size(payload)
                await websocket.send_json(_answer(await city.inlet.send(layer_id, payload, "websocket")))
            except (BadInput, Unavailable) as error:
                await websocket.send_json({"error": {"what": str(error)}})
    except WebSocketDisconnect:
        return


def _require_key(city: CityParts, request: Request | WebSocket, layer_id: str) -> None:
    if not may_ingest(city.secrets, request):
        raise Refused("ingest needs the header `Authorization: Bearer <ingest key>` (see ./gunsan status)")
    if layer_id not in city.hub.layers:
        raise NotFound(f"there is no layer {layer_id!r}")


def _require_size(payload: bytes) -> None:
    if len(payload) > PAYLOAD_LIMIT:
        raise BadInput(f"the message has more than {PAYLOAD_LIMIT} bytes")


def _answer(outcome: Outcome) -> dict[str, Any]:
    return {
        "accepted": outcome.accepted,
        "rejects": [{"reason": reason, "what": text} for reason, text in outcome.rejects],
    }
