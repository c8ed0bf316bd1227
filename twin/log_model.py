"""The tables of the log: who did what to whose data, when, from where and why. Nobody can rewrite them."""

from datetime import datetime

from sqlalchemy import BigInteger, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from twin.model import Base, _one_of

OUTCOMES = ("done", "refused", "failed")
KEPT = "2 years"
"""No row may go before it is so old (the access log duty of PIPA's safety standard)."""

GUARD = f"""
CREATE OR REPLACE FUNCTION guard_log_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND OLD.at < now() - interval '{KEPT}' THEN RETURN OLD; END IF;
  RAISE EXCEPTION 'the log is only ever appended to, and kept for {KEPT}';
END $$;
CREATE OR REPLACE FUNCTION guard_log_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT max(seq) FROM gone) > (SELECT min(seq) FROM log) THEN
    RAISE EXCEPTION 'only the old head of the log may be cut, not rows out of it';
  END IF;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION guard_log_table() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the log is only ever appended to'; END $$;
CREATE OR REPLACE TRIGGER log_rows BEFORE UPDATE OR DELETE ON log FOR EACH ROW EXECUTE FUNCTION guard_log_row();
DROP TRIGGER IF EXISTS log_head ON log;
CREATE TRIGGER log_head AFTER DELETE ON log REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION guard_log_head();
CREATE OR REPLACE TRIGGER log_table BEFORE TRUNCATE ON log FOR EACH STATEMENT EXECUTE FUNCTION guard_log_table();
"""


class LogRow(Base):
    """Something that somebody did, or was refused; chained to the row before by its hash."""

    __tablename__ = "log"
    __table_args__ = (_one_of("outcome", OUTCOMES),)

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """Order of writing, from 1, without gaps."""
    at: Mapped[datetime] = mapped_column(index=True)
    account: Mapped[str]
    """Who did it."""
    place: Mapped[str]
    """Network address it came from."""
    work: Mapped[str]
    """What was done: the module and the name of the route, or one of `twin.log.WORKS`."""
    subject: Mapped[str]
    """What, or whose data: the path that was asked for, cameras, an agency."""
    reason: Mapped[str]
    """Why, in the words of who did it; of a camera view the purpose."""
    ground: Mapped[str]
    """Statutory ground (`twin.grounds.Ground`); empty where none is asked for."""
    outcome: Mapped[str]
    previous: Mapped[str]
    """Hash of the row before."""
    hash: Mapped[str]
    """SHA-256 of this row's canonical JSON (`twin.chain`)."""


class LogAnchor(Base):
    """The last row that was purged: the first row that is kept follows it."""

    __tablename__ = "log_anchor"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    """Always 1."""
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str]
    at: Mapped[datetime]
    """When the head was cut."""
