"""What the routes share: the parts of this web process, put together once."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from starlette.requests import HTTPConnection

from backend.analyses import Analyses
from backend.auth import CALLER, Callers, session_of
from backend.bulletin import Bulletin
from backend.cameras import CameraDesk
from backend.hub import Hub
from backend.limits import Limits
from backend.logged import tell
from backend.outside import Outside
from backend.share_door import ShareDoor
from backend.share_live import ShareWatch
from backend.sources.inlet import Inlet
from twin.access import ANONYMOUS, Caller
from twin.alarm_actions import AlarmActions
from twin.alerts import Alerts
from twin.drills import Drills
from twin.foreign import Foreign
from twin.incidents import Incidents
from twin.log import Log
from twin.notices import Notices
from twin.reader import Reader
from twin.resources import Resources
from twin.sessions import Session
from twin.settings import Secrets, Settings
from twin.shares import Shares
from twin.tiles import Tiles


@dataclass(frozen=True)
class CityParts:
    """Hub, reader, tiles and the way to the ingest process."""

    settings: Settings
    secrets: Secrets
    pool: asyncpg.Pool
    reader: Reader
    alarms: AlarmActions
    incidents: Incidents
    hub: Hub
    bulletin: Bulletin
    cameras: CameraDesk
    notices: Notices
    alerts: Alerts
    drills: Drills
    foreign: Foreign
    resources: Resources
    analyses: Analyses
    font: Path
    tiles: Tiles
    inlet: Inlet
    log: Log
    callers: Callers
    limits: Limits
    outside: Outside
    shares: Shares
    share_door: ShareDoor
    share_watch: ShareWatch
    share_views: set[tuple[int, int]]
    word: Callable[[str], str]
    """Says a key of the screens' texts in both languages; what has no text stays as it is."""

    def caller(self, request: HTTPConnection) -> Caller:
        """Return who asks, as the gate has found out; nobody in particular where no gate was passed."""
        caller: Caller = request.scope.get(CALLER, ANONYMOUS)
        return caller

    def session(self, request: HTTPConnection) -> Session | None:
        """Return the session by which somebody is signed in, as the gate has found it."""
        return session_of(request)

    def take_for(self, request: HTTPConnection, caller: Caller) -> None:
        """Say who asks where a route knows better than the gate: the bearer of a share link."""
        request.scope[CALLER] = caller

    @staticmethod
    def tell(request: HTTPConnection, work: str, **more: str) -> None:
        """Say what a request of a screen does, so that it is logged (see `backend.logged.tell`)."""
        tell(request, work, **more)


def parts_of(request: HTTPConnection) -> CityParts:
    """Return the parts from a request or a WebSocket (a FastAPI dependency)."""
    parts = request.app.state.city
    assert isinstance(parts, CityParts)
    return parts
