"""Small questions about the store as a whole, asked by the command line."""

from typing import Any

import psycopg


def city_base(dsn: str) -> str | None:
    """Return the fingerprint of the base data the city stands on; empty without any, None without a city."""
    with psycopg.connect(dsn) as db:
        row = db.execute("SELECT value FROM meta WHERE key = 'city_base'").fetchone()
        return None if row is None else str(row[0])


def base_status(dsn: str) -> list[dict[str, Any]]:
    """Return the catalogue of base layers."""
    with psycopg.connect(dsn, row_factory=psycopg.rows.dict_row) as db:
        return db.execute("SELECT * FROM base_layer ORDER BY id").fetchall()


def city_version(dsn: str) -> str | None:
    """Return the version of the city, another one whenever it was loaded anew; None without a city."""
    with psycopg.connect(dsn) as db:
        row = db.execute("SELECT value FROM meta WHERE key = 'city_version'").fetchone()
        return None if row is None else str(row[0])
