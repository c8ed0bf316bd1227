"""Who is asking: the signed-in operator by cookie or bearer key, everybody else anonymous. Deny by default."""

import hashlib
import hmac

from starlette.requests import HTTPConnection

from twin.access import ANONYMOUS, OPERATOR, Caller
from twin.settings import Secrets

COOKIE = "gunsan_session"


def cookie_of(secrets: Secrets) -> str:
    """Return the session cookie's value: proves that the key was known without being the key."""
    return hmac.new(secrets.operator_key.encode(), b"session", hashlib.sha256).hexdigest()


def is_operator_key(secrets: Secrets, key: str) -> bool:
    """Compare a key with the operator's, in constant time."""
    return hmac.compare_digest(key.encode(), secrets.operator_key.encode())


def may_ingest(secrets: Secrets, request: HTTPConnection) -> bool:
    """Tell whether a request bears the ingest key."""
    return hmac.compare_digest(_bearer(request).encode(), secrets.ingest_key.encode())


def caller_of(secrets: Secrets, request: HTTPConnection) -> Caller:
    """Return who asks."""
    given = request.cookies.get(COOKIE, "")
    if hmac.compare_digest(given.encode(), cookie_of(secrets).encode()) or is_operator_key(secrets, _bearer(request)):
        return OPERATOR
    return ANONYMOUS


def _bearer(request: HTTPConnection) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""
