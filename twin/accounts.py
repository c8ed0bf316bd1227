"""Accounts: who they are, what they may, their passwords. A first password is random, shown once, kept nowhere."""

import asyncio
import re
import secrets
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import argon2
import asyncpg

from twin.access import ROLES, Caller, Right
from twin.errors import BadInput, Conflict, NotFound, Refused

Record = dict[str, Any]
FIRST, FIRST_ROLE = "supervisor", "supervisor"
"""The account that a new store gets."""
NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{1,59}")
RESERVED = frozenset({"anonymous", "clock", "operator", "system", "drill", "worker", "installation"})
"""Names under which the twin itself writes."""
SHORTEST, LONGEST = 10, 200
"""Characters of a password."""
WRONG, LOCKED = 5, timedelta(minutes=15)
"""So many wrong passwords lock an account for so long."""
GRANTED = timedelta(days=366)
"""No grant is longer."""
_SHOWN = (
    "id, name, display, role, subject IS NOT NULL AS is_external, must_change, is_disabled, failed, locked_until, "
    "made, made_by"
)
_hasher = argon2.PasswordHasher()
_NOBODY = _hasher.hash(secrets.token_urlsafe())
"""Checked where there is no account, so that the time of an answer tells no names."""
_hashing = asyncio.Semaphore(2)
"""A hash takes 64 MiB; many at a time would take the machine."""


def new_password() -> str:
    """Return a random password: 96 bits, easy to read aloud."""
    text = "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(20))
    return "-".join(text[n : n + 5] for n in range(0, 20, 5))


