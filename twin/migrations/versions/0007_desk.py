"""Notices, drafts of alerts, drills."""

from alembic import op

from twin.desk_model import NoticeRow

revision = "0007"
down_revision = "0006"
TABLES = ("notice", "alert", "drill")


def upgrade() -> None:
    """Make the tables; a new store has them from the models already."""
    for name in TABLES:
        NoticeRow.metadata.tables[name].create(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    """Drop them."""
    for name in reversed(TABLES):
        op.drop_table(name)
