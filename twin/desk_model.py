"""What goes out of the desk and what is rehearsed at it: notices, drafts of alerts, drills."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from twin.model import Base, _one_of

ALERT_STATES = ("draft", "approved", "issued", "withdrawn")
NOTICE_STATES = ("waiting", "sent", "failed", "not_configured", "exercise")


class NoticeRow(Base):
    """One message to one recipient: an outbox row until it is sent or has failed for good."""

    __tablename__ = "notice"
    __table_args__ = (_one_of("state", NOTICE_STATES),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), index=True)
    position: Mapped[int]
    """Place in the chain, from 1."""
    role: Mapped[str]
    """owner, union, neighbour, fire, police, ..."""
    name: Mapped[str]
    channel: Mapped[str | None]
    """webhook | smtp | mqtt; null when nothing is configured for the recipient."""
    address: Mapped[str | None]
    message: Mapped[dict[str, Any]]
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(server_default="0")
    next_try: Mapped[datetime | None]
    sent: Mapped[datetime | None]
    error: Mapped[str | None]
    asked_by: Mapped[str]
    asked: Mapped[datetime]


class AlertRow(Base):
    """A CAP message that we draft and two people approve; others broadcast it."""

    __tablename__ = "alert"
    __table_args__ = (_one_of("state", ALERT_STATES),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    identifier: Mapped[str] = mapped_column(unique=True)
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incident.id"), index=True)
    content: Mapped[dict[str, Any]]
    """What `twin.cap.Draft` holds."""
    state: Mapped[str]
    """draft -> approved (one person) -> issued (a second one); or withdrawn before that"""
    drafted_by: Mapped[str]
    drafted: Mapped[datetime]
    approved_by: Mapped[str | None]
    issued_by: Mapped[str | None]
    issued: Mapped[datetime | None]
    expires: Mapped[datetime]
    superseded_by: Mapped[str | None]
    """Identifier of the update or cancel that ended it."""


class DrillRow(Base):
    """A rehearsal on the real screens, in a branch of its own."""

    __tablename__ = "drill"

    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    scenario: Mapped[dict[str, Any]]
    began: Mapped[datetime]
    ended: Mapped[datetime | None]
    by: Mapped[str]
    injected: Mapped[int] = mapped_column(server_default="0")
    """So many of its injects have been played."""
