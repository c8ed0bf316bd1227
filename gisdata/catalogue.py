"""Origin, licence, date and quality of every table and asset register."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).parent / "sources.toml"


@cache
def read_sources() -> dict[str, Any]:
    """Read `sources.toml`; callers must not change what they get."""
    return tomllib.loads(SOURCES.read_text("utf-8"))


def make_catalogue(files: Mapping[str, int] | None = None) -> dict[str, dict[str, Any]]:
    """Return the catalogue row of each table and register.

    Parameters
    ----------
    files
        Files of the base that were read -> rows that had to be left out.

    Returns
    -------
    Name -> title_ko, title_en, origin, licence, attribution, as_of, quality, rejected. Where several files feed a
    table, their texts are joined and the last one's date and quality hold.
    """
    sources = read_sources()
    rows: dict[str, dict[str, Any]] = {}
    for name, (title_ko, title_en) in sources["title"].items():
        row = {"title_ko": title_ko, "title_en": title_en, **sources["generated"], "rejected": 0}
        fed = [
            (file, facts) for file, facts in sources["file"].items() if name in facts["feeds"] and file in (files or {})
        ]
        for key in ("origin", "licence", "attribution"):
            if fed:
                row[key] = "; ".join(dict.fromkeys(str(facts[key]) for _, facts in fed))
        for file, facts in fed:
            row["as_of"], row["quality"] = facts["as_of"], facts["quality"]
            row["rejected"] += (files or {})[file]
        rows[name] = row
    return rows
