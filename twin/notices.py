"""The notice chain of an incident: whom to tell, in which order, by which channel; and the outbox that remembers it.

Deny by default: a recipient without a configured channel is a row that says so. Nothing is dropped in silence.
"""

import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import asyncpg
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from twin.access import AccessClass, Caller, Right
from twin.errors import BadInput, Conflict
from twin.incidents import Incidents, Record
from twin.moment import LIVE
from twin.playbooks import playbooks

NEIGHBOURS = 5
ATTEMPTS = 6
FIRST_PAUSE = timedelta(seconds=5)
FILE = "channels.toml"

_SHOPS = (
    "WITH fire AS (SELECT DISTINCT a.geom, a.attributes->>'market' AS market, a.attributes->>'shop' AS shop "
    "FROM incident_alarm m JOIN alarm al ON al.id = m.alarm_id JOIN asset a ON a.id = al.asset_id "
    "WHERE m.incident_id = $1 AND a.attributes ? 'shop') "
    "SELECT k.name_ko AS market, s.number::text AS shop, min(ST_Distance(s.geom, f.geom)) AS distance_m, "
    "bool_or(s.number::text = f.shop) AS burns FROM fire f JOIN market k ON k.name_ko = f.market "
    "JOIN shop s ON s.market_id = k.id GROUP BY 1, 2 ORDER BY burns DESC, distance_m, shop LIMIT $2"
)


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Contact(_Record):
    """Somebody who can be told."""

    role: str
    name: str = Field(min_length=1)
    market: str | None = None
    """Only for incidents of this market."""
    shop: str | None = None
    """Only for this shop."""
    channel: Literal["webhook", "smtp", "mqtt"]
    address: str = Field(min_length=1)
    """URL, mail address or topic."""


class Smtp(_Record):
    """Where mail is handed over."""

    host: str
    port: int = Field(default=587, ge=1, le=65535)
    sender: str
    user: str | None = None
    password: str | None = None
    starttls: bool = True


class Mqtt(_Record):
    """Which broker notices go to."""

    host: str
    port: int = Field(default=8883, ge=1, le=65535)
    user: str | None = None
    password: str | None = None
    tls: bool = True


class Channels(_Record):
    """The address book of one installation: `channels.toml` in its data folder. None by default."""

    contacts: tuple[Contact, ...] = Field(default=(), alias="contact")
    smtp: Smtp | None = None
    mqtt: Mqtt | None = None
    webhook_key: str | None = None
    """Sent as `Authorization: Bearer`; null sends none."""

    @classmethod
    def of(cls, data_dir: Path) -> "Channels":
        """Read the file of a data folder; no file, no channel.

        Raises
        ------
        BadInput
            The file breaks its contract.
        """
        path = data_dir / FILE
        if not path.is_file():
            return cls()
        try:
            return cls.model_validate(tomllib.loads(path.read_text("utf-8")))
        except (tomllib.TOMLDecodeError, ValidationError) as error:
            raise BadInput(f"{path}: {error}") from error

    def find(self, role: str, market: str | None = None, shop: str | None = None) -> list[Contact]:
        """Return who has a role, for a place."""
        return [
            one
            for one in self.contacts
            if one.role == role and one.market in (None, market) and one.shop in (None, shop)
        ]


