"""Runs of simulations."""

from alembic import op

from twin.model import Run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table; a new store has it from the models already."""
    Run.metadata.tables["run"].create(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("run")
