"""Entries of the office."""

import sqlalchemy as sa
from alembic import op

from twin.entry_model import Entry

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table; a new store has it from the models already."""
    sa.Table(Entry.__tablename__, Entry.metadata).create(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("entry")
