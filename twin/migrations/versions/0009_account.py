"""Accounts, grants by name, sessions."""

from alembic import op

from twin.account_model import AccountRow

revision = "0009"
down_revision = "0008"
TABLES = ("account", "account_grant", "session")


def upgrade() -> None:
    """Make the tables; a new store has them from the models already."""
    for name in TABLES:
        AccountRow.metadata.tables[name].create(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    """Drop them."""
    for name in reversed(TABLES):
        op.drop_table(name)
