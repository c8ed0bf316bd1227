"""`python -m tests.benchmarks.screens PORT KEY COUNT TIMED`: screens of the live channel in a process of their own.

Prints `ready` when all have their first frames. The first `TIMED` decode every frame and note how old each row is on
receipt; the others keep the last frames as bytes. A line of JSON on stdin, asset -> time of its newest observation,
ends the run: all screens must have shown just that. Prints the findings as JSON.
"""

import asyncio
import sys
import time
from collections import deque

import numpy as np
import orjson
import uvloop

from tests.benchmarks.sockets import BINARY, TEXT, Socket
from twin import frame
from twin.crs import CITY_BBOX

KEPT = 120
"""Frames that an idle screen keeps: longer than it takes to report every asset once."""
VIEWS = (CITY_BBOX, (126.5, 35.9, 126.7, 36.0), (126.6, 35.9, 126.8, 36.05), (126.7, 35.95, 126.9, 36.05))


class Screen:
    """One screen."""

    def __init__(self, *, is_timed: bool) -> None:
        self._is_timed = is_timed
        self._kept: deque[bytes] = deque(maxlen=KEPT)
        self._full: bytes | None = None
        self.ages_ms: list[float] = []

    def take(self, opcode: int, payload: bytes) -> None:
        """Take one frame."""
        if opcode != BINARY:
            return
        if self._full is None:
            self._full = payload
            return
        if self._is_timed:
            now = time.time()
            self.ages_ms += ((now - frame.decode(payload)[1]["time"]) * 1e3).tolist()
        self._kept.append(payload)

    @property
    def is_ready(self) -> bool:
        """Tell whether the first frame is there."""
        return self._full is not None

    def shown(self) -> dict[int, float]:
        """Return what the screen shows at last: asset -> time of its newest observation [s]."""
        assert self._full is not None
        found: dict[int, float] = {}
        for payload in (self._full, *self._kept):
            columns = frame.decode(payload)[1]
            found |= zip(columns["asset"].tolist(), columns["time"].tolist(), strict=True)
        return found


async def run(port: int, key: str, count: int, timed: int) -> None:
    """Open the screens, wait for the line, judge."""
    screens = [Screen(is_timed=n < timed) for n in range(count)]
    sockets = []
    for n, screen in enumerate(screens):
        socket = await Socket.open(port, "/ws/live", screen.take, f"Authorization: Bearer {key}\r\n")
        wish = {"type": "subscribe", "layers": ["waste_bin"], "bbox": VIEWS[n % len(VIEWS)]}
        socket.send(orjson.dumps(wish), TEXT)
        sockets.append(socket)
    while not all(screen.is_ready for screen in screens):
        await asyncio.sleep(0.05)
    print("ready", flush=True)
    line = await asyncio.to_thread(sys.stdin.readline)
    newest = {int(asset): at for asset, at in orjson.loads(line).items()}
    behind = sum(
        any(abs(newest[asset] - at) > 1e-5 for asset, at in screen.shown().items() if asset in newest)
        for screen in screens
    )
    ages = np.array([age for screen in screens[:timed] for age in screen.ages_ms])
    found = {
        "rows": len(ages),
        "p50": float(np.percentile(ages, 50)),
        "p99": float(np.percentile(ages, 99)),
        "max": float(ages.max()),
        "behind": behind,
        "lost": sum(socket.is_lost for socket in sockets),
        "frames": sum(socket.frames for socket in sockets),
    }
    print(orjson.dumps(found).decode(), flush=True)


if __name__ == "__main__":
    uvloop.run(run(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
