"""What a display board at a junction shows: the nearest public car parks, how many spaces are free, which way to go."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pyproj import Geod

Record = dict[str, Any]
FEW_SHARE = 0.1
FEW_SPACES = 5
"""Below either, a car park is `few`."""
ARROWS = "↑↗→↘↓↙←↖"
_EARTH = Geod(ellps="GRS80")


def guidance(
    features: Iterable[Mapping[str, Any]], place: tuple[float, float], limit: int, stale_after_s: float, now: datetime
) -> Record:
    """Return a board's message.

    Parameters
    ----------
    features
        Car parks as GeoJSON features with `results` and `attributes`.
    place
        lon, lat of the board [deg, WGS84].

    Returns
    -------
    `lots` by distance: `state` is `free`, `few`, `full`, or `unknown` where no fresh value is known (then
    `spaces_free` is null and the line shows a dash: old numbers send people astray); `lines` are ready for the board,
    north up.
    """
    lots = []
    for feature in features:
        facts = feature["properties"]
        if feature["geometry"] is None or not facts["attributes"].get("is_public"):
            continue
        lon, lat = feature["geometry"]["coordinates"]
        bearing, _, distance = _EARTH.inv(*place, lon, lat)
        lots.append((distance, bearing % 360, feature))
    told = [_lot(*lot, stale_after_s, now) for lot in sorted(lots, key=lambda lot: lot[0])[:limit]]
    return {
        "at": now,
        "place": {"longitude": place[0], "latitude": place[1]},
        "lots": told,
        "lines": [f"{lot['arrow']} {lot['name_ko']} {'–' if lot['spaces_free'] is None else lot['spaces_free']}면"
                  for lot in told],
    }  # fmt: skip


def _lot(distance: float, bearing: float, feature: Mapping[str, Any], stale_after_s: float, now: datetime) -> Record:
    facts = feature["properties"]
    results, time = facts["results"], facts["phenomenon_time"]
    age = None if time is None else (now - time).total_seconds()
    is_fresh = age is not None and age <= stale_after_s
    free = results.get("spaces_free") if is_fresh else None
    total = results.get("spaces_total") or facts["attributes"].get("spaces_total")
    return {
        "key": facts["key"],
        "name_ko": facts["name_ko"],
        "name_en": facts["name_en"],
        "spaces_free": None if free is None else int(free),
        "spaces_total": None if total is None else int(total),
        "state": _state(free, total),
        "age_s": None if age is None else round(age, 1),
        "fee": facts["attributes"].get("fee"),
        "distance_m": round(distance),
        "bearing_deg": round(bearing),
        "arrow": ARROWS[round(bearing / 45) % 8],
        "longitude": feature["geometry"]["coordinates"][0],
        "latitude": feature["geometry"]["coordinates"][1],
        "quality": facts["quality"],
    }


def _state(free: float | None, total: float | None) -> str:
    if free is None:
        return "unknown"
    if free <= 0:
        return "full"
    return "few" if free < FEW_SPACES or free < FEW_SHARE * (total or 0) else "free"
