"""The log, and what guards it."""

from alembic import op

from twin.log_model import GUARD, LogRow

revision = "0008"
down_revision = "0007"
TABLES = ("log", "log_anchor")


def upgrade() -> None:
    """Make the tables; a new store has them from the models already."""
    for name in TABLES:
        LogRow.metadata.tables[name].create(op.get_bind(), checkfirst=True)
    op.execute(GUARD)


def downgrade() -> None:
    """Drop them."""
    for name in TABLES:
        op.drop_table(name)
