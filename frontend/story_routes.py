"""The story of a run as routes: page, picture, PDF; for who may see runs."""

from collections.abc import Callable
from io import BytesIO
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from frontend.pages import story
from frontend.text import texts
from twin.access import Caller
from twin.errors import NotFound
from twin.runs import Runs

Record = dict[str, Any]
SignedIn = Callable[[Request], Caller | None]
With = Annotated[str | None, Query(alias="with", max_length=40)]
RASTER = "raster"


def story_routes(signed_in: SignedIn, sign_in: Callable[[Request], Response], *, is_demo: bool) -> APIRouter:
    """Return the routes; who is not signed in gets the form in place of a page."""
    router = APIRouter(prefix="/planner/story", include_in_schema=False)

    async def told(request: Request, caller: Caller, name: str, other: str | None) -> tuple[Record, Any, list[Record]]:
        runs = Runs(request.app.state.city.pool)
        run = await _done(runs, caller, name)
        beside = await _done(runs, caller, other) if other else None
        done = [one for one in await runs.newest(caller) if one["id"] != name and one["state"] == "done"]
        return run, beside, done

    async def picture(request: Request, run: Record) -> Any:
        city: Any = request.app.state.city
        tiles = {(x, y): await city.tiles.tile(RASTER, story.ZOOM, x, y) for x, y in story.tiles_of(story.box_of(run))}
        return story.picture_of(run, city.settings.runs_dir / run["id"], tiles)

    @router.get("/{name}.pdf")
    async def as_pdf(request: Request, name: str, other: With = None) -> Response:
        if (caller := signed_in(request)) is None:
            return sign_in(request)
        run, beside, done = await told(request, caller, name, other)
        t = texts(request.query_params.get("lang"))
        request.app.state.city.tell(request, "download", subject=request.url.path)
        body = story.story_pdf(run, beside, done, await picture(request, run), t, is_demo=is_demo)
        headers = {"Content-Disposition": f'inline; filename="gunsan-{run["id"]}.pdf"'}
        return Response(body, media_type="application/pdf", headers=headers)

    @router.get("/{name}.png")
    async def as_png(request: Request, name: str) -> Response:
        if (caller := signed_in(request)) is None:
            return sign_in(request)
        run, _, _ = await told(request, caller, name, None)
        out = BytesIO()
        (await picture(request, run)).save(out, "PNG", optimize=True)
        return Response(out.getvalue(), media_type="image/png", headers={"Cache-Control": "private, max-age=86400"})

    @router.get("/{name}")
    async def as_page(request: Request, name: str, other: With = None) -> Response:
        if (caller := signed_in(request)) is None:
            return sign_in(request)
        run, beside, done = await told(request, caller, name, other)
        return story.story_page(run, beside, done, texts(request.query_params.get("lang")), is_demo=is_demo)

    return router


async def _done(runs: Runs, caller: Caller, name: str) -> Record:
    run = await runs.get(caller, name)
    if run["state"] != "done":
        raise NotFound(f"run {name[:40]} is {run['state']}; a story is told of one that is done")
    return run
