"""Car parks: a count of free spaces, a share that is taken, or the state of each bay."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from layers.reading import Row, key_of, number_of, object_of, read_json, rows_of, shown, time_of
from twin.errors import BadMessage
from twin.report import Report

BAY_LIMIT = 5_000
"""Most bays of one car park."""


def adapt(payload: bytes, received: datetime) -> Iterator[Report | BadMessage]:
    """Read one car park or an array of them.

    Each row holds `id`, `time` and either `bays` (a list of `{bay, occupied}`), or two of `spaces_free`,
    `spaces_total`, `occupancy`; the third follows.
    """
    for index, value in enumerate(rows_of(read_json(payload))):
        where = f"row {index}"
        try:
            row = object_of(value, where)
            asset = key_of(row, "id", where)
            where = f"{where} ({asset})"
            time = time_of(row, "time", where)
            yield _of_bays(row, asset, time, where) if "bays" in row else _of_counts(row, asset, time, where)
        except BadMessage as error:
            yield error


def _of_counts(row: Row, asset: str, time: datetime, where: str) -> Report:
    free = number_of(row, "spaces_free", where)
    total = number_of(row, "spaces_total", where)
    occupancy = number_of(row, "occupancy", where)
    if total is None or (free is None and occupancy is None):
        raise BadMessage("missing_field", f"{where}: needs spaces_total with spaces_free or occupancy, or bays")
    if total < 1:
        raise BadMessage("out_of_range", f"{where}: spaces_total = {total} is below 1")
    if free is None:
        assert occupancy is not None
        if not 0 <= occupancy <= 1:
            raise BadMessage("out_of_range", f"{where}: occupancy = {occupancy} lies outside 0 to 1")
        free = float(round(total * (1 - occupancy)))
    if not 0 <= free <= total:
        raise BadMessage("out_of_range", f"{where}: spaces_free = {free} lies outside 0 to spaces_total = {total}")
    share = 1 - free / total if occupancy is None else occupancy
    return Report(asset, time, {"spaces_free": free, "spaces_total": total, "occupancy": share})


def _of_bays(row: Row, asset: str, time: datetime, where: str) -> Report:
    bays: dict[int, bool] = {}
    given = row["bays"]
    if not isinstance(given, list) or not 1 <= len(given) <= BAY_LIMIT:
        raise BadMessage("bad_bays", f"{where}: bays = {shown(given)} is not a list of 1 to {BAY_LIMIT} bays")
    for bay in given:
        number, occupied = _bay(object_of(bay, f"{where}: bays"), where)
        if number in bays:
            raise BadMessage("bad_bays", f"{where}: bay {number} stands twice")
        bays[number] = occupied
    free = [number for number, occupied in sorted(bays.items()) if not occupied]
    counts = {
        "spaces_free": float(len(free)),
        "spaces_total": float(len(bays)),
        "occupancy": 1 - len(free) / len(bays),
    }
    return Report(asset, time, counts, attributes={"free_bays": free})


def _bay(bay: dict[str, Any], where: str) -> tuple[int, bool]:
    number, occupied = bay.get("bay"), bay.get("occupied")
    if isinstance(number, bool) or not isinstance(number, int) or not isinstance(occupied, bool):
        raise BadMessage("bad_bays", f"{where}: {shown(bay)} needs bay (a whole number) and occupied (true or false)")
    return number, occupied
