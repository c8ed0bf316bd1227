"""Mount the screens on the service's own server: one process, one origin, nothing from outside."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from dash import Dash, Input, Output, dcc, html
from dash.backends._fastapi import get_current_request
from dash.exceptions import PreventUpdate
from fastapi import FastAPI, Request, Response
from fastapi.staticfiles import StaticFiles

from frontend.build import DIST, ensure_bundle
from frontend.desk import CallerOf, Desk, Reader, ReaderOf
from frontend.pages import console, planner
from frontend.pages.refused import refused_page
from frontend.plain import policy
from frontend.screens import plain_screens, sign_in
from frontend.text import texts
from twin.access import Caller, Right
from twin.errors import Refused
from twin.layer import Layer

log = logging.getLogger(__name__)

INDEX = """<!DOCTYPE html>
<html lang="ko">
<head>
{%metas%}
<title>{%title%}</title>
<link rel="icon" href="data:,">
{%css%}
</head>
<body>
{%app_entry%}
<footer hidden>{%config%}{%scripts%}{%renderer%}</footer>
</body>
</html>"""


class Answered(Exception):
    """A request that Dash would answer has been answered."""

    def __init__(self, response: Response) -> None:
        self.response = response


PLAIN = r"plain|public|wall|mayor|desk\w*|account|review|story|share\w*"
"""Assets of the plain pages, which Dash leaves alone."""


class Screens(Dash):
    """Dash whose every page is the sign-in form for who is not signed in."""

    desk: Desk

    def index(self, *args: Any, **kwargs: Any) -> str:
        """Return the page of the present request."""
        request = get_current_request()
        caller = self.desk.caller_or_none()
        if caller is None:
            raise Answered(sign_in(request))
        if request.url.path.startswith("/planner") and not caller.may(Right.SIMULATE):
            raise Answered(refused_page(caller.name, request.query_params.get("lang"), Right.SIMULATE))
        index: Any = super().index
        return str(index(*args, **kwargs))


def _reader_of(request: Request) -> Reader:
    """Return the reader that the service keeps in its state."""
    reader: Reader = request.app.state.city.reader
    return reader


def _caller_of(request: Request) -> Caller | None:
    """Return the caller as the service that keeps the state tells."""
    caller: Caller | None = request.app.state.city.caller(request)
    return caller


def build_dash(
    server: FastAPI,
    layers: Mapping[str, Layer],
    reader_of: ReaderOf = _reader_of,
    caller_of: CallerOf = _caller_of,
    *,
    is_demo: bool,
) -> Dash:
    """Mount the screens.

    Parameters
    ----------
    server
        The service; Dash adds its own paths and a catch-all behind all others.
    layers
        All layers of the city by id.
    reader_of, caller_of
        Return the store's reader, and the caller (None or ANONYMOUS when not signed in), of a request;
        those of `app.state.city` when not given.
    is_demo
        The live values are synthetic; every screen says so.
    """
    ensure_bundle(log.info)
    desk = Desk(layers, reader_of, caller_of, is_demo=is_demo)
    server.mount("/component", StaticFiles(directory=DIST))
    server.include_router(plain_screens(layers, is_demo=is_demo))

    @server.exception_handler(Answered)
    async def answered(request: Request, error: Answered) -> Response:
        return error.response

    service: Any = server
    app = Screens(
        __name__,
        server=service,
        backend="fastapi",
        serve_locally=True,
        assets_folder=str(Path(__file__).parent / "assets"),
        assets_ignore=rf"^({PLAIN})\.(js|css)$",
        title=texts("ko")("app.title"),
        update_title="",
        index_string=INDEX,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
        suppress_callback_exceptions=True,
        on_error=_on_error,
        enable_mcp=False,
    )
    app.desk = desk
    app.layout = html.Div([dcc.Location(id="where", refresh=True), html.Div(id="page")])

    @app.callback(Output("page", "children"), Input("where", "pathname"), Input("where", "search"))
    async def page(path: str | None, search: str | None) -> Any:
        query = {name: values[-1] for name, values in parse_qs((search or "").lstrip("?")).items()}
        if path == "/planner":
            return await planner.layout(desk, desk.caller(), query)
        return console.layout(desk, desk.caller(), query)

    console.register(app, desk)
    planner.register(app, desk)
    app._setup_server()  # type: ignore[no-untyped-call]  # else its first page lacks the assets
    return app


def policy_of(app: Dash) -> str:
    """Return the Content-Security-Policy of Dash's pages: our own scripts, and its inline ones by their hashes."""
    return policy(" ".join(app.csp_hashes()))


def _on_error(error: Exception) -> Any:
    """Log what a callback could not do; the page keeps what it shows. A refused caller is not an error of ours."""
    if not isinstance(error, Refused):
        log.error("a callback failed", exc_info=error)
    raise PreventUpdate
