"""Connections to the store: asyncpg for the hot path, SQLAlchemy for schema and bulk loads."""

import asyncpg
import orjson
import sqlalchemy

COMMAND_TIMEOUT_S = 20
STORE_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
"""What is raised while the store is starting, stopping, gone or full: wait and try again."""


async def _set_up(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + orjson.dumps(value),
        decoder=lambda data: orjson.loads(data[1:]),
        format="binary",
    )


async def connect(dsn: str) -> asyncpg.Connection:
    """Open one connection whose every command has a time limit."""
    connection = await asyncpg.connect(dsn, command_timeout=COMMAND_TIMEOUT_S, timeout=5)
    await _set_up(connection)
    return connection


async def open_pool(dsn: str, size: int) -> asyncpg.Pool:
    """Open a pool of at most `size` connections."""
    return await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        command_timeout=COMMAND_TIMEOUT_S,
        timeout=5,
        init=_set_up,
        # a plan made while a new store was still empty would be kept for ever
        server_settings={"plan_cache_mode": "force_custom_plan"},
    )


def engine(dsn: str) -> sqlalchemy.Engine:
    """Return a SQLAlchemy engine (psycopg) on the same database."""
    return sqlalchemy.create_engine(
        dsn.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=sqlalchemy.NullPool
    )
