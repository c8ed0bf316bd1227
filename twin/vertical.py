"""What heights are above: the name of a vertical datum, as files say it."""

import re
from collections.abc import Mapping

from pyproj import CRS

INCHEON = "Incheon mean sea level"
"""That of the city (KVD1964, EPSG:5193): terrain, tides and structures."""
_INCHEON = re.compile(
    r"((m|metres|heights?) above )?"
    r"(incheon (mean sea level|msl|height)|mean sea level \(incheon\)|kvd1964( height)?)(?!\w)"
)
TAGS = ("vertical_datum", "vertical")


def datum_of(tags: Mapping[str, str], crs: str) -> str | None:
    """Return the vertical datum that a raster names, by a tag or as part of its reference system.

    Parameters
    ----------
    tags
        Of the file.
    crs
        Well-known text; empty for none.
    """
    for tag in TAGS:
        if tags.get(tag, "").strip():
            return tags[tag].strip()
    parts = CRS.from_wkt(crs).sub_crs_list if crs else []
    return next((part.name for part in parts if part.is_vertical), None)


def is_same(one: str, other: str) -> bool:
    """Tell whether two names mean one datum: alike but for case and spaces, or both that of Incheon."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    words = " ".join(name.casefold().split())
    return INCHEON.casefold() if _INCHEON.match(words) else words
