"""What the routes share: the parts of this web process, put together once."""

from dataclasses import dataclass

import asyncpg
from starlette.requests import HTTPConnection

from backend.auth import caller_of
from backend.hub import Hub
from backend.sources.inlet import Inlet
from twin.access import Caller
from twin.reader import Reader
from twin.settings import Secrets, Settings
from twin.tiles import Tiles


@dataclass(frozen=True)
class CityParts:
    """Hub, reader, tiles and the way to the ingest process."""

    settings: Settings
    secrets: Secrets
    pool: asyncpg.Pool
    reader: Reader
    hub: Hub
    tiles: Tiles
    inlet: Inlet

    def caller(self, request: HTTPConnection) -> Caller:
        """Return who asks."""
        return caller_of(self.secrets, request)


def parts_of(request: HTTPConnection) -> CityParts:
    """Return the parts from a request or a WebSocket (a FastAPI dependency)."""
    parts = request.app.state.city
    assert isinstance(parts, CityParts)
    return parts
