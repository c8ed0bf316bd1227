"""How often somebody may ask, a token bucket for each kind of request and each caller or address; and how much."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import Scope

from twin.access import ANONYMOUS, KEY, Caller
from twin.errors import BadInput


@dataclass(frozen=True, slots=True)
class Rate:
    """How many at once, and how many a second in the long run."""

    burst: float
    per_s: float


RATES = {
    "door": Rate(10, 1 / 6),  # failed attempts to sign in, by address
    "read": Rate(1000, 100),
    "write": Rate(200, 20),
    "socket": Rate(200, 10),
    "tile": Rate(5000, 1000),
}
"""A map that is panned asks for some 60 tiles at a time, a wall for 3 answers a second."""
MACHINE = 20
"""The installation's own key may ask so many times as often: scripts, tests."""
_TILES = ("/tiles/", "/assets/", "/component/", "/_dash-component-suites/")
_MANY = 10_000


class Limits:
    """The buckets of this process; those that were not used for longest are forgotten.

    Parameters
    ----------
    monotonic
        Returns a time [s] that only grows.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._now = monotonic
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def wait_s(self, kind: str, who: str, factor: float = 1) -> float:
        """Return how long to wait before the next of a kind [s]; 0 for not at all."""
        left, _ = self._left(kind, who, factor)
        return 0.0 if left >= 1 else (1 - left) / (RATES[kind].per_s * factor)

    def take(self, kind: str, who: str, factor: float = 1) -> float:
        """Count one of a kind; return how long it has to wait instead [s], 0 when it may go on."""
        left, now = self._left(kind, who, factor)
        may = left >= 1
        self._buckets[kind, who] = (left - may, now)
        self._buckets.move_to_end((kind, who))
        if len(self._buckets) > _MANY:
            self._buckets.popitem(last=False)
        return 0.0 if may else (1 - left) / (RATES[kind].per_s * factor)

    def _left(self, kind: str, who: str, factor: float) -> tuple[float, float]:
        rate, now = RATES[kind], self._now()
        left, then = self._buckets.get((kind, who), (rate.burst * factor, now))
        return min(rate.burst * factor, left + (now - then) * rate.per_s * factor), now

    def pass_s(self, scope: Scope, caller: Caller) -> float:
        """Count a request or the opening of a WebSocket; return how long it has to wait instead [s]."""
        is_key = caller.name == KEY.name
        who = caller.place if caller.name in (ANONYMOUS.name, KEY.name) else caller.name
        return self.take(kind_of(scope), f"key {who}" if is_key else who, MACHINE if is_key else 1)


def kind_of(scope: Scope) -> str:
    """Return the kind of a request."""
    if scope["type"] == "websocket":
        return "socket"
    if scope["path"].startswith(_TILES):
        return "tile"
    return "read" if scope["method"] in ("GET", "HEAD", "OPTIONS") else "write"


async def read_body(request: Request, limit: int, what: str) -> bytes:
    """Return the body of a request; no more than the limit is ever held.

    Parameters
    ----------
    limit
        The most that is taken [bytes].
    what
        What the body is, for the refusal.

    Raises
    ------
    BadInput
        When there is more.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise BadInput(f"the {what} has more than {limit} bytes")
    return bytes(body)
