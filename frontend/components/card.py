"""The detail card of what was chosen: last values, the last 24 hours, attributes, history."""

from datetime import datetime, timedelta
from typing import Any

import plotly.graph_objects as go
from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from frontend.components.mark import layer_mark, quality_badge, severity_mark
from frontend.desk import Desk, Record, at
from frontend.text import Texts, texts
from frontend.value import age, aria, format_attribute, format_result, is_share, moment_of, thin
from twin.clock import KST
from twin.errors import TwinError
from twin.layer import Layer, Property
from twin.units import UNITS

CHART_HOURS = 24
CHART_POINTS = 3000


def card_panel(t: Texts) -> Component:
    """Return the empty card; the chart stays mounted while values refresh."""
    return html.Section(
        [
            html.H2(
                [
                    t("card.title"),
                    html.Button("×", id="card-close", className="icon", title=t("app.close"), **aria(t("app.close"))),
                ]
            ),
            html.Div(id="card", className="card-body"),
            html.Div(
                [
                    html.Div(
                        [
                            html.H3(t("card.chart")),
                            dcc.RadioItems(id="chart-property", className="chart-property", inline=True),
                        ],
                        className="chart-head",
                    ),
                    html.Div(id="chart"),
                ],
                id="chart-box",
                hidden=True,
            ),
            html.Div(id="card-more", className="card-body"),
            dcc.Interval(id="card-beat", interval=5000, disabled=True),
        ],
        id="card-panel",
        className="panel pane-card",
        hidden=True,
        **aria(t("card.title")),
    )


def asset_head(asset: Record, layer: Layer, t: Texts) -> list[Component]:
    """Return name and newest values of an asset."""
    streams = {stream["observed_property"]: stream for stream in asset["datastreams"]}
    limit = max(layer.stale_after_s, 2 * layer.interval_s)
    rows = [_value_row(prop, streams.get(prop.id, {}), limit, t) for prop in reported(layer, asset)]
    place = " · ".join(filter(None, [t.of(layer.title), asset["key"], t.unit(asset)]))
    alarms = [
        html.Li([severity_mark(alarm["severity"], t), html.Span(t.of(alarm["title"])), age(alarm["onset"])])
        for alarm in asset["alarms"]
    ]
    return [
        html.Div(
            [
                html.H4([layer_mark(layer.symbol.shape), t.name(asset)]),
                html.P([place, " ", quality_badge(asset["quality"], t)], className="faint"),
            ],
            className="card-name",
        ),
        *([html.Ul(alarms, className="card-alarms")] if alarms else []),
        html.Table(html.Tbody(rows), className="values"),
    ]


def reported(layer: Layer, asset: Record) -> list[Property]:
    """Return the properties that this asset reports; all of the layer's when it has not reported yet."""
    known = {stream["observed_property"] for stream in asset["datastreams"]}
    return [prop for prop in layer.properties if prop.id in known] or list(layer.properties)


def _value_row(prop: Property, stream: Record, limit: float, t: Texts) -> Component:
    number, unit = format_result(prop, stream.get("result"), t)
    return html.Tr(
        [
            html.Th(t.of(prop.title), scope="row"),
            html.Td([html.B(number), thin(unit)], className="number"),
            html.Td(
                age(stream.get("phenomenon_time"), stale_after_s=limit, empty=t("card.unknown")), className="number"
            ),
        ]
    )


def _own(asset: Record, name: str, t: Texts) -> Any:
    """Return an attribute in the language of the page: `market_en` is the English of `market`, written in its place."""
    own = asset["attributes"]
    return (t.language == "en" and own.get(f"{name}_en")) or own[name]


def asset_more(asset: Record, layer: Layer, t: Texts) -> list[Component]:
    """Return attributes and history of an asset."""
    facts = [
        part
        for name in asset["attributes"]
        if not name.endswith("_en") or name[:-3] not in asset["attributes"]
        for part in (
            html.Dt(t.get(f"attribute.{name}", name)),
            html.Dd(format_attribute(name, _own(asset, name, t), t)),
        )
    ]
    events = [_event(event, layer, t) for event in asset["events"]]
    return [
        *([html.H3(t("card.attributes")), html.Dl(facts)] if facts else []),
        html.H3(t("card.events")),
        html.Ul(events, className="events") if events else html.P(t("card.no_events"), className="faint"),
    ]


def _event(event: Record, layer: Layer, t: Texts) -> Component:
    detail = event.get("detail") or {}
    rule = next((rule for rule in layer.alarms if rule.rule == detail.get("rule")), None)
    kind = layer.event_kind(event["kind"])
    title = t.of(kind.title) if kind else t.of(rule.title) if rule else event["kind"]
    what = t.get(f"event.{event['kind']}", "")
    return html.Li(
        [
            severity_mark(event["severity"], t, word=False),
            html.Span(f"{title} {what}".strip()),
            age(event["phenomenon_time"]),
        ]
    )


def _wanted(layer: Layer, asset: Record) -> list[str | None]:
    """Return which property to chart first: what raised an alarm, what the map writes, any number, anything."""
    raised = [rule.property for alarm in asset["alarms"] for rule in layer.alarms if rule.rule == alarm["rule"]]
    numbers = [prop.id for prop in layer.properties if prop.kind == "number"]
    return [*raised, layer.symbol.value, *numbers, *(prop.id for prop in layer.properties)]


def building_card(facts: Record, t: Texts) -> list[Component]:
    """Return the card of a building, from the facts that its tile carries."""
    pairs = [
        part
        for name, value in facts.items()
        for part in (
            html.Dt(t.get(f"attribute.{name}", name)),
            html.Dd(format_attribute(name, value, t)),
        )
    ]
    return [html.Div(html.H4(t("card.building")), className="card-name"), html.Dl(pairs)]


