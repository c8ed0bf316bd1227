"""The adapter of every layer that declares its message in `layer.toml`: flat JSON, one object or an array."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from layers.reading import iso_time, key_of, number_in, number_of, object_of, read_json, rows_of, shown, time_of
from twin.errors import BadMessage
from twin.layer import Layer, Property
from twin.report import Adapter, Report

TEXT_LIMIT = 100


def adapter_of(spec: Layer) -> Adapter:
    """Return the adapter that a layer's declared fields describe.

    A field that is absent or null is left out; a row without any property of the layer is refused.
    """
    fields = tuple((prop.field or prop.id, prop) for prop in spec.properties)
    message = spec.message

    def adapt(payload: bytes, received: datetime) -> Iterator[Report | BadMessage]:
        for index, value in enumerate(rows_of(read_json(payload))):
            try:
                yield _report(object_of(value, f"row {index}"), f"row {index}")
            except BadMessage as error:
                yield error

    def _report(row: dict[str, Any], where: str) -> Report:
        asset = key_of(row, message.asset, where)
        where = f"{where} ({asset})"
        time = time_of(row, message.time, where)
        results = {prop.id: _value(row[field], prop, where) for field, prop in fields if row.get(field) is not None}
        if not results:
            known = ", ".join(field for field, _ in fields)
            raise BadMessage("missing_field", f"{where}: none of the fields {known}")
        position = None
        if message.lon is not None and message.lat is not None:
            lon, lat = number_of(row, message.lon, where), number_of(row, message.lat, where)
            if lon is not None and lat is not None:
                position = (lon, lat)
        name = None if message.name is None else _text(row.get(message.name), f"{where}: {message.name}")
        facts = {field: _fact(row[field], f"{where}: {field}") for field in message.attributes if field in row}
        return Report(asset, time, results, position, name, facts)

    return adapt


def _text(value: Any, where: str) -> str | None:
    if value is None or (isinstance(value, str) and 0 < len(value) <= TEXT_LIMIT):
        return value
    raise BadMessage("bad_text", f"{where} = {shown(value)} is no text of 1 to {TEXT_LIMIT} characters")


def _fact(value: Any, where: str) -> float | str | None:
    return _text(value, where) if value is None or isinstance(value, str) else number_in(value, where)


def _value(value: Any, prop: Property, where: str) -> float | str | datetime:
    if prop.kind == "number":
        return number_in(value, f"{where}: {prop.id}")
    if prop.kind == "time":
        return iso_time(value, f"{where}: {prop.id}")
    if not isinstance(value, str):
        raise BadMessage("unknown_value", f"{where}: {prop.id} = {shown(value)} is not one of {', '.join(prop.values)}")
    return value
