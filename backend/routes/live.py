"""`/ws/live`: the live channel of the screens."""

from typing import Any

import orjson
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, Field, ValidationError
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from backend.city import parts_of
from backend.hub import Screen
from twin.state import BBox

router = APIRouter()
TRANSPORT = "gunsan.transport"


class LiveProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, which also hands its transport to the app.

    The hub writes ready frames to it: 8-11 us a frame and client instead of 28-30 through ASGI's `send`.
    """

    async def run_asgi(self) -> None:
        """Run the app with the transport in the scope's extensions."""
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions[TRANSPORT] = self.transport
        await super().run_asgi()


class Resume(BaseModel):
    """Where the screen was when it lost the connection."""

    epoch: str = Field(max_length=64)
    seq: int = Field(ge=0, le=2**62)


class Subscribe(BaseModel):
    """What a screen wants to see."""

    type: str = Field(pattern="^subscribe$")
    layers: list[str] = Field(max_length=200)
    bbox: BBox
    resume: Resume | None = None


@router.websocket("/ws/live")
async def live(websocket: WebSocket) -> None:
    """Serve one screen: it subscribes, and subscribes again when its view changes."""
    city = parts_of(websocket)
    await websocket.accept()
    screen = Screen(websocket.scope["extensions"][TRANSPORT], city.caller(websocket))
    await city.hub.join(screen)
    try:
        while True:
            text = await websocket.receive_text()
            try:
                wish = Subscribe.model_validate_json(text)
            except ValidationError as error:
                what = error.errors()[0]
                where = ".".join(map(str, what["loc"]))
                await websocket.send_text(orjson.dumps({"type": "error", "what": f"{where}: {what['msg']}"}).decode())
                continue
            resume = wish.resume.model_dump() if wish.resume else None
            await city.hub.subscribe(screen, wish.layers, wish.bbox, resume)
    except (WebSocketDisconnect, KeyError):  # KeyError: a binary message where text was expected
        pass
    finally:
        city.hub.leave(screen)
