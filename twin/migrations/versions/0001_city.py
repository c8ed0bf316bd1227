"""The first schema: everything in `twin.model`, the feed's sequences, and the epoch of the store."""

import sqlalchemy as sa
from alembic import op

from twin.model import Base

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create it all."""
    Base.metadata.create_all(op.get_bind())
    op.execute("CREATE SEQUENCE feed_gen")
    op.execute("CREATE SEQUENCE event_seq")
    op.execute(sa.text("INSERT INTO meta (key, value) VALUES ('epoch', gen_random_uuid()::text)"))


def downgrade() -> None:
    """Drop it all."""
    Base.metadata.drop_all(op.get_bind())
    op.execute("DROP SEQUENCE feed_gen")
    op.execute("DROP SEQUENCE event_seq")
