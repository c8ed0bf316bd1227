"""The layer panel: switches by group, with mark, count, age, quality, and what each layer is."""

from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from frontend.components.mark import QUIET, SEVERITY_COLOUR, layer_mark, quality_badge, severity_mark
from frontend.desk import GROUPS, Desk, Record
from frontend.text import Texts, texts
from frontend.value import aria, moment_of
from twin.errors import TwinError
from twin.layer import Layer


def layer_panel(layers: list[Layer], t: Texts) -> Component:
    """Return the panel for the layers that the caller may see."""
    groups = [_group(group, [layer for layer in layers if layer.group == group], t) for group in GROUPS]
    body = [group for group in groups if group] or [html.P(t("layer.empty"), className="empty")]
    return html.Section(
        [html.H2(t("layer.title")), html.Div(body, className="layers"), _legend(t)],
        className="panel pane-layers",
        **aria(t("layer.title")),
    )


def _group(group: str, layers: list[Layer], t: Texts) -> Component | None:
    if not layers:
        return None
    return html.Div([html.H3(t(f"group.{group}")), *(_row(layer, t) for layer in layers)], className="layer-group")


def _row(layer: Layer, t: Texts) -> Component:
    name = t.of(layer.title)
    switch = dcc.Checklist(
        id={"type": "layer-switch", "layer": layer.id},
        options=[
            {"label": html.Span([layer_mark(layer.symbol.shape), name], className="layer-name"), "value": layer.id}
        ],
        value=[layer.id],
        persistence=True,
        persistence_type="session",
        className="switch",
    )
    facts = html.Div(
        [
            html.Span(className="number", **_of("data-count", layer)),
            html.Time(className="age", **_of("data-latest", layer)),
            quality_badge(layer.quality, t),
        ],
        className="layer-facts",
    )
    rules = [html.Li([severity_mark(rule.severity, t), t.of(rule.title)]) for rule in layer.alarms]
    about = html.Details(
        [
            html.Summary("i", title=t("layer.details", name=name), **aria(t("layer.details", name=name))),
            html.Dl(
                [
                    *_pair(t("layer.interval"), f"{layer.interval_s:g} s"),
                    *_pair(t("layer.source"), f"{layer.source} · {t.of(layer.attribution)}"),
                    *_pair(t("layer.licence"), layer.licence),
                    *(_pair(t("layer.alarms"), html.Ul(rules)) if rules else []),
                ]
            ),
        ],
        className="layer-about",
    )
    return html.Div([switch, facts, about], className="layer-row")


def _of(name: str, layer: Layer) -> dict[str, Any]:
    return {name: layer.id}


def _pair(name: str, value: Any) -> list[Component]:
    return [html.Dt(name), html.Dd(value)]


def _legend(t: Texts) -> Component:
    return html.Div(
        [
            html.H3(t("layer.legend")),
            html.Ul(
                [
                    html.Li([layer_mark("circle"), t("layer.normal")]),
                    html.Li([layer_mark("circle", colour=QUIET, hollow=True), t("layer.stale")]),
                    *(html.Li(severity_mark(severity, t)) for severity in SEVERITY_COLOUR),
                ]
            ),
        ],
        className="legend",
    )


def register(app: Dash, desk: Desk) -> None:
    """Hand the switches to the map, and keep counts, ages and the attribution line."""
    wire: Any = app.clientside_callback
    wire(
        "function (values) { return values.flat(); }",
        Output("visible", "data"),
        Input({"type": "layer-switch", "layer": ALL}, "value"),
    )

    wire(
        ClientsideFunction("gunsan_console", "layerFacts"),
        Output("attribution", "children"),
        Input("layer-facts", "data"),
        Input("visible", "data"),
    )

    @app.callback(
        Output("layer-facts", "data"),
        Input("beat", "n_intervals"),
        State("language", "data"),
    )
    async def refresh(_beat: int, language: str) -> Any:
        """Return count, newest time and attribution of each layer; the page writes them where they belong."""
        t = texts(language)
        try:
            told = await desk.reader.layers(desk.caller())
        except (TwinError, OSError, TimeoutError):
            raise PreventUpdate from None
        live = {row["id"]: _facts(row, t) for row in told["layers"]}
        return {"live": live, "base": [row["attribution"] for row in told["base"]]}


def _facts(row: Record, t: Texts) -> Record:
    latest = moment_of(row["latest"])
    return {
        "count": t("layer.count", n=f"{row['asset_count']:,}"),
        "latest": latest.isoformat() if latest else None,
        "never": t("layer.never"),
        "stale": max(row["stale_after_s"], 2 * row["interval_s"]),
        "attribution": t.of(row["attribution"]),
    }
