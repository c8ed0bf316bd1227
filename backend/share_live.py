"""The live side of shares: one question to the store twice a second for all open sockets, and what each is told.

A socket dies within two seconds of the share's end, also when its phone is slow: what cannot be closed politely is cut.
A store that does not answer cannot say that a share still lives; then nothing goes out either.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from backend.hub import Hub
from twin import clock
from twin.db import STORE_AWAY
from twin.layer import Severity
from twin.shares import Shares

Record = dict[str, Any]
WATCH_S = 0.5
SURE_S = 1.5
"""Without word from the store for so long nothing more is shown."""
TOUCH_EVERY = 20
"""Rounds between two notes that a share is being looked at."""


@dataclass(eq=False)
class ShareWatch:
    """Which shares have open sockets, and which of them live."""

    shares: Shares
    _open: defaultdict[int, set[asyncio.Event]] = field(default_factory=lambda: defaultdict(set))

    @contextmanager
    def joined(self, share_id: int) -> Iterator[asyncio.Event]:
        """Watch a share while a socket of it is open; the event is set when it has ended."""
        over = asyncio.Event()
        self._open[share_id].add(over)
        try:
            yield over
        finally:
            self._open[share_id].discard(over)
            if not self._open[share_id]:
                del self._open[share_id]

    async def run(self) -> None:
        """Watch for ever."""
        rounds, heard = 0, time.monotonic()
        while True:
            await asyncio.sleep(WATCH_S)
            ids = set(self._open)
            if not ids:
                heard = time.monotonic()
                continue
            rounds += 1
            try:
                living = await self.shares.living(ids, clock.now())
                if rounds % TOUCH_EVERY == 0 and living:
                    await self.shares.touch(living, clock.now())
                heard = time.monotonic()
            except (*STORE_AWAY, asyncpg.PostgresError):
                living = ids if time.monotonic() - heard < SURE_S else set()
            self.end(ids - living)

    def end(self, ids: set[int]) -> None:
        """End all sockets of some shares."""
        for share_id in ids:
            for over in self._open.get(share_id, ()):
                over.set()


class Told:
    """What one socket has been told of the layers; says what is new."""

    def __init__(self, hub: Hub, share: Record) -> None:
        self._hub, self._share = hub, share
        self._area = (share["west"], share["south"], share["east"], share["north"])
        self._gens: dict[str, int] = {}
        self._rows: dict[str, dict[int, Record]] = {}

    def news(self) -> list[bytes]:
        """Return a message a layer that changed: rows that are new or other, and assets that left the area."""
        found = []
        for layer in self._share["layers"]:
            state = self._hub.states.get(layer)
            if state is None or self._gens.get(layer) == state.gen_max:
                continue
            self._gens[layer] = state.gen_max
            before = self._rows.get(layer, {})
            now = {int(state.asset[row]): self._row(state, int(row)) for row in state.within(self._area)}
            self._rows[layer] = {asset: row for asset, row in now.items() if row is not None}
            rows = [row for asset, row in self._rows[layer].items() if before.get(asset) != row]
            gone = [asset for asset in before if asset not in self._rows[layer]]
            if rows or gone:
                found.append(orjson.dumps({"type": "rows", "layer": layer, "rows": rows, "gone": gone}))
        return found

    def _row(self, state: Any, row: int) -> Record | None:
        """Return an asset; what was measured before the grant is not told, and a moving asset of then is not there."""
        told = state.told(row)
        time: datetime | None = told["phenomenon_time"]
        is_since = time is not None and time >= self._share["granted"]
        if state.layer.is_moving and not is_since:
            return None
        if not is_since:
            told |= {"phenomenon_time": None, "results": {}}
        else:  # datastreams of one asset come at different times: each result counts by its own
            start = self._share["granted"].timestamp()
            skip = len(state.layer.observed) - len(state.layer.properties)
            told["results"] = {
                prop.id: told["results"][prop.id]
                for index, prop in enumerate(state.layer.properties)
                if prop.id in told["results"] and state.when[row, index + skip] >= start
            }
        rank = Severity(told["severity"]).rank if told["severity"] else 0
        return {
            "asset": int(state.asset[row]), "lon": round(told["lon"], 6), "lat": round(told["lat"], 6), "rank": rank,
            "severity": told["severity"], "time": told["phenomenon_time"], "results": told["results"],
        }  # fmt: skip
