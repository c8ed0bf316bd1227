"""AIS sentences (NMEA 0183 `!AIVDM`) over TCP and UDP, handed on in small groups of whole lines."""

import asyncio
import logging

from backend.intake import Message
from backend.pipeline import Pipeline
from twin import clock

log = logging.getLogger(__name__)

LAYER = "vessel"
LINE_LIMIT = 1024
"""Longest line taken [bytes]; NMEA allows 82, receivers add tags."""
GROUP_S = 0.05


class AisSource(asyncio.DatagramProtocol):
    """One listener for both transports. Multi-part sentences arrive in one group or in two: the adapter joins them."""

    def __init__(self, host: str, port: int, pipeline: Pipeline) -> None:
        self._host, self._port, self._pipeline = host, port, pipeline
        self._lines: list[bytes] = []

    async def run(self) -> None:
        """Listen for ever."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self._host, self._port))
        server = await asyncio.start_server(self._serve, self._host, self._port, limit=LINE_LIMIT)
        try:
            while True:
                await asyncio.sleep(GROUP_S)
                if self._lines:
                    lines, self._lines = self._lines, []
                    await self._pipeline.put(Message(LAYER, b"\n".join(lines), "ais", clock.now()))
        finally:
            transport.close()
            server.close()

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Take the lines of a datagram."""
        self._lines += [line for line in data.split(b"\n") if line.strip()]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                if line.strip():
                    self._lines.append(line.strip())
        except (ValueError, ConnectionError) as error:
            log.warning("AIS connection closed: %s", error)
        finally:
            writer.close()