class Notices:
    """Builds chains and keeps the outbox."""

    def __init__(self, pool: asyncpg.Pool, incidents: Incidents) -> None:
        self._pool, self._incidents = pool, incidents

    async def list(self, caller: Caller, incident_id: int) -> Record:
        """Return the notices of an incident in the order of its chain."""
        caller.require_class(AccessClass.INTERNAL, "notices")
        rows = await self._pool.fetch("SELECT * FROM notice WHERE incident_id = $1 ORDER BY position, id", incident_id)
        return {"notices": [dict(row) for row in rows]}

    async def send(self, caller: Caller, incident_id: int, channels: Channels, now: datetime) -> Record:
        """Put the whole chain of an incident into the outbox, in its order; once."""
        caller.require(Right.WORK, "a notice chain")
        told = await self._incidents.get(caller, incident_id)
        playbook = playbooks().get(told["topic"])
        if playbook is None or not playbook.notice:
            raise BadInput(f"topic {told['topic']!r} has no notice chain")
        if told["state"] in ("closed", "merged"):
            raise Conflict(f"incident {incident_id} is {told['state']}")
        if await self._pool.fetchval("SELECT count(*) FROM notice WHERE incident_id = $1", incident_id):
            raise Conflict(f"the chain of incident {incident_id} has been started already")
        shops = [dict(row) for row in await self._pool.fetch(_SHOPS, incident_id, NEIGHBOURS + 1)]
        rows = chain(playbook.notice, channels, shops)
        message = message_of(told)
        is_drill = told["branch"] != LIVE
        for position, (role, name, contact) in enumerate(rows, start=1):
            state = "exercise" if is_drill else "waiting" if contact else "not_configured"
            await self._pool.execute(
                "INSERT INTO notice (incident_id, position, role, name, channel, address, message, state, next_try, "
                "asked_by, asked) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $9)",
                incident_id, position, role, name, contact.channel if contact else None,
                contact.address if contact else None, message, state, now, caller.name,
            )  # fmt: skip
        silent = sum(contact is None for _, _, contact in rows)
        detail = {"recipients": len(rows), "not_configured": silent, "is_exercise": is_drill}
        await self._incidents.record(caller.name, incident_id, "notices", now, detail)
        return await self.list(caller, incident_id)

    async def take(self, now: datetime) -> Record | None:
        """Take the notice that is due first, so that nobody else takes it meanwhile; or None."""
        row = await self._pool.fetchrow(
            "UPDATE notice SET attempts = attempts + 1, next_try = $1 + $2::interval * power(2, attempts) "
            "WHERE id = (SELECT id FROM notice WHERE state = 'waiting' AND next_try <= $1 "
            "ORDER BY attempts, incident_id, position LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING *", now, FIRST_PAUSE,
        )  # fmt: skip
        return dict(row) if row else None

    async def finish(self, notice: Mapping[str, Any], error: str | None, now: datetime) -> None:
        """Write how an attempt ended; the timeline tells of the last one."""
        state = "sent" if error is None else "failed" if notice["attempts"] >= ATTEMPTS else "waiting"
        await self._pool.execute(
            "UPDATE notice SET state = $2, error = $3, sent = CASE $2 WHEN 'sent' THEN $4::timestamptz END "
            "WHERE id = $1", notice["id"], state, error, now,
        )  # fmt: skip
        if state != "waiting":
            kind = "notice" if state == "sent" else "notice_failed"
            said = {name: notice[name] for name in ("role", "channel", "attempts")}  # no name: a timeline is for ever
            if error is not None:
                said["error"] = error
            await self._incidents.record("system", notice["incident_id"], kind, now, said)


def chain(roles: tuple[str, ...], channels: Channels, shops: list[Record]) -> list[tuple[str, str, Contact | None]]:
    """Return (role, name, contact) of a chain in its order; without a contact the role is named all the same.

    Parameters
    ----------
    shops
        market, shop, distance_m, burns: the burning ones first, then their neighbours by distance.
    """
    market = shops[0]["market"] if shops else None
    rows: list[tuple[str, str, Contact | None]] = []
    for role in roles:
        if role in ("owner", "neighbour"):
            for shop in (one for one in shops if one["burns"] == (role == "owner")):
                found = [one for one in channels.find("owner", market, shop["shop"]) if one.shop is not None]
                label = f"{shop['market']} {shop['shop']}호"
                rows += [(role, f"{one.name} · {label}", one) for one in found] or [(role, label, None)]
        else:
            found = channels.find(role, market)
            rows += [(role, one.name, one) for one in found] or [(role, role, None)]
    return rows


def message_of(incident: Record) -> Record:
    """Return what a recipient is told; no name of a person, no picture."""
    is_drill = incident["branch"] != LIVE
    return {
        "incident": incident["id"],
        "status": "Exercise" if is_drill else "Actual",
        "title": {
            "ko": ("[훈련] " if is_drill else "") + incident["title_ko"],
            "en": ("[EXERCISE] " if is_drill else "") + incident["title_en"],
        },
        "severity": incident["severity"],
        "opened": incident["opened"].isoformat(),
        "place": {"lon": incident["lon"], "lat": incident["lat"], "unit_ko": incident["unit_ko"]},
    }
