"""The city's figures on a screen: one tile a figure, and the table of the districts."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from dash import html
from dash.development.base_component import Component

from frontend.components.mark import quality_badge
from frontend.text import Texts
from frontend.value import age, aria, thin

Record = dict[str, Any]


def number(figure: Record, district: int | None = None) -> Component:
    """Return the number of a figure; the page's script keeps it in step with the bulletin."""
    part = figure if district is None else figure["districts"].get(district)
    text = "–" if part is None else part["text"]
    marks: dict[str, Any] = {"data-figure": figure["id"]}
    if district is not None:
        marks["data-district"] = str(district)
    return html.B(text, className="figure-number", **marks)


def figure_tile(figure: Record, t: Texts, district: int | None = None) -> Component:
    """Return title, number with unit, age and quality of a figure."""
    at = None if figure["at"] is None else datetime.fromtimestamp(figure["at"], UTC)
    time = age(at, stale_after_s=figure["stale_after_s"], empty=t("figure.none"))
    return html.Div(
        [
            html.Dt(t.of(figure["title"])),
            html.Dd([number(figure, district), html.Small(thin(unit_of(figure, t)))]),
            html.Dd([html.Span(time, **_named(figure)), quality_badge(figure["quality"], t)], className="figure-facts"),
        ],
        className="figure",
    )


def _named(figure: Record) -> dict[str, Any]:
    return {"data-figure-at": figure["id"]}


def unit_of(figure: Record, t: Texts) -> str:
    """Return the unit sign of a figure."""
    return "min" if figure["unit"] == "분" and t.language == "en" else str(figure["unit"])


def tiles(figures: Iterable[Record], t: Texts, district: int | None = None) -> Component:
    """Return figures as tiles."""
    return html.Dl([figure_tile(figure, t, district) for figure in figures], className="figures")


def version_line(told: Mapping[str, Any], t: Texts) -> Component:
    """Return which bulletin the numbers come from, and of when it is."""
    at = datetime.fromtimestamp(told["at"], UTC)
    return html.P(
        [t("figure.version"), " ", html.B(str(told["version"] or "–"), id="version"), " · ", age(at)],
        className="version",
    )


def district_table(units: list[Record], figures: list[Record], t: Texts, link: str | None = None) -> Component:
    """Return districts by row and figures by column.

    Parameters
    ----------
    link
        Where a district's own page is; `{id}` stands for its id.
    """
    head = [html.Th(t("figure.district"), scope="col"), html.Th(t("figure.people"), scope="col", className="number")]
    head += [
        html.Th([t.of(figure["title"]), html.Small(thin(unit_of(figure, t)))], scope="col", className="number")
        for figure in figures
    ]

    def row(unit: Record) -> Component:
        name = t.name(unit)
        named = html.A(name, href=link.format(id=unit["id"])) if link else name
        cells = [html.Td(number(figure, unit["id"]), className="number") for figure in figures]
        return html.Tr([html.Th(named, scope="row"), html.Td(f"{unit['population']:,}", className="number"), *cells])

    people = sum(unit["population"] for unit in units)
    rest = [html.Td(number(figure, 0), className="number") for figure in figures]
    total = [html.Td(number(figure), className="number") for figure in figures]
    foot = [
        html.Tr([html.Th(t("figure.outside"), scope="row"), html.Td("–", className="number"), *rest]),
        html.Tr([html.Th(t("figure.city"), scope="row"), html.Td(f"{people:,}", className="number"), *total]),
    ]
    return html.Div(
        html.Table([html.Thead(html.Tr(head)), html.Tbody([row(unit) for unit in units]), html.Tfoot(foot)]),
        className="table-box", tabIndex=0, role="region", **aria(t("figure.districts")),
    )  # fmt: skip
