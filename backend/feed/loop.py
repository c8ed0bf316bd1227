"""Run the demo feed: once a second, let everything speak that is due."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime

from backend.feed import encode
from backend.feed.day import CityClock
from backend.feed.port import Fix
from backend.feed.stream import City
from backend.feed.wires import MqttAndSockets, Wires
from layers import load_layers
from twin import clock
from twin.register import AssetFact, Roads, read_city
from twin.settings import Settings

log = logging.getLogger(__name__)

TICK_S = 1.0
LOOPBACK = "127.0.0.1"
WILDCARDS = ("0.0.0.0", "::", "")
"""Hosts to listen on that are none to send to."""
UNDER_WAY_S, CLASS_B_S, AT_REST_S, STATIC_S = 10, 30, 180, 360
"""How often a ship tells where and who it is (ITU-R M.1371, rounded) [s]."""


class Feed:
    """One start of the feed."""

    def __init__(self, city: City, wires: Wires) -> None:
        self._city, self._wires = city, wires
        self._until = 0.0
        self._is_heard = False
        self.messages = 0
        """Messages and AIS sentences sent."""

    async def tick(self, number: int, now: datetime) -> None:
        """Send what is due in second `number` since the start."""
        t = self._city.clock.t(now)
        for stream in self._city.streams:
            for which in stream.due(number, t):
                self._publish(stream.layer, stream.say(t, now, which))
                if number == 0:
                    await asyncio.sleep(0)
        self._send_events(t)
        await self._send_ships(number, t, now)

    def _publish(self, layer: str, payload: bytes) -> None:
        self._wires.publish(layer, payload)
        self.messages += 1

    def _send_events(self, t: float) -> None:
        since, self._until = self._until, t
        for event in self._city.cameras.events(since, t):
            time = self._city.clock.real(event.t)
            if len(event.name) % 2:
                self._publish("cctv", encode.onvif_event(event.camera, event.kind, time))
            else:
                name, label = event.name, event.label
                self._publish("cctv", encode.analytics_event(event.camera, event.kind, time, name, label))

    async def _send_ships(self, number: int, t: float, now: datetime) -> None:
        """Let ships speak that are due; all of them until the receiver is there for the first time."""
        lines: dict[bool, list[str]] = {False: [], True: []}
        is_first = number == 0 or not self._is_heard
        for place, fix in enumerate(self._city.port.fixes(t)):
            mine = lines[fix.vessel.is_class_b]
            if is_first or (number + fix.vessel.mmsi) % STATIC_S == 0:
                mine += encode.ais_static(fix.vessel, place)
            if is_first or (number + fix.vessel.mmsi) % _period_s(fix) == 0:
                mine += encode.ais_position(fix, now)
        for is_class_b, sentences in lines.items():
            self.messages += len(sentences)
            went_out = await self._wires.ais(sentences, is_class_b=is_class_b)
            self._is_heard |= went_out and not is_class_b


def _period_s(fix: Fix) -> int:
    if fix.vessel.is_class_b:
        return CLASS_B_S
    return UNDER_WAY_S if fix.is_under_way else AT_REST_S


async def run(
    settings: Settings, assets: Mapping[str, list[AssetFact]] | None = None, roads: Roads | None = None
) -> None:
    """Feed the demo until cancelled.

    Parameters
    ----------
    assets, roads
        Registers and street network; None reads them from the store.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    if assets is None or roads is None:
        known = await asyncio.to_thread(read_city, settings.dsn())
        assets, roads = known[0], known[1]
    loop = asyncio.get_running_loop()
    city = City(load_layers(), assets, roads, settings.seed, CityClock(clock.now(), settings.speed))
    wires = MqttAndSockets(
        settings.broker_host,
        settings.mqtt_port,
        settings.secrets().broker_password,
        LOOPBACK if settings.host in WILDCARDS else settings.host,
        settings.nmea_port,
    )
    wires.start()
    feed = Feed(city, wires)
    log.info("demo feed: seed %d, speed %g, %d streams", settings.seed, settings.speed, len(city.streams))
    try:
        began, number = loop.time(), 0
        while True:
            await feed.tick(number, clock.now())
            number = max(number + 1, int((loop.time() - began) / TICK_S))
            await asyncio.sleep(max(began + number * TICK_S - loop.time(), 0))
    finally:
        wires.stop()
