"""The search box: places, addresses, districts, markets, assets; with the keyboard."""

from typing import Any

from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from frontend.components.mark import layer_mark
from frontend.desk import Desk, Record
from frontend.text import Texts, texts
from frontend.value import aria, goto
from twin.errors import TwinError

RESULTS = 12


def search_box(t: Texts) -> Component:
    """Return the box; its results hang below it."""
    return html.Div(
        [
            dcc.Input(
                id="search",
                type="search",
                debounce=True,  # the text is the browser's while it is typed: written back, its caret would jump
                placeholder=t("search.placeholder"),
                autoComplete="off",
                maxLength=60,
                className="search-input",
            ),
            dcc.Store(id="search-text"),
            html.Kbd("/"),
            html.Div(id="search-results", className="search-results", role="listbox", **aria(t("search.title"))),
        ],
        className="search",
        role="search",
    )


def result_items(results: list[Record], desk: Desk, t: Texts) -> Component:
    """Return what was found as buttons."""
    if not results:
        return html.P(t("search.none"), className="empty")
    return html.Div([_item(result, desk, t) for result in results])


def _item(result: Record, desk: Desk, t: Texts) -> Component:
    layer = desk.layers.get(result.get("layer") or "")
    kind = t.of(layer.title) if layer else t.get(f"search.{result['kind']}", result["kind"])
    mark = layer_mark(layer.symbol.shape) if layer else html.Span(className="mark is-place")
    detail = result.get("detail") if layer else None
    return html.Button(
        [
            mark,
            html.Span(t.name(result), className="result-name"),
            html.Span(" ".join(filter(None, [kind, detail])), className="faint"),
        ],
        role="option",
        **goto(result.get("layer"), result.get("asset"), result["lon"], result["lat"]),
    )


def register(app: Dash, desk: Desk) -> None:
    """Search while typing."""

    @app.callback(
        Output("search-results", "children"),
        Input("search-text", "data"),
        State("language", "data"),
        prevent_initial_call=True,
    )
    async def search(text: str | None, language: str) -> Any:
        t = texts(language)
        if not text or not text.strip():
            return None
        try:
            told = await desk.reader.search(desk.caller(), text.strip(), RESULTS)
        except (TwinError, OSError, TimeoutError):
            return html.P(t("search.error"), className="empty")
        return result_items(told["results"], desk, t)
