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

from backend.city import CityParts
from backend.hub import Hub
from backend.raster import paint
from backend.routes import health, ingest, layers, live, runs, tiles
from backend.sources.inlet import PAYLOAD_LIMIT, Inlet
from frontend.app import build_dash
from layers import load_layers
from twin.db import STORE_AWAY, open_pool
from twin.errors import TwinError, Unavailable, http_status
from twin.ground import shapes_of
from twin.reader import Reader
from twin.settings import Settings
from twin.tiles import Tiles

POOL_SIZE = 12
TILES_REFRESH_S = 5.0


def create_app(settings: Settings) -> FastAPI:
    """Put the web process together."""
    specs = {key: layer.spec for key, layer in load_layers().items()}
    secrets = settings.secrets()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool = await open_pool(settings.dsn(), POOL_SIZE)
        city = CityParts(
            settings,
            secrets,
            pool,
            Reader(pool, specs),
            Hub(settings.dsn(), specs.values()),
            Tiles(pool, {tiles.RASTER: partial(_paint, pool)}),
            Inlet(settings.inlet_path),
        )
        app.state.city = city
        work = [asyncio.create_task(city.hub.run()), asyncio.create_task(_refresh(city.tiles))]
        yield
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await pool.close()

    app = FastAPI(
        title="Gunsan Twin", lifespan=lifespan, openapi_url="/api/openapi.json", docs_url=None, redoc_url=None
    )
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=4)
    _answer_errors(app)
    for module in (tiles, health, layers, ingest, runs, live):  # in order of use: routes are tried one after the other
        app.include_router(module.router)

    @app.get("/", include_in_schema=False)
    async def home() -> Response:
        return RedirectResponse("/console")

    @app.get("/api/{path:path}", include_in_schema=False)
    @app.get("/tiles/{path:path}", include_in_schema=False)
    async def unknown(path: str) -> Response:
        return _error(404, f"there is nothing at {path!r}")

    build_dash(app, specs, is_demo=settings.demo)
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
