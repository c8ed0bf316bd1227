"""The list beside the map: every layer as a table with the same numbers, for who cannot or need not see the map."""

from typing import Any

from dash import Dash, Input, Output, State, ctx, dcc, html
from dash.development.base_component import Component

from frontend.components.mark import severity_mark
from frontend.desk import Desk, Record, at
from frontend.text import Texts, texts
from frontend.value import age, aria, format_result, goto, thin
from twin.errors import TwinError
from twin.layer import Layer, Property

PAGE = 50


def list_view(layers: list[Layer], t: Texts) -> Component:
    """Return the closed list."""
    options = [{"label": t.of(layer.title), "value": layer.id} for layer in layers]
    return html.Section(
        [
            html.Div(
                [
                    html.H2(t("table.title")),
                    dcc.RadioItems(
                        id="list-layer",
                        options=options,
                        value=layers[0].id if layers else None,
                        className="tabs",
                        inline=True,
                    ),
                    dcc.Checklist(
                        id="list-in-view",
                        options=[{"label": t("table.in_view"), "value": "view"}],
                        value=[],
                        className="switch",
                    ),
                    html.Div(
                        [
                            html.Span(id="list-range", className="number"),
                            html.Button("‹", id="list-previous", className="icon", title=t("table.previous")),
                            html.Button("›", id="list-next", className="icon", title=t("table.next")),
                            html.Button("×", className="icon close-list", title=t("app.close")),
                        ],
                        className="pager",
                    ),
                ],
                className="list-head",
            ),
            html.Div(id="list-body", className="list-body"),
            dcc.Store(id="list-page", data=0),
            dcc.Interval(id="list-beat", interval=5000, disabled=True),
        ],
        id="list-view",
        className="panel pane-list",
        **aria(t("table.title")),
    )


def list_table(layer: Layer, told: Record, t: Texts) -> Component:
    """Return one page of a layer as a table."""
    if not told["features"]:
        return html.P(t("table.empty"), className="empty")
    shown = [
        prop
        for prop in layer.properties
        if any(feature["properties"]["results"].get(prop.id) is not None for feature in told["features"])
    ]
    titles = [t("table.severity"), t("table.name"), t("table.key"), t("table.unit")]
    head = [html.Th(title, scope="col") for title in titles]
    head += [html.Th(t.of(prop.title), scope="col", className="number") for prop in shown]
    head.append(html.Th(t("table.age"), scope="col", className="number"))
    return html.Table(
        [html.Thead(html.Tr(head)), html.Tbody([_row(layer, shown, feature, t) for feature in told["features"]])]
    )


def _row(layer: Layer, shown: list[Property], feature: Record, t: Texts) -> Component:
    facts = feature["properties"]
    limit = max(layer.stale_after_s, 2 * layer.interval_s)
    values = []
    for prop in shown:
        number, unit = format_result(prop, facts["results"].get(prop.id), t)
        values.append(html.Td([number, html.Small(thin(unit))], className="number"))
    lon, lat = feature["geometry"]["coordinates"] if feature["geometry"] else (None, None)
    go = html.Button(t.name(facts), className="link", **goto(layer.id, feature["id"], lon, lat))
    return html.Tr(
        [
            html.Td(severity_mark(facts.get("severity"), t)),
            html.Td(go),
            html.Td(facts["key"], className="key"),
            html.Td(t.unit(facts)),
            *values,
            html.Td(age(facts["phenomenon_time"], stale_after_s=limit, empty=t("layer.never")), className="number"),
        ],
        className=f"is-{facts['severity']}" if facts.get("severity") else None,
    )


def register(app: Dash, desk: Desk) -> None:
    """Page through a layer; keep the page current while the list is open."""

    @app.callback(
        Output("list-body", "children"),
        Output("list-range", "children"),
        Output("list-page", "data"),
        Input("list-layer", "value"),
        Input("list-in-view", "value"),
        Input("list-previous", "n_clicks"),
        Input("list-next", "n_clicks"),
        Input("list-open", "data"),
        Input("list-beat", "n_intervals"),
        Input("moment", "data"),
        State("list-page", "data"),
        State("viewport", "data"),
        State("language", "data"),
    )
    async def page(
        layer_id: str | None,
        in_view: list[str],
        _previous: int,
        _next: int,
        is_open: bool,
        _beat: int,
        moment: Record | None,
        number: int,
        viewport: Record | None,
        language: str,
    ) -> Any:
        t = texts(language)
        if not is_open or layer_id is None:
            return [], "", 0
        step = {"list-previous": -1, "list-next": 1, "list-beat": 0}.get(str(ctx.triggered_id))
        number = 0 if step is None else max(0, number + step)
        bbox = tuple(viewport["bbox"]) if in_view and viewport else None
        try:
            caller = desk.caller()
            told = await desk.reader.items(caller, layer_id, bbox=bbox, limit=PAGE, offset=number * PAGE, **at(moment))
            if number and not told["features"]:
                number -= 1
                told = await desk.reader.items(
                    caller, layer_id, bbox=bbox, limit=PAGE, offset=number * PAGE, **at(moment)
                )
        except (TwinError, OSError, TimeoutError) as error:
            return html.P([t("table.error"), ": ", str(error)], className="empty"), "", number
        first, total = number * PAGE + 1, told["numberMatched"]
        shown = t(
            "table.range",
            total=f"{total:,}",
            first=f"{min(first, total):,}",
            last=f"{first - 1 + len(told['features']):,}",
        )
        return list_table(desk.layers[layer_id], told, t), shown, number
