"""Bring a database to the schema of the models, by Alembic."""

from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config

from twin.db import engine


def migrate(dsn: str) -> None:
    """Upgrade the schema to the newest revision.

    Raises
    ------
    sqlalchemy.exc.OperationalError
        The database does not answer.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine(dsn).begin() as connection:
        connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(8050)"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
