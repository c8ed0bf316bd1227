"""The door of share links: who bears a token that lives, and has given its PIN. Guessing is slow."""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from backend.logged import place_of
from twin import clock
from twin.access import AccessClass, Caller
from twin.errors import NotFound, Refused
from twin.shares import Shares

Record = dict[str, Any]
WINDOW = timedelta(minutes=10)
MOST_MISSES = 20
"""So many unknown tokens an address may try in the window; then it hears nothing more for a while."""
MOST_ADDRESSES = 10_000
LONGEST_TOKEN = 100
OVER = "this share is over, or never was"
CASE_READER = Caller("share", AccessClass.INTERNAL)
"""Reads the case for a share; what of it goes out is said in `backend/routes/share.py`."""


def cookie_name(share: Mapping[str, Any]) -> str:
    """Return the name of the cookie that says that the PIN was given."""
    return f"gunsan_share_{share['id']}"


def cookie_value(share: Mapping[str, Any]) -> str:
    """Return the value of that cookie; only who knows the stored PIN's hash can make it."""
    return hmac.new(str(share["pin_hash"]).encode(), share["token_hash"].encode(), hashlib.sha256).hexdigest()


@dataclass
class ShareDoor:
    """Finds the share of a request."""

    shares: Shares
    _misses: OrderedDict[str, list[datetime]] = field(default_factory=OrderedDict)

    async def find(self, request: HTTPConnection, token: str) -> Record | None:
        """Return the living share of a token, or None.

        Raises
        ------
        HTTPException
            429: this address has tried too many tokens that are none.
        """
        now, place = clock.now(), place_of(request)
        misses = [time for time in self._misses.get(place, ()) if now - time < WINDOW]
        if len(misses) >= MOST_MISSES:
            raise HTTPException(429, "too many links that are none; wait a while")
        token = token[:LONGEST_TOKEN]
        share = await self.shares.find(token, now)
        if share is None and not await self.shares.was_given(token):
            self._misses[place] = [*misses, now]
            self._misses.move_to_end(place)
            while len(self._misses) > MOST_ADDRESSES:
                self._misses.popitem(last=False)
        if share is not None:
            who = Caller(f"share {share['id']} · {share['agency']}", AccessClass.PUBLIC, place=place)
            request.app.state.city.take_for(request, who)
        return share

    async def open(self, request: HTTPConnection, token: str) -> Record:
        """Return the living share of a token whose PIN was given.

        Raises
        ------
        NotFound
            It is over, or never was.
        Refused
            The PIN is wanted first.
        """
        share = await self.find(request, token)
        if share is None:
            raise NotFound(OVER)
        if not self.is_unlocked(request, share):
            raise Refused("this share wants its PIN first")
        return share

    @staticmethod
    def is_unlocked(request: HTTPConnection, share: Mapping[str, Any]) -> bool:
        """Tell whether a share has no PIN, or this browser has given it."""
        given = request.cookies.get(cookie_name(share), "")
        return share["pin_hash"] is None or hmac.compare_digest(given.encode(), cookie_value(share).encode())
