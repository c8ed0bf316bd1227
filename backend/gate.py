"""The gate: every request and every WebSocket passes here once, and who asks is found out.

Nobody's browser is used against them (Origin), nobody asks too often, every page says what it may load, and a
WebSocket ends with the session that opened it.
"""

import asyncio
import math
from contextlib import suppress

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.auth import CALLER, SESSION, Callers, Identity, may_ingest, nobody
from backend.limits import Limits
from backend.logged import tell
from twin.access import ANONYMOUS
from twin.errors import Unavailable
from twin.settings import Secrets

WATCH_S = 1.0
"""A WebSocket is asked this often whether its session still stands."""
ENDED = 4401
"""Close code of a WebSocket whose session has ended or changed."""
AWAY = "저장소가 응답하지 않습니다. 5초마다 다시 엽니다. · The store does not answer; this page tries again every 5 s."
SAFE = ("GET", "HEAD", "OPTIONS")
SCREENS = ("/_dash-update-component", "/_dash-ws-callback")
"""What Dash answers its own pages, which nobody has who is not signed in."""
OPEN_TO_NEWCOMERS = ("/account", "/public", "/sign-out")
"""Pages that open before the first password was changed."""


class Gate:
    """ASGI middleware before everything that answers; only the log and the packing lie before it.

    Parameters
    ----------
    policy
        Content-Security-Policy of every answer that has none of its own.
    """

    def __init__(self, app: ASGIApp, secrets: Secrets, limits: Limits, policy: str) -> None:
        self._app, self._secrets, self._limits = app, secrets, limits
        self._headers = {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
            "Cross-Origin-Opener-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass as who sent it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        callers: Callers = scope["app"].state.city.callers
        request = HTTPConnection(scope)
        try:
            who = await callers.of(request)
        except Unavailable as error:
            if scope["type"] == "websocket":  # it would stay nobody's for as long as it is open
                await _refuse(scope, receive, send, _error(503, str(error)))
                return
            if _is_page(scope, request):  # not the sign-in form: the session may well stand
                await PlainTextResponse(AWAY, 503, {"Retry-After": "5", "Refresh": "5"})(scope, receive, send)
                return
            who = Identity(nobody(request))
        scope[CALLER], scope[SESSION] = who.caller, who.session
        send = self._dressed(send)
        refusal = self._refusal(scope, request, who)
        if refusal is not None:
            if refusal.status_code >= 400:
                tell(
                    request,
                    "gate",
                    subject=_asked(scope),
                    reason=f"{refusal.status_code} {_origin(request)[:80]}".strip(),
                )
            await _refuse(scope, receive, send, refusal)
        elif scope["type"] == "websocket" and who.session is not None:
            await self._watched(scope, receive, send, callers, who)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope, request: HTTPConnection, who: Identity) -> Response | None:
        """Return the answer to what may not pass, or None."""
        if not _is_own(scope, request):
            return _error(403, f"{scope['path']}: the request comes from another site, {_origin(request)[:80]!r}")
        if not (scope["path"].startswith(("/api/ingest/", "/ws/ingest/")) and may_ingest(self._secrets, request)):
            wait = self._limits.pass_s(scope, who.caller)
            if wait:
                answer = _error(429, f"too many requests of {who.caller.name}; the next in {wait:.1f} s")
                answer.headers["Retry-After"] = str(math.ceil(wait))
                return answer
        if who.caller.name == ANONYMOUS.name and scope["path"] in SCREENS:
            return _error(401, f"{scope['path']} answers the screens of who is signed in")
        if who.session is not None and who.session.must_change and _is_page(scope, request):
            return RedirectResponse("/account", 303)
        return None

    def _dressed(self, send: Send) -> Send:
        """Return a `send` that adds the headers of the house."""

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        return dressed

    async def _watched(self, scope: Scope, receive: Receive, send: Send, callers: Callers, first: Identity) -> None:
        """Run a WebSocket until its session ends, or its caller may see or do something else than at first."""
        ended = asyncio.create_task(_end_of(HTTPConnection(scope), callers, first))

        async def watched() -> Message:
            if not ended.done():
                heard = asyncio.ensure_future(receive())
                await asyncio.wait({heard, ended}, return_when=asyncio.FIRST_COMPLETED)
                if heard.done():
                    return heard.result()
                heard.cancel()
                await send({"type": "websocket.close", "code": ENDED, "reason": "the session has ended"})
            return {"type": "websocket.disconnect", "code": ENDED, "reason": ""}

        try:
            await self._app(scope, watched, send)
        finally:
            ended.cancel()


async def _end_of(request: HTTPConnection, callers: Callers, first: Identity) -> None:
    """Return when a session no longer says what it said; a store that is away ends nobody's."""
    now = first
    while now.caller == first.caller:
        await asyncio.sleep(WATCH_S)
        with suppress(Unavailable):
            now = await callers.of(request)


def _asked(scope: Scope) -> str:
    """Return what was asked for, as the log writes it."""
    return f"{scope.get('method', 'WS')} {scope['path']}"


def _origin(request: HTTPConnection) -> str:
    return request.headers.get("origin", request.headers.get("sec-fetch-site", ""))


def _is_own(scope: Scope, request: HTTPConnection) -> bool:
    """Tell whether something that changes the city, or opens a channel, was sent by our own page or by no browser."""
    if "authorization" in request.headers or (scope["type"] == "http" and scope["method"] in SAFE):
        return True
    origin = request.headers.get("origin")
    if origin is not None:
        return origin.partition("://")[2] == request.headers.get("host")
    return request.headers.get("sec-fetch-site", "none") in ("same-origin", "none")


def _is_page(scope: Scope, request: HTTPConnection) -> bool:
    """Tell whether a page is asked for that opens only with a password of one's own."""
    is_get = scope["type"] == "http" and scope["method"] == "GET"
    return is_get and "text/html" in request.headers.get("accept", "") and scope["path"] not in OPEN_TO_NEWCOMERS


def _error(status: int, what: str) -> JSONResponse:
    return JSONResponse({"error": {"what": what, "status": status}}, status)


async def _refuse(scope: Scope, receive: Receive, send: Send, answer: Response) -> None:
    if scope["type"] == "websocket":
        await receive()  # websocket.connect
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
    else:
        await answer(scope, receive, send)
