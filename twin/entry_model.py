"""What people enter by hand for the screens: layouts of the wall, schedule, news, welcome text, indicators."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from twin.model import Base


class Entry(Base):
    """One thing that somebody entered; `kind` and `key` name it, the newest version counts."""

    __tablename__ = "entry"

    kind: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]]
    changed: Mapped[datetime]
    changed_by: Mapped[str]
