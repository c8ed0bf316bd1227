"""The second room: a layer's adapter reads a message, and every row of it is checked against layer and register."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from layers import LoadedLayer
from layers.check import results_of
from twin.batch import NewEvent, Rejected
from twin.errors import BadMessage
from twin.layer import Layer
from twin.registry import AssetEntry, Registry
from twin.report import Happening, Report

log = logging.getLogger(__name__)

FUTURE_LIMIT = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message."""

    accepted: int
    """Reports and happenings taken."""
    rejects: tuple[tuple[str, str], ...] = ()
    """(reason, text) of each refused row."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came off a wire."""

    layer: str
    payload: bytes
    source: str
    received: datetime
    done: Callable[[Outcome], None] = field(default=lambda outcome: None)
    """Called after the commit: the acknowledgement."""

    def rejected(self, error: BadMessage) -> Rejected:
        """Return the record of a refusal."""
        sample = self.payload[:500].decode(errors="replace").replace("\0", "�")
        return Rejected(self.layer[:100], self.source, error.reason, str(error).replace("\0", "�"), sample)


@dataclass(frozen=True, slots=True)
class Row:
    """The checked results of one asset at one time."""

    layer: Layer
    asset_id: int
    time_us: int
    results: dict[str, float]


class Intake:
    """What a group of messages brought."""

    def __init__(self, layers: Mapping[str, LoadedLayer], registry: Registry, db: asyncpg.Connection) -> None:
        self._layers, self._registry, self._db = layers, registry, db
        self.rows: list[Row] = []
        self.events: list[NewEvent] = []
        self.rejects: list[Rejected] = []
        self.moved: dict[int, tuple[float, float]] = {}
        self.attributes: dict[int, dict[str, Any]] = {}
        self.outcomes: list[tuple[Message, Outcome]] = []

    async def take(self, message: Message) -> None:
        """Read one message; what cannot be used is refused row by row."""
        accepted, refused = 0, []
        for entry in self._entries(message):
            try:
                if isinstance(entry, BadMessage):
                    raise entry
                await self._take_entry(self._layers[message.layer].spec, entry, message.received)
                accepted += 1
            except BadMessage as error:
                refused.append(error)
        self.rejects += [message.rejected(error) for error in refused]
        self.outcomes.append((message, Outcome(accepted, tuple((error.reason, str(error)) for error in refused))))

    def _entries(self, message: Message) -> Iterator[Report | Happening | BadMessage]:
        layer = self._layers.get(message.layer)
        if layer is None:
            yield BadMessage("unknown_layer", f"there is no layer {message.layer[:100]!r}")
            return
        try:
            yield from layer.adapt(message.payload, message.received)
        except BadMessage as error:
            yield error
        except Exception as error:  # a defect of one adapter must not stop the city
            log.exception("adapter of %s failed", message.layer)
            yield BadMessage("adapter_failed", f"{message.layer}: {type(error).__name__}: {error}")

    async def _take_entry(self, layer: Layer, entry: Report | Happening, received: datetime) -> None:
        _check_time(entry.phenomenon_time, received, layer.retention_days)
        if isinstance(entry, Happening):
            kind = layer.event_kind(entry.kind)
            if kind is None:
                raise BadMessage("unknown_event", f"{layer.id}: no event kind {entry.kind!r}")
            asset = self._known(layer, entry.asset)
            self.events.append(
                NewEvent(
                    layer.id, entry.key, kind.kind, kind.severity, asset.id, entry.phenomenon_time, dict(entry.detail)
                )
            )
            return
        results = results_of(layer, entry)
        if layer.registers_assets and self._registry.asset(layer.id, entry.asset) is None:
            await self._registry.register(self._db, layer, entry)
        asset = self._known(layer, entry.asset)
        if entry.name:
            await self._registry.rename(self._db, asset, entry.name)
        if entry.position and layer.is_moving:
            self.moved[asset.id] = entry.position
        if entry.attributes:
            asset.attributes |= entry.attributes
            self.attributes.setdefault(asset.id, {}).update(entry.attributes)
        self.rows.append(Row(layer, asset.id, round(entry.phenomenon_time.timestamp() * 1e6), results))

    def _known(self, layer: Layer, key: str) -> AssetEntry:
        asset = self._registry.asset(layer.id, key)
        if asset is None:
            raise BadMessage("unknown_asset", f"{layer.id}: asset {key[:100]!r} is not registered")
        return asset


def _check_time(time: datetime, received: datetime, retention_days: int) -> None:
    if time.tzinfo is None:
        raise BadMessage("bad_time", f"time {time} has no zone")
    if time > received + FUTURE_LIMIT:
        raise BadMessage("in_the_future", f"time {time.astimezone(UTC)} lies more than {FUTURE_LIMIT} ahead")
    if time < received - timedelta(days=retention_days):
        raise BadMessage("too_old", f"time {time.astimezone(UTC)} is older than the {retention_days} days kept")
