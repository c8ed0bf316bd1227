"""The tables of the desk: incidents, what belongs to them, and their timeline, which nobody can rewrite."""

from datetime import datetime
from typing import Any

from geoalchemy2 import WKBElement
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from twin.model import Base, _geom, _one_of

STATES = ("new", "acknowledged", "dispatched", "closed", "merged")

APPEND_ONLY = """
CREATE OR REPLACE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the timeline of an incident is only ever appended to'; END $$;
CREATE OR REPLACE TRIGGER incident_entry_append_only BEFORE UPDATE OR DELETE ON incident_entry
FOR EACH ROW EXECUTE FUNCTION refuse_rewriting();
"""


class IncidentRow(Base):
    """Alarms, people, tasks and a timeline that belong together."""

    __tablename__ = "incident"
    __table_args__ = (
        _one_of("state", STATES),
        CheckConstraint("severity IN ('info', 'caution', 'alarm', 'danger')", name="severity_known"),
        Index("incident_open", "branch", "topic", "group_key", postgresql_where="state NOT IN ('closed', 'merged')"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    branch: Mapped[str]
    """`live`, or `drill:<id>`."""
    topic: Mapped[str]
    """Names the playbook: fire, flood, ..."""
    group_key: Mapped[str | None]
    """What its alarms have in common, e.g. `market:...`; null when somebody opened it by hand."""
    title_ko: Mapped[str]
    title_en: Mapped[str]
    severity: Mapped[str]
    """The highest stage that was announced; `info` while nothing is confirmed."""
    state: Mapped[str]
    opened: Mapped[datetime]
    changed: Mapped[datetime]
    calm_since: Mapped[datetime | None]
    """When the last of its conditions ended; null while one stands."""
    closed: Mapped[datetime | None]
    reason: Mapped[str | None]
    """Why it was closed."""
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("incident.id"))
    unit_id: Mapped[int | None] = mapped_column(Integer)
    """Administrative unit it began in."""
    geom: Mapped[WKBElement | None] = _geom("POINT", nullable=True)


class IncidentAlarm(Base):
    """An alarm as a member of an incident: since when, and if it was kept silent, why."""

    __tablename__ = "incident_alarm"
    __table_args__ = (Index("incident_alarm_alarm", "alarm_id"),)

    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), primary_key=True)
    alarm_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    onset: Mapped[datetime] = mapped_column(primary_key=True)
    joined: Mapped[datetime]
    severity: Mapped[str]
    silenced_by: Mapped[str | None]
    """Null for one that was announced; else the cause that speaks for it."""


class IncidentTask(Base):
    """Something that has to be done, by when."""

    __tablename__ = "incident_task"
    __table_args__ = (_one_of("state", ("open", "done", "skipped")),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), index=True)
    step: Mapped[str | None]
    """Step of the playbook that it comes from; null for one that somebody added."""
    title_ko: Mapped[str]
    title_en: Mapped[str]
    state: Mapped[str]
    due: Mapped[datetime | None]
    ended: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    note: Mapped[str] = mapped_column(default="")


class IncidentEntry(Base):
    """A line of an incident's timeline."""

    __tablename__ = "incident_entry"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), index=True)
    at: Mapped[datetime]
    kind: Mapped[str]
    """opened, alarm, cleared, announced, acknowledged, dispatched, task, note, notice, shared, share_opened, seen,
    merged, closed, reopened"""
    by: Mapped[str]
    """Account, or `system`."""
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Maintenance(Base):
    """An asset is out of service: its alarms are, too, until somebody or the clock ends it."""

    __tablename__ = "maintenance"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    asset_id: Mapped[int] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"), index=True)
    reason: Mapped[str]
    by: Mapped[str]
    began: Mapped[datetime]
    until: Mapped[datetime]
    ended: Mapped[datetime | None]
    """Null while it lasts."""
