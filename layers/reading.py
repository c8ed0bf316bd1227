"""Read the parts that messages are made of, each refusal with its reason, the value, the limit and the place."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from twin.clock import KST
from twin.errors import BadMessage

MESSAGE_LIMIT = 4_000_000
"""Largest message taken [bytes]."""
ROW_LIMIT = 20_000
"""Most rows taken in one message."""
KEY_LIMIT = 100
"""Longest key of an asset [characters]."""

Row = Mapping[str, Any]


def check_size(payload: bytes) -> None:
    """Refuse a message larger than `MESSAGE_LIMIT`, before anything parses it."""
    if len(payload) > MESSAGE_LIMIT:
        raise BadMessage("too_large", f"message of {len(payload)} bytes; the limit is {MESSAGE_LIMIT}")


def read_json(payload: bytes) -> Any:
    """Parse a JSON message of acceptable size."""
    check_size(payload)
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise BadMessage("not_json", f"message of {len(payload)} bytes: {error}") from error


def rows_of(value: Any, where: str = "message") -> list[Any]:
    """Return one object or an array of objects as a list of acceptable length; the rows are not looked at."""
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        raise BadMessage("not_an_object", f"{where}: {shown(value)} is neither an object nor an array")
    if len(value) > ROW_LIMIT:
        raise BadMessage("too_large", f"{where}: {len(value)} rows; the limit is {ROW_LIMIT}")
    return value


def object_of(value: Any, where: str) -> dict[str, Any]:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise BadMessage("not_an_object", f"{where}: {shown(value)} is not an object")
    return value


def key_of(row: Row, field: str, where: str) -> str:
    """Return the key of an asset: text, or a whole number as text."""
    value = row.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None:
        raise BadMessage("missing_field", f"{where}: no field {field!r}")
    if not isinstance(value, str) or not 0 < len(value) <= KEY_LIMIT or not value.isprintable():
        raise BadMessage("bad_key", f"{where}: {field} = {shown(value)} is not a text of 1 to {KEY_LIMIT} characters")
    return value


def time_of(row: Row, field: str, where: str) -> datetime:
    """Return an ISO 8601 time with a zone, in UTC."""
    value = row.get(field)
    if value is None:
        raise BadMessage("missing_field", f"{where}: no field {field!r}")
    return iso_time(value, f"{where}: {field}")


def iso_time(value: Any, where: str) -> datetime:
    """Read an ISO 8601 time with a zone; a naive one is refused, for nobody can tell what it means."""
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise BadMessage("bad_time", f"{where} = {shown(value)} is not an ISO 8601 time with a zone") from error
    if time.tzinfo is None:
        raise BadMessage("bad_time", f"{where} = {shown(value)} has no zone; write 2026-05-01T09:00:00+09:00")
    return _as_utc(time, value, where)


def kst_time(value: Any, where: str) -> datetime:
    """Read a time as Korean agencies write it, `yyyyMMddHHmmss` in KST."""
    if not isinstance(value, str) or len(value) != 14 or not value.isascii() or not value.isdigit():
        raise BadMessage("bad_time", f"{where} = {shown(value)} is not yyyyMMddHHmmss (KST)")
    try:
        return _as_utc(datetime.strptime(value, "%Y%m%d%H%M%S").replace(tzinfo=KST), value, where)
    except ValueError as error:
        raise BadMessage("bad_time", f"{where} = {shown(value)} is not yyyyMMddHHmmss (KST)") from error


def epoch_time(value: Any, where: str) -> datetime:
    """Read seconds since 1970 (UTC)."""
    seconds = number_in(value, where)
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BadMessage("bad_time", f"{where} = {shown(value)} s lies outside the calendar") from error


def number_of(row: Row, field: str, where: str) -> float | None:
    """Return a number, or None when the field is absent or null: then the source does not know it."""
    value = row.get(field)
    return None if value is None else number_in(value, f"{where}: {field}")


def number_in(value: Any, where: str) -> float:
    """Read a number; a text that looks like one is refused, as is a truth value."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    raise BadMessage("not_a_number", f"{where} = {shown(value)} is not a number")


def shown(value: Any) -> str:
    """Return a value for an error's text, cut to 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _as_utc(time: datetime, value: Any, where: str) -> datetime:
    try:
        return time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadMessage("bad_time", f"{where} = {shown(value)} lies outside the calendar") from error
