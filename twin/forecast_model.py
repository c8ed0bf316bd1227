"""Forecasts in PostGIS: what was said when, and what became of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Double, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from twin.model import Base


class Forecast(Base):
    """A forecast, stored when it was issued."""

    __tablename__ = "forecast"

    id: Mapped[str] = mapped_column(primary_key=True)
    """Id of the run that made it, or name of its own."""
    simulation: Mapped[str]
    issued: Mapped[datetime] = mapped_column(index=True)
    inputs: Mapped[dict[str, Any]]
    """What it was made from, as it was known then."""
    receipt: Mapped[dict[str, Any]]


class ForecastValue(Base):
    """What a member of a forecast says of a datastream at a time, and what was observed when the time came."""

    __tablename__ = "forecast_value"

    forecast_id: Mapped[str] = mapped_column(ForeignKey("forecast.id", ondelete="CASCADE"), primary_key=True)
    datastream_id: Mapped[int] = mapped_column(ForeignKey("datastream.id"), primary_key=True)
    valid_at: Mapped[datetime] = mapped_column(primary_key=True, index=True)
    member: Mapped[str] = mapped_column(primary_key=True)
    """`low`, `middle`, `high`; `persistence` is what was observed at the issue, the forecast to beat."""
    result: Mapped[float] = mapped_column(Double)
    observed: Mapped[float | None] = mapped_column(Double)
