"""Drafts of alerts: written by one, approved by two, updated and cancelled by their successors."""

import json
from datetime import datetime, timedelta
from secrets import token_hex

import asyncpg
from shapely.geometry import Polygon

from twin.access import AccessClass, Caller, Right
from twin.cap import Draft, faults, stamp, to_xml
from twin.crs import WGS84
from twin.errors import BadInput, Conflict, NotFound, Refused
from twin.incidents import Incidents, Record
from twin.layer import Text
from twin.moment import LIVE
from twin.playbooks import playbooks

SENDER = "control-room@gunsan-twin"
SEVERITY = {"danger": "Severe", "alarm": "Severe", "caution": "Moderate", "info": "Unknown"}
URGENCY = {"danger": "Immediate", "alarm": "Immediate", "caution": "Expected", "info": "Unknown"}
LANGUAGES = ("ko", "en")
_DISTRICT = (
    f"SELECT ST_AsGeoJSON(ST_Transform(ST_SimplifyPreserveTopology(d.geom, 40), {WGS84}), 5) FROM incident i "
    "JOIN admin_unit u ON u.id = i.unit_id, LATERAL ST_Dump(u.geom) d WHERE i.id = $1 "
    "ORDER BY ST_Area(d.geom) DESC LIMIT 1"
)


def suggestion(incident: Record, now: datetime) -> Record:
    """Return the content of a draft for an incident, without its ground; texts of a topic without one are empty."""
    playbook = playbooks().get(incident["topic"])
    words = playbook.alert if playbook else None
    is_live = incident["branch"] == LIVE
    place = {"ko": incident["unit_ko"] or "", "en": incident["unit_en"] or ""}
    texts = {name: _filled(getattr(words, name, None), place) for name in ("event", "headline", "instruction")}
    return {
        "status": "Actual" if is_live else "Exercise", "category": words.category if words else "Safety",
        "response": words.response if words else "Monitor", "urgency": URGENCY[incident["severity"]],
        "severity": SEVERITY[incident["severity"]], "certainty": "Observed", **texts,
        "description": {tongue: incident[f"title_{tongue}"] for tongue in LANGUAGES},
        "area": {"ko": f"{place['ko']} 일대".strip(), "en": f"{place['en']} and around".strip()},
        "onset": now.isoformat(), "expires": (now + timedelta(hours=words.valid_h if words else 2)).isoformat(),
        "lon": incident["lon"], "lat": incident["lat"], "radius_m": words.radius_m if words else 500,
    }  # fmt: skip


