"""What an adapter makes of a message: reports (an asset's results at a time) and happenings (events)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from twin.errors import BadMessage


@dataclass(frozen=True, slots=True)
class Report:
    """Results of one asset at one time.

    Parameters
    ----------
    asset
        Key of the asset in its layer.
    phenomenon_time
        When it was so; aware.
    results
        Observed property -> value: numbers in the property's unit, enum values by their word,
        times as aware datetimes. Properties that the message does not carry are left out.
    position
        (lon, lat) in WGS84 for a moving asset, else None.
    name
        Name to register or update the asset with; None leaves it.
    attributes
        Facts to merge into the asset's attributes (vessel type, destination, ...).
    """

    asset: str
    phenomenon_time: datetime
    results: Mapping[str, float | str | datetime]
    position: tuple[float, float] | None = None
    name: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Happening:
    """An event in a message, e.g. a camera's detection.

    Parameters
    ----------
    asset
        Key of the asset in its layer.
    phenomenon_time
        When it happened; aware.
    kind
        One of the layer's declared event kinds.
    key
        Idempotency key: the same happening sent twice bears the same key.
    detail
        Further facts. Never a person's identity.
    """

    asset: str
    phenomenon_time: datetime
    kind: str
    key: str
    detail: Mapping[str, Any] = field(default_factory=dict)


class Adapter(Protocol):
    """Turn one message of a source into reports and happenings.

    `adapter.py` of a layer defines `def adapt(payload: bytes, received: datetime) -> Iterable[Report | Happening]`.
    It raises `BadMessage` for a message that cannot be read at all, and may yield a `BadMessage` instead of a row
    that cannot: the other rows are kept.
    """

    def __call__(self, payload: bytes, received: datetime) -> Iterable[Report | Happening | BadMessage]:
        """Read one message that was received at a time."""
        ...
