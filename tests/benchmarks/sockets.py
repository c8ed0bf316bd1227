"""WebSocket clients that cost little: many in one process, most of them only drain. Not for anything but benchmarks."""

import asyncio
import base64
import os
from collections.abc import Callable

TEXT, BINARY, PONG = 1, 2, 10


class Socket(asyncio.Protocol):
    """One client; `take` gets (opcode, payload) of every frame, or nothing is read of them when it is None."""

    def __init__(self, request: bytes, take: Callable[[int, bytes], None] | None) -> None:
        self._request, self._take = request, take
        self._rest = b""
        self._is_open = False
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.frames = 0
        self.is_lost = False

    @classmethod
    async def open(
        cls,
        port: int,
        path: str,
        take: Callable[[int, bytes], None] | None,
        headers: str = "",
        host: str = "127.0.0.1",
    ) -> "Socket":
        """Connect and shake hands."""
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{headers}\r\n"
        )
        loop = asyncio.get_running_loop()
        _, socket = await loop.create_connection(lambda: cls(request.encode(), take), host, port)
        await asyncio.wait_for(socket.opened, 20)
        return socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.transport.write(self._request)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_lost = True

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        at = 0
        if not self._is_open:
            at = data.find(b"\r\n\r\n") + 4
            if at < 4:
                self._rest = data
                return
            assert data.startswith(b"HTTP/1.1 101"), data[:200]
            self._is_open = True
            self.opened.set_result(None)
        while len(data) - at >= 2:
            size, head = data[at + 1], 2
            if size >= 126:
                head = 4 if size == 126 else 10
                size = int.from_bytes(data[at + 2 : at + head])
            if len(data) - at < head + size:
                break
            opcode = data[at] & 15
            self.frames += opcode <= BINARY
            if opcode == 9:
                self.send(data[at + head : at + head + size], PONG)
            elif self._take is not None:
                self._take(opcode, data[at + head : at + head + size])
            at += head + size
        self._rest = data[at:]

    def send(self, data: bytes, opcode: int) -> None:
        """Send one masked frame (with a mask of zeros)."""
        n = len(data)
        head = bytes((0x80 | opcode, 0x80 | n)) if n < 126 else bytes((0x80 | opcode, 0xFE)) + n.to_bytes(2)
        self.transport.write(head + bytes(4) + data)
