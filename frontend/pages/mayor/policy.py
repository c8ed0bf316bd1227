"""Policy indicators and the manifesto: numbers with their source, and the pledges that go with them."""

from typing import Any

from dash import html
from dash.development.base_component import Component
from fastapi.responses import HTMLResponse

from frontend.components.chart import bars
from frontend.components.figure import district_table, tiles, version_line
from frontend.pages.mayor.frame import card, empty, entry_form, framed, source_line, table
from frontend.plain import Field
from frontend.text import Texts
from frontend.value import aria
from gisdata.facts import read_toml

Record = dict[str, Any]
TABLED = ("complaints_today", "parking_free", "speed_mean", "rain_1h_most", "bins_full")


def pledges() -> list[Record]:
    """Return the pledges in order: number, goal, names, and the figure each touches."""
    found: list[Record] = []
    for goal in read_toml("pledges.toml")["goal"]:
        for ko, en, *figure in goal["pledges"]:
            found.append(
                {"no": len(found) + 1, "goal": goal, "ko": ko, "en": en, "figure": figure[0] if figure else None}
            )
    return found


def indicators(t: Texts, told: Record, units: list[Record], entered: list[Record], *, is_demo: bool) -> HTMLResponse:
    """Return policy indicators: live figures with their pledges, money, facts of the city, and uploaded ones."""
    office = read_toml("office.toml")
    figures = {figure["id"]: figure for figure in told["figures"]}
    linked = [one for one in pledges() if one["figure"] in figures]
    rows = [
        (
            t.of(one),
            t.of(figures[one["figure"]]["title"]),
            html.B(figures[one["figure"]]["text"], **_figure(one["figure"])),
        )
        for one in linked
    ]

    def money(name: str, of: str) -> Component:
        return bars([(t.of(row), row[of] / 100) for row in office[name]], t(f"mayor.{name}"))

    facts = [(t.of(row), f"{row['value']:,}", str(row["year"])) for row in office["fact"]]
    body = [
        card(t("mayor.live"), version_line(told, t), tiles(told["figures"], t), wide=True),
        card(t("mayor.linked"), table((t("mayor.pledge"), t("mayor.figure"), t("mayor.value")), rows, t("mayor.linked"),
                                      (2,)), wide=True),
        card(t("mayor.revenue"), money("revenue", "mkrw"), html.P(t("mayor.unit_money"), className="faint")),
        card(t("mayor.spending"), money("spending", "mkrw"), html.P(t("mayor.part_of_spending"), className="faint")),
        card(t("mayor.facts"), table((t("mayor.fact"), t("mayor.value"), t("mayor.year")), facts, t("mayor.facts"),
                                     (1, 2)), source_line(t, office["source"])),
        card(t("mayor.uploaded"), _uploaded(t, units, entered), _upload(t), wide=True),
        card(t("figure.districts"), district_table(units, [figures[name] for name in TABLED if name in figures], t,
                                                   "/mayor/district/{id}?lang=" + t.language), wide=True),
    ]  # fmt: skip
    return framed(t, "indicators", t("mayor.indicators"), body, is_demo=is_demo, here="/mayor/indicators")


def _figure(name: str) -> dict[str, Any]:
    return {"data-figure": name}


def _uploaded(t: Texts, units: list[Record], entered: list[Record]) -> Component:
    names = sorted({entry["value"]["indicator"] for entry in entered})
    if not names:
        return empty(t, "mayor.fill_indicators")
    values = {(entry["value"]["indicator"], entry["value"]["unit_id"]): entry["value"] for entry in entered}
    rows: list[tuple[Any, ...]] = []
    for unit in units:
        cells = [values.get((name, unit["id"])) for name in names]
        if any(cells):
            link = html.A(t.name(unit), href=f"/mayor/district/{unit['id']}?lang={t.language}")
            rows.append((link, *("–" if cell is None else f"{cell['value']:,g}" for cell in cells)))
    rows.append((html.B(t("figure.city")), *(html.B(_city(name, entered)) for name in names)))
    heads = [
        f"{name} ({next(e['value']['sign'] for e in entered if e['value']['indicator'] == name)})" for name in names
    ]
    return table((t("figure.district"), *heads), rows, t("mayor.uploaded"), range(1, len(names) + 1))


