"""Incidents that another system runs: found again by its own number, and moved by what it says of them."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import asyncpg

from twin.access import Caller, Right
from twin.crs import KOREA_CENTRAL, WGS84
from twin.errors import Conflict, NotFound
from twin.incident_writing import event_of, write_entry
from twin.incidents import Incidents, Record
from twin.moment import LIVE
from twin.store import lock_feed, publish

Meaning = Literal["occurred", "changed", "cleared", "cancelled", "ended"]
BY = "platform"
"""By whom it stands in the timeline."""
KEY = "platform:"
KIND = "foreign_"


@dataclass(frozen=True, slots=True)
class ForeignEvent:
    """What another system says of an incident of its own.

    Parameters
    ----------
    id
        Its own number of the incident.
    at, told
        When it began, and of when this word is.
    place
        lon, lat [deg, WGS84]; None when it gives none within the city.
    """

    id: str
    name: str
    topic: str
    severity: str
    meaning: Meaning
    at: datetime
    told: datetime
    place: tuple[float, float] | None
    detail: str
    own: int | None = None
    """Number of our own incident, where it speaks of one."""


class Foreign:
    """Takes the words of another system; holds only a lock, so that a word that comes twice opens nothing twice."""

    def __init__(self, pool: asyncpg.Pool, incidents: Incidents) -> None:
        self._pool, self._incidents, self._lock = pool, incidents, asyncio.Lock()

    async def hear(self, caller: Caller, event: ForeignEvent, now: datetime) -> tuple[Record, bool]:
        """Act on a word; return the incident, and whether it was opened by this.

        What occurred or changed opens an incident that is not known (its first word may have been lost). What is
        cancelled or ended closes it, unless conditions of our own still stand; that is written down, and people decide.
        A word that is older than the last one is written down and changes nothing.

        Raises
        ------
        NotFound
            The end of an incident that was never heard of.
        """
        caller.require(Right.WORK, "work on incidents")
        by = replace(caller, name=BY)
        async with self._lock:
            known = await self._known(event)
            if known is None:
                if event.own is not None or event.meaning not in ("occurred", "changed"):
                    raise NotFound(f"event {event.id!r} is {event.meaning}, but nothing was heard of it before")
                made = await self._incidents.open(
                    by, event.topic, event.name, now, place=event.place, severity=event.severity, key=KEY + event.id
                )
                await self._write(made["id"], event, now)
                return await self._incidents.get(caller, made["id"]), True
            if await self._is_late(known["id"], event):
                await self._write(known["id"], event, now, is_late=True)
            elif event.meaning in ("cancelled", "ended"):
                await self._close(by, known, event, now)
            else:
                await self._follow(by, known, event, now)
            return await self._incidents.get(caller, known["id"]), False

    async def _known(self, event: ForeignEvent) -> Record | None:
        """Return the incident that is meant, ours or by another system's number, or the one that it was merged into."""
        row = await self._pool.fetchrow(
            "SELECT k.id, k.state FROM incident i JOIN incident k ON k.id = coalesce(i.merged_into, i.id) "
            "WHERE i.branch = $1 AND CASE WHEN $3::bigint IS NULL THEN i.group_key = $2 ELSE i.id = $3 END "
            "ORDER BY i.id DESC LIMIT 1", LIVE, KEY + event.id, event.own,
        )  # fmt: skip
        return dict(row) if row else None

    async def _is_late(self, incident: int, event: ForeignEvent) -> bool:
        last = await self._pool.fetchval(
            "SELECT max((detail->>'told')::timestamptz) FROM incident_entry WHERE incident_id = $1 "
            "AND detail->>'event' = $2", incident, event.id,
        )  # fmt: skip
        return last is not None and event.told < last

    async def _write(self, incident: int, event: ForeignEvent, now: datetime, **more: object) -> None:
        await self._incidents.record(BY, incident, KIND + event.meaning, now, _said(event) | more)

    async def _close(self, by: Caller, known: Record, event: ForeignEvent, now: datetime) -> None:
        await self._write(known["id"], event, now)
        if known["state"] == "closed":
            return
        reason = ": ".join(filter(None, [f"{BY} {event.meaning}", event.detail]))
        try:
            await self._incidents.move(by, known["id"], "close", now, reason=reason)
        except Conflict as error:
            said = {"text": {"ko": "우리 경보가 아직 서 있어 닫지 않음", "en": str(error)}}
            await self._incidents.record("system", known["id"], "note", now, said)

    async def _follow(self, by: Caller, known: Record, event: ForeignEvent, now: datetime) -> None:
        """Take on what has changed; what occurs or changes after its end is open again."""
        if known["state"] == "closed" and event.meaning != "cleared":
            await self._incidents.move(by, known["id"], "reopen", now, reason=f"{BY} {event.meaning}")
        lon, lat = event.place or (None, None)
        async with self._pool.acquire() as db, db.transaction():
            await lock_feed(db)
            if event.meaning == "cleared":
                await db.execute("UPDATE incident SET calm_since = $2, changed = $2 WHERE id = $1", known["id"], now)
            else:
                await db.execute(
                    "UPDATE incident SET title_ko = $2, title_en = $2, severity = $3, changed = $4, calm_since = NULL, "
                    "geom = coalesce(ST_Transform(ST_SetSRID(ST_MakePoint($5, $6), "
                    f"{WGS84}), {KOREA_CENTRAL}), geom) WHERE id = $1 AND group_key = $7",
                    known["id"], event.name, event.severity, now, lon, lat, KEY + event.id,
                )  # fmt: skip
            await write_entry(db, known["id"], KIND + event.meaning, BY, now, _said(event))
            await publish(db, [await event_of(db, known["id"], "changed", now)], now)


def _said(event: ForeignEvent) -> Record:
    return {
        "event": event.id, "told": event.told.isoformat(), "name": event.name, "severity": event.severity,
        "text": event.detail,
    }  # fmt: skip
