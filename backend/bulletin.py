"""The city's figures as a bulletin: computed once, under one version, and read by wall, mayor and public alike.

Screens that ask at the same time get the same numbers, because they get the same bulletin; a screen can ask again for
the version that another one shows.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from backend.hub import Hub
from twin import clock
from twin.access import Caller
from twin.errors import NotFound, Unavailable
from twin.figures import figures_of, seen

PUBLISH_S = 5.0
KEPT = 360
"""Bulletins that can still be asked for by version: half an hour."""
Record = dict[str, Any]


class Bulletin:
    """Publishes what the hub knows."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._kept: OrderedDict[int, Record] = OrderedDict()

    async def run(self) -> None:
        """Publish for ever."""
        while True:
            if self._hub.is_ready:
                self.publish(clock.now().timestamp())
            await asyncio.sleep(PUBLISH_S)

    def publish(self, now_s: float) -> int:
        """Make the next bulletin and return its version: the second of its making, which only ever grows."""
        version = max(int(now_s), next(reversed(self._kept), 0) + 1)
        figures = figures_of(self._hub.states.values(), now_s)
        self._kept[version] = {"version": version, "at": now_s, "heard": self._hub.read_at, "figures": figures}
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return version

    def read(self, caller: Caller, version: int | None = None) -> Record:
        """Return the newest bulletin, or one by its version, with the figures that the caller may see.

        Raises
        ------
        Unavailable
            Nothing was published yet.
        NotFound
            That version is gone, or never was.
        """
        if not self._kept and not self._hub.is_ready:
            raise Unavailable("no figures were published yet: the state of the layers is still being read")
        if not self._kept:
            self.publish(clock.now().timestamp())
        told: Mapping[str, Any] | None = self._kept.get(version or next(reversed(self._kept)))
        if told is None:
            raise NotFound(f"bulletin {version} is not kept; the oldest is {next(iter(self._kept))}")
        return dict(told) | {"figures": seen(told["figures"], caller.clearance)}
