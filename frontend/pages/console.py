"""/console: the operators' screen."""

from collections.abc import Mapping
from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from frontend.components import alarm_list, card, flat, layer_panel, list_view, search_box, time_bar
from frontend.components.header import header
from frontend.desk import Desk
from frontend.text import Texts, texts
from frontend.twin_map import TwinMap, flat_map, map_spec
from frontend.value import aria
from twin.access import Caller

BEAT_MS = 5000
NOTICE = {"3d": "notice is-loading", "2d": "notice is-quiet"}
MODES = ("interleaved", "overlaid", "light")
STORES = (
    "visible",
    "selected",
    "focus",
    "event-seq",
    "acknowledged",
    "viewport",
    "list-open",
    "layer-facts",
    "alarm-digest",
    "moment",
)
KEYS = (
    ("/", "search"),
    ("A", "alarms"),
    ("J", "next"),
    ("K", "previous"),
    ("Enter", "go"),
    ("Shift Enter", "acknowledge"),
    ("L", "list"),
    ("T", "time"),
    ("N", "now"),
    ("H", "home"),
    ("G", "language"),
    ("S", "shelved"),
    ("V", "sound"),
    ("Esc", "close"),
    ("?", "help"),
)


def layout(desk: Desk, caller: Caller, query: Mapping[str, str]) -> Component:
    """Return the console.

    Parameters
    ----------
    query
        `lang` (`ko`, `en`), `view` (`2d`, else the 3D map), `mode` (one of `MODES`).
    """
    t = texts(query.get("lang"))
    view = "2d" if query.get("view") == "2d" else "3d"
    mode = query.get("mode", "interleaved")
    layers = desk.seen_by(caller)
    if view == "2d":
        middle = flat_map(layers, "flat", t("app.synthetic") if desk.is_demo else "")
    else:
        middle = TwinMap(
            id="map",
            spec=map_spec(layers),
            language=t.language,
            mode=mode if mode in MODES else MODES[0],
            title=t("app.map_title"),
        )
    return html.Div(
        [
            dcc.Store(id="language", data=t.language),
            *(dcc.Store(id=name) for name in STORES),
            dcc.Store(
                id="words",
                data={key: t(key) for key in sorted(t.keys) if key.split(".")[0] in {"link", "notice", "time", "app"}},
            ),
            dcc.Interval(id="beat", interval=BEAT_MS),
            dcc.Interval(id="slow-beat", interval=3 * BEAT_MS),
            time_bar.mode_word(),
            header(t, is_demo=desk.is_demo, view=view),
            layer_panel.layer_panel(layers, t),
            html.Main(
                [
                    middle,
                    html.Div(
                        t("notice.loading"), id="notice", className=NOTICE[view], role="status", title=t("notice.lost")
                    ),
                    list_view.list_view(layers, t),
                    time_bar.city_bar(t),
                    html.Footer([html.Span(id="attribution", className="attribution")]),
                ]
            ),
            html.Aside([alarm_list.alarm_panel(t), html.P(id="alarm-error", className="error"), card.card_panel(t)]),
            _tabs(t),
            _help(t),
        ],
        id="console",
        className=f"console is-{view}",
        lang=t.language,
    )


def _tabs(t: Texts) -> Component:
    """Return the tabs of the phone's bottom sheet."""
    panes = (("map", t("app.map")), ("alarms", t("alarm.title")), ("layers", t("layer.title")), ("list", t("app.list")))
    tabs: list[tuple[str, dict[str, Any]]] = [(title, {"data-pane": pane}) for pane, title in panes]
    return html.Nav([html.Button(title, className="pane-tab", **more) for title, more in tabs], className="panes")


def _help(t: Texts) -> Component:
    rows = [html.Tr([html.Td(html.Kbd(key)), html.Td(t(f"key.{name}"))]) for key, name in KEYS]
    return html.Div(
        html.Div([html.H2(t("key.title")), html.Table(html.Tbody(rows))], role="dialog", **aria(t("key.title"))),
        className="help toggle-help",
    )


def register(app: Dash, desk: Desk) -> None:
    """Wire the console: what concerns several panels; each panel registers the rest itself."""
    for panel in (alarm_list, card, flat, layer_panel, list_view, search_box):
        panel.register(app, desk)
    _wire_map(app)


def _wire_map(app: Dash) -> None:
    """Hand things to and fro between the stores and whichever map is shown; in the browser, without the server."""
    wire: Any = app.clientside_callback
    wire(
        ClientsideFunction("gunsan_console", "toMap"),
        Output("map", "visible"),
        Output("map", "flyTo"),
        Output("map", "selected"),
        Input("visible", "data"),
        Input("focus", "data"),
        Input("selected", "data"),
    )
    wire(
        ClientsideFunction("gunsan_console", "fromMap"),
        Output("selected", "data"),
        Output("viewport", "data"),
        Output("event-seq", "data"),
        Input("map", "clicked"),
        Input("map", "viewport"),
        Input("map", "event_seq"),
        State("selected", "data"),
        prevent_initial_call=True,
    )
    wire(
        ClientsideFunction("gunsan_console", "notice"),
        Output("notice", "children"),
        Output("notice", "className"),
        Output("link", "className"),
        Output("link-word", "children"),
        Input("map", "link"),
        Input("map", "ready"),
        Input("map", "error"),
        State("words", "data"),
    )
    wire(
        ClientsideFunction("gunsan_console", "toFlat"),
        Output("flat", "viewport"),
        Input("focus", "data"),
        prevent_initial_call=True,
    )
    wire(
        ClientsideFunction("gunsan_console", "fromFlat"),
        Output("selected", "data", allow_duplicate=True),
        Input({"type": "flat", "layer": ALL}, "clickData"),
        prevent_initial_call=True,
    )
    wire(
        ClientsideFunction("gunsan_console", "flatBox"),
        Output("viewport", "data", allow_duplicate=True),
        Input("flat", "bounds"),
        prevent_initial_call=True,
    )
    wire(
        "function () { return null; }",
        Output("selected", "data", allow_duplicate=True),
        Input("card-close", "n_clicks"),
        prevent_initial_call=True,
    )
    wire(
        "function (selected) { return !(selected && selected.asset); }",
        Output("card-beat", "disabled"),
        Input("selected", "data"),
    )
    wire("function (isOpen) { return !isOpen; }", Output("list-beat", "disabled"), Input("list-open", "data"))
