"""The whole life of an alarm: standing, shelved, suppressed, out of service."""

import sqlalchemy as sa
from alembic import op

from twin.incident_model import Maintenance
from twin.model import AlarmRow

revision = "0005"
down_revision = "0004"
NEW = (
    "is_standing", "is_confirmed", "cleared", "acknowledged_until", "shelved_by", "shelved_until", "shelved_reason",
    "silenced_by", "incident_id",
)  # fmt: skip


def upgrade() -> None:
    """Add the columns; a new store has them from the models already."""
    known = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("alarm")}
    table = AlarmRow.metadata.tables["alarm"]
    for name in NEW:
        if name not in known:
            column = table.columns[name]
            op.add_column(
                "alarm",
                sa.Column(name, column.type, nullable=column.nullable, server_default=column.server_default),
            )
    op.execute("CREATE INDEX IF NOT EXISTS ix_alarm_incident_id ON alarm (incident_id)")
    op.execute("UPDATE alarm SET is_standing = true WHERE state IN ('UNACK', 'ACKED')")
    Maintenance.metadata.tables["maintenance"].create(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    """Take them away."""
    op.drop_table("maintenance")
    for name in NEW:
        op.drop_column("alarm", name)
