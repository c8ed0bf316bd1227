"""Berths: the calls of the port's register, as `{"calls": [...]}`, one call, or an array of calls."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from layers.reading import Row, iso_time, key_of, object_of, read_json, rows_of, shown, time_of
from twin.errors import BadMessage
from twin.report import Happening, Report

CALL_TIMES = ("eta", "etb", "atb", "etd", "atd")
VESSEL_FACTS = ("vessel_name", "imo_number", "mmsi", "callsign")
TEXT_LIMIT = 100


def adapt(payload: bytes, received: datetime) -> Iterator[Report | Happening | BadMessage]:
    """Read calls: `berth`, `time`, `state` and, as far as they are known, `vessel` and the times of the call.

    A call that bears `previous_berth` also tells that it was moved; `call` is the number of the call in the register.
    """
    message = read_json(payload)
    calls = message["calls"] if isinstance(message, dict) and "calls" in message else message
    for index, value in enumerate(rows_of(calls, "calls")):
        where = f"call {index}"
        try:
            yield from _call(object_of(value, where), where)
        except BadMessage as error:
            yield error


def _call(call: Row, where: str) -> list[Report | Happening]:
    berth = key_of(call, "berth", where)
    where = f"{where} ({berth})"
    time = time_of(call, "time", where)
    state = call.get("state")
    if not isinstance(state, str):
        raise BadMessage("missing_field", f"{where}: no field 'state'")
    results: dict[str, float | str | datetime] = {"state": state}
    for name in CALL_TIMES:
        if call.get(name) is not None:
            results[name] = iso_time(call[name], f"{where}: {name}")
    # attributes are merged, so what is not known of this vessel must be said, or the last one's facts would stay
    vessel = dict.fromkeys(VESSEL_FACTS) | (_vessel(call.get("vessel"), where) if state != "vacant" else {})
    entries: list[Report | Happening] = [Report(berth, time, results, attributes=vessel)]
    if call.get("previous_berth") is not None:
        previous = key_of(call, "previous_berth", where)
        if previous != berth:
            vessel_name = vessel["vessel_name"]
            number = key_of(call, "call", where) if call.get("call") is not None else f"{vessel_name}|{call.get('eta')}"
            key = f"{number}|{previous}|{berth}"  # the same however often the register says it
            detail = {"vessel_name": vessel_name, "from": previous, "to": berth}
            entries.append(Happening(berth, time, "berth_changed", key, detail))
    return entries


def _vessel(value: Any, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    given = object_of(value, f"{where}: vessel")
    facts: dict[str, Any] = {}
    for field, name in (("name", "vessel_name"), ("mmsi", "mmsi"), ("callsign", "callsign")):
        if given.get(field) is not None:
            text = str(given[field])
            if len(text) > TEXT_LIMIT or not text.isprintable():
                raise BadMessage("bad_text", f"{where}: {field} = {shown(text)} is no text of {TEXT_LIMIT} at most")
            facts[name] = text
    if given.get("imo") is not None:
        facts["imo_number"] = _imo(given["imo"], where)
    return facts


def _imo(value: Any, where: str) -> int:
    """Return an IMO number whose last digit is the check digit of the six before it (IMO A.1117(30))."""
    digits = str(value).upper().removeprefix("IMO").strip()
    if len(digits) == 7 and digits.isascii() and digits.isdigit():
        total = sum(int(digit) * weight for digit, weight in zip(digits, range(7, 1, -1), strict=False))
        if total % 10 == int(digits[6]):
            return int(digits)
    raise BadMessage("bad_imo", f"{where}: imo = {shown(value)} is no IMO number (7 digits, the last a check digit)")
