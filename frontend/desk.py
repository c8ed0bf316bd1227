"""What the pages work with: the reader, the layers, and who is asking."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import parse_qs

from dash.backends._fastapi import get_current_request
from starlette.requests import Request

from twin.access import ANONYMOUS, Caller
from twin.clock import now
from twin.errors import Refused
from twin.forecasts import Forecasts
from twin.layer import Layer
from twin.moment import LIVE, NOW, Moment
from twin.runs import Runs

Record = dict[str, Any]
BBox = tuple[float, float, float, float]


class Reader(Protocol):
    """The part of `twin.reader.Reader` that the screens use; the bodies are those of REST."""

    async def layers(self, caller: Caller) -> Record:
        """Return the live layers the caller may see, and the base layers with their origin."""
        ...

    async def items(
        self,
        caller: Caller,
        layer_id: str,
        bbox: BBox | None = ...,
        interval: Any = ...,
        limit: int = ...,
        offset: int = ...,
        moment: Moment = ...,
        now: datetime | None = ...,
    ) -> Record:
        """Return assets of a layer with their newest results, as GeoJSON."""
        ...

    async def asset(self, caller: Caller, asset_id: int, moment: Moment = ..., now: datetime | None = ...) -> Record:
        """Return all there is to know of one asset."""
        ...

    async def observations(
        self, caller: Caller, datastream: int, start: datetime | None, end: datetime | None, limit: int = ...
    ) -> Record:
        """Return observations of a datastream within a time, oldest first."""
        ...

    async def alarms(self, caller: Caller, moment: Moment = ..., now: datetime | None = ...) -> Record:
        """Return the standing alarms by priority."""
        ...

    async def search(self, caller: Caller, text: str, limit: int = ...) -> Record:
        """Return what bears a name like the text."""
        ...


def at(told: Record | None) -> dict[str, Any]:
    """Return the moment that a page shows, as the reader takes it.

    Parameters
    ----------
    told
        What the page's clock keeps in the store `moment`: `query` with `as_of`, `valid_at`, `branch`; None is now.
    """
    if not told:
        return {"moment": NOW, "now": now()}
    ask = {name: values[-1] for name, values in parse_qs(told["query"]).items()}
    ends = [datetime.fromisoformat(ask[name]) if name in ask else None for name in ("as_of", "valid_at")]
    return {"moment": Moment(ends[0], ends[1], ask.get("branch", LIVE)).check(now()), "now": now()}


CallerOf = Callable[[Request], Caller | None]
ReaderOf = Callable[[Request], Reader]
GROUPS = ("safety", "water", "mobility", "port", "environment")


class Desk:
    """The layers, and the reader and the caller of the present request.

    Parameters
    ----------
    layers
        All layers of the city.
    reader_of
        Returns the reader; it exists only once the service runs.
    caller_of
        Returns who sent a request; None or ANONYMOUS for somebody who is not signed in.
    is_demo
        The live values come from the demo feed.
    """

    def __init__(self, layers: Mapping[str, Layer], reader_of: ReaderOf, caller_of: CallerOf, *, is_demo: bool) -> None:
        self.layers = layers
        self.is_demo = is_demo
        self._reader_of = reader_of
        self._caller_of = caller_of

    @property
    def reader(self) -> Reader:
        """The store's reader."""
        return self._reader_of(get_current_request())

    @property
    def runs(self) -> Runs:
        """The queue of simulation runs."""
        return Runs(get_current_request().app.state.city.pool)

    @property
    def forecasts(self) -> Forecasts:
        """The forecasts and their scores."""
        return Forecasts(get_current_request().app.state.city.pool)

    def tell(self, work: str, subject: str) -> None:
        """Say what the present request changes, so that it is logged."""
        request = get_current_request()
        request.app.state.city.tell(request, work, subject=subject)

    def caller_or_none(self) -> Caller | None:
        """Return the signed-in caller of the present request, or None."""
        caller = self._caller_of(get_current_request())
        return None if caller is None or caller.name == ANONYMOUS.name else caller

    def caller(self) -> Caller:
        """Return the signed-in caller of the present request.

        Raises
        ------
        Refused
            The request bears no valid session.
        """
        caller = self.caller_or_none()
        if caller is None:
            raise Refused("the screens are for signed-in callers only")
        return caller

    def seen_by(self, caller: Caller) -> list[Layer]:
        """Return the layers that a caller may see, in the order of the panel."""
        seen = [layer for layer in self.layers.values() if caller.may_see_layer(layer)]
        return sorted(seen, key=lambda layer: (GROUPS.index(layer.group), -layer.symbol.priority, layer.id))
