"""Drafts of alerts can be withdrawn."""

from alembic import op

from twin.desk_model import ALERT_STATES

revision = "0011"
down_revision = "0010"
NAME = "state_known"


def _allow(states: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{state}'" for state in states)
    op.execute(f"ALTER TABLE alert DROP CONSTRAINT IF EXISTS {NAME}")
    op.execute(f"ALTER TABLE alert ADD CONSTRAINT {NAME} CHECK (state IN ({listed}))")


def upgrade() -> None:
    """Allow the state."""
    _allow(ALERT_STATES)


def downgrade() -> None:
    """Take it away; what is withdrawn is lost."""
    op.execute("DELETE FROM alert WHERE state = 'withdrawn'")
    _allow(ALERT_STATES[:3])
