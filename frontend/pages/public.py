"""/public: what the city publishes, for everybody. The figures of the wall, without a sign-in, readable without a map.

Everything on it comes from the anonymous caller's answers: what is not public cannot be on it.
"""

from collections.abc import Mapping
from typing import Any

from dash import html
from dash.development.base_component import Component
from fastapi.responses import HTMLResponse

from frontend.components import time_bar
from frontend.components.figure import district_table, tiles, unit_of, version_line
from frontend.components.outline_map import outline_map
from frontend.desk import GROUPS
from frontend.plain import page
from frontend.text import Texts, texts
from frontend.value import aria
from twin.layer import Layer

Record = dict[str, Any]
STYLES = ("/component/pretendard.css", "/assets/plain.css", "/assets/clock.css")
SCRIPTS = ("/assets/clock.js", "/assets/plain.js", "/assets/public.js")
IN_TABLE = ("parking_free", "rain_1h_most", "speed_mean", "pm25_most", "bins_full")
"""Figures that the list of districts shows, as far as they are published."""

FILES = (("GeoJSON", "geojson"), ("CSV", "csv"), ("GeoParquet", "parquet"))


def public_page(
    told: Record, units: list[Record], shapes: dict[int, Record], layers: list[Layer], query: Mapping[str, str], *,
    is_demo: bool,
) -> HTMLResponse:  # fmt: skip
    """Return the page.

    Parameters
    ----------
    told
        The bulletin as the anonymous caller gets it.
    layers
        The layers that the anonymous caller may take away.
    query
        `lang` (`ko`, `en`), `embed` (any value: figures and map alone, for another site's frame).
    """
    t = texts(query.get("lang"))
    figures = sorted(told["figures"], key=lambda figure: GROUPS.index(figure["group"]))
    mapped = sorted(figures, key=lambda figure: -min(20, len(figure["districts"])))
    mapped = [figure for figure in mapped if len(figure["districts"]) > 1] or mapped
    listed = [figure for figure in figures if figure["id"] in IN_TABLE]
    other = "en" if t.language == "ko" else "ko"
    choice = html.Select(
        [html.Option(f"{t.of(one['title'])} {unit_of(one, t)}".strip(), value=one["id"]) for one in mapped],
        id="map-figure",
    )  # fmt: skip
    body = [
        html.A(t("public.skip"), href="#figures", className="skip"),
        time_bar.mode_word(),
        html.Header(
            [
                html.H1([t("app.title"), " ", html.Small(t("public.title"))]),
                html.Span(t("app.synthetic"), className="badge") if is_demo else None,
                html.Button(t("public.large"), className="toggle-large", type="button", **_pressed()),
                html.A(t("app.language"), href=f"/public?lang={other}", hrefLang=other, lang=other),
            ],
            className="top",
        ),
        html.Main(
            [
                html.P(t("public.lost"), className="lost", role="status"),
                html.P(t("public.nothing"), className="nothing", role="status"),
                html.Section(
                    [html.H2([html.Span(t("public.now"), className="when-now"),
                              html.Span(t("public.then"), className="when-then")]),
                     version_line(told, t), tiles(figures, t)],
                    id="figures", className="card is-main",
                ),
                html.Section(
                    [
                        html.H2(t("figure.map")),
                        html.Div(
                            [html.Label([t("public.choose"), " ", choice]), html.Output("", id="map-said")],
                            className="map-head",
                        ),
                        outline_map(units, shapes, t),
                        html.P(t("public.coarse"), className="faint"),
                        time_bar.city_bar(t, ahead_min=0, has_branches=False),
                    ],
                    className="card is-main",
                ),
                html.Section(
                    [html.H2(t("figure.districts")), district_table(units, listed, t)], className="card is-list"
                ),
                html.Section([html.H2(t("public.open_data")), _open_data(layers, t), html.P(t("public.licence"))],
                             className="card is-list", id="open-data"),
                html.Section([html.P(t("public.about")), html.P(t("public.no_alert"))], className="foot"),
            ],
            className="page",
        ),
    ]  # fmt: skip
    return page(
        t, f"{t('app.title')} · {t('public.title')}", body, styles=STYLES, scripts=SCRIPTS, is_embeddable=True,
        classes="is-embedded" if query.get("embed") else "",
    )  # fmt: skip


def _open_data(layers: list[Layer], t: Texts) -> Component:
    """Return what can be taken away: each layer with its licence, as a file of each format."""
    head = [html.Th(t(key), scope="col") for key in ("layer.title", "public.files")]
    rows = [
        html.Tr([
            html.Th([t.of(layer.title), html.Small(f"{layer.licence} · {t.of(layer.attribution)}")], scope="row"),
            html.Td([part for name, kind in FILES
                     for part in (html.A(name, href=f"/api/open/{layer.id}.{kind}"), " ")]),
        ])
        for layer in layers
    ]  # fmt: skip
    return html.Div(html.Table([html.Thead(html.Tr(head)), html.Tbody(rows)]), className="table-box", tabIndex=0,
                    role="region", **aria(t("public.open_data")))  # fmt: skip


def _pressed() -> dict[str, Any]:
    return {"aria-pressed": "false"}
