"""Share links: one incident, for one agency, for a while. A token opens it that is kept only as a hash."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import cos, radians
from typing import Any

import asyncpg
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from twin.access import AccessClass, Caller, Right
from twin.errors import BadInput, Conflict, NotFound, Refused
from twin.grounds import OPENS_RESTRICTED, PASSING_ON, Ground
from twin.incident_writing import event_of, write_entry
from twin.layer import Layer
from twin.share_register import enter, items_of
from twin.state import BBox
from twin.store import lock_feed, publish

Record = dict[str, Any]
USUAL, LONGEST = timedelta(hours=4), timedelta(hours=24)
MOST_CAMERAS = 4
PIN_TRIES = 5
"""After so many wrong PINs the share is over."""
RADII_M = (300, 1000, 3000)
"""Areas that are offered: so far from the incident each way [m]."""
USUAL_M = 1000
M_PER_DEG = 111_000
WIDEST_DEG = 0.8
"""As wide as the city with its islands [deg]."""
_NOT_ENDED = "s.ended IS NULL AND s.expires > $2 AND i.state NOT IN ('closed', 'merged')"
_ONE = "SELECT s.*, i.branch FROM share s JOIN incident i ON i.id = s.incident_id"


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to share.

    Parameters
    ----------
    area
        West, south, east, north [deg, WGS84]; None is the usual one round the incident.
    cameras
        Assets.
    pin
        4 to 8 digits; empty for none.
    """

    agency: str
    purpose: str
    ground: Ground
    contact: str = ""
    area: BBox | None = None
    layers: tuple[str, ...] = ()
    cameras: tuple[int, ...] = ()
    is_masked: bool = True
    lasts: timedelta = USUAL
    pin: str = ""


def area_round(lon: float, lat: float, reach_m: float = USUAL_M) -> BBox:
    """Return the area round a place [deg, WGS84], so far each way [m]."""
    north = reach_m / M_PER_DEG
    east = north / cos(radians(lat))
    return lon - east, lat - north, lon + east, lat + north


def shareable(caller: Caller, layers: Iterable[Layer], ground: Ground) -> list[Layer]:
    """Return the layers that a caller may share on a ground.

    One rule: what the sharer may see; what is restricted only on a ground that opens it (`OPENS_RESTRICTED`).
    """
    return [
        layer
        for layer in layers
        if caller.may_see_layer(layer) and (layer.access_class < AccessClass.RESTRICTED or ground in OPENS_RESTRICTED)
    ]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def state_of(share: Mapping[str, Any], now: datetime) -> str:
    """Return `live`, `expired`, or why it ended."""
    return share["ended_why"] or ("expired" if share["expires"] <= now else "live")


def told_of(share: Mapping[str, Any], now: datetime) -> Record:
    """Return a share as its maker sees it: never the token, never the PIN."""
    hidden = ("token_hash", "pin_hash", "branch")
    return {name: value for name, value in share.items() if name not in hidden} | {
        "has_pin": share["pin_hash"] is not None, "state": state_of(share, now),
    }  # fmt: skip


