"""An asset without an English name has none; some bore the word for a missing number."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Take the word away."""
    op.execute("UPDATE asset SET name_en = NULL WHERE name_en = 'nan'")


def downgrade() -> None:
    """Nothing to undo: the word said nothing."""
