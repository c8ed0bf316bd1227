"""The menus that show the city itself: smart map, weather, incidents, districts, complaints, one figure."""

import json
from datetime import datetime
from typing import Any

from dash import html
from dash.development.base_component import Component
from fastapi.responses import HTMLResponse

from frontend.components.chart import bars, columns
from frontend.components.figure import district_table, number, tiles, version_line
from frontend.components.list_view import list_table
from frontend.components.mark import layer_mark, severity_mark
from frontend.components.time_bar import city_bar
from frontend.desk import GROUPS
from frontend.pages.mayor.frame import card, district_links, framed, table
from frontend.pages.mayor.home import incident_list
from frontend.plain import Field, Raw
from frontend.text import Texts
from frontend.twin_map import map_spec
from frontend.value import age, aria
from twin.clock import KST
from twin.layer import Layer
from twin.reader import texts_of

Record = dict[str, Any]
MAP_STYLES, MAP_SCRIPTS = ("/component/twin_map.css",), ("/component/twin_map.js",)
WEATHER_GROUPS = ("environment", "water")
"""Groups of the layers on the weather page."""


def smart_map(t: Texts, layers: list[Layer], units: list[Record], mode: str, *, is_demo: bool) -> HTMLResponse:
    """Return the live map with its layers and the time bar, and the way to each district."""
    order = sorted(layers, key=lambda layer: GROUPS.index(layer.group))
    switches = [
        html.Label([Field(type="checkbox", name="layer", value=layer.id, checked=True), layer_mark(layer.symbol.shape),
                    t.of(layer.title)])
        for layer in order
    ]  # fmt: skip
    spec = json.dumps(map_spec(layers)).replace("</", "<\\/")
    facts: dict[str, Any] = {"data-map-mode": mode, "role": "application", "aria-label": t("app.map_title")}
    body = [
        html.Div(
            [
                html.Fieldset([html.Legend(t("layer.title")), *switches], className="choices"),
                html.Div([html.Div(id="mayor-map", **facts), city_bar(t)], className="map-box"),
            ],
            className="map-page",
        ),
        html.P(t("mayor.map_click"), id="map-told", role="status"),
        card(t("figure.districts"), district_links(units, t), wide=True),
        Raw(f'<script type="application/json" id="spec">{spec}</script>'),
    ]
    return framed(t, "map", t("mayor.map"), body, is_demo=is_demo, here="/mayor/map", styles=MAP_STYLES,
                  scripts=MAP_SCRIPTS, classes="has-map")  # fmt: skip


def weather(
    t: Texts, told: Record, layers: dict[str, Layer], items: dict[str, Record], *, is_demo: bool
) -> HTMLResponse:
    """Return weather, rain, air and water: figures, and every station as a row."""
    figures = [figure for figure in told["figures"] if figure["layer"] in items]
    body = [card(t("mayor.now"), version_line(told, t), tiles(figures, t), wide=True)]
    body += [
        card(t.of(layers[name].title), html.Div(list_table(layers[name], items[name], t), className="table-box",
                                                tabIndex=0, role="region", **aria(t.of(layers[name].title))),
             html.P(f"{layers[name].source} · {layers[name].licence}", className="faint"), wide=True)
        for name in items
    ]  # fmt: skip
    return framed(t, "weather", t("mayor.weather"), body, is_demo=is_demo, here="/mayor/weather")


def incidents(
    t: Texts, open_: list[Record], closed: list[Record], alarms: list[Record], raised: list[Record],
    cameras: Record | None, since: datetime, layers: dict[str, Layer], *, is_demo: bool,
) -> HTMLResponse:  # fmt: skip
    """Return incidents, standing alarms, what was raised since a time, and the state of the cameras."""
    standing = [
        (severity_mark(one["severity"], t), t.of(one["title"]), " · ".join(filter(None, [t.name(one), t.unit(one)])),
         t(f"state.{one['state']}"), age(one["onset"]))
        for one in alarms
    ]  # fmt: skip
    log = [
        (
            severity_mark(one["severity"], t),
            rule_title(layers, one, t),
            f"{one['n']:,}",
            age(one["first"]),
            age(one["last"]),
        )
        for one in raised
    ]
    head = (t("table.severity"), t("alarm.title"), t("mayor.place"), t("mayor.state"), t("table.age"))
    body = [
        card(t("mayor.incidents"), incident_list(open_, t), wide=True),
        card(t("mayor.warnings"), table(head, standing, t("mayor.warnings")) if standing else html.P(t("alarm.none")),
             id="alarms", wide=True),
        card(f"{t('mayor.raised_since')} {since.astimezone(KST):%Y-%m-%d %H:%M}",
             table((t("table.severity"), t("alarm.title"), t("mayor.count"), t("mayor.first"), t("mayor.last")), log,
                   t("mayor.raised_since"), (2,)) if log else html.P("–"), wide=True),
        card(t("mayor.closed"), incident_list(closed, t)),
        card(t("mayor.cameras"), tiles([cameras], t) if cameras else html.P(t("mayor.cameras_restricted")),
             html.P(t("mayor.cameras_why"), className="faint")),
    ]  # fmt: skip
    return framed(t, "incidents", t("mayor.incidents"), body, is_demo=is_demo, here="/mayor/incidents")


def rule_title(layers: dict[str, Layer], one: Record, t: Texts) -> str:
    """Return the title of a rule that raised alarms."""
    layer = layers.get(one["layer"])
    return t.of(texts_of(layer, one["rule"])["title"]) if layer else f"{one['layer']} · {one['rule']}"


