"""/desk/review and /desk/inventory: the monthly review of the log, and what personal data the city holds."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from dash import html
from fastapi.responses import HTMLResponse

from frontend.plain import Field, page
from frontend.text import Texts, texts
from twin.clock import KST

Record = dict[str, Any]
STYLES = ("/component/pretendard.css", "/assets/plain.css")
SCRIPTS = ("/assets/review.js",)
COUNTS = ("deeds", "sign_ins", "failed", "views", "downloads", "shares", "refused", "out_of_hours", "places")
FACTS = ("seq", "at", "account", "place", "work", "subject", "reason", "ground", "outcome")


def _at(time: datetime | str | None) -> str:
    time = datetime.fromisoformat(time) if isinstance(time, str) else time
    return "–" if time is None else f"{time.astimezone(KST):%m-%d %H:%M:%S}"


def _table(head: Iterable[str], rows: Iterable[Iterable[Any]], caption: str, empty: str) -> Any:
    """Return a table; numbers stand to the right."""
    rows = [tuple(row) for row in rows]
    lines = [[html.Td(cell, className="number") if isinstance(cell, int) else html.Td(cell) for cell in row]
             for row in rows]  # fmt: skip
    names = list(head)
    if not lines:
        return html.P(empty, className="is-empty")
    return html.Div(
        html.Table(
            [
                html.Thead(html.Tr([html.Th(name, scope="col", className="number" if isinstance(cell, int) else None)
                                    for name, cell in zip(names, rows[0], strict=True)])),
                html.Tbody([html.Tr(line) for line in lines]),
            ]
        ),
        className="table-box log" if len(names) == len(FACTS) else "table-box",
        tabIndex="0", role="region", **{"aria-label": caption},  # type: ignore[arg-type]
    )  # fmt: skip


def _framed(
    t: Texts, here: str, other: str, body: list[Any], query: Mapping[str, str], *, is_demo: bool
) -> HTMLResponse:
    """Return a page with the head that both share."""
    month = f"&month={query['month']}" if "month" in query else ""
    language = "en" if t.language == "ko" else "ko"
    top = html.Header(
        [
            html.H1([t("app.title"), " ", html.Small(t(f"review.{here}"))]),
            html.Span(t("app.synthetic"), className="badge") if is_demo else None,
            html.A(t(f"review.{other}"), href=f"/desk/{'review' if other == 'title' else other}?lang={t.language}"),
            html.A(t("desk.title"), href=f"/desk?lang={t.language}"),
            html.A(t("app.language"), href=f"?lang={language}{month}", hrefLang=language, lang=language),
        ],
        className="top",
    )
    return page(t, f"{t('app.title')} · {t(f'review.{here}')}", [top, html.Main(body, className="page wide")],
                styles=STYLES, scripts=SCRIPTS)  # fmt: skip


def _link(t: Texts, month: str, account: str) -> Any:
    """Return the way to all rows of an account."""
    asked = urlencode({"lang": t.language, "month": month, "account": account})
    return html.A(account, href=f"?{asked}")


def review_page(told: Record, head: Record, query: Mapping[str, str], *, is_demo: bool) -> HTMLResponse:
    """Return the review of a month.

    Parameters
    ----------
    told
        As `twin.log_review.review` returns it.
    head
        Number and hash of the newest row.
    query
        `lang`, `month`, `account` (all rows of this one are shown).
    """
    t, account = texts(query.get("lang")), query.get("account", "")
    accounts = (
        (_link(t, told["month"], one["account"]), *(int(one[name]) for name in COUNTS), _at(one["last"]))
        for one in told["accounts"]
    )  # fmt: skip
    rows = (
        (
            row["seq"], _at(row["at"]), row["account"], row["place"],
            t.get(f"work.{row['work']}", row["work"]), row["subject"], row["reason"],
            t.get(f"ground.{row['ground']}", row["ground"]), t.get(f"review.{row['outcome']}", row["outcome"]),
        )
        for row in told["rows"]
    )  # fmt: skip
    back = f"?lang={t.language}&month={told['month']}"
    signed = [
        html.Li(f"{_at(one['at'])} · {one['account']} · {one['reason']} (#{one['seq']})") for one in told["signed"]
    ]
    month = html.Form(
        [
            html.Label([t("review.month"), " ", Field(type="month", name="month", value=told["month"], required=True)]),
            Field(type="hidden", name="lang", value=t.language),
            html.Button(t("review.show"), type="submit"),
        ],
        method="get", className="map-head",
    )  # fmt: skip
    sign = html.Form(
        [
            html.Label([t("review.note"), Field(name="note", required=True, maxlength="300")]),
            html.Button(t("review.sign"), type="submit"),
            html.P("", className="said", role="status"),
        ],
        id="sign", className="entry", **{"data-month": told["month"], "data-lost": t("review.lost")},
    )  # fmt: skip
    export = html.Form(
        [
            html.Label([t("review.export_reason"), Field(name="reason", required=True, maxlength="300")]),
            html.Button(t("review.export"), type="submit"),
        ],
        action="/api/log/export.jsonl", method="get", className="entry",
    )  # fmt: skip
    names = [t("review.account"), *(t(f"review.{name}") for name in COUNTS), t("review.last")]
    body = [
        html.Section([month, html.P(t("review.hours_note"), className="faint"),
                      html.H2(t("review.accounts")),
                      _table(names, accounts, t("review.accounts"), t("review.none"))], className="card"),
        html.Section([html.H2(t("review.signed")),
                      html.Ul(signed) if signed else html.P(t("review.not_signed"), className="is-empty"), sign],
                     className="card"),
        html.Section([html.H2(f"{t('review.rows_of')} {account}" if account else t("review.rows")),
                      html.P(html.A(t("review.rows"), href=back))
                      if account else None,
                      _table([t(f"review.{name}") for name in FACTS], rows, t("review.rows"), t("review.none"))],
                     className="card"),
        html.Section([html.H2(t("review.head")), html.P([f"#{head['seq']} ", html.Code(head["hash"])]),
                      html.P(t("review.head_note"), className="faint"), html.P(t("review.kept"), className="faint"),
                      export], className="card"),
    ]  # fmt: skip
    return _framed(t, "title", "inventory", body, query, is_demo=is_demo)


def inventory_page(told: Record, query: Mapping[str, str], *, is_demo: bool) -> HTMLResponse:
    """Return the data inventory.

    Parameters
    ----------
    told
        As `twin.inventory.inventory` returns it.
    """
    t = texts(query.get("lang"))
    layers = (
        (
            t.of(one["title"]), t(f"review.{one['access']}"), ", ".join(t.of(name) for name in one["fields"]),
            f"{one['kept_days']} {t('review.days')}", t.of(one["ground"]), one["source"], one["licence"],
        )
        for one in told["layers"]
    )  # fmt: skip
    tables = (
        (one["table"], ", ".join(one["columns"]), t.of(one["what"]), t.of(one["kept"]), t.of(one["ground"]))
        for one in told["tables"]
    )
    heads = ("layer", "access", "fields", "kept_for", "ground", "source", "licence")
    body = [
        html.P(t("review.confirm"), className="is-empty"),
        html.Section([html.H2(t("review.tables")),
                      _table([t(f"review.{name}") for name in ("table", "fields", "what", "kept_for", "ground")],
                             tables, t("review.tables"), t("review.none"))], className="card"),
        html.Section([html.H2(t("review.layers")),
                      _table([t(f"review.{name}") for name in heads], layers, t("review.layers"), t("review.none"))],
                     className="card"),
    ]  # fmt: skip
    return _framed(t, "inventory", "title", body, query, is_demo=is_demo)
