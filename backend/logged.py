"""Where the log is written: once for every answer to a request that changed something, is marked, or was refused.

A route need not know of it. What it did is its own name, what it did it to is the path, why is the `reason` of its
body. A route that knows more, or a read that has to be logged, says so with `tell`. The row is written before the
answer leaves: without its row nothing is handed out.
"""

from collections import OrderedDict
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any

import asyncpg
import orjson
from fastapi import Depends, Query
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from twin import clock
from twin.access import ANONYMOUS
from twin.db import STORE_AWAY
from twin.errors import BadInput
from twin.log import Deed

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
MACHINES = ("/api/ingest", "/_dash")
"""Paths by which sources deliver, and by which a page asks for its own parts: no change by a person."""
BODY_LIMIT = 16 * 1024
"""A longer body is not looked into for its reason."""
TOO_MANY = 429
REFUSED = frozenset({401, 403, TOO_MANY})
STRANGER_EVERY = timedelta(minutes=1)
"""A stranger who is refused, and who asks too often, writes one row an address and so long: nobody fills the log."""
STRANGERS = 10_000
WORD = 300


def place_of(request: HTTPConnection) -> str:
    """Return the network address that a request came from."""
    return request.client.host if request.client else "local"


def deed(request: HTTPConnection, work: str, **more: str) -> Deed:
    """Return what the caller of a request does, for the log."""
    caller = request.app.state.city.caller(request)
    return replace(Deed(caller.name, place_of(request), work), **more)


def tell(request: HTTPConnection, work: str, **more: str) -> None:
    """Say what the present request does, so that it is logged when it is answered.

    Parameters
    ----------
    more
        Further fields of `twin.log.Deed`.
    """
    request.scope.setdefault("state", {})["log"] = {"work": work} | more


async def reason_of(request: Request, reason: Annotated[str, Query(max_length=WORD)] = "") -> str:
    """Demand the reason of a download, and mark the request as one (a FastAPI dependency).

    Raises
    ------
    BadInput
        There is none.
    """
    if not reason.strip():
        raise BadInput(f"{request.url.path}: a download needs a reason, ?reason=...")
    tell(request, "download", subject=request.url.path, reason=reason.strip())
    return reason.strip()


Reason = Annotated[str, Depends(reason_of)]


class Logged:
    """ASGI middleware round the whole service."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._strangers: OrderedDict[str, datetime] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; write what it did before its answer begins. Of a WebSocket only that it was refused."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        heard = bytearray()
        is_change = scope.get("method", "GET") not in SAFE and not scope["path"].startswith(MACHINES)
        is_lost = False
        is_open = False

        async def hear() -> Message:
            message = await receive()
            if len(heard) <= BODY_LIMIT:
                heard.extend(message.get("body", b""))
            return message

        async def answer(message: Message) -> None:
            nonlocal is_lost, is_open
            is_open |= message["type"] == "websocket.accept"
            is_shut = message["type"] == "websocket.close" and not is_open and "log" in scope.get("state", {})
            if is_shut or message["type"] == "http.response.start":
                found = self._deed(scope, bytes(heard), message.get("status", 403), is_change=is_change)
                try:
                    if found is not None:
                        await scope["app"].state.city.log.write(found, clock.now())
                except (*STORE_AWAY, asyncpg.PostgresError):
                    is_lost = not is_shut
                    what = "the log cannot be written; without it nothing is handed out"
                    if is_lost:
                        await JSONResponse({"error": {"what": what, "status": 503}}, 503)(scope, receive, send)
            if not is_lost:
                await send(message)

        await self._app(scope, hear if is_change else receive, answer)

    def _deed(self, scope: Scope, body: bytes, status: int, *, is_change: bool) -> Deed | None:
        """Return what is to be written of an answer, or None."""
        told: dict[str, str] | None = scope.get("state", {}).get("log")
        if not (is_change or told or status in REFUSED) or (status >= 400 and status not in REFUSED):
            return None  # a plain read, or nothing was done
        request = HTTPConnection(scope)
        account = request.app.state.city.caller(request).name
        is_many = (status in REFUSED and account == ANONYMOUS.name) or status == TOO_MANY
        if is_many and not self._is_first(f"{account} {place_of(request)}"):
            return None
        plain = Deed(
            account, place_of(request), _name(scope), scope["path"], **_why(body),
            outcome="refused" if status in REFUSED else "done",
        )  # fmt: skip
        if status in REFUSED:
            told = {name: value for name, value in (told or {}).items() if name != "outcome"}
        return replace(plain, **(told or {}))

    def _is_first(self, place: str) -> bool:
        """Tell whether somebody at an address has not been written for a while."""
        now = clock.now()
        if (last := self._strangers.get(place)) and now - last < STRANGER_EVERY:
            return False
        self._strangers[place] = now
        self._strangers.move_to_end(place)
        while len(self._strangers) > STRANGERS:
            self._strangers.popitem(last=False)
        return True


def _name(scope: Scope) -> str:
    """Return the name of what answered: module and function of our route, or method and path."""
    endpoint: Any = scope.get("endpoint")
    if not hasattr(endpoint, "__name__") or endpoint.__module__.split(".", 1)[0] not in ("backend", "frontend"):
        return f"{scope.get('method', 'WS')} {scope['path']}"
    return f"{endpoint.__module__.rsplit('.', 1)[-1]}.{endpoint.__name__}"


def _why(body: bytes) -> dict[str, str]:
    """Return reason and ground that a JSON body gives; nothing else of it is kept."""
    if not body.startswith(b"{") or len(body) > BODY_LIMIT:
        return {}
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    reason, ground = told.get("reason") or told.get("purpose"), told.get("ground")
    return {"reason": reason[:WORD] if isinstance(reason, str) else "",
            "ground": ground[:40] if isinstance(ground, str) else ""}  # fmt: skip
