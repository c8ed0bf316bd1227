"""Home of the mayor's office: the state of the city in five seconds, and what changed since the last look."""

import calendar
from datetime import date, datetime, timedelta
from typing import Any

from dash import html
from dash.development.base_component import Component
from fastapi.responses import HTMLResponse

from frontend.components.figure import tiles, version_line
from frontend.components.mark import severity_mark
from frontend.components.outline_map import outline_map
from frontend.components.time_bar import city_bar
from frontend.pages.mayor.frame import card, district_links, empty, framed
from frontend.text import Texts
from frontend.value import age
from twin.clock import KST

Record = dict[str, Any]
FIRST = ("rain_1h_most", "tide", "temperature", "pm25_most", "parking_free", "speed_mean", "berths_occupied",
         "complaints_today")  # fmt: skip
SHOWN = 5


def home(t: Texts, told: Record, units: list[Record], shapes: dict[int, Record], incidents: list[Record],
         entries: dict[str, list[Record]], now: datetime, *, is_demo: bool) -> HTMLResponse:  # fmt: skip
    """Return the home page.

    Parameters
    ----------
    entries
        `placard`, `schedule`, `news` as they were entered.
    """
    today = now.astimezone(KST).date()
    figures = {figure["id"]: figure for figure in told["figures"]}
    first = [figures[name] for name in FIRST if name in figures]
    people, homes = (sum(unit[name] for unit in units) for name in ("population", "households"))
    body = [
        *([_placard(entries["placard"][0]["value"])] if entries["placard"] else []),
        html.Section(
            [html.H3(t("mayor.brief")), html.P(t("mayor.brief_wait"), id="brief-since", className="faint"),
             html.Ol(id="brief"),
             html.Details([html.Summary(), html.Ol()], id="brief-rest", hidden=True)],
            className="card is-wide brief", **_live(),
        ),
        card(t("mayor.now"), version_line(told, t), tiles(first, t), wide=True),
        card(t("mayor.incidents"), incident_list(incidents[:SHOWN], t),
             html.P(html.A(t("mayor.all"), href=f"/mayor/incidents?lang={t.language}"))),
        card(t("mayor.calendar"), _calendar(today, t), _schedule(entries["schedule"], today, t)),
        card(t("mayor.population"), html.Dl([
            _fact(t("figure.people"), f"{people:,}"), _fact(t("mayor.households"), f"{homes:,}"),
            _fact(t("mayor.units"), str(len(units))),
        ], className="figures"), html.P(t("mayor.population_of"), className="faint")),
        card(t("figure.map"), outline_map(units, shapes, t, "/mayor/district/{id}?lang=" + t.language),
             html.P(t("mayor.map_hint"), className="faint"), district_links(units, t), city_bar(t, has_branches=False),
             wide=True),
        card(t("mayor.news"), _news(entries["news"][:SHOWN], t)),
    ]  # fmt: skip
    return framed(t, "home", t("mayor.home"), body, is_demo=is_demo, here="/mayor")


def _live() -> dict[str, Any]:
    return {"aria-live": "polite"}


def _fact(name: str, value: str) -> Component:
    return html.Div([html.Dt(name), html.Dd(html.B(value, className="figure-number"))], className="figure")


def _placard(value: Record) -> Component:
    return html.Section([html.P(value["title"], className="placard-title"), html.P(value["text"])],
                        className="card is-wide placard")  # fmt: skip


def incident_list(incidents: list[Record], t: Texts) -> Component:
    """Return incidents with severity, place, state and age."""
    if not incidents:
        return html.P(t("mayor.no_incidents"))
    rows = [
        html.Li(
            [severity_mark(one["severity"], t), " ", html.B(title_of(one, t)),
             html.Span([t.unit(one), " · ", _state(one, t), " · ",
                        age(one["opened"])], className="faint")],
            id=f"incident-{one['id']}",
        )
        for one in incidents
    ]  # fmt: skip
    return html.Ul(rows, className="rows")


def _state(one: Record, t: Texts) -> str:
    return t("state.grown") if one["has_grown"] else t.get(f"wall.{one['state']}", t("mayor.closed"))


def title_of(incident: Record, t: Texts) -> str:
    """Return the title of an incident in the language of the page."""
    return str((t.language == "en" and incident["title_en"]) or incident["title_ko"])


def _calendar(today: date, t: Texts) -> Component:
    names = ("월", "화", "수", "목", "금", "토", "일") if t.language == "ko" else ("M", "T", "W", "T", "F", "S", "S")
    weeks = calendar.Calendar().monthdatescalendar(today.year, today.month)

    def cell(day: date) -> Component:
        if day.month != today.month:
            return html.Td("")
        return html.Td(html.B(day.day) if day == today else day.day, className="is-today" if day == today else "")

    body = [html.Tr([cell(day) for day in week]) for week in weeks]
    return html.Table(
        [html.Caption(f"{today:%Y-%m}"), html.Thead(html.Tr([html.Th(name, scope="col") for name in names])),
         html.Tbody(body)], className="calendar",
    )  # fmt: skip


def _schedule(entries: list[Record], today: date, t: Texts) -> Component:
    rows = [entry["value"] for entry in entries if entry["value"]["day"] == today.isoformat()]
    if not rows:
        return empty(t, "mayor.fill_schedule")
    return html.Ul([html.Li([html.B(row["time"]), " ", row["title"], " ", row["place"]]) for row in
                    sorted(rows, key=lambda row: row["time"])], className="rows")  # fmt: skip


def _news(entries: list[Record], t: Texts) -> Component:
    if not entries:
        return empty(t, "mayor.fill_news")
    return html.Ul([html.Li(link_of(entry["value"])) for entry in entries], className="rows")


def link_of(value: Record) -> Any:
    """Return an entry's title as a link, when it has one."""
    title = f"{value['title']} · {value['source']}" if value["source"] else value["title"]
    return html.A(title, href=value["link"], rel="noopener noreferrer") if value["link"] else title


def days_back(now: datetime, n: int) -> list[date]:
    """Return today and the days before it in Korea, the newest first."""
    today = now.astimezone(KST).date()
    return [today - timedelta(days=k) for k in range(n)]
