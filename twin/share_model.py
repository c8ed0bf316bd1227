"""Shares of an incident, and the register of what was passed on (decree to PIPA, art. 15)."""

from datetime import datetime

from sqlalchemy import BigInteger, Double, ForeignKey, Integer
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from twin.model import Base, _one_of

ENDS = ("revoked", "incident_closed", "pin")
ACTS = ("granted", "opened", "camera", "seen", "ended")

GUARD = """
CREATE OR REPLACE FUNCTION end_shares() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  WITH gone AS (
    UPDATE share SET ended = NEW.changed, ended_why = 'incident_closed', ended_by = 'incident'
    WHERE incident_id = NEW.id AND ended IS NULL RETURNING id
  )
  INSERT INTO share_register (share_id, at, act, file_name, body, purpose, ground, items, period, method, limits)
  SELECT r.share_id, NEW.changed, 'ended', r.file_name, r.body, r.purpose, r.ground, 'incident_closed', r.period,
    r.method, r.limits FROM share_register r JOIN gone ON gone.id = r.share_id WHERE r.act = 'granted';
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER incident_ends_shares AFTER UPDATE OF state ON incident FOR EACH ROW
WHEN (NEW.state IN ('closed', 'merged') AND OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION end_shares();
CREATE OR REPLACE FUNCTION refuse_register_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the register of what was passed on is only ever appended to'; END $$;
CREATE OR REPLACE TRIGGER share_register_append_only BEFORE UPDATE OR DELETE ON share_register
FOR EACH ROW EXECUTE FUNCTION refuse_register_change();
"""
"""A closed incident ends its shares for good, whoever closed it and also when it is opened again."""


class ShareRow(Base):
    """A link to one incident for one agency: what it opens, until when, and what became of it."""

    __tablename__ = "share"
    __table_args__ = (_one_of("ended_why", ENDS),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    """SHA-256 of the token; the token itself is shown once and kept nowhere."""
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), index=True)
    agency: Mapped[str]
    purpose: Mapped[str]
    ground: Mapped[str]
    """`twin.grounds.Ground`."""
    contact: Mapped[str]
    """Whom the agency calls, as the sharer wrote it."""
    west: Mapped[float] = mapped_column(Double)
    south: Mapped[float] = mapped_column(Double)
    east: Mapped[float] = mapped_column(Double)
    north: Mapped[float] = mapped_column(Double)
    """The area [deg, WGS84]."""
    layers: Mapped[list[str]]
    cameras: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    """Assets, four at most."""
    is_masked: Mapped[bool]
    """Pictures are made coarse."""
    pin_hash: Mapped[str | None]
    pin_failures: Mapped[int] = mapped_column(server_default="0")
    granted_by: Mapped[str]
    granted: Mapped[datetime]
    """Nothing from before is shown."""
    expires: Mapped[datetime]
    ended: Mapped[datetime | None]
    ended_why: Mapped[str | None]
    """Null while it lives, and for one that has merely expired."""
    ended_by: Mapped[str | None]
    opened: Mapped[int] = mapped_column(server_default="0")
    """How often it was opened."""
    first_opened: Mapped[datetime | None]
    last_seen: Mapped[datetime | None]
    seen: Mapped[datetime | None]
    """When the agency pressed "I have seen it"."""


class RegisterRow(Base):
    """A row of the register: something was passed on, or used. The columns are those of the decree."""

    __tablename__ = "share_register"
    __table_args__ = (_one_of("act", ACTS),)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    share_id: Mapped[int] = mapped_column(ForeignKey("share.id"), index=True)
    at: Mapped[datetime] = mapped_column(index=True)
    act: Mapped[str]
    file_name: Mapped[str]
    """Name of the personal data or the file."""
    body: Mapped[str]
    """Who receives them."""
    purpose: Mapped[str]
    ground: Mapped[str]
    items: Mapped[str]
    period: Mapped[str]
    """Date, cycle or period."""
    method: Mapped[str]
    limits: Mapped[str]
    """What limits and safeguards were asked for (art. 18(5))."""
