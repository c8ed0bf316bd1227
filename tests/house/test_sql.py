"""SQL stands in the twin, and in the loaders that fill it."""

import re

from tests.house.house import modules, strings

STATEMENT = re.compile(
    r"\b(SELECT\s|INSERT INTO\s|UPDATE\s+\w+\s+SET\b|DELETE FROM\s|COPY\s+\w|TRUNCATE\s|CREATE (TABLE|INDEX)\s)"
)


def test_sql_stands_in_the_twin():
    found = [
        f"{path}:{line}: {value[:80]!r}"
        for path in modules("layers", "simulations", "backend", "frontend", "gisdata")
        for line, value in strings(path)
        if STATEMENT.search(value)
    ]
    assert not found, "ask through a function of twin/:\n" + "\n".join(found)
