"""The time bar under the map: which moment is shown. One bar, two scales.

`city_bar` counts the city's time, from the past over now into the next hours, and leads to what-if branches; the page's
own clock (`assets/clock.js`) drives it on every screen. `time_bar` counts the time of a run; around it the legend, and
the depth curve of a place.
"""

import json
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from frontend.desk import Desk
from frontend.text import Texts
from frontend.value import aria

CLASSES = (("0.1", "#56b4e9"), ("0.3", "#4292d6"), ("0.6", "#3168be"), ("1.2", "#343c9e"), ("2.5", "#581c78"))
"""Depth [m] and colour, as frontend/component/src/depth.js paints them."""
LEVELS = (("A–C", "#6b7783"), ("D", "#b8ad4a"), ("E", "#e69f00"), ("F", "#d55e00"))
"""Level of service and colour, as frontend/component/src/roads.js paints them."""
CHANGES = {
    "flow": (("≤ −240", "#009e73"), ("≤ −60", "#8fd6bf"), ("≥ +60", "#f0b98d"), ("≥ +240", "#d55e00")),
    "speed": (("≤ −15", "#d55e00"), ("≤ −5", "#f0b98d"), ("≥ +5", "#8fd6bf"), ("≥ +15", "#009e73")),
}
"""Least change of flow [veh/h] or speed [km/h] of each colour, as frontend/component/src/roads.js paints them."""

PAST_MIN, AHEAD_MIN = 24 * 60, 3 * 60
"""Reach of the city's bar around now [min]; a day further back at each press of the first button."""
SPEEDS = (1, 10, 60, 600, 3600)


def _row(play: str, title: str, ids: tuple[str, str, str], ends: tuple[int, int], *more: Component) -> Component:
    """Return the row that both bars have: play, the moment, the slider, and what else belongs to it."""
    play_id, time_id, slider_id = ids
    slider = dcc.Input(
        id=slider_id, type="range", min=ends[0], max=ends[1], step=1, value=0 if ends[0] else ends[0],
        className="time-slider",
    )  # fmt: skip
    return html.Div(
        [
            html.Button("▶", id=play_id, className="icon", title=play, **aria(play)),
            html.Output("", id=time_id),
            html.Label([html.Span(title, className="unseen"), slider], className="time-track"),
            *more,
        ],
        className="time-row",
    )


def mode_word() -> Component:
    """Return the word of the frame around a screen that is not live; empty while it is."""
    return html.Div(id="mode-word", className="mode-word", role="status")


def city_bar(t: Texts, *, past_min: int = PAST_MIN, ahead_min: int = AHEAD_MIN, has_branches: bool = True) -> Component:
    """Return the bar of the city's time.

    Parameters
    ----------
    past_min, ahead_min
        How far it reaches from now [min].
    has_branches
        It offers the runs that are done as what-if branches.
    """
    words = {key: t(key) for key in sorted(t.keys) if key.startswith(("clock.", "mode."))}
    speeds = [html.Option(f"{speed}×", value=str(speed), selected=speed == 60 or None) for speed in SPEEDS]
    branches = html.Details(
        [html.Summary(t("clock.branches")), html.Ul(id="clock-branches")], className="clock-branches"
    )  # fmt: skip
    more = [
        html.Label([html.Span(t("clock.speed"), className="unseen"), html.Select(speeds, id="clock-speed")]),
        *([branches] if has_branches else []),
        html.Button(t("clock.now"), id="clock-now", className="tool", title=f"{t('clock.now_title')} (N)"),
    ]
    ids = ("clock-play", "clock-time", "clock-slider")
    facts: dict[str, Any] = {"data-words": json.dumps(words, ensure_ascii=False)}
    return html.Div(
        [
            html.Button(
                "«", id="clock-earlier", className="icon", title=t("clock.earlier"), **aria(t("clock.earlier"))
            ),
            _row(t("clock.play"), t("clock.title"), ids, (-past_min, ahead_min), *more),
        ],
        id="clock-bar",
        className="clock-bar",
        style={"--now": f"{past_min / (past_min + ahead_min):.4f}"},
        **aria(t("clock.title")),
        **facts,
    )


def time_bar(t: Texts) -> Component:
    """Return the bar; hidden until a run is shown."""
    hint: dict[str, Any] = {"data-hint": t("planner.click")}
    legend = [html.Li([html.I(style={"background": colour}), depth]) for depth, colour in CLASSES]
    changes = [
        html.Li([html.I(style={"background": colour}), t(f"planner.{word}")])
        for word, colour in (("less", "#009e73"), ("more", "#d55e00"))
    ]
    return html.Div(
        [
            html.Div(
                [
                    html.Span(t("planner.click"), id="water-here", **hint),
                    html.Div(id="water-curve"),
                ],
                className="water",
            ),
            html.Ul([html.Li(t("planner.legend")), *legend], className="ramp is-depth"),
            html.Ul([html.Li(t("planner.legend")), *changes], className="ramp is-difference"),
            _traffic_legends(t),
            _row(t("planner.play"), t("clock.title"), ("run-play", "frame-time", "run-frame"), (0, 1)),
            dcc.Interval(id="play-beat", interval=250, disabled=True),
        ],
        id="time-bar",
        className="time-bar",
        hidden=True,
    )


def _traffic_legends(t: Texts) -> Component:
    """Return the legends of traffic, and the choice between level of service and what differs from the base."""
    view = dcc.RadioItems(
        [{"label": t(f"planner.view_{one}"), "value": one} for one in ("service", *CHANGES)], "service",
        id="run-view", className="choices is-row",
    )  # fmt: skip
    levels = [html.Li([html.I(style={"background": colour}), level]) for level, colour in LEVELS]
    closed = html.Li([html.I(className="closed"), f"✕ {t('planner.closed')}"])
    changes = [
        html.Ul([html.Li(t(f"planner.change_{name}")),
                 *(html.Li([html.I(style={"background": colour}), least]) for least, colour in classes),
                 closed, html.Li(t("planner.against_base"), className="against-base"),
                 html.Li(t("planner.against_other"), className="against-other")], className=f"ramp is-{name}")
        for name, classes in CHANGES.items()
    ]  # fmt: skip
    service = [html.Li(t("planner.service")), *levels, closed, html.Li(t("planner.queue_width"))]
    return html.Div(
        [view, html.Ul(service, className="ramp is-service"), *changes],
        id="traffic-legends", className="traffic-legends is-service",
    )  # fmt: skip


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
        Output("run-view", "value"),
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
        ours("view"),
        Output("planner-map", "runView"),
        Output("traffic-legends", "className"),
        Input("run-view", "value"),
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
        Input("planner-map", "clicked"),
        Input("run-frame", "value"),
        Input("planner-map", "run_shown"),
        State("shown-run", "data"),
        prevent_initial_call=True,
    )
