"""Who may come in: accounts, grants by name, sessions."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from twin.model import Base


class AccountRow(Base):
    """A person, or a place that signs in; never deleted, so that the log keeps its sense."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    """What is typed at the door and what the log writes."""
    display: Mapped[str]
    role: Mapped[str]
    """One of `twin.access.ROLES`."""
    password_hash: Mapped[str | None]
    """Argon2id; null for an account that another service signs in."""
    subject: Mapped[str | None] = mapped_column(unique=True)
    """`issuer subject` of an account that another service signs in."""
    must_change: Mapped[bool] = mapped_column(default=False)
    """The password was given by somebody else; nothing opens until it is changed."""
    is_disabled: Mapped[bool] = mapped_column(default=False)
    failed: Mapped[int] = mapped_column(default=0)
    """Wrong passwords since the last right one."""
    locked_until: Mapped[datetime | None]
    made: Mapped[datetime]
    made_by: Mapped[str]


class GrantRow(Base):
    """A layer that an account may see beyond its role, for a reason and until a time."""

    __tablename__ = "account_grant"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey(AccountRow.id), index=True)
    layer: Mapped[str]
    reason: Mapped[str]
    by: Mapped[str]
    since: Mapped[datetime]
    until: Mapped[datetime]


class SessionRow(Base):
    """One browser in which somebody is signed in."""

    __tablename__ = "session"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    """SHA-256 of the cookie's value, which is kept nowhere."""
    account_id: Mapped[int] = mapped_column(ForeignKey(AccountRow.id), index=True)
    made: Mapped[datetime]
    seen: Mapped[datetime]
    ends: Mapped[datetime]
    place: Mapped[str]
    """Address and browser."""
