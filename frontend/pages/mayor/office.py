"""The menus that are filled by hand (organisation, news, schedule, videos, placard), and the archive of reports."""

from datetime import date, datetime
from typing import Any

from dash import html
from fastapi.responses import HTMLResponse

from frontend.components.chart import bars
from frontend.pages.mayor.frame import card, empty, entry_form, framed, remove, source_line, table
from frontend.pages.mayor.home import days_back, link_of
from frontend.text import Texts
from gisdata.facts import read_toml
from twin.clock import KST

Record = dict[str, Any]
REPORT_DAYS = 14
READ = (("title", "text", "required"), ("link", "url", ""), ("source", "text", ""), ("day", "date", ""))
PLANNED = (("title", "text", "required"), ("day", "date", "required"), ("time", "time", ""), ("place", "text", ""))


def organisation(t: Texts, *, is_demo: bool) -> HTMLResponse:
    """Return the fields of work with their budget, and the staff."""
    office = read_toml("office.toml")
    staff = [(t.of(row), f"{row['value']:,}", str(row["year"])) for row in office["staff"]]
    body = [
        card(t("mayor.bureaus"), bars([(t.of(row), row["budget_mkrw"] / 100) for row in office["bureau"]],
                                      t("mayor.bureaus")), html.P(t("mayor.unit_money"), className="faint"), wide=True),
        card(t("mayor.staff"), table((t("mayor.fact"), t("mayor.value"), t("mayor.year")), staff, t("mayor.staff"),
                                     (1, 2))),
        card(t("mayor.chart_of"), empty(t, "mayor.fill_organisation")),
        source_line(t, office["source"]),
    ]  # fmt: skip
    return framed(t, "organisation", t("mayor.organisation"), body, is_demo=is_demo, here="/mayor/organisation")


def reading(t: Texts, kind: str, menu: str, entries: list[Record], *, is_demo: bool) -> HTMLResponse:
    """Return news or videos: links that somebody entered."""
    rows = [
        (link_of(entry["value"]), entry["value"]["day"] or "–", f"{entry['changed_by']} · {entry['changed']:%Y-%m-%d}",
         remove(t, kind, entry["key"]))
        for entry in sorted(entries, key=lambda entry: entry["value"]["day"] or "", reverse=True)
    ]  # fmt: skip
    head = (t("mayor.field_title"), t("mayor.field_day"), t("mayor.entered_by"), "")
    list_of = table(head, rows, t(f"mayor.{menu}")) if rows else empty(t, "mayor.fill_news")
    body = [card(t(f"mayor.{menu}"), list_of, entry_form(t, kind, None, READ), wide=True)]
    return framed(t, menu, t(f"mayor.{menu}"), body, is_demo=is_demo, here=f"/mayor/{menu}")


def schedule(t: Texts, entries: list[Record], today: date, *, is_demo: bool) -> HTMLResponse:
    """Return what is planned and what was."""
    order = sorted(entries, key=lambda entry: (entry["value"]["day"], entry["value"]["time"]))
    ahead = [entry for entry in order if entry["value"]["day"] >= today.isoformat()]
    past = [entry for entry in reversed(order) if entry["value"]["day"] < today.isoformat()]

    def rows(some: list[Record]) -> Any:
        if not some:
            return empty(t, "mayor.fill_schedule")
        cells = [
            (f"{one['value']['day']} {one['value']['time']}", one["value"]["title"], one["value"]["place"],
             remove(t, "schedule", one["key"]))
            for one in some
        ]  # fmt: skip
        return table(
            (t("mayor.field_day"), t("mayor.field_title"), t("mayor.field_place"), ""), cells, t("mayor.schedule")
        )

    body = [
        card(t("mayor.ahead"), rows(ahead), entry_form(t, "schedule", None, PLANNED), wide=True),
        card(t("mayor.past"), rows(past) if past else html.P("–"), wide=True),
    ]
    return framed(t, "schedule", t("mayor.schedule"), body, is_demo=is_demo, here="/mayor/schedule")


def placard(t: Texts, entries: list[Record], *, is_demo: bool) -> HTMLResponse:
    """Return the welcome for visitors, large enough for a screen in the hall."""
    value = entries[0]["value"] if entries else None
    shown = (
        html.Div(
            [html.P(value["title"], className="placard-title"), html.P(value["text"])], className="placard is-hall"
        )
        if value
        else empty(t, "mayor.fill_placard")
    )
    fields = (("title", "text", "required"), ("text", "text", ""))
    body = [card(t("mayor.placard"), shown, entry_form(t, "placard", "main", fields),
                 remove(t, "placard", "main") if value else None, wide=True)]  # fmt: skip
    return framed(t, "placard", t("mayor.placard"), body, is_demo=is_demo, here="/mayor/placard")


def archive(t: Texts, first: datetime, now: datetime, *, is_demo: bool) -> HTMLResponse:
    """Return the daily situation reports since the first event; each is made of the store when it is opened."""
    rows = [
        (f"{day}", html.A("HTML", href=f"/mayor/report/{day}?lang={t.language}"),
         html.A("PDF", href=f"/mayor/report/{day}.pdf?lang={t.language}"))
        for day in days_back(now, REPORT_DAYS)
        if day >= first.astimezone(KST).date()
    ]  # fmt: skip
    body = [
        card(t("mayor.daily"), table((t("mayor.field_day"), "HTML", "PDF"), rows, t("mayor.daily")),
             html.P(t("mayor.daily_how"), className="faint"), wide=True),
    ]  # fmt: skip
    return framed(t, "archive", t("mayor.archive"), body, is_demo=is_demo, here="/mayor/archive")
