"""The time bar under the map: which moment of a run is shown, the legend, and the depth curve of a place."""

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from frontend.desk import Desk
from frontend.text import Texts
from frontend.value import aria

CLASSES = (("0.1", "#56b4e9"), ("0.3", "#4292d6"), ("0.6", "#3168be"), ("1.2", "#343c9e"), ("2.5", "#581c78"))
"""Depth [m] and colour, as frontend/component/src/depth.js paints them."""


def time_bar(t: Texts) -> Component:
    """Return the bar; hidden until a run is shown."""
    legend = [html.Li([html.I(style={"background": colour}), depth]) for depth, colour in CLASSES]
    changes = [
        html.Li([html.I(style={"background": colour}), t(f"planner.{word}")])
        for word, colour in (("less", "#009e73"), ("more", "#d55e00"))
    ]
    return html.Div(
        [
            html.Div(
                [
                    html.Span(t("planner.click"), id="water-here"),
                    html.Div(id="water-curve"),
                ],
                className="water",
            ),
            html.Ul([html.Li(t("planner.legend")), *legend], className="ramp is-depth"),
            html.Ul([html.Li(t("planner.legend")), *changes], className="ramp is-difference"),
            html.Div(
                [
                    html.Button(
                        "▶", id="run-play", className="icon", title=t("planner.play"), **aria(t("planner.play"))
                    ),
                    html.Output("", id="frame-time"),
                    dcc.Input(id="run-frame", type="range", min=0, max=1, step=1, value=0, className="time-slider"),
                ],
                className="time-row",
            ),
            dcc.Interval(id="play-beat", interval=250, disabled=True),
        ],
        id="time-bar",
        className="time-bar",
        hidden=True,
    )


def register(app: Dash, desk: Desk) -> None:
    """Move the frame in the browser, without the server."""
    wire: Any = app.clientside_callback

    def ours(name: str) -> ClientsideFunction:
        return ClientsideFunction("gunsan_planner", name)

    wire(
        ours("show"),
        Output("planner-map", "run"),
        Output("time-bar", "hidden"),
        Output("time-bar", "className"),
        Output("run-frame", "max"),
        Output("run-frame", "value"),
        Input("shown-run", "data"),
    )
    wire(
        ours("frame"),
        Output("planner-map", "runFrame"),
        Output("frame-time", "children"),
        Input("run-frame", "value"),
        Input("shown-run", "data"),
    )
    wire(
        ours("play"),
        Output("play-beat", "disabled"),
        Output("run-play", "children"),
        Input("run-play", "n_clicks"),
        State("play-beat", "disabled"),
        prevent_initial_call=True,
    )
    wire(
        ours("step"),
        Output("run-frame", "value", allow_duplicate=True),
        Input("play-beat", "n_intervals"),
        State("run-frame", "value"),
        State("run-frame", "max"),
        prevent_initial_call=True,
    )
    wire(
        ours("water"),
        Output("water-here", "children"),
        Output("water-curve", "children"),
        Input("planner-map", "clicked"),
        Input("run-frame", "value"),
        Input("planner-map", "run_shown"),
        State("shown-run", "data"),
        prevent_initial_call=True,
    )
