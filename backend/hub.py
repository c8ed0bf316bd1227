"""From the feed to the screens, over two channels.

STATE: the newest value per asset, conflated per screen; each screen stands at a generation per layer, and gets what
changed after it as soon as its socket has room, so that a slow screen never ends on an old value. EVENT: lossless
and in order; a screen that comes back names the last sequence number it saw.

Screens that stand at the same place share the encoded frames of all their layers, which go to each transport in one
write.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import asyncpg
import numpy as np
import orjson

from twin import clock, frame
from twin.access import ANONYMOUS, OPERATOR, AccessClass, Caller
from twin.crs import CITY_BBOX
from twin.db import STORE_AWAY
from twin.feed import FeedReader, Position, event_for
from twin.incident_writing import LAYER as INCIDENTS
from twin.layer import Layer, Severity
from twin.state import BBox, LayerState

log = logging.getLogger(__name__)

FLUSH_S = 0.02
"""Shortest time between two frames to a screen."""
HEARTBEAT_S = 5.0
SLOW_BYTES = 256 * 1024
"""A screen with more than this unsent gets no STATE frame until it has drained."""
CUT_BYTES = 8 * 2**20
"""A screen with more than this unsent is cut off; it comes back and resumes."""
REPLAY_LIMIT = 10_000
GRID_DEG = 0.05
"""Viewports are widened to this grid, so that neighbouring screens share frames."""


def ws_frame(data: bytes, opcode: Literal[1, 2]) -> bytes:
    """Return a WebSocket frame from server to client (RFC 6455 5.2): final, unmasked."""
    n = len(data)
    if n < 126:
        return bytes((0x80 | opcode, n)) + data
    if n < 65536:
        return bytes((0x80 | opcode, 126)) + n.to_bytes(2) + data
    return bytes((0x80 | opcode, 127)) + n.to_bytes(8) + data


def snap(bbox: BBox) -> BBox:
    """Widen a bbox (WGS84) to the grid, within the city."""
    west, south, east, north = bbox
    low = [np.floor(value / GRID_DEG) * GRID_DEG for value in (west, south)]
    high = [np.ceil(value / GRID_DEG) * GRID_DEG for value in (east, north)]
    return (
        float(max(low[0], CITY_BBOX[0])), float(max(low[1], CITY_BBOX[1])),
        float(min(high[0], CITY_BBOX[2])), float(min(high[1], CITY_BBOX[3])),
    )  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class Stand:
    """What a screen sees and up to where it has been told; screens in step share one object."""

    bbox: BBox = CITY_BBOX
    gens: Mapping[str, int] = field(default_factory=dict)
    """Layer -> generation told; -1 before the first frame."""


@dataclass(eq=False, slots=True)
class Screen:
    """One subscriber: who looks, and where it stands."""

    transport: asyncio.Transport
    caller: Caller
    stand: Stand = field(default_factory=Stand)
    seq: int = 0
    is_live: bool = False
    """Events flow only after the replay is through."""

    def write(self, data: bytes) -> None:
        """Write a ready frame; a dead or drowning screen is cut, the others go on."""
        if self.transport.is_closing():
            return
        if self.transport.get_write_buffer_size() > CUT_BYTES:
            self.transport.abort()
            return
        self.transport.write(data)

    @property
    def has_room(self) -> bool:
        """Tell whether STATE may be written."""
        return not self.transport.is_closing() and self.transport.get_write_buffer_size() < SLOW_BYTES


class Hub:
    """All screens of this process."""

    def __init__(self, dsn: str, layers: Iterable[Layer]) -> None:
        self._reader = FeedReader(dsn)
        self.layers = {layer.id: layer for layer in layers}
        self.states: dict[str, LayerState] = {}
        self._screens: set[Screen] = set()
        self._position = Position(0, 0)
        self.epoch = ""
        self.read_at: float | None = None
        """When the feed was last read without error [s since 1970]."""
        self._ready = asyncio.Event()
        self._lock = asyncio.Lock()
        """One user of the reader's connection at a time."""

    @property
    def is_ready(self) -> bool:
        """Tell whether the state of all layers was read."""
        return self._ready.is_set()

    async def run(self) -> None:
        """Follow the feed for ever; a store that is away is waited for."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beat())
            while True:
                try:
                    await self._open()
                    async for _ in self._reader.wakes(0.25):
                        async with self._lock:
                            await self._read()
                        self._flush()
                        await asyncio.sleep(FLUSH_S)
                except (*STORE_AWAY, asyncpg.PostgresError) as error:
                    log.warning("feed is away: %s", error)
                    await asyncio.sleep(0.2)

    async def _open(self) -> None:
        async with self._lock:
            newest = await self._reader.open()
            epoch = await self._reader.epoch()
            if epoch != self.epoch:  # first start, or another store: read everything
                assert self._reader.db is not None
                for layer in self.layers.values():
                    state = LayerState(layer)
                    await state.load(self._reader.db)
                    self.states[layer.id] = state
                self.epoch, self._position = epoch, newest
                for screen in self._screens:
                    screen.stand = Stand(screen.stand.bbox, dict.fromkeys(screen.stand.gens, -1))
        self._ready.set()

    async def _read(self) -> None:
        """Take in what was committed since the last time."""
        while commits := await self._reader.commits(self._position.gen):
            for commit in commits:
                await self._apply(commit.payload)
            self._position = Position(commits[-1].gen, self._position.seq)
        while events := await self._reader.events(self._position.seq):
            await self._announce(events)
            self._position = Position(self._position.gen, events[-1]["seq"])
        self.read_at = clock.now().timestamp()

    async def _apply(self, payload: bytes) -> None:
        header, columns = frame.decode(payload)
        assert self._reader.db is not None
        for index in np.unique(columns["layer"]).tolist():
            state = self.states.get(header["layers"][index])
            if state is None:
                continue
            own = columns["layer"] == index
            if unknown := state.unknown(columns["asset"][own]):
                await state.add(self._reader.db, unknown)
            state.update(*(columns[name][own] for name in ("asset", "property", "time", "result")))

    async def _announce(self, events: list[dict[str, Any]]) -> None:
        touched = sorted({event["asset"] for event in events if event["asset"] and event["kind"].startswith("alarm_")})
        if touched:
            standing = await self._reader.standing(touched)
            for event in events:
                if event["asset"] in touched and event["layer"] in self.states:
                    rank = Severity(standing[event["asset"]]).rank if event["asset"] in standing else 0
                    self.states[event["layer"]].set_severity(event["asset"], rank)
        for event in events:
            for_all, for_inside = (_event_frame(event_for(one, event)) for one in (ANONYMOUS, OPERATOR))
            for screen in self._screens:
                if screen.is_live and screen.seq < event["seq"]:
                    screen.seq = event["seq"]
                    if self._may_see(screen.caller, event["layer"]):
                        is_inside = screen.caller.may_see(AccessClass.INTERNAL)
                        screen.write(for_inside if is_inside else for_all)

    def _flush(self) -> None:
        """Write to every screen with room what it has not been told yet; screens in step share the bytes."""
        steps: dict[Stand, tuple[bytes, Stand]] = {}
        frames: dict[tuple[str, int, BBox], bytes] = {}
        stands: dict[tuple[BBox, frozenset[tuple[str, int]]], Stand] = {}
        for screen in self._screens:
            if not screen.has_room:
                continue
            step = steps.get(screen.stand)
            if step is None:
                step = steps[screen.stand] = self._step(screen.stand, frames, stands)
            data, screen.stand = step
            if data:
                screen.transport.write(data)

    def _step(
        self,
        stand: Stand,
        frames: dict[tuple[str, int, BBox], bytes],
        stands: dict[tuple[BBox, frozenset[tuple[str, int]]], Stand],
    ) -> tuple[bytes, Stand]:
        """Return the frames that lead from a stand to the present, and the stand there."""
        now_ms = int(clock.now().timestamp() * 1000)
        parts = []
        for layer, gen in stand.gens.items():
            state = self.states[layer]
            want = (layer, gen, stand.bbox)
            if gen != state.gen_max and want not in frames:
                body = state.encode(gen, stand.bbox, now_ms)
                frames[want] = ws_frame(body, 2) if body else b""
            parts.append(frames.get(want, b""))
        gens = {layer: self.states[layer].gen_max for layer in stand.gens}
        there = stands.setdefault((stand.bbox, frozenset(gens.items())), Stand(stand.bbox, gens))
        return b"".join(parts), there

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            data = ws_frame(orjson.dumps({"type": "heartbeat", "at": clock.now()}), 1)
            for screen in self._screens:
                screen.write(data)

    def _may_see(self, caller: Caller, layer: str, at: datetime | None = None) -> bool:
        if layer == INCIDENTS:
            return caller.may_see(AccessClass.INTERNAL)
        return layer in self.layers and caller.may_see_layer(self.layers[layer], at)

    async def join(self, screen: Screen) -> None:
        """Take in a screen; it gets nothing until it subscribes."""
        await self._ready.wait()
        self._screens.add(screen)

    def leave(self, screen: Screen) -> None:
        """Forget a screen."""
        self._screens.discard(screen)

    async def subscribe(
        self, screen: Screen, layers: Iterable[str], bbox: BBox, resume: Mapping[str, Any] | None
    ) -> list[str]:
        """Set what a screen sees, replay the events it missed, and send it the present.

        Returns
        -------
        The layers of the wish that it may see.
        """
        seen = [layer for layer in layers if self._may_see(screen.caller, layer)]
        view = snap(bbox)
        known = screen.stand.gens if view == screen.stand.bbox else {}
        screen.stand = Stand(view, {layer: known.get(layer, -1) for layer in seen})
        if not screen.is_live:
            await self._resume(screen, resume)
        self._flush()
        return seen

    async def _resume(self, screen: Screen, resume: Mapping[str, Any] | None) -> None:
        async with self._lock:  # the position stands still meanwhile
            target = self._position.seq
            screen.seq = target
            if resume and resume.get("epoch") == self.epoch:
                screen.seq = max(int(resume.get("seq", target)), target - REPLAY_LIMIT)
            screen.write(
                ws_frame(orjson.dumps({"type": "welcome", "epoch": self.epoch, "seq": target, "at": clock.now()}), 1)
            )
            while screen.seq < target and (events := await self._reader.events(screen.seq, target)):
                for event in events:
                    if self._may_see(screen.caller, event["layer"], event["phenomenon_time"]):
                        screen.write(_event_frame(event_for(screen.caller, event)))
                screen.seq = events[-1]["seq"]
            screen.is_live = True


def _event_frame(event: dict[str, Any]) -> bytes:
    return ws_frame(orjson.dumps({"type": "event", **event}), 1)
