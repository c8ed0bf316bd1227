"""Traffic speeds: the 5-minute link speeds of the national ITS open API (`trafficInfo`, JSON)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from layers.reading import Row, key_of, kst_time, number_in, object_of, read_json, rows_of
from twin.errors import BadMessage
from twin.report import Report

SUCCESS = (None, 0, "0", "00")


def adapt(payload: bytes, received: datetime) -> Iterator[Report | BadMessage]:
    """Read the items of an answer; numbers come as text, times as yyyyMMddHHmmss in KST."""
    message = object_of(read_json(payload), "message")
    header = object_of(message.get("header", {}), "header")
    if header.get("resultCode") not in SUCCESS:
        text = f"the source answers {header.get('resultCode')!r}: {str(header.get('resultMsg'))[:100]!r}"
        raise BadMessage("source_error", text)
    body = object_of(message.get("body"), "body")
    if "items" not in body:
        raise BadMessage("missing_field", "body: no field 'items'")
    for index, value in enumerate(rows_of(body["items"], "items")):
        where = f"item {index}"
        try:
            yield _report(object_of(value, where), where)
        except BadMessage as error:
            yield error


def _report(item: Row, where: str) -> Report:
    link = key_of(item, "linkId", where)
    where = f"{where} ({link})"
    time = kst_time(item.get("createdDate"), f"{where}: createdDate")
    results: dict[str, float | str | datetime] = {"speed": _number(item.get("speed"), f"{where}: speed")}
    if item.get("travelTime") not in (None, ""):
        results["travel_time"] = _number(item["travelTime"], f"{where}: travelTime")
    return Report(link, time, results)


def _number(value: Any, where: str) -> float:
    if isinstance(value, str) and len(value) <= 20 and value.isascii() and "_" not in value:
        try:
            return float(value)
        except ValueError:
            pass
    return number_in(value, where)
