"""Sessions: an opaque token in a browser, its hash in the store, and the caller that it stands for."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

import asyncpg

from twin.access import ROLES, Caller, Grant, Right
from twin.errors import NotFound, Refused

Record = dict[str, Any]
IDLE, LONGEST = timedelta(hours=1), timedelta(hours=12)
"""A session ends after so long without a request, and in any case after a shift."""
_SEEN_EACH = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Session:
    """A session that stands.

    Parameters
    ----------
    must_change
        Nothing opens but the page on which the password is changed.
    """

    id: int
    account: int
    caller: Caller
    must_change: bool
    display: str
    role: str
    is_external: bool


class Sessions:
    """Asks and changes through a pool; holds no state of its own."""

    def __init__(self, db: asyncpg.Pool | asyncpg.Connection) -> None:
        self._db = db

    async def begin(self, account: int, place: str, now: datetime) -> str:
        """Begin a session and return its token, which is kept nowhere."""
        token = token_urlsafe(32)
        await self._db.execute("DELETE FROM session WHERE ends <= $1 OR seen <= $2", now, now - IDLE)
        await self._db.execute(
            "INSERT INTO session (token_hash, account_id, made, seen, ends, place) VALUES ($1, $2, $3, $3, $4, $5)",
            _hash(token), account, now, now + LONGEST, place[:300],
        )  # fmt: skip
        return token

    async def find(self, token: str, place: str, now: datetime) -> Session | None:
        """Return the session of a token; None when there is none, it has ended, or its account is closed."""
        row = await self._db.fetchrow(
            "SELECT s.id, s.seen, a.id AS account, a.name, a.display, a.role, a.must_change, "
            "a.subject IS NOT NULL AS is_external, "
            "array(SELECT g.layer FROM account_grant g WHERE g.account_id = a.id AND g.since <= $2 AND g.until > $2 "
            "ORDER BY g.id) AS layers, "
            "array(SELECT g.since FROM account_grant g WHERE g.account_id = a.id AND g.since <= $2 AND g.until > $2 "
            "ORDER BY g.id) AS begins "
            "FROM session s JOIN account a ON a.id = s.account_id "
            "WHERE s.token_hash = $1 AND s.ends > $2 AND s.seen > $3 AND NOT a.is_disabled",
            _hash(token), now, now - IDLE,
        )  # fmt: skip
        role = ROLES.get(row["role"]) if row else None
        if row is None or role is None:
            return None
        if now - row["seen"] > _SEEN_EACH:
            await self._db.execute("UPDATE session SET seen = $2 WHERE id = $1", row["id"], now)
        grants = frozenset(Grant(*one) for one in zip(row["layers"], row["begins"], strict=True))
        caller = Caller(row["name"], role.clearance, role.rights, grants, place)
        return Session(
            row["id"], row["account"], caller, row["must_change"], row["display"], row["role"], row["is_external"]
        )

    async def list(self, caller: Caller, name: str | None = None) -> list[Record]:
        """Return the sessions of an account (one's own when none is named; of all with `*`), the newest first.

        Raises
        ------
        Refused
            They are others', and the caller may not see those.
        """
        if name not in (None, caller.name):
            caller.require(Right.ACCOUNTS, "the sessions of others")
        rows = await self._db.fetch(
            "SELECT s.id, a.name, s.made, s.seen, s.ends, s.place FROM session s JOIN account a ON a.id = s.account_id "
            "WHERE ($1::text = '*' OR a.name = $1) AND s.ends > now() AND s.seen > now() - $2::interval "
            "ORDER BY s.made DESC", name or caller.name, IDLE,
        )  # fmt: skip
        return [dict(row) for row in rows]

    async def end(self, caller: Caller, number: int) -> None:
        """End a session: one's own, or with the right to it somebody else's."""
        owner = await self._db.fetchval(
            "SELECT a.name FROM session s JOIN account a ON a.id = s.account_id WHERE s.id = $1", number
        )
        if owner != caller.name and not caller.may(Right.ACCOUNTS):
            raise Refused(f"session {number} is not one of {caller.name}'s")
        if owner is None:
            raise NotFound(f"there is no session {number}")
        await self._db.execute("DELETE FROM session WHERE id = $1", number)

    async def end_token(self, token: str) -> None:
        """End the session of a token, if it is one."""
        await self._db.execute("DELETE FROM session WHERE token_hash = $1", _hash(token))


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
