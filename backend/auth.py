"""Who is asking: the holder of the operator key, whose session a cookie opens, or nobody in particular."""

import hashlib
import hmac
import time
from dataclasses import dataclass, replace
from datetime import timedelta

import asyncpg
from starlette.requests import HTTPConnection
from starlette.responses import Response

from twin import clock
from twin.access import ANONYMOUS, KEY, Caller
from twin.db import STORE_AWAY
from twin.errors import Unavailable
from twin.sessions import Session, Sessions
from twin.settings import Secrets

COOKIE = "gunsan_session"
CALLER, SESSION = "gunsan.caller", "gunsan.session"
"""Where in the scope of a request the gate puts who asks, and the session that says so."""
FRESH_S = 1.0
"""So long a session that was looked up is taken for standing."""
_MANY = 4096


def cookie_of(secrets: Secrets) -> str:
    """Return the cookie of who came in by the key: proves that the key was known without being the key."""
    return hmac.new(secrets.operator_key.encode(), b"session", hashlib.sha256).hexdigest()


def is_operator_key(secrets: Secrets, key: str) -> bool:
    """Compare a key with the operator's, in constant time."""
    return hmac.compare_digest(key.encode(), secrets.operator_key.encode())


def may_ingest(secrets: Secrets, request: HTTPConnection) -> bool:
    """Tell whether a request bears the ingest key."""
    return hmac.compare_digest(_bearer(request).encode(), secrets.ingest_key.encode())


def set_cookie(request: HTTPConnection, answer: Response, value: str, lasts: timedelta | None) -> None:
    """Hand a session to the browser; None lasts as long as the browser runs, which on a wall is weeks."""
    answer.set_cookie(
        COOKIE, value, httponly=True, samesite="lax", secure=request.url.scheme in ("https", "wss"),
        max_age=int(lasts.total_seconds()) if lasts else None,
    )  # fmt: skip


def session_of(request: HTTPConnection) -> Session | None:
    """Return the session of a request, as the gate has found it."""
    session: Session | None = request.scope.get(SESSION)
    return session


def nobody(request: HTTPConnection) -> Caller:
    """Return the caller of whom nothing is known but the address."""
    return replace(ANONYMOUS, place=request.client.host if request.client else "")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks, and by which session (None for the key and for nobody in particular)."""

    caller: Caller
    session: Session | None = None


class Callers:
    """Finds out who asks; remembers a session for a moment, so that a map full of tiles asks the store once."""

    def __init__(self, secrets: Secrets, sessions: Sessions) -> None:
        self._secrets, self._sessions = secrets, sessions
        self._known: dict[str, tuple[float, Session | None]] = {}

    def forget(self) -> None:
        """Look every session up again: one was ended, or an account was changed."""
        self._known.clear()

    async def of(self, request: HTTPConnection) -> Identity:
        """Return who asks.

        Raises
        ------
        Unavailable
            The store that knows the session does not answer.
        """
        unknown = nobody(request)
        cookie = request.cookies.get(COOKIE, "")
        is_known = hmac.compare_digest(cookie.encode(), cookie_of(self._secrets).encode())
        if is_known or is_operator_key(self._secrets, _bearer(request)):
            return Identity(replace(KEY, place=unknown.place))
        session = await self._session(cookie, unknown.place) if cookie else None
        if session is None:
            return Identity(unknown)
        return Identity(unknown if session.must_change else session.caller, session)

    async def _session(self, token: str, place: str) -> Session | None:
        looked, session = self._known.get(token, (0.0, None))
        if time.monotonic() - looked < FRESH_S and token in self._known:
            return session
        try:
            session = await self._sessions.find(token, place, clock.now())
        except (*STORE_AWAY, asyncpg.PostgresError) as error:
            raise Unavailable(f"the store of sessions does not answer: {type(error).__name__}") from error
        if len(self._known) >= _MANY:
            self._known.clear()
        self._known[token] = (time.monotonic(), session)
        return session


def _bearer(request: HTTPConnection) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""
