"""The feed's ends of the wires: an MQTT client that publishes with QoS 1, and AIS lines over TCP and UDP."""

import asyncio
import logging
import socket
from collections.abc import Sequence
from typing import Protocol

from backend.feed.publisher import Publisher

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0


class Wires(Protocol):
    """Where the feed sends: the real wires, or a test's list."""

    def publish(self, layer: str, payload: bytes) -> None:
        """Send one message of a layer."""
        ...

    async def ais(self, lines: Sequence[str], *, is_class_b: bool) -> bool:
        """Send AIS sentences; tell whether they went out."""
        ...


class MqttAndSockets:
    """The real wires: class A over TCP, as a shore station's server sends; class B over UDP, as a receiver does."""

    def __init__(self, host: str, mqtt_port: int, password: str, ais_host: str, ais_port: int) -> None:
        self._mqtt_address, self._ais_address = (host, mqtt_port), (ais_host, ais_port)
        self._publisher = Publisher("gunsan-feed", password)
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.setblocking(False)
        self._tcp: asyncio.StreamWriter | None = None
        self._is_silent = False

    def start(self) -> None:
        """Connect to the broker in the background."""
        self._publisher.start(*self._mqtt_address)

    def stop(self) -> None:
        """Close all wires."""
        self._publisher.stop()
        self._udp.close()
        if self._tcp is not None:
            self._tcp.close()

    def publish(self, layer: str, payload: bytes) -> None:
        """Publish to `gunsan/{layer}`, at least once."""
        self._publisher.publish(layer, payload)

    async def ais(self, lines: Sequence[str], *, is_class_b: bool) -> bool:
        """Send sentences; a receiver that is away misses them, as at sea."""
        if not lines:
            return True
        try:
            if is_class_b:
                for line in lines:
                    self._udp.sendto(f"{line}\r\n".encode(), self._ais_address)
                return True
            if self._tcp is None or self._tcp.is_closing():
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    _, self._tcp = await asyncio.open_connection(*self._ais_address)
            self._tcp.write("".join(f"{line}\r\n" for line in lines).encode())
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._tcp.drain()
            self._is_silent = False
            return True
        except (OSError, TimeoutError) as error:
            if not self._is_silent:
                log.warning("AIS receiver does not take: %s", error)
            self._is_silent = True
            if self._tcp is not None:
                self._tcp.close()
                self._tcp = None
            return False
