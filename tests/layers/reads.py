"""Read a message with a layer as the pipeline does: adapter, then check."""

from datetime import UTC, datetime
from typing import Any

import orjson

from layers import LoadedLayer, load_layers
from layers.check import results_of
from twin.errors import BadMessage
from twin.report import Happening, Report

NOW = datetime(2026, 5, 1, 0, 5, 20, tzinfo=UTC)


def fresh(layer: str) -> LoadedLayer:
    """Return a layer whose adapter has heard nothing."""
    return load_layers()[layer]


def read(layer: LoadedLayer, message: Any, received: datetime = NOW) -> list[Report | Happening | BadMessage]:
    """Return all entries of a message (bytes, or what becomes JSON), those that fail the check as BadMessage."""
    payload = message if isinstance(message, bytes) else orjson.dumps(message)
    found: list[Report | Happening | BadMessage] = []
    try:
        for entry in layer.adapt(payload, received):
            try:
                if isinstance(entry, Report):
                    results_of(layer.spec, entry)
                found.append(entry)
            except BadMessage as error:
                found.append(error)
    except BadMessage as error:
        found.append(error)
    return found


def reasons(layer: LoadedLayer, message: Any) -> list[str]:
    """Return the reasons of all refusals, and `ok` for what was taken."""
    return [entry.reason if isinstance(entry, BadMessage) else "ok" for entry in read(layer, message)]
