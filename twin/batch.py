"""What one commit carries: observations as columns; events, alarm transitions and rejects of their messages."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin import frame
from twin.rules import Transition


@dataclass(frozen=True, slots=True)
class Observations:
    """Observations as columns of equal length (n,).

    Parameters
    ----------
    layers
        Layer ids that the column `layer` counts in.
    layer, asset, property
        Index into `layers`; asset id; index into the layer's `observed`.
    datastream
        Id of the datastream.
    time_us
        Phenomenon time [us since 1970, UTC].
    result
        Value in the property's unit; enum index; time [s since 1970].
    """

    layers: tuple[str, ...]
    layer: NDArray[np.uint16]
    asset: NDArray[np.uint32]
    property: NDArray[np.uint16]
    datastream: NDArray[np.int32]
    time_us: NDArray[np.int64]
    result: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.result)

    @classmethod
    def of(cls, layers: tuple[str, ...], rows: list[tuple[int, int, int, int, int, float]]) -> "Observations":
        """Make columns of rows (layer, asset, property, datastream, time_us, result)."""
        columns = list(zip(*rows, strict=True)) if rows else [()] * 6
        kinds = (np.uint16, np.uint32, np.uint16, np.int32, np.int64, np.float64)
        return cls(layers, *(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)))

    def newest(self) -> "NDArray[np.intp]":
        """Return the rows that are the newest of their datastream, in order of datastream."""
        order = np.lexsort((self.time_us, self.datastream))
        stream = self.datastream[order]
        return order[np.append(stream[1:] != stream[:-1], True)] if len(order) else order

    def payload(self) -> bytes:
        """Encode for the feed: what readers need of the newest rows, no more."""
        rows = self.newest()
        return frame.encode(
            {"layers": self.layers},
            [
                ("layer", self.layer[rows]),
                ("asset", self.asset[rows]),
                ("property", self.property[rows]),
                ("time", self.time_us[rows] / 1e6),
                ("result", self.result[rows]),
            ],
        )


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be stored once: `(layer, key)` makes it idempotent."""

    layer: str
    key: str
    kind: str
    severity: str
    asset_id: int | None
    phenomenon_time: datetime
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message, or a row of one, that was refused."""

    layer: str
    source: str
    reason: str
    text: str
    sample: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything that one transaction writes."""

    observations: Observations
    transitions: list[Transition] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    rejects: list[Rejected] = field(default_factory=list)
    moved: dict[int, tuple[float, float]] = field(default_factory=dict)
    """Asset id -> newest (lon, lat) in WGS84."""
    attributes: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Asset id -> attributes to merge."""
