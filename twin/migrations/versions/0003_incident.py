"""Incidents, their alarms, tasks and timeline; the name under which their events stand."""

from alembic import op

from twin.incident_model import APPEND_ONLY
from twin.incident_writing import LAYER
from twin.model import Base

revision = "0003"
down_revision = "0002"
TABLES = ("incident", "incident_alarm", "incident_task", "incident_entry")


def upgrade() -> None:
    """Make the tables; a new store has them from the models already."""
    for name in TABLES:
        Base.metadata.tables[name].create(op.get_bind(), checkfirst=True)
    op.execute(APPEND_ONLY)
    op.execute(f"INSERT INTO layer (id, spec) VALUES ('{LAYER}', '{{}}') ON CONFLICT DO NOTHING")


def downgrade() -> None:
    """Drop the tables."""
    for name in reversed(TABLES):
        op.drop_table(name)
