"""The plain screens as routes, in front of Dash's catch-all: who may open them, and what they are made of."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

from frontend.account_routes import account_routes
from frontend.build import DIST
from frontend.mayor_routes import mayor_routes
from frontend.pages.desk import desk_page
from frontend.pages.public import public_page
from frontend.pages.refused import refused_page
from frontend.pages.review import inventory_page, review_page
from frontend.pages.share import share_page
from frontend.pages.sign_in import sign_in_page
from frontend.pages.wall import wall_desk_page, wall_page
from frontend.story_routes import story_routes
from twin.access import ANONYMOUS, AccessClass, Caller, Right
from twin.clock import KST, now
from twin.districts import districts, outlines
from twin.entries import Entries
from twin.inventory import inventory
from twin.layer import Layer
from twin.log import month_of
from twin.log_review import review
from twin.sessions import Session

PLAIN_WALL: dict[str, Any] = {"arrangement": "balanced", "figures": [], "follows": True, "view": None, "language": "ko",
                              "branch": "live"}  # fmt: skip
"""The layout of a wall that was never told anything."""


def plain_screens(layers: Mapping[str, Layer], *, is_demo: bool) -> APIRouter:
    """Return the routes of the plain screens."""
    router = APIRouter(include_in_schema=False)
    build = _build()

    @router.get("/public")
    async def public(request: Request) -> HTMLResponse:
        """Show what is published; whoever asks is nobody in particular."""
        city: Any = request.app.state.city
        told = city.bulletin.read(ANONYMOUS)
        units, shapes = await districts(city.pool), await outlines(city.pool)
        open_layers = [layer for layer in layers.values() if ANONYMOUS.may_see_layer(layer)]
        return public_page(told, units, shapes, open_layers, request.query_params, is_demo=is_demo)

    @router.get("/wall")
    async def wall(request: Request) -> Response:
        """Show the wall to who may see what is internal."""
        if (caller := signed_in(request)) is None:
            return sign_in(request)
        city: Any = request.app.state.city
        shown = await Entries(city.pool).get("wall_shown", "main")
        layout = shown["value"] if shown else {"name": None, "layout": PLAIN_WALL}
        seen = [layer for layer in layers.values() if caller.may_see_layer(layer)]
        return wall_page(seen, city.bulletin.read(caller), layout, request.query_params, build, is_demo=is_demo)

    @router.get("/desk")
    async def desk(request: Request) -> Response:
        """Work incidents."""
        caller = signed_in(request)
        if caller is None or not caller.may(Right.WORK):
            return sign_in(request, Right.WORK)
        return desk_page(caller, layers, request.query_params, is_demo=is_demo)

    @router.get("/s/{token}")
    async def share(request: Request, token: str) -> Response:
        """Open a share: the page, which says nothing of the case by itself."""
        city: Any = request.app.state.city
        try:
            found = await city.share_door.find(request, token)
        except HTTPException as error:
            answer = share_page("over", request.query_params, is_demo=is_demo)
            answer.status_code = error.status_code
            return answer
        state: Any = "over" if found is None else "open" if city.share_door.is_unlocked(request, found) else "pin"
        return share_page(state, request.query_params, is_demo=is_demo)

    @router.get("/desk/review")
    async def review_screen(request: Request) -> Response:
        """Review a month of the log, and sign for it."""
        caller = signed_in(request)
        if caller is None or not caller.may(Right.AUDIT):
            return sign_in(request, Right.AUDIT)
        city: Any = request.app.state.city
        month = request.query_params.get("month") or f"{now().astimezone(KST):%Y-%m}"
        city.tell(request, "log.review", subject=month)
        told = await review(city.pool, *month_of(month), month)
        if account := request.query_params.get("account"):
            since, until = month_of(month)
            told["rows"] = await city.log.rows(since=since, until=until, account=account)
        return review_page(told, await city.log.head(), request.query_params, is_demo=is_demo)

    @router.get("/desk/inventory")
    async def inventory_screen(request: Request) -> Response:
        """Show the data inventory."""
        caller = signed_in(request)
        if caller is None or not caller.may(Right.AUDIT):
            return sign_in(request, Right.AUDIT)
        return inventory_page(inventory(layers.values()), request.query_params, is_demo=is_demo)

    @router.get("/wall/build")
    async def wall_build() -> PlainTextResponse:
        """Tell a running wall which code it would get."""
        return PlainTextResponse(build)

    @router.get("/wall/desk")
    async def wall_desk(request: Request) -> Response:
        """Save and push layouts."""
        caller = signed_in(request)
        if caller is None or not caller.may(Right.EDIT):
            return sign_in(request, Right.EDIT)
        city: Any = request.app.state.city
        return wall_desk_page(city.bulletin.read(caller), request.query_params)

    router.include_router(mayor_routes(signed_in, sign_in, is_demo=is_demo))
    router.include_router(story_routes(signed_in, sign_in, is_demo=is_demo))
    router.include_router(account_routes(layers, sign_in))
    return router


def signed_in(request: Request) -> Caller | None:
    """Return the caller who may see what is internal, or None: the plain screens but the public one are for those."""
    caller: Caller = request.app.state.city.caller(request)
    return caller if caller.may_see(AccessClass.INTERNAL) else None


def sign_in(request: Request, right: Right | None = None) -> HTMLResponse:
    """Return the sign-in form in place of a screen; to who is signed in already, that this screen is not theirs.

    Parameters
    ----------
    right
        What the screen takes; None for the clearance for what is internal.
    """
    city: Any = request.app.state.city
    session: Session | None = city.session(request)
    name = session.caller.name if session else city.caller(request).name
    if name != ANONYMOUS.name:
        return refused_page(name, request.query_params.get("lang"), right)
    query = request.query_params
    text = sign_in_page(
        refused=query.get("refused"), is_changed="changed" in query, is_single=city.outside.is_connected,
        language=query.get("lang"),
    )  # fmt: skip
    return HTMLResponse(text, 401, {"Cache-Control": "no-store"})


def _build() -> str:
    """Return the mark of the code that plain pages are made of."""
    digest = sha256()
    for path in sorted((Path(__file__).parent / "assets").iterdir()):
        digest.update(path.read_bytes())
    digest.update((DIST / "stamp").read_bytes() if (DIST / "stamp").is_file() else b"")
    return digest.hexdigest()[:12]
