"""Writing to incidents inside somebody's transaction: a line of the timeline, the playbook's tasks, the event."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from twin.batch import NewEvent
from twin.crs import WGS84
from twin.playbooks import playbooks

LAYER = "incident"
"""Events of incidents stand under this name, beside the layers; they are internal."""
SYSTEM = "system"
FACTS = (
    "i.id, i.branch, i.topic, i.group_key, i.title_ko, i.title_en, i.severity, i.state, i.opened, i.changed, "
    "i.calm_since, i.closed, i.reason, i.merged_into, u.name_ko AS unit_ko, u.name_en AS unit_en, "
    "ST_X(p) AS lon, ST_Y(p) AS lat, "
    "(SELECT count(DISTINCT m.alarm_id) FROM incident_alarm m WHERE m.incident_id = i.id) AS alarms, "
    "(SELECT count(*) FROM incident_task t WHERE t.incident_id = i.id AND t.state = 'open') AS tasks_open, "
    "(SELECT min(t.due) FROM incident_task t WHERE t.incident_id = i.id AND t.state = 'open') AS next_due, "
    "(SELECT count(*) FROM alarm al WHERE al.incident_id = i.id AND al.is_standing) AS standing, "
    "(SELECT count(*) FROM alarm al WHERE al.incident_id = i.id AND al.is_standing AND al.state IN "
    "('UNACK', 'ACKED', 'DSUPR')) AS holding, n.unacknowledged, "
    "n.unacknowledged > 0 AND i.state NOT IN ('new', 'closed', 'merged') AS has_grown "
    "FROM incident i LEFT JOIN admin_unit u ON u.id = i.unit_id "
    f"LEFT JOIN LATERAL ST_Transform(i.geom, {WGS84}) p ON true "
    "CROSS JOIN LATERAL (SELECT count(*) AS unacknowledged FROM alarm al WHERE al.incident_id = i.id "
    "AND al.state IN ('UNACK', 'RTNUN')) n"
)
"""Columns and tables of an incident as the screens see it: of its alarms `standing`, those of them that nobody has put
aside (`holding`: it cannot be closed), and whether one is new since somebody took it on (`has_grown`)."""


async def write_entry(
    db: asyncpg.Connection, incident_id: int, kind: str, by: str, at: datetime, detail: Mapping[str, Any] | None = None
) -> None:
    """Append a line to a timeline, in the caller's transaction."""
    await db.execute(
        "INSERT INTO incident_entry (incident_id, at, kind, by, detail) VALUES ($1, $2, $3, $4, $5)",
        incident_id, at, kind, by, dict(detail or {}),
    )  # fmt: skip


async def event_of(db: asyncpg.Connection, incident_id: int, kind: str, at: datetime) -> NewEvent:
    """Return the event that tells the screens how an incident stands now."""
    row = await db.fetchrow(f"SELECT {FACTS} WHERE i.id = $1", incident_id)
    names = ("branch", "topic", "state", "title_ko", "title_en", "lon", "lat")
    return NewEvent(
        LAYER, f"{incident_id}:{kind}:{at.timestamp()}", f"incident_{kind}", row["severity"], None, at,
        {"incident": incident_id} | {name: row[name] for name in names},
    )  # fmt: skip


async def add_playbook(db: asyncpg.Connection, incident_id: int, topic: str, now: datetime) -> None:
    """Give an incident the steps of its playbook as tasks, once."""
    playbook = playbooks().get(topic)
    if playbook is None or await db.fetchval("SELECT count(*) FROM incident_task WHERE incident_id = $1", incident_id):
        return
    await db.executemany(
        "INSERT INTO incident_task (incident_id, step, title_ko, title_en, state, due, note) "
        "VALUES ($1, $2, $3, $4, 'open', $5, '')",
        [
            (incident_id, step.id, step.text.ko, step.text.en, now + timedelta(seconds=step.within_s))
            for step in playbook.steps
        ],
    )
