"""The web process: FastAPI with Dash mounted on it, one origin, put together top to bottom."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import asyncpg
import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from backend.analyses import Analyses
from backend.auth import Callers
from backend.bulletin import Bulletin
from backend.cameras import CameraDesk, DemoCameras, NotConnected
from backend.city import CityParts
from backend.gate import Gate
from backend.hub import Hub
from backend.limits import Limits
from backend.logged import Logged
from backend.outside import Outside
from backend.raster import paint
from backend.routes import (
    alarms,
    alerts,
    analyses,
    cameras,
    door,
    figures,
    forecasts,
    health,
    incidents,
    ingest,
    layers,
    live,
    log,
    office,
    open_data,
    runs,
    share,
    tiles,
    wall,
)
from backend.routes import (
    desk as desk_routes,
)
from backend.share_door import ShareDoor
from backend.share_live import ShareWatch
from backend.sources.inlet import PAYLOAD_LIMIT, Inlet
from frontend.app import build_dash, policy_of
from frontend.build import FONT, FONT_TTF
from frontend.text import both
from gisdata.city import TERRAIN_FILE
from layers import load_layers
from twin.alarm_actions import AlarmActions
from twin.alerts import Alerts
from twin.db import STORE_AWAY, open_pool
from twin.drills import Drills
from twin.errors import TwinError, Unavailable, http_status
from twin.foreign import Foreign
from twin.ground import shapes_of
from twin.incidents import Incidents
from twin.log import Log
from twin.notices import Notices
from twin.reader import Reader
from twin.resources import Resources
from twin.sessions import Sessions
from twin.settings import Settings
from twin.shares import Shares
from twin.tiles import Tiles

POOL_SIZE = 12
TILES_REFRESH_S = 5.0


def create_app(settings: Settings) -> FastAPI:
    """Put the web process together."""
    specs = {key: layer.spec for key, layer in load_layers().items()}
    secrets, limits = settings.secrets(), Limits()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool = await open_pool(settings.dsn(), POOL_SIZE)
        hub, reader, desk = Hub(settings.dsn(), specs.values()), Reader(pool, specs), Incidents(pool, specs)
        shares = Shares(pool, specs)
        resources, terrain = Resources(pool), settings.data_dir / TERRAIN_FILE
        city = CityParts(
            settings,
            secrets,
            pool,
            reader,
            AlarmActions(pool, specs),
            desk,
            hub,
            Bulletin(hub),
            CameraDesk(DemoCameras(FONT) if settings.demo else NotConnected(), reader, desk, resources, terrain),
            Notices(pool, desk),
            Alerts(pool, desk),
            Drills(pool, desk),
            Foreign(pool, desk),
            resources,
            Analyses(pool, hub, resources, terrain, settings.runs_dir),
            FONT_TTF,
            Tiles(pool, {tiles.RASTER: partial(_paint, pool)}),
            Inlet(settings.inlet_path),
            Log(pool),
            Callers(secrets, Sessions(pool)),
            limits,
            Outside(settings),
            shares,
            ShareDoor(shares),
            ShareWatch(shares),
            set(),
            both,
        )
        app.state.city = city
        tasks = (hub.run(), city.bulletin.run(), city.share_watch.run(), _refresh(city.tiles))
        work = [asyncio.create_task(task) for task in tasks]
        yield
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await pool.close()

    app = FastAPI(
        title="Gunsan Twin", lifespan=lifespan, openapi_url="/api/openapi.json", docs_url=None, redoc_url=None
    )
    _answer_errors(app)
    for module in (
        tiles,
        health,
        door,
        layers,
        alarms,
        alerts,
        figures,
        open_data,
        wall,
        cameras,
        office,
        desk_routes,
        incidents,
        share,
        log,
        ingest,
        forecasts,
        runs,
        analyses,
        live,
    ):  # in order of use: routes are tried one after the other
        app.include_router(module.router)

    @app.get("/", include_in_schema=False)
    async def home() -> Response:
        return RedirectResponse("/console")

    @app.get("/api/{path:path}", include_in_schema=False)
    @app.get("/tiles/{path:path}", include_in_schema=False)
    async def unknown(path: str) -> Response:
        return _error(404, f"there is nothing at {path!r}")

    dash = build_dash(app, specs, is_demo=settings.demo)
    app.add_middleware(Gate, secrets=secrets, limits=limits, policy=policy_of(dash))
    app.add_middleware(Logged)  # before the gate: what it refuses is written, too
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=4)  # last: it holds back how answers begin
    return app


async def _paint(pool: asyncpg.Pool, z: int, x: int, y: int) -> bytes:
    return await asyncio.to_thread(paint, await shapes_of(pool, z, x, y), z, x, y)


async def _refresh(cache: Tiles) -> None:
    while True:
        try:
            await cache.refresh()
        except (*STORE_AWAY, asyncpg.PostgresError):
            pass  # health tells that the store is away; tiles in the cache are still right
        await asyncio.sleep(TILES_REFRESH_S)


def _error(status: int, what: str) -> JSONResponse:
    return JSONResponse({"error": {"what": what, "status": status}}, status)


def _answer_errors(app: FastAPI) -> None:
    """Answer every error as JSON by the one table."""

    @app.exception_handler(TwinError)
    async def twin_error(request: Request, error: TwinError) -> Response:
        return _error(http_status(error), str(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return _error(422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> Response:
        return _error(error.status_code, str(error.detail))

    for kind in STORE_AWAY:

        @app.exception_handler(kind)
        async def away(request: Request, error: Exception) -> Response:
            return _error(http_status(Unavailable()), f"the store does not answer: {type(error).__name__}")


def serve(settings: Settings) -> None:
    """Serve until a signal."""
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        ws=live.LiveProtocol,
        ws_per_message_deflate=False,
        ws_max_size=PAYLOAD_LIMIT,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )
    uvicorn.Server(config).run()