class Alerts:
    """Keeps drafts and what was issued; sends nothing."""

    def __init__(self, pool: asyncpg.Pool, incidents: Incidents, sender: str = SENDER) -> None:
        self._pool, self._incidents, self._sender = pool, incidents, sender

    async def all(self, caller: Caller, incident_id: int | None = None) -> Record:
        """Return drafts and issued messages, the newest first."""
        caller.require_class(AccessClass.INTERNAL, "drafts of alerts")
        rows = await self._pool.fetch(
            "SELECT a.*, i.branch FROM alert a LEFT JOIN incident i ON i.id = a.incident_id "
            "WHERE $1::bigint IS NULL OR a.incident_id = $1 ORDER BY a.drafted DESC LIMIT 200", incident_id,
        )  # fmt: skip
        return {"alerts": [dict(row) | {"overlaps": await self._overlaps_of(row)} for row in rows]}

    async def suggest(self, caller: Caller, incident_id: int, now: datetime) -> Record:
        """Return what a draft for an incident would say by its playbook: for people to read and to change."""
        told = await self._incidents.get(caller, incident_id)
        ground = await self._pool.fetchval(_DISTRICT, incident_id)
        return suggestion(told, now) | {"district": ground and json.loads(ground)["coordinates"][0]}

    async def draft(
        self, caller: Caller, content: Draft, now: datetime, *, incident_id: int | None = None,
        replaces: str | None = None,
    ) -> Record:  # fmt: skip
        """Write a draft; the answer warns of active messages for the same ground.

        Parameters
        ----------
        replaces
            Identifier of the issued message that an update or a cancel refers to.
        """
        caller.require(Right.WORK, "a draft of an alert")
        if content.expires <= now:
            raise BadInput(f"the alert's end {content.expires.isoformat()} has passed")
        if (content.msg_type == "Alert") == (replaces is not None):
            raise BadInput("an update or a cancel refers to an earlier message, and nothing else does")
        if incident_id is not None:
            told = await self._incidents.get(caller, incident_id)
            if (told["branch"] == LIVE) == (content.status == "Exercise"):
                raise BadInput(
                    f"incident {incident_id} belongs to {told['branch']}; status {content.status} does not fit"
                )
        earlier = await self._issued(replaces) if replaces else None
        if earlier and earlier["content"]["status"] != content.status:
            raise BadInput(f"the earlier message has status {earlier['content']['status']}, this one {content.status}")
        identifier = f"gunsan-{now:%Y%m%dT%H%M%S}-{token_hex(3)}"
        body = content.model_dump(mode="json") | {"replaces": replaces}
        await self._pool.execute(
            "INSERT INTO alert (identifier, incident_id, content, state, drafted_by, drafted, expires) "
            "VALUES ($1, $2, $3, 'draft', $4, $5, $6)",
            identifier, incident_id, body, caller.name, now, content.expires,
        )  # fmt: skip
        wrong = faults(await self.xml(caller, identifier))
        if wrong:
            raise BadInput(f"the draft leaves CAP 1.2: {'; '.join(wrong)}")
        return {"identifier": identifier, "state": "draft", "overlaps": await self._overlaps(content, replaces, now)}

    async def approve(self, caller: Caller, identifier: str, now: datetime) -> Record:
        """Approve a draft; the second approval, of another person, issues it.

        Raises
        ------
        Conflict
            It is issued already, or its time is over.
        Refused
            The same person approves twice.
        """
        caller.require(Right.APPROVE, "letting an alert out")
        async with self._pool.acquire() as db, db.transaction():
            row = await db.fetchrow("SELECT * FROM alert WHERE identifier = $1 FOR UPDATE", identifier)
            if row is None:
                raise NotFound(f"there is no alert {identifier[:60]!r}")
            if row["state"] in ("issued", "withdrawn"):
                raise Conflict(f"alert {identifier} is {row['state']} already")
            if row["expires"] <= now:
                raise Conflict(f"alert {identifier} ended at {row['expires'].isoformat()}")
            if row["state"] == "draft":
                await db.execute(
                    "UPDATE alert SET state = 'approved', approved_by = $2 WHERE id = $1", row["id"], caller.name
                )
                return {"identifier": identifier, "state": "approved"}
            if row["approved_by"] == caller.name:
                raise Refused(f"{caller.name} has approved alert {identifier}; the second approval is another person's")
            await db.execute(
                "UPDATE alert SET state = 'issued', issued_by = $2, issued = $3 WHERE id = $1",
                row["id"], caller.name, now,
            )  # fmt: skip
            if row["content"]["replaces"]:
                await db.execute(
                    "UPDATE alert SET superseded_by = $2 WHERE identifier = $1", row["content"]["replaces"], identifier
                )
        if row["incident_id"] is not None:
            said = {"identifier": identifier, "msg_type": row["content"]["msg_type"], "approved_by": row["approved_by"]}
            await self._incidents.record(caller.name, row["incident_id"], "alert_issued", now, said)
        return {"identifier": identifier, "state": "issued"}

    async def withdraw(self, caller: Caller, identifier: str, reason: str, now: datetime) -> Record:
        """Take back what is not issued yet, for a reason; what is issued is cancelled by a message of its own."""
        caller.require(Right.WORK, "a draft of an alert")
        if not reason.strip():
            raise BadInput("to withdraw a draft needs a reason")
        row = await self._pool.fetchrow(
            "UPDATE alert SET state = 'withdrawn', content = content || jsonb_build_object('withdrawn', $2::text) "
            "WHERE identifier = $1 AND state IN ('draft', 'approved') RETURNING incident_id",
            identifier, f"{caller.name}: {reason.strip()[:500]}",
        )  # fmt: skip
        if row is None:
            raise Conflict(f"there is no draft {identifier[:60]!r} to withdraw; an issued alert is cancelled")
        if row["incident_id"] is not None:
            said = {"identifier": identifier, "reason": reason.strip()}
            await self._incidents.record(caller.name, row["incident_id"], "alert_withdrawn", now, said)
        return {"identifier": identifier, "state": "withdrawn"}

    async def xml(self, caller: Caller, identifier: str) -> bytes:
        """Return a message as CAP 1.2; what is not issued bears the status `Draft`."""
        caller.require_class(AccessClass.INTERNAL, "drafts of alerts")
        row = await self._pool.fetchrow("SELECT * FROM alert WHERE identifier = $1", identifier)
        if row is None:
            raise NotFound(f"there is no alert {identifier[:60]!r}")
        replaces = row["content"]["replaces"]
        sent = await self._pool.fetchval("SELECT issued FROM alert WHERE identifier = $1", replaces)
        references = f"{self._sender},{replaces},{stamp(sent)}" if replaces else ""
        content = _content(row)
        return to_xml(
            content, identifier, self._sender, row["issued"] or row["drafted"], references=references,
            is_draft=row["state"] != "issued",
        )  # fmt: skip

    async def _issued(self, identifier: str) -> Record:
        row = await self._pool.fetchrow("SELECT * FROM alert WHERE identifier = $1", identifier)
        if row is None or row["state"] != "issued":
            raise BadInput(f"no issued alert {identifier[:60]!r} to refer to")
        if row["superseded_by"] is not None:
            raise Conflict(f"alert {identifier} was replaced by {row['superseded_by']}")
        return dict(row)

    async def _overlaps_of(self, row: asyncpg.Record) -> list[Record]:
        """Return what a draft in the list meets; nothing for what is decided."""
        if row["state"] not in ("draft", "approved"):
            return []
        return await self._overlaps(_content(row), row["content"]["replaces"], row["drafted"])

    async def _overlaps(self, content: Draft, replaces: str | None, now: datetime) -> list[Record]:
        """Return the active messages whose polygon meets the draft's."""
        rows = await self._pool.fetch(
            "SELECT identifier, content, expires FROM alert WHERE state = 'issued' AND superseded_by IS NULL "
            "AND expires > $1 AND content->>'msg_type' <> 'Cancel' AND content->>'status' = $2 "
            "AND identifier IS DISTINCT FROM $3", now, content.status, replaces,
        )  # fmt: skip
        own = Polygon(content.polygon) if content.polygon else None
        return [
            {"identifier": row["identifier"], "headline": row["content"]["headline"], "expires": row["expires"]}
            for row in rows
            if (own is not None and row["content"]["polygon"] and own.intersects(Polygon(row["content"]["polygon"])))
            or (content.geocode and content.geocode == row["content"]["geocode"])
        ]


def _content(row: asyncpg.Record) -> Draft:
    """Return what people wrote."""
    return Draft.model_validate({key: one for key, one in row["content"].items() if key in Draft.model_fields})


def _filled(text: Text | None, place: Record) -> dict[str, str]:
    """Return a text of the playbook with the name of the district in it; empty without one."""
    told = text.model_dump() if text else dict.fromkeys(LANGUAGES, "")
    return {tongue: told[tongue].replace("{place}", place[tongue]).strip(" ,") for tongue in LANGUAGES}
