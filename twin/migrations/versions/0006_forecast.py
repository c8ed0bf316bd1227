"""Forecasts and what became of them; lanes of runs."""

import sqlalchemy as sa
from alembic import op

from twin.forecast_model import Forecast, ForecastValue

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables and the column; a new store has them from the models already."""
    op.execute("ALTER TABLE run ADD COLUMN IF NOT EXISTS lane text NOT NULL DEFAULT 'asked'")
    for model in (Forecast, ForecastValue):
        sa.Table(model.__tablename__, model.metadata).create(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    """Drop them."""
    op.drop_table("forecast_value")
    op.drop_table("forecast")
    op.drop_column("run", "lane")