def district(
    t: Texts, unit: Record, units: list[Record], told: Record, entered: list[Record], complaints: Record | None,
    here: list[Record], *, is_demo: bool,
) -> HTMLResponse:  # fmt: skip
    """Return the page of one district: facts, open incidents, its part of every figure, indicators, complaints."""
    mine = [figure for figure in told["figures"] if unit["id"] in figure["districts"]]
    facts = [
        (t("figure.people"), f"{unit['population']:,}"), (t("mayor.households"), f"{unit['households']:,}"),
        (t("mayor.area"), f"{unit['area_km2']:.2f} km²"),
        (t("mayor.density"), f"{unit['population'] / unit['area_km2']:,.0f} /km²"),
    ]  # fmt: skip
    own = [entry["value"] for entry in entered if entry["value"]["unit_id"] == unit["id"]]
    body = [
        card(t("mayor.facts"), table((t("mayor.fact"), t("mayor.value")), facts, t("mayor.facts"), (1,)),
             html.P(t("mayor.population_of"), className="faint")),
        card(t("mayor.incidents"), incident_list(here, t)),
        card(t("mayor.now"), version_line(told, t), tiles(mine, t, unit["id"]), wide=True),
        card(t("mayor.uploaded"), table((t("mayor.fact"), t("mayor.value"), t("mayor.as_of")),
             [(one["indicator"], f"{one['value']:,g} {one['sign']}", one["as_of"]) for one in own],
             t("mayor.uploaded"), (1,)) if own else html.P(t("mayor.fill_indicators"), className="is-empty")),
        *(_complaint_cards(t, complaints, units) if complaints else []),
        card(t("figure.districts"), district_links(units, t), wide=True),
    ]  # fmt: skip
    return framed(t, "home", t.name(unit), body, is_demo=is_demo, here=f"/mayor/district/{unit['id']}")


def _complaint_cards(t: Texts, told: Record, units: list[Record]) -> list[Component]:
    days = [(f"{row['day']:%m-%d}", row["n"]) for row in told["by_day"]]
    kinds = [(t.get(f"complaint.{row['what']}", row["what"]), row["n"]) for row in told["by_category"]]
    most = max((row["n"] for row in told["by_word"]), default=1)
    words = [
        html.Li([html.Span(row["what"], style={"fontSize": f"{0.9 + 1.2 * row['n'] / most:.2f}rem"}), f" {row['n']:,}"])
        for row in told["by_word"][:30]
    ]
    return [
        card(t("complaint.trend"), columns(days, t("complaint.trend")) if days else html.P("–"), wide=True),
        card(t("complaint.categories"), bars(kinds, t("complaint.categories")) if kinds else html.P("–")),
        card(t("complaint.words"), html.Ul(words, className="cloud") if words else html.P("–")),
    ]


def complaints(t: Texts, told: Record, units: list[Record], days: int, *, is_demo: bool) -> HTMLResponse:
    """Return complaints by period, district, category and word, and the urgent ones."""
    total = sum(told["by_unit"].values())
    periods = [html.Li(html.A(f"{n} {t('mayor.days')}", href=f"/mayor/complaints?days={n}&lang={t.language}"))
               for n in (1, 7, 30, 90)]  # fmt: skip
    rows: list[tuple[Any, ...]] = [
        (
            html.A(t.name(unit), href=f"/mayor/district/{unit['id']}?lang={t.language}"),
            f"{told['by_unit'].get(unit['id'], 0):,}",
        )
        for unit in units
    ]
    outside = told["by_unit"].get(0, 0)
    rows += [
        (t("figure.outside"), f"{outside:,}"),
        (html.B(t("figure.city")), html.B(f"{total:,}", id="complaint-total")),
    ]
    urgent = [
        (age(one["phenomenon_time"]), t.name(one), ", ".join(one["detail"].get("urgent", [])),
         t.get(f"complaint.{one['detail'].get('category')}", "–"))
        for one in told["urgent"]
    ]  # fmt: skip
    head = (t("table.age"), t("mayor.place"), t("complaint.words"), t("complaint.category"))
    body = [
        html.P([t("complaint.synthetic")], className="is-empty") if is_demo else None,
        card(f"{t('complaint.title')} · {days} {t('mayor.days')} · {total:,}", html.Ul(periods, className="chips"),
             wide=True),
        card(t("complaint.urgent"), table(head, urgent, t("complaint.urgent")) if urgent else html.P("–"), wide=True),
        *_complaint_cards(t, told, units),
        card(t("figure.districts"), table((t("figure.district"), t("mayor.count")), rows, t("figure.districts"), (1,)),
             wide=True),
    ]  # fmt: skip
    return framed(t, "indicators", t("complaint.title"), body, is_demo=is_demo, here=f"/mayor/complaints?days={days}")


def figure_page(
    t: Texts, now: Record, then: Record | None, units: list[Record], since: datetime | None, *, is_demo: bool
) -> HTMLResponse:  # fmt: skip
    """Return the rows behind one figure: each district then and now."""
    before = then["districts"] if then else {}

    def text(parts: dict[int, Record], unit: int) -> str:
        return parts[unit]["text"] if unit in parts else "–"

    rows = [(t.name(unit), text(before, unit["id"]), number(now, unit["id"])) for unit in units]
    rows += [(t("figure.outside"), text(before, 0), number(now, 0)),
             (t("figure.city"), then["text"] if then else "–", number(now))]  # fmt: skip
    head = (t("figure.district"), f"{since.astimezone(KST):%Y-%m-%d %H:%M}" if since else "–", t("clock.now"))
    body = [card(t.of(now["title"]), table(head, rows, t.of(now["title"]), (1, 2)), wide=True)]
    return framed(t, "indicators", t.of(now["title"]), body, is_demo=is_demo, here=f"/mayor/figure/{now['id']}")


__all__ = ["complaints", "district", "district_table", "figure_page", "incidents", "smart_map", "weather"]
