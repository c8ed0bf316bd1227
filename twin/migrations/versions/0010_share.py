"""Share links and the register of what was passed on."""

from alembic import op

from twin.share_model import GUARD, ShareRow

revision = "0010"
down_revision = "0009"
TABLES = ("share", "share_register")


def upgrade() -> None:
    """Make the tables; a new store has them from the models already."""
    for name in TABLES:
        ShareRow.metadata.tables[name].create(op.get_bind(), checkfirst=True)
    op.execute(GUARD)


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TRIGGER incident_ends_shares ON incident")
    for name in reversed(TABLES):
        op.drop_table(name)
