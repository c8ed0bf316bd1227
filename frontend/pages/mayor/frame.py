"""What all pages of the mayor's office have: the head, the twelve menus, the state of emptiness, the forms."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component
from fastapi.responses import HTMLResponse

from frontend.components.time_bar import mode_word
from frontend.plain import Field, page
from frontend.text import Texts
from frontend.value import aria

Record = dict[str, Any]
MENUS = (
    "home", "map", "indicators", "manifesto", "organisation", "news", "schedule", "archive", "videos", "weather",
    "incidents", "placard",
)  # fmt: skip
STYLES = ("/component/pretendard.css", "/assets/plain.css", "/assets/clock.css", "/assets/mayor.css")
SCRIPTS = ("/assets/clock.js", "/assets/plain.js", "/assets/mayor.js")


def path_of(menu: str) -> str:
    """Return where a menu is."""
    return "/mayor" if menu == "home" else f"/mayor/{menu}"


def framed(
    t: Texts, menu: str, title: str, body: Sequence[Any], *, is_demo: bool, here: str, styles: Iterable[str] = (),
    scripts: Iterable[str] = (), classes: str = "",
) -> HTMLResponse:  # fmt: skip
    """Return a page of the office.

    Parameters
    ----------
    menu
        The menu it belongs to.
    here
        Its own path, for the other language.
    """
    other = "en" if t.language == "ko" else "ko"
    glue = "&" if "?" in here else "?"
    current: dict[str, Any] = {"aria-current": "page"}
    links = [
        html.Li(
            html.A(t(f"mayor.{name}"), href=f"{path_of(name)}?lang={t.language}", **(current if name == menu else {}))
        )
        for name in MENUS
    ]
    words: dict[str, Any] = {
        "data-words": json.dumps(
            {key: t(key) for key in sorted(t.keys) if key.startswith("mayor.")}, ensure_ascii=False
        )
    }
    content = [
        html.A(t("public.skip"), href="#main", className="skip"),
        mode_word(),
        html.Header(
            [
                html.H1([t("app.title"), " ", html.Small(t("mayor.title"))]),
                html.Span(t("app.synthetic"), className="badge") if is_demo else None,
                html.Span(id="clock", className="clock"),
                html.Button(t("public.large"), className="toggle-large", type="button", **pressed()),
                html.A(t("app.language"), href=f"{here}{glue}lang={other}", hrefLang=other, lang=other),
                html.A(t("app.console"), href=f"/console?lang={t.language}"),
            ],
            className="top",
        ),
        html.Nav(html.Ul(links), className="menus", **aria(t("mayor.menus"))),
        html.Main(
            [html.H2(title, className="page-title"), html.P(t("public.lost"), className="lost", role="status"), *body],
            id="main", className="page", **words,
        ),
    ]  # fmt: skip
    return page(
        t, f"{title} · {t('mayor.title')}", content, styles=(*STYLES, *styles), scripts=(*scripts, *SCRIPTS),
        classes=f"mayor {classes}",
    )  # fmt: skip


def pressed() -> dict[str, Any]:
    """Return the state of a switch that is off."""
    return {"aria-pressed": "false"}


def card(title: str, *parts: Any, id: str | None = None, wide: bool = False) -> Component:
    """Return a card with a heading."""
    more: dict[str, Any] = {"id": id} if id else {}
    return html.Section([html.H3(title), *parts], className=f"card {'is-wide' if wide else ''}", **more)


def empty(t: Texts, how: str) -> Component:
    """Return what stands where nothing is known: that it is empty, and how it is filled."""
    return html.P([html.B(t("mayor.empty")), " ", t(how)], className="is-empty")


def source_line(t: Texts, source: Mapping[str, str]) -> Component:
    """Return where facts come from."""
    return html.P([t("mayor.source"), ": ", t.of(source)], className="faint")


def entry_form(t: Texts, kind: str, key: str | None, fields: Sequence[tuple[str, str, str]]) -> Component:
    """Return a form that enters one thing of a kind; the page's script sends it.

    Parameters
    ----------
    key
        Key of the entry; None makes a new one each time.
    fields
        Name, type and whether it is `required` of each input.
    """
    facts: dict[str, Any] = {"data-entry": kind} | ({"data-key": key} if key else {})
    rows = [
        html.Label([t(f"mayor.field_{name}"), " ", Field(name=name, type=type_, required=needed == "required")])
        for name, type_, needed in fields
    ]
    return html.Details(
        [
            html.Summary(t("mayor.enter")),
            html.Form([*rows, html.Button(t("mayor.save"), type="submit"), html.P(role="status", className="said")],
                      className="entry", **facts),
        ]
    )  # fmt: skip


def remove(t: Texts, kind: str, key: str) -> Component:
    """Return the button that takes an entry away."""
    facts: dict[str, Any] = {"data-remove": kind, "data-key": key}
    return html.Button(t("mayor.remove"), type="button", className="remove", **facts)


def table(head: Sequence[str], rows: Iterable[Sequence[Any]], label: str, numbers: Sequence[int] = ()) -> Component:
    """Return a table in a box that scrolls; the first cell of a row names it."""

    def cell(n: int, value: Any) -> Component:
        kind = "number" if n in numbers else ""
        return html.Th(value, scope="row") if n == 0 else html.Td(value, className=kind)

    columns = [html.Th(name, scope="col", className="number" if n in numbers else "") for n, name in enumerate(head)]
    body = [html.Tr([cell(n, value) for n, value in enumerate(row)]) for row in rows]
    return html.Div(
        html.Table([html.Thead(html.Tr(columns)), html.Tbody(body)]),
        className="table-box", tabIndex=0, role="region", **aria(label),
    )  # fmt: skip


def district_links(units: list[Record], t: Texts) -> Component:
    """Return the districts as links to their pages."""
    return html.Ul(
        [html.Li(html.A(t.name(one), href=f"/mayor/district/{one['id']}?lang={t.language}")) for one in units],
        className="chips",
    )