def _city(name: str, entered: list[Record]) -> str:
    mine = [entry["value"] for entry in entered if entry["value"]["indicator"] == name]
    total = sum(one["value"] for one in mine)
    return f"{total if mine[0]['statistic'] == 'sum' else total / len(mine):,g}"


def _upload(t: Texts) -> Component:
    return html.Form(
        [
            html.A(t("mayor.template"), href="/api/office/indicators.xlsx"),
            html.Label([t("mayor.file"), " ", Field(type="file", name="file", accept=".xlsx", required=True)]),
            html.Button(t("mayor.upload"), type="submit"),
            html.P(role="status", className="said"),
        ],
        id="indicator-form", className="entry",
    )  # fmt: skip


def manifesto(t: Texts, told: Record, entered: list[Record], *, is_demo: bool) -> HTMLResponse:
    """Return the 61 pledges by goal, with progress where somebody entered it."""
    progress = {int(entry["key"]): entry for entry in entered}
    all_of_them = pledges()
    known = [progress[one["no"]]["value"]["progress_percent"] for one in all_of_them if one["no"] in progress]
    mean = f"{sum(known) / len(known):.0f} %" if known else "–"
    head = html.Dl(
        [
            html.Div([html.Dt(t("mayor.pledges")), html.Dd(html.B(str(len(all_of_them)), className="figure-number"))],
                     className="figure"),
            html.Div([html.Dt(t("mayor.entered")), html.Dd(html.B(str(len(known)), className="figure-number"))],
                     className="figure"),
            html.Div([html.Dt(t("mayor.mean_progress")), html.Dd(html.B(mean, className="figure-number"))],
                     className="figure"),
        ],
        className="figures",
    )  # fmt: skip
    body = [card(t("mayor.overview"), head, None if known else empty(t, "mayor.fill_pledges"), wide=True)]
    for goal in read_toml("pledges.toml")["goal"]:
        mine = [one for one in all_of_them if one["goal"] is goal]
        rows = [
            (str(one["no"]), html.A(t.of(one), href=f"/mayor/manifesto/{one['no']}?lang={t.language}"),
             _progress(t, progress.get(one["no"])))
            for one in mine
        ]  # fmt: skip
        body.append(card(f"{t.of(goal)} ({len(mine)})", table(("No", t("mayor.pledge"), t("mayor.progress")), rows,
                                                              t.of(goal), (2,)), wide=True))  # fmt: skip
    body.append(source_line(t, read_toml("office.toml")["source"]))
    return framed(t, "manifesto", t("mayor.manifesto"), body, is_demo=is_demo, here="/mayor/manifesto")


def _progress(t: Texts, entry: Record | None) -> Any:
    if entry is None:
        return html.Span("–", title=t("mayor.fill_pledges"))
    percent = entry["value"]["progress_percent"]
    return [html.Progress(value=str(percent), max="100", **aria(t("mayor.progress"))), f" {percent:.0f} %"]


def pledge_card(t: Texts, number: int, told: Record, entry: Record | None, *, is_demo: bool) -> HTMLResponse:
    """Return the management card of a pledge."""
    one = pledges()[number - 1]
    figure = next((figure for figure in told["figures"] if figure["id"] == one["figure"]), None)
    state = (
        empty(t, "mayor.fill_pledges")
        if entry is None
        else table(
            (t("mayor.progress"), t("mayor.field_department"), t("mayor.field_note"), t("mayor.entered_by")),
            [(_progress(t, entry), entry["value"]["department"] or "–", entry["value"]["note"] or "–",
              f"{entry['changed_by']} · {entry['changed']:%Y-%m-%d}")],
            t("mayor.progress"),
        )
    )  # fmt: skip
    fields = (("progress_percent", "number", "required"), ("department", "text", ""), ("note", "text", ""))
    body = [
        card(t("mayor.goal"), html.P(t.of(one["goal"]))),
        card(t("mayor.progress"), state, entry_form(t, "pledge", str(number), fields)),
        card(t("mayor.linked"), tiles([figure], t) if figure else html.P(t("mayor.no_figure"))),
    ]
    return framed(t, "manifesto", f"{number}. {t.of(one)}", body, is_demo=is_demo, here=f"/mayor/manifesto/{number}")