def chart_figure(prop: Property, observations: list[list[Any]], until: datetime, t: Texts) -> go.Figure:
    """Return the last 24 hours as a dark chart in KST; alarm thresholds are not drawn over unknown values."""
    scale = 100 if is_share(prop) else 1
    times = [
        moment.astimezone(KST).replace(tzinfo=None) for moment in (moment_of(one[0]) for one in observations) if moment
    ]
    results = [None if one[1] is None else scale * float(one[1]) for one in observations]
    unit = "%" if is_share(prop) else UNITS[prop.unit]
    shape = "hv" if prop.kind == "enum" else "linear"
    figure = go.Figure(
        go.Scattergl(x=times, y=results, mode="lines", line={"color": "#8fb8d8", "width": 1.5, "shape": shape})
        if len(times) > 1500
        else go.Scatter(x=times, y=results, mode="lines", line={"color": "#8fb8d8", "width": 1.5, "shape": shape})
    )
    end = until.astimezone(KST).replace(tzinfo=None)
    axis = {"gridcolor": "#262d35", "zeroline": False, "linecolor": "#343d47", "fixedrange": True}
    figure.update_layout(
        template=None,
        height=150,
        margin={"l": 38, "r": 8, "t": 8, "b": 22},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "Pretendard, sans-serif", "size": 11, "color": "#9aa6b2"},
        hovermode="x unified",
        hoverlabel={"bgcolor": "#1a2026", "bordercolor": "#343d47", "font": {"color": "#dde4ea"}},
        xaxis={**axis, "range": [end - timedelta(hours=CHART_HOURS), end], "tickformat": "%H:%M", "nticks": 6},
        yaxis={**axis, "ticksuffix": unit if len(unit) < 3 else "", "nticks": 4, "hoverformat": f".{prop.decimals}f"},
        showlegend=False,
    )
    if prop.kind == "enum":
        labels = [t.of(label) for label in prop.labels] or list(prop.values)
        figure.update_yaxes(tickvals=list(range(len(labels))), ticktext=labels, range=[-0.3, len(labels) - 0.7])
    return figure


def register(app: Dash, desk: Desk) -> None:
    """Fill the card of what is chosen; its values on every beat, its chart once a choice."""

    @app.callback(
        Output("card", "children"),
        Output("card-panel", "hidden"),
        Output("card-more", "children"),
        Output("chart-property", "options"),
        Output("chart-property", "value"),
        Output("chart-box", "hidden"),
        Input("selected", "data"),
        State("language", "data"),
        State("moment", "data"),
    )
    async def choose(selected: Record | None, language: str, moment: Record | None) -> Any:
        t = texts(language)
        if not selected:
            return [], True, [], [], None, True
        if "facts" in selected:
            return building_card(selected["facts"], t), False, [], [], None, True
        try:
            asset = await desk.reader.asset(desk.caller(), int(selected["asset"]), **at(moment))
        except TwinError as error:
            return html.P([t("card.error"), ": ", str(error)], className="empty"), False, [], [], None, True
        layer = desk.layers[asset["layer"]]
        charted = [prop for prop in reported(layer, asset) if prop.kind != "time"]
        options = [{"label": t.of(prop.title), "value": prop.id} for prop in charted]
        known = {prop.id for prop in charted}
        first = next((one for one in _wanted(layer, asset) if one in known), None)
        return asset_head(asset, layer, t), False, asset_more(asset, layer, t), options, first, not charted

    @app.callback(
        Output("card", "children", allow_duplicate=True),
        Input("card-beat", "n_intervals"),
        Input("moment", "data"),
        State("selected", "data"),
        State("language", "data"),
        prevent_initial_call=True,
    )
    async def refresh(_beat: int, moment: Record | None, selected: Record | None, language: str) -> Any:
        if not selected or "asset" not in selected:
            raise PreventUpdate
        try:
            asset = await desk.reader.asset(desk.caller(), int(selected["asset"]), **at(moment))
        except (TwinError, OSError, TimeoutError):
            raise PreventUpdate from None
        return asset_head(asset, desk.layers[asset["layer"]], texts(language))

    @app.callback(
        Output("chart", "children"),
        Input("chart-property", "value"),
        Input("selected", "data"),
        Input("moment", "data"),
        State("language", "data"),
        prevent_initial_call=True,
    )
    async def chart(property_id: str | None, selected: Record | None, moment: Record | None, language: str) -> Any:
        t = texts(language)
        if not selected or "asset" not in selected or not property_id:
            return []
        caller = desk.caller()
        try:
            asset = await desk.reader.asset(caller, int(selected["asset"]))
            stream = next((one for one in asset["datastreams"] if one["observed_property"] == property_id), None)
            prop = next((prop for prop in desk.layers[asset["layer"]].properties if prop.id == property_id), None)
            if prop is None:
                raise PreventUpdate
            then = at(moment)
            until = then["moment"].observed(then["now"])
            since = until - timedelta(hours=CHART_HOURS)
            told = await desk.reader.observations(caller, stream["id"], since, until, CHART_POINTS) if stream else None
        except TwinError as error:
            return html.P([t("card.error"), ": ", str(error)], className="faint")
        if not told or not told["observations"]:
            return html.P(t("card.no_chart"), className="faint")
        figure = chart_figure(prop, told["observations"], until, t)
        return dcc.Graph(figure=figure, config={"displayModeBar": False}, className="chart")
