"""/wall: the shared picture of a control room. Nobody touches it: nothing hides behind a hover, a scroll or a dialog.

What it shows is set by a layout that a desk saves and pushes (`/wall/desk`); the rest it does by itself: it flies to
what matters, opens the cameras of the first incident, counts the alarms, and comes back after every failure.
"""

import json
from collections.abc import Mapping
from typing import Any

from dash import html
from fastapi.responses import HTMLResponse

from frontend.components.figure import figure_tile
from frontend.components.time_bar import mode_word
from frontend.plain import Field, Raw, page
from frontend.shapes import image_of
from frontend.text import texts
from frontend.twin_map import map_spec
from twin.layer import Layer

Record = dict[str, Any]
STYLES = ("/component/twin_map.css", "/assets/clock.css", "/assets/wall.css")
SCRIPTS = ("/component/twin_map.js", "/assets/plain.js", "/assets/wall.js")
USUAL = (
    "rain_1h_most", "tide", "stage_most", "parking_free", "speed_mean", "berths_occupied", "vessels", "pm25_most",
    "pm10_most", "underpass_depth", "pumps_running", "buses", "gates_closed", "bins_full",
)  # fmt: skip
"""Figures of a wall that was not told otherwise, the most important first; a small wall shows fewer of them."""
COLOURS = {"caution": "#f0e442", "alarm": "#e69f00", "danger": "#d55e00", "info": "#97a4b0"}
ARRANGEMENTS = ("balanced", "map", "cameras", "figures")
TILES = 4


def wall_page(layers: list[Layer], told: Record, shown: Record, query: Mapping[str, str], build: str,
              *, is_demo: bool) -> HTMLResponse:  # fmt: skip
    """Return the wall.

    Parameters
    ----------
    told
        The bulletin as this caller gets it.
    shown
        The layout that was pushed (see `/api/wall`).
    query
        `lang`, where the layout's language shall not count; `mode` of the map (`light` for software renderers).
    build
        Mark of the page's code; another one makes a running wall load itself anew.
    """
    layout = shown["layout"]
    t = texts(query.get("lang") or layout["language"])
    figures = {figure["id"]: figure for figure in told["figures"]}
    wanted = [figures[name] for name in layout["figures"] or USUAL if name in figures]
    shown_words = {"wall", "link", "mode", "severity", "state"}
    words = {key: t(key) for key in sorted(t.keys) if key.split(".")[0] in shown_words}
    marks = {name: image_of("circle" if name == "info" else name, colour) for name, colour in COLOURS.items()}
    facts: dict[str, Any] = {
        "data-words": json.dumps(words, ensure_ascii=False), "data-marks": json.dumps(marks),
        "data-layout": json.dumps(shown, ensure_ascii=False), "data-build": build,
        "data-map-mode": query.get("mode", "interleaved"), "data-follow": "1",
    }  # fmt: skip
    tiles = [
        html.Div([html.Img(alt="", hidden=True), html.P(t("wall.no_camera")), html.Div(className="caption")],
                 className="camera")
        for _ in range(TILES)
    ]  # fmt: skip
    body = html.Div(
        [
            mode_word(),
            html.Header(
                [
                    html.B(t("app.title")),
                    html.Span(t("app.synthetic"), className="badge") if is_demo else None,
                    html.Span(t("wall.connecting"), id="wall-link", className="wall-link"),
                    html.Span([t("figure.version"), " ", html.B(str(told["version"] or "–"), id="version"),
                               html.Time()], className="wall-version"),
                    html.Span(id="date"), html.B(id="clock"),
                ]
            ),
            html.Section([html.Div(id="map"), html.Div(id="map-place")], className="pane-map"),
            html.Section(
                [html.H2([t("wall.incidents"), html.Span(id="budget")]), html.Ol(id="incidents"), html.P(id="more")],
                className="pane-incidents",
            ),
            html.Section(tiles, className="pane-cameras"),
            html.Section(html.Dl([figure_tile(figure, t) for figure in wanted], id="wall-figures"),
                         className="pane-figures"),
            Raw(f'<script type="application/json" id="spec">{_inert(json.dumps(map_spec(layers)))}</script>'),
        ],
        id="wall", className=f"is-{layout['arrangement']}", **facts,
    )  # fmt: skip
    return page(t, f"{t('app.title')} · {t('wall.title')}", body, styles=STYLES, scripts=SCRIPTS, classes="wall")


def _inert(text: str) -> str:
    """Return JSON that cannot end the script element it stands in."""
    return text.replace("</", "<\\/")


def wall_desk_page(told: Record, query: Mapping[str, str]) -> HTMLResponse:
    """Return the page at which a desk saves layouts and pushes one to the wall."""
    t = texts(query.get("lang"))
    figures = html.Fieldset(
        [
            html.Legend(t("wall.figures")),
            *(
                html.Label([Field(type="checkbox", name="figures", value=one["id"]), " ", t.of(one["title"])])
                for one in told["figures"]
            ),
        ],
        className="choices",
    )
    arrangement = html.Select([html.Option(t(f"wall.{name}"), value=name) for name in ARRANGEMENTS], name="arrangement",
                              id="arrangement")  # fmt: skip
    form = html.Form(
        [
            html.Label([t("wall.name"), " ", Field(name="name", required=True, maxlength="60", autocomplete="off")]),
            html.Label([t("wall.arrangement"), " ", arrangement]),
            html.Label([Field(type="checkbox", name="follows", checked=True), " ", t("wall.follows")]),
            html.Label([t("wall.place"), " ", Field(name="view", placeholder="126.71,35.97,13", pattern="[0-9.,]*")]),
            figures,
            html.Button(t("wall.save"), type="submit"),
        ],
        id="layout-form", className="entry",
    )  # fmt: skip
    words: dict[str, Any] = {
        "data-words": json.dumps({key: t(key) for key in sorted(t.keys) if key.startswith("wall.")}, ensure_ascii=False)
    }
    body = [
        html.Header(
            [
                html.H1([t("app.title"), " ", html.Small(t("wall.desk"))]),
                html.A(t("app.console"), href=f"/console?lang={t.language}"),
                html.A(t("wall.title"), href="/wall"),
            ],
            className="top",
        ),
        html.Main(
            [
                html.Section([html.H2(t("wall.shown")), html.P("–", id="shown-name"), html.Ul(id="layouts")],
                             className="card"),
                html.Section([html.H2(t("wall.new_layout")), form, html.P(id="layout-said", role="status")],
                             className="card"),
            ],
            className="page", id="wall-desk", **words,
        ),
    ]  # fmt: skip
    return page(
        t, f"{t('app.title')} · {t('wall.desk')}", body,
        styles=("/component/pretendard.css", "/assets/plain.css"), scripts=("/assets/plain.js", "/assets/wall.js"),
    )  # fmt: skip
