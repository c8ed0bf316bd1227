"""Map tiles. The base is public: what is restricted is a live layer, never a tile."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from backend.city import parts_of


class PlainRoute(APIRoute):
    """A documented route whose endpoint reads the request: what FastAPI does around one outlasts a cached tile."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that matches; another method is refused as anywhere."""
        if self.methods and scope["method"] not in self.methods:
            await super().handle(scope, receive, send)
        else:
            response: Response = await self.endpoint(Request(scope, receive))
            await response(scope, receive, send)


router = APIRouter(prefix="/tiles", route_class=PlainRoute)
RASTER = "raster"


def _in_path(*names: str) -> dict[str, Any]:
    """Declare path parameters that the routes read themselves: FastAPI takes longer for it than a cached tile does."""
    kinds = {name: "string" if name == "name" else "integer" for name in names}
    return {
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": kind}} for name, kind in kinds.items()
        ]
    }


@router.get("/{name}/{z:int}/{x:int}/{y:int}.mvt", openapi_extra=_in_path("name", "z", "x", "y"))
async def vector(request: Request) -> Response:
    """Return a vector tile."""
    return await _tile(request, request.path_params["name"], "application/vnd.mapbox-vector-tile")


@router.get("/raster/{z:int}/{x:int}/{y:int}.png", openapi_extra=_in_path("z", "x", "y"))
async def raster(request: Request) -> Response:
    """Return a painted tile for the 2D view."""
    return await _tile(request, RASTER, "image/png")


async def _tile(request: Request, name: str, media_type: str) -> Response:
    tiles = parts_of(request).tiles
    tag = f'"{tiles.version}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    z, x, y = (request.path_params[axis] for axis in "zxy")
    data = await tiles.tile(name, z, x, y)
    return Response(data, media_type=media_type, headers=headers)
