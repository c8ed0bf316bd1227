"""The daily situation report: one day of the city from the store, as a page to print and as PDF."""

from datetime import date
from typing import Any

from dash import html
from fastapi.responses import HTMLResponse

from frontend.pages.mayor.city import rule_title
from frontend.pages.mayor.frame import card, framed, table
from frontend.pages.mayor.home import title_of
from frontend.pdf import Part, Report, as_pdf
from frontend.text import Texts
from twin.clock import KST
from twin.layer import Layer

Record = dict[str, Any]


def sections(t: Texts, facts: Record, layers: dict[str, Layer]) -> list[Part]:
    """Return title, head and rows of each part of the report, as text.

    Parameters
    ----------
    facts
        `figures` at the end of the day, `raised`, `opened`, `closed` of the day, `complaints` by category, `head`
        of the log.
    """

    def clock(time: Any) -> str:
        return f"{time.astimezone(KST):%H:%M}"

    incidents = [(t("mayor.opened"), title_of(one, t), t(f"severity.{one['severity']}"), clock(one["opened"]))
                 for one in facts["opened"]]  # fmt: skip
    incidents += [(t("mayor.closed"), title_of(one, t), t(f"severity.{one['severity']}"), clock(one["closed"]))
                  for one in facts["closed"]]  # fmt: skip
    alarms = [(t(f"severity.{row['severity']}"), rule_title(layers, row, t), f"{row['n']:,}", clock(row["first"]),
               clock(row["last"]))
              for row in facts["raised"]]  # fmt: skip
    figures = [(t.of(one["title"]), f"{one['text']} {one['unit']}", f"{one['n']:,}", f"{one['old']:,}")
               for one in facts["figures"]]  # fmt: skip
    complaints = [(t.get(f"complaint.{row['what']}", row["what"]), f"{row['n']:,}") for row in facts["complaints"]]
    return [
        (t("mayor.incidents"), (t("mayor.state"), t("mayor.fact"), t("table.severity"), t("mayor.clock")), incidents),
        (t("alarm.title"), (t("table.severity"), t("alarm.title"), t("mayor.count"), t("mayor.first"), t("mayor.last")),
         alarms),
        (t("mayor.figures_at_end"), (t("mayor.fact"), t("mayor.value"), t("mayor.sources"), t("mayor.too_old")),
         figures),
        (t("complaint.title"), (t("complaint.category"), t("mayor.count")), complaints),
        (t("review.head"), (t("review.seq"), t("review.hash")), [(f"{facts['head']['seq']:,}", facts["head"]["hash"])]),
    ]  # fmt: skip


def report_page(t: Texts, day: date, facts: Record, layers: dict[str, Layer], *, is_demo: bool) -> HTMLResponse:
    """Return the report as a page."""
    body: list[Any] = [html.P(facts["line"], className="faint"),
                       html.P(html.A("PDF", href=f"/mayor/report/{day}.pdf?lang={t.language}"))]  # fmt: skip
    for title, head, rows in sections(t, facts, layers):
        body.append(card(title, table(head, rows, title) if rows else html.P(t("mayor.nothing")), wide=True))
    return framed(t, "archive", f"{t('mayor.daily')} {day}", body, is_demo=is_demo, here=f"/mayor/report/{day}")


def report_pdf(t: Texts, day: date, facts: Record, layers: dict[str, Layer], *, is_demo: bool) -> bytes:
    """Return the report as PDF."""
    badge = f" · {t('app.synthetic')}" if is_demo else ""
    title = f"{t('app.title')} · {t('mayor.daily')} {day}{badge}"
    return as_pdf(Report(title, (facts["line"],), sections(t, facts, layers), t("mayor.nothing")))