class Shares:
    """Makes, opens and ends shares through a pool; holds no state of its own."""

    def __init__(self, pool: asyncpg.Pool, layers: Mapping[str, Layer]) -> None:
        self._pool, self._layers = pool, layers
        self._pins = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # [KiB]

    async def grant(
        self, caller: Caller, incident: Mapping[str, Any], asked: Asked, permitted: Sequence[int], now: datetime
    ) -> tuple[Record, str]:
        """Make a share.

        Parameters
        ----------
        incident
            As `Incidents.get` returns it to the caller.
        permitted
            The cameras that may be used for this incident, by purpose.

        Returns
        -------
        The share and its token, which is nowhere else.
        """
        caller.require(Right.SHARE, "a share link")
        if incident["state"] in ("closed", "merged"):
            raise Conflict(f"incident {incident['id']} is {incident['state']}; what is over is not shared")
        area = self._check(caller, incident, asked, permitted)
        token = secrets.token_urlsafe(24)
        pin_hash = await asyncio.to_thread(self._pins.hash, asked.pin) if asked.pin else None
        async with self._transaction() as db:
            row = await db.fetchrow(
                "INSERT INTO share (token_hash, incident_id, agency, purpose, ground, contact, west, south, east, "
                "north, layers, cameras, is_masked, pin_hash, granted_by, granted, expires) "
                "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) RETURNING *",
                _hash(token), incident["id"], asked.agency.strip(), asked.purpose.strip(), str(asked.ground),
                asked.contact.strip(), *area, list(asked.layers), list(asked.cameras), asked.is_masked,
                pin_hash, caller.name, now, now + asked.lasts,
            )  # fmt: skip
            share = dict(row)
            await enter(db, share, "granted", items_of(share), now)
            said = {"share": share["id"], "name": share["agency"], "purpose": share["purpose"]}
            await self._mark(db, share, "shared", caller.name, now, said)
        return told_of(share, now), token

    @staticmethod
    def _require_words(asked: Asked) -> None:
        for name, value in (("agency", asked.agency), ("purpose", asked.purpose)):
            if not value.strip():
                raise BadInput(f"a share needs its {name}")
        if asked.ground not in PASSING_ON:
            raise BadInput(f"{asked.ground.value!r} is no ground to pass data on")
        if not timedelta(minutes=1) <= asked.lasts <= LONGEST:
            raise BadInput(f"a share lasts from a minute to {LONGEST.total_seconds() / 3600:.0f} h, not {asked.lasts}")
        if asked.pin and not (asked.pin.isascii() and asked.pin.isdigit() and 4 <= len(asked.pin) <= 8):
            raise BadInput("a PIN has 4 to 8 digits")

    def _check(self, caller: Caller, incident: Mapping[str, Any], asked: Asked, permitted: Sequence[int]) -> BBox:
        """Refuse what may not be shared; return the area."""
        self._require_words(asked)
        may = {layer.id for layer in shareable(caller, self._layers.values(), asked.ground)}
        for name in asked.layers:
            if name not in self._layers:
                raise NotFound(f"there is no layer {name[:40]!r}")
            if name not in may:
                raise Refused(f"{caller.name} may not share the layer {name!r} on the ground {asked.ground.value!r}")
        if asked.cameras:
            caller.require(Right.CAMERAS, "sharing cameras")
            if asked.ground not in OPENS_RESTRICTED:
                raise Refused(f"cameras are not shared on the ground {asked.ground.value!r}")
            if len(asked.cameras) > MOST_CAMERAS:
                raise BadInput(f"{len(asked.cameras)} cameras; the limit is {MOST_CAMERAS}")
            if strange := set(asked.cameras) - set(permitted):
                raise Refused(f"camera {min(strange)} is not permitted for incident {incident['id']} by its purposes")
        if asked.area is None:
            if incident["lon"] is None:
                raise BadInput(f"incident {incident['id']} has no place; a share of it needs an area")
            return area_round(incident["lon"], incident["lat"])
        west, south, east, north = asked.area
        if not (0 < east - west <= WIDEST_DEG and 0 < north - south <= WIDEST_DEG):
            raise BadInput(f"the area is {east - west:.4f} x {north - south:.4f} degree; the limit is {WIDEST_DEG}")
        return asked.area

    async def list(self, caller: Caller, incident_id: int, now: datetime) -> list[Record]:
        """Return the shares of an incident, newest first."""
        caller.require_class(AccessClass.INTERNAL, "shares")
        rows = await self._pool.fetch(f"{_ONE} WHERE s.incident_id = $1 ORDER BY s.id DESC", incident_id)
        return [told_of(row, now) for row in rows]

    async def revoke(self, caller: Caller, share_id: int, now: datetime) -> Record:
        """End a share at once."""
        caller.require(Right.SHARE, "revoking a share link")
        async with self._transaction() as db:
            row = await db.fetchrow(f"{_ONE} WHERE s.id = $1 FOR UPDATE OF s", share_id)
            if row is None:
                raise NotFound(f"there is no share {share_id}")
            if state_of(row, now) != "live":
                raise Conflict(f"share {share_id} is over already: {state_of(row, now)}")
            share = await self._end(db, share_id, "revoked", caller.name, now)
            said = {"share": share_id, "name": share["agency"]}
            await self._mark(db, share, "share_revoked", caller.name, now, said)
        return told_of(share, now)

    @staticmethod
    async def _end(db: asyncpg.Connection, share_id: int, why: str, by: str, now: datetime) -> Record:
        row = await db.fetchrow(
            "UPDATE share SET ended = $2, ended_why = $3, ended_by = $4 WHERE id = $1 RETURNING *",
            share_id,
            now,
            why,
            by,
        )
        share = dict(row)
        await enter(db, share, "ended", f"{why}, {by}", now)
        return share

    async def find(self, token: str, now: datetime) -> Record | None:
        """Return the living share that a token opens, or None."""
        row = await self._pool.fetchrow(f"{_ONE} WHERE s.token_hash = $1 AND {_NOT_ENDED}", _hash(token), now)
        return dict(row) if row else None

    async def was_given(self, token: str) -> bool:
        """Tell whether a token belongs to any share, also one that is over: then it was not guessed."""
        return bool(await self._pool.fetchval("SELECT count(*) FROM share WHERE token_hash = $1", _hash(token)))

    async def living(self, ids: Iterable[int], now: datetime) -> set[int]:
        """Return those of some shares that live."""
        rows = await self._pool.fetch(f"SELECT s.id FROM share s JOIN incident i ON i.id = s.incident_id "
                                      f"WHERE s.id = ANY($1) AND {_NOT_ENDED}", list(ids), now, timeout=1)  # fmt: skip
        return {row["id"] for row in rows}

    async def try_pin(self, share: Mapping[str, Any], pin: str, now: datetime) -> bool:
        """Tell whether a PIN is right; too many wrong ones end the share."""
        async with self._pool.acquire() as db, db.transaction():
            row = await db.fetchrow("SELECT * FROM share WHERE id = $1 FOR UPDATE", share["id"])
            if row["pin_failures"] >= PIN_TRIES or row["pin_hash"] is None:
                return False
            try:
                await asyncio.to_thread(self._pins.verify, row["pin_hash"], pin)
            except VerificationError:
                failures = await db.fetchval(
                    "UPDATE share SET pin_failures = pin_failures + 1 WHERE id = $1 RETURNING pin_failures", share["id"]
                )
                if failures >= PIN_TRIES:
                    await self._end(db, share["id"], "pin", share["agency"], now)
                return False
            await db.execute("UPDATE share SET pin_failures = 0 WHERE id = $1", share["id"])
        return True

    async def use(self, share: Mapping[str, Any], act: str, items: str, now: datetime) -> bool:
        """Register a use; the first opening and the first "seen" are marks of the incident, too.

        Returns
        -------
        True when it was the first of its kind.
        """
        column = {"opened": "first_opened", "seen": "seen"}.get(act)
        async with self._transaction() as db:
            row = await db.fetchrow(
                "UPDATE share SET last_seen = $2, opened = opened + $3 WHERE id = $1 RETURNING *",
                share["id"], now, int(act == "opened"),
            )  # fmt: skip
            await enter(db, dict(row), act, items, now)
            is_first = column is not None and row[column] is None
            if is_first:
                await db.execute(f"UPDATE share SET {column} = $2 WHERE id = $1", share["id"], now)
                kind = "share_opened" if act == "opened" else "seen"
                said = {"share": share["id"], "name": share["agency"]}
                await self._mark(db, row, kind, f"share {share['id']}", now, said)
        return is_first

    async def touch(self, ids: Iterable[int], now: datetime) -> None:
        """Note that shares are being looked at."""
        await self._pool.execute("UPDATE share SET last_seen = $2 WHERE id = ANY($1)", list(ids), now)

    @staticmethod
    async def _mark(
        db: asyncpg.Connection, share: Mapping[str, Any], kind: str, by: str, now: datetime, said: Record
    ) -> None:
        """Write a line into the incident's timeline, and tell the screens."""
        await write_entry(db, share["incident_id"], kind, by, now, said)
        await publish(db, [await event_of(db, share["incident_id"], kind, now)], now)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """Open a transaction that holds the feed's lock first, as all writers of events do: no deadlock."""
        async with self._pool.acquire() as db, db.transaction():
            await lock_feed(db)
            yield db
