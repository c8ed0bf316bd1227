"""Alarms of a drill stand in a branch of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
NAME, OLD = "alarm_once_a_branch", "alarm_layer_asset_id_rule_key"


def upgrade() -> None:
    """Add the branch; a new store has it from the models already."""
    known = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("alarm")}
    if "branch" in known:
        return
    op.add_column("alarm", sa.Column("branch", sa.Text, nullable=False, server_default="live"))
    op.execute(f"ALTER TABLE alarm DROP CONSTRAINT IF EXISTS {OLD}")
    op.execute(f"ALTER TABLE alarm ADD CONSTRAINT {NAME} UNIQUE NULLS NOT DISTINCT (branch, layer, asset_id, rule)")


def downgrade() -> None:
    """Take it away, with what was rehearsed."""
    op.execute("DELETE FROM alarm WHERE branch <> 'live'")
    op.execute(f"ALTER TABLE alarm DROP CONSTRAINT {NAME}")
    op.execute(f"ALTER TABLE alarm ADD CONSTRAINT {OLD} UNIQUE NULLS NOT DISTINCT (layer, asset_id, rule)")
    op.drop_column("alarm", "branch")