class Accounts:
    """Asks and changes through a pool or a connection; holds no state of its own."""

    def __init__(self, db: asyncpg.Pool | asyncpg.Connection) -> None:
        self._db = db

    # --- by those who may make accounts ----------------------------------------------------------------------------

    async def list(self, caller: Caller) -> list[Record]:
        """Return all accounts by name, each with its grants that have not ended."""
        caller.require(Right.ACCOUNTS, "the list of accounts")
        rows = [dict(row) for row in await self._db.fetch(f"SELECT {_SHOWN} FROM account ORDER BY name")]
        grants = await self._db.fetch("SELECT * FROM account_grant WHERE until > now() ORDER BY until")
        for row in rows:
            row["grants"] = [dict(grant) for grant in grants if grant["account_id"] == row["id"]]
        return rows

    async def add(self, caller: Caller, name: str, display: str, role: str, now: datetime) -> str:
        """Make an account and return its first password.

        Raises
        ------
        BadInput
            The name cannot be typed, or there is no such role.
        Conflict
            The name is taken.
        """
        caller.require(Right.ACCOUNTS, "making an account")
        _check(name, role)
        password = new_password()
        made = await self._db.fetchval(
            "INSERT INTO account (name, display, role, password_hash, must_change, is_disabled, failed, made, made_by) "
            "VALUES ($1, $2, $3, $4, true, false, 0, $5, $6) ON CONFLICT (name) DO NOTHING RETURNING id",
            name, display.strip()[:100] or name, role, await hashed(password), now, caller.name,
        )  # fmt: skip
        if made is None:
            raise Conflict(f"there is an account {name!r} already")
        return password

    async def reset(self, caller: Caller, name: str) -> str:
        """Give an account a new first password, unlock it and end its sessions; return the password."""
        caller.require(Right.ACCOUNTS, "a new password for somebody")
        password = new_password()
        number = await self._db.fetchval(
            "UPDATE account SET password_hash = $2, must_change = true, failed = 0, locked_until = NULL "
            "WHERE name = $1 AND subject IS NULL RETURNING id", name, await hashed(password),
        )  # fmt: skip
        await self._db.execute("DELETE FROM session WHERE account_id = $1", _known(number, name))
        return password

    async def change(
        self, caller: Caller, name: str, *, role: str | None = None, is_disabled: bool | None = None,
        unlocks: bool = False,
    ) -> None:  # fmt: skip
        """Give an account another role, disable or enable it, unlock it; what it may changes at once.

        Raises
        ------
        Conflict
            It is the caller's own, or the last one that can make accounts.
        """
        caller.require(Right.ACCOUNTS, "changing an account")
        if name == caller.name:
            raise Conflict(f"{name} is your own account; somebody else changes it")
        if role is not None:
            _check(name, role)
        number = await self._db.fetchval(
            "UPDATE account SET role = coalesce($2, role), is_disabled = coalesce($3, is_disabled), "
            "failed = CASE WHEN $4 THEN 0 ELSE failed END, locked_until = CASE WHEN $4 THEN NULL ELSE locked_until END "
            "WHERE name = $1 RETURNING id", name, role, is_disabled, unlocks,
        )  # fmt: skip
        if is_disabled:
            await self._db.execute("DELETE FROM session WHERE account_id = $1", _known(number, name))
        _known(number, name)

    async def grant(self, caller: Caller, name: str, layer: str, reason: str, until: datetime, now: datetime) -> None:
        """Let an account see a layer beyond its role, from now until a time."""
        caller.require(Right.ACCOUNTS, "a grant")
        if name == caller.name:
            raise Conflict(f"{name} is your own account; somebody else grants")
        if not reason.strip():
            raise BadInput("a grant needs a reason")
        if not now < until <= now + GRANTED:
            raise BadInput(f"a grant ends within {GRANTED.days} days; {until.isoformat()} does not")
        number = _known(await self._db.fetchval("SELECT id FROM account WHERE name = $1", name), name)
        await self._db.execute(
            "INSERT INTO account_grant (account_id, layer, reason, by, since, until) VALUES ($1, $2, $3, $4, $5, $6)",
            number, layer, reason.strip()[:500], caller.name, now, until,
        )  # fmt: skip

    async def end_grant(self, caller: Caller, number: int, now: datetime) -> None:
        """End a grant now."""
        caller.require(Right.ACCOUNTS, "a grant")
        tag = await self._db.execute("UPDATE account_grant SET until = $2 WHERE id = $1 AND until > $2", number, now)
        if tag == "UPDATE 0":
            raise NotFound(f"there is no grant {number}")

    # --- by those who sign in --------------------------------------------------------------------------------------

    async def check(self, name: str, password: str, now: datetime) -> int:
        """Return the number of the account whose name and password these are.

        Raises
        ------
        Refused
            They are not, or the account is locked or disabled; the text does not say which, and takes as long.
        """
        row = await self._db.fetchrow("SELECT * FROM account WHERE name = $1", name[:100])
        kept = row["password_hash"] if row is not None and row["password_hash"] else _NOBODY
        is_right = await _matches(kept, password)
        wrong = Refused("name or password is wrong, or the account is locked or disabled")
        if row is None or kept is _NOBODY or row["is_disabled"] or row["role"] not in ROLES:
            raise wrong
        if row["locked_until"] is not None and row["locked_until"] > now:
            raise wrong
        if not is_right:
            await self._db.execute(
                "UPDATE account SET failed = failed + 1, locked_until = CASE WHEN failed + 1 >= $2 THEN "
                "$3::timestamptz END WHERE id = $1 AND (locked_until IS NULL OR locked_until <= $4)",
                row["id"], WRONG, now + LOCKED, now,
            )  # fmt: skip
            raise wrong
        await self._db.execute("UPDATE account SET failed = 0, locked_until = NULL WHERE id = $1", row["id"])
        return int(row["id"])

    async def set_password(self, name: str, old: str, new: str, now: datetime) -> int:
        """Change one's own password, end all own sessions, and return the account's number.

        Raises
        ------
        BadInput
            The new one is too short, too long, the old one or the name.
        Refused
            The old one is wrong.
        """
        if not SHORTEST <= len(new) <= LONGEST:
            raise BadInput(f"a password has {SHORTEST} to {LONGEST} characters; this one has {len(new)}")
        if new in (old, name):
            raise BadInput("the new password is the old one, or the name")
        number = await self.check(name, old, now)
        await self._db.execute(
            "UPDATE account SET password_hash = $2, must_change = false WHERE id = $1", number, await hashed(new)
        )
        await self._db.execute("DELETE FROM session WHERE account_id = $1", number)
        return number

    async def from_outside(self, subject: str, name: str, display: str, role: str, now: datetime) -> int:
        """Return the account of somebody whom another service has signed in; made at the first time.

        Parameters
        ----------
        subject
            `issuer subject`, by which the person is known; the name may change.

        Raises
        ------
        Refused
            The account was disabled here.
        Conflict
            The name belongs to somebody else.
        """
        _check(name, role)
        row = await self._db.fetchrow(
            "UPDATE account SET display = $2, role = $3 WHERE subject = $1 RETURNING id, is_disabled",
            subject, display[:100], role,
        )  # fmt: skip
        if row is not None:
            if row["is_disabled"]:
                raise Refused(f"the account of {name} is disabled")
            return int(row["id"])
        made = await self._db.fetchval(
            "INSERT INTO account (name, display, role, subject, must_change, is_disabled, failed, made, made_by) "
            "VALUES ($1, $2, $3, $4, false, false, 0, $5, $6) ON CONFLICT (name) DO NOTHING RETURNING id",
            name, display[:100], role, subject, now, subject.split(" ", 1)[0],
        )  # fmt: skip
        if made is None:
            raise Conflict(f"the name {name!r} belongs to another account")
        return int(made)


async def first_account(db: asyncpg.Connection, now: datetime) -> str | None:
    """Make the first account of a new store and return its password; None where there are accounts."""
    if await db.fetchval("SELECT count(*) FROM account"):
        return None
    installer = Caller("installation", ROLES[FIRST_ROLE].clearance, frozenset({Right.ACCOUNTS}))
    return await Accounts(db).add(installer, FIRST, "", FIRST_ROLE, now)


async def hashed(password: str) -> str:
    """Return the Argon2id hash of a password."""
    async with _hashing:
        return await asyncio.to_thread(_hasher.hash, password)


async def _matches(kept: str, password: str) -> bool:
    if len(password) > LONGEST:
        return False
    try:
        async with _hashing:
            return await asyncio.to_thread(partial(_hasher.verify, kept, password))
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def _check(name: str, role: str) -> None:
    if not NAME.fullmatch(name) or name in RESERVED:
        raise BadInput(f"an account is not called {name[:60]!r}: 2 to 60 of a-z 0-9 . _ @ -, and no name of the twin's")
    if role not in ROLES:
        raise BadInput(f"there is no role {role[:40]!r}; there are {', '.join(ROLES)}")


def _known(number: int | None, name: str) -> int:
    if number is None:
        raise NotFound(f"there is no account {name[:60]!r} with a password here")
    return number
