"""Alembic's entry: runs on the connection that `twin.migrate` hands over."""

from alembic import context

from twin.model import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
