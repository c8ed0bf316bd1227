"""One layer's stream each: which assets speak at a tick, and what they say."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from backend.feed import encode
from backend.feed.bus import Buses
from backend.feed.complaints import Complaints
from backend.feed.day import (
    FIRE_LENGTH_S,
    FIRE_S,
    PUFF_S,
    Cameras,
    CityClock,
    Market,
    Parking,
    Traffic,
    Wander,
    rng_of,
    story_time,
)
from backend.feed.port import Port
from backend.feed.water import Rain, Waters
from layers import LoadedLayer
from twin.layer import Layer
from twin.register import AssetFact, Roads

CHUNK = 250
"""Most rows of one message."""
GROUP = 25
"""Rows that speak together after the start."""
HOT_S = 10
"""How often an asset near its threshold speaks [s]; devices report by exception."""
OWN = ("berth", "bus", "cctv", "complaint", "market_fire", "parking", "rain", "traffic_speed", "vessel", "water_level")
"""Layers with a day of their own; every other one is fed from the `demo` ranges of its layer.toml."""

Which = NDArray[np.intp]
Say = Callable[[float, datetime, Which], bytes]


@dataclass(frozen=True, slots=True)
class Stream:
    """What `n` assets of a layer say: all at the start, then group by group within each interval.

    Parameters
    ----------
    hot
        Assets by number that speak more often at a city time [s], and how often [s].
    """

    layer: str
    n: int
    interval_s: int
    say: Say
    hot: Callable[[float], tuple[list[int], int]] = field(default=lambda t: ([], HOT_S))

    def due(self, tick: int, t: float) -> Iterator[Which]:
        """Yield the groups of assets that speak at a tick (seconds since the start)."""
        everyone = np.arange(self.n)
        if tick == 0:
            yield from (everyone[i : i + CHUNK] for i in range(0, self.n, CHUNK))
            return
        groups = min(self.interval_s, max(-(-self.n // GROUP), 1))
        for group in range(groups):
            if tick % self.interval_s == group * self.interval_s // groups and len(mine := everyone[group::groups]):
                yield mine
        names, period_s = self.hot(t)
        if names and tick % period_s == 0:
            yield np.array(names)


class City:
    """All of the made-up city: its streams over MQTT, the port's ships, the cameras' events."""

    def __init__(
        self,
        layers: Mapping[str, LoadedLayer],
        assets: Mapping[str, list[AssetFact]],
        roads: Roads,
        seed: int,
        clock: CityClock,
    ) -> None:
        self.clock = clock
        self._layers = layers
        self.rain = Rain(seed, assets.get("rain", []), clock)
        self.waters = Waters(seed, assets.get("water_level", []), self.rain)
        self.parking = Parking(seed, assets.get("parking", []), clock)
        self.traffic = Traffic(seed, assets.get("traffic_speed", []), roads, clock)
        self.market = Market(seed, assets.get("market_fire", []))
        self.cameras = Cameras(seed, assets.get("cctv", []))
        self.port = Port(seed, assets.get("berth", []), clock)
        self.buses = Buses(seed, roads, clock)
        self.complaints = Complaints(seed, assets.get("complaint", []), clock)
        self.streams = [*self._own_streams(), *self._generic_streams(assets, seed)]

    def _own_streams(self) -> Iterator[Stream]:
        for layer, facts, rows, hot in (
            ("rain", self.rain.gauges, self.rain.rows, self._hot_rain),
            ("water_level", self.waters.assets, self.waters.rows, self._hot_water),
            ("parking", self.parking.lots, self.parking.rows, None),
            ("market_fire", self.market.detectors, self._market_rows, self._hot_market),
            ("cctv", self.cameras.cameras, self.cameras.rows, None),
        ):
            yield self._stream(layer, len(facts), self._flat(layer, facts, rows), hot)
        yield self._stream("traffic_speed", len(self.traffic.links), self._say_speeds)
        yield self._stream("berth", len(self.port.berths), self._say_calls, self._hot_berths)
        yield self._stream("bus", len(self.buses), self._say_buses)
        yield self._stream("complaint", len(self.complaints.districts), self._say_complaints)

    def _stream(
        self, layer: str, n: int, say: Say, hot: Callable[[float], tuple[list[int], int]] | None = None
    ) -> Stream:
        """Make a stream at its layer's interval, shortened to a fifth at most when the demo runs faster."""
        interval_s = max(int(self._layers[layer].spec.interval_s / min(max(self.clock.speed, 1), 5)), 1)
        return Stream(layer, n, interval_s, say) if hot is None else Stream(layer, n, interval_s, say, hot)

    def _flat(self, layer: str, facts: list[AssetFact], rows: Callable[[float, Which], list[dict[str, Any]]]) -> Say:
        message = self._layers[layer].spec.message
        return lambda t, now, which: encode.flat(
            [(facts[i].key, row) for i, row in zip(which, rows(t, which), strict=True) if row], now, message
        )

    def _market_rows(self, t: float, which: Which) -> list[dict[str, Any]]:
        return self.market.rows(t, which, self.clock.hour(t))

    def _say_speeds(self, t: float, now: datetime, which: Which) -> bytes:
        speed = self.traffic.speed(t, self.rain.city_rate(t))
        links = self.traffic.links
        return encode.link_speeds(
            [(links[i].key, float(speed[i]), float(self.traffic.length_m[i])) for i in which], now
        )

    def _say_calls(self, t: float, now: datetime, which: Which) -> bytes:
        rows = self.port.rows(t)
        return encode.calls([rows[i] for i in which], now)

    def _say_buses(self, t: float, now: datetime, which: Which) -> bytes:
        return encode.vehicle_positions(self.buses.positions(t, which), now)

    def _say_complaints(self, t: float, now: datetime, which: Which) -> bytes:
        return orjson.dumps(self.complaints.rows(t, which, now.isoformat()))

    def _hot_rain(self, t: float) -> tuple[list[int], int]:
        is_wet = self.rain.gauges and -1800 <= story_time(t) < 7200
        return ([self.rain.core] if is_wet else []), HOT_S

    def _hot_water(self, t: float) -> tuple[list[int], int]:
        is_high = -1800 <= story_time(t) < 7200
        mine = [self.waters.stream, self.waters.pump, self.waters.underpass] if is_high else []
        return [i for i in mine if i >= 0], HOT_S

    def _hot_market(self, t: float) -> tuple[list[int], int]:
        """Detectors speak every second while they smoke; one that was put out, every ten."""
        since = story_time(t) - PUFF_S
        mine = [i for i in (self.market.fire, self.market.puff) if i >= 0]
        if not -5 <= since < 2 * FIRE_LENGTH_S + FIRE_S:
            return [], HOT_S
        return mine, 1 if since < 300 else HOT_S

    def _hot_berths(self, t: float) -> tuple[list[int], int]:
        return (list(range(len(self.port.berths))) if 0 <= t < 900 else []), 60

    def _generic_streams(self, assets: Mapping[str, list[AssetFact]], seed: int) -> Iterator[Stream]:
        for name, layer in self._layers.items():
            facts = assets.get(name, [])
            if name not in OWN and facts and not layer.spec.is_moving:
                wanders = Generic(layer.spec, len(facts), seed)
                yield self._stream(name, len(facts), self._flat(name, facts, wanders.rows))


class Generic:
    """Assets of any layer that declares `demo` ranges: numbers wander in them, enums stay at their first word."""

    def __init__(self, spec: Layer, n: int, seed: int) -> None:
        self._parts = [
            (prop, Wander(n, rng_of(seed, spec.id, prop.id), 3600, 43_200) if prop.demo else None)
            for prop in spec.properties
            if prop.demo is not None or prop.kind == "enum"
        ]
        self._rest = rng_of(seed, spec.id).uniform(-0.4, 0.4, n)

    def rows(self, t: float, which: Which) -> list[dict[str, Any]]:
        """Return the declared fields of assets by number."""
        rows: list[dict[str, Any]] = [{} for _ in which]
        for prop, wander in self._parts:
            name = prop.field or prop.id
            if wander is None or prop.demo is None:
                for row in rows:
                    row[name] = prop.values[0]
                continue
            low, high = prop.demo
            share = np.clip(0.5 + 0.5 * (0.6 * wander.at(t) + self._rest), 0, 1)[which]
            for row, value in zip(rows, low + (high - low) * share, strict=True):
                row[name] = round(float(value), prop.decimals)
        return rows
