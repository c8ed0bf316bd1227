"""The after-action pack of an incident: what happened when, and who did what. HTML, PDF, CSV."""

import csv
from collections.abc import Callable, Iterator
from datetime import datetime
from html import escape
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from twin.clock import KST
from twin.moment import LIVE

Record = dict[str, Any]
WATERMARK = "훈련 · EXERCISE"
SYNTHETIC = "합성 데이터 · SYNTHETIC"
HEADS = {
    "ledger": ("구분 Mark", "시각 Time (KST)", "첫 징후 후 After first sign (s)"),
    "alarms": ("발생 Onset (KST)", "시설 Asset", "경보 Alarm", "수준 Severity", "억제 원인 Silenced by"),
    "tasks": ("할 일 Task", "기한 Due (KST)", "상태 State", "마침 Ended (KST)", "사람 By", "비고 Note"),
    "notices": ("순서 No", "역할 Role", "받는 곳 Recipient", "수단 Channel", "상태 State", "보냄 Sent (KST)"),
    "shares": ("기관 Agency", "목적 Purpose", "법적 근거 Ground", "제공 Granted (KST)", "열람 Opened", "상태 State"),
    "timeline": ("시각 Time (KST)", "종류 Kind", "사람 By", "내용 Detail"),
}
WIDTHS = {"timeline": (80, 95, 70, 206)}
"""Columns on paper that are not all alike [pt]."""
TITLES = {"shares": "share.shares"}
Word = Callable[[str], str]
"""Says a key such as `entry.note` in both languages; what has no text stays as it is."""


def local(time: datetime | None) -> str:
    """Return a time as it is written (KST); empty when there is none."""
    return "" if time is None else f"{time.astimezone(KST):%Y-%m-%d %H:%M:%S}"


def tables(told: Record, word: Word) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield name and rows of each table of a pack.

    Parameters
    ----------
    told
        An incident as `Incidents.get` returns it, with its `notices` and `shares`.
    """
    yield (
        "ledger",
        [
            [word(f"mark.{row['mark']}"), local(row["at"]), "" if row["after_s"] is None else f"{row['after_s']:.0f}"]
            for row in told["ledger"]
        ],
    )
    alarms = {row["id"]: row for row in told["alarm_list"]}
    titles = {row["rule"]: row["title"]["ko"] for row in alarms.values()}

    def cause(name: str) -> str:
        return titles.get(name) or word(f"cause.{name}")

    yield "alarms", [
        [
            local(row["onset"]), row["name_ko"] or row["layer"], f"{row['title']['ko']} {row['title']['en']}",
            word(f"severity.{row['severity']}"), cause(row["silenced_by"]) if row["silenced_by"] else "",
        ]
        for row in alarms.values()
    ]  # fmt: skip
    yield "tasks", [
        [row["title_ko"], local(row["due"]), word(f"desk.{'not_done' if row['state'] == 'open' else row['state']}"),
         local(row["ended"]), row["ended_by"] or "", row["note"]]
        for row in told["tasks"]
    ]  # fmt: skip
    yield "notices", [
        [str(row["position"]), word(f"role.{row['role']}"), "" if row["name"] == row["role"] else row["name"],
         row["channel"] or "–", word(f"desk.{row['state']}"), local(row["sent"])]
        for row in told["notices"]
    ]  # fmt: skip
    yield "shares", [
        [row["agency"], row["purpose"], word(f"ground.{row['ground']}"), local(row["granted"]), str(row["opened"]),
         word(f"share.state_{row['state']}")]
        for row in reversed(told["shares"])
    ]  # fmt: skip
    yield "timeline", [
        [local(row["at"]), word(f"entry.{row['kind']}"), word(f"by.{row['by']}"),
         _said(row, alarms.get(row["detail"].get("alarm")), word, cause)]
        for row in told["timeline"]
    ]  # fmt: skip


def _said(row: Record, alarm: Record | None, word: Word, cause: Word) -> str:
    """Return what a line of the timeline says, in words."""
    detail = row["detail"]
    text = detail.get("text")
    parts = [
        text.get("ko") if isinstance(text, dict) else text,
        alarm and alarm["name_ko"], alarm["title"]["ko"] if alarm else detail.get("rule"),
        word(f"desk.{detail['state']}") if row["kind"] == "task" else "",
        detail.get("title"), detail.get("title_ko"), detail.get("reason"), detail.get("note"), detail.get("who"),
        word(f"role.{detail['role']}") if detail.get("role") else "", detail.get("name"), detail.get("purpose"),
        cause(detail["cause"]) if detail.get("cause") else "", detail.get("error"), detail.get("identifier"),
        detail.get("approved_by"), ", ".join(detail["cameras"]) if isinstance(detail.get("cameras"), list) else "",
        detail.get("kind"),
    ]  # fmt: skip
    return " · ".join(str(part) for part in parts if part)


def facts(told: Record, word: Word) -> list[list[str]]:
    """Return what the head of a pack says."""
    place = "" if told["lon"] is None else f"{told['unit_ko'] or ''} {told['lat']:.5f}, {told['lon']:.5f}"
    return [
        ["사건 Incident", f"#{told['id']} {told['title_ko']} / {told['title_en']}"],
        ["구분 Branch", WATERMARK if told["branch"] != LIVE else "실제 · Actual"],
        *([["자료 Data", SYNTHETIC]] if told["is_demo"] else []),
        ["수준 Severity", word(f"severity.{told['severity']}")],
        ["상태 State", word(f"desk.{told['state']}") + (f" ({told['reason']})" if told["reason"] else "")],
        ["위치 Place", place],
        ["시작 Opened (KST)", local(told["opened"])],
        ["종료 Closed (KST)", local(told["closed"])],
        ["만듦 Made (KST)", f"{local(told['made'])} · {told['made_by']}"],
    ]


def as_csv(told: Record, word: Word) -> bytes:
    """Return the pack as one CSV: the first column names the table."""
    out = StringIO()
    writer = csv.writer(out)
    writer.writerows(["incident", *row] for row in facts(told, word))
    for name, rows in tables(told, word):
        writer.writerow([name, *HEADS[name]])
        writer.writerows([name, *map(inert, row)] for row in rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def inert(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def as_html(told: Record, word: Word) -> bytes:
    """Return the pack as one page without scripts."""
    mark = f"<p class=mark>{WATERMARK}</p>" if told["branch"] != LIVE else ""
    parts = [mark, f"<h1>{escape(told['title_ko'])}</h1>", _html_table((), facts(told, word))]
    for name, rows in tables(told, word):
        parts += [f"<h2>{escape(word(TITLES.get(name, f'desk.{name}')))}</h2>", _html_table(HEADS[name], rows)]
    style = (
        "body{font:14px/1.5 Pretendard,'Noto Sans KR',sans-serif;margin:2em;max-width:70em}"
        "table{border-collapse:collapse;width:100%}td,th{border:1px solid #999;padding:4px 8px;text-align:left}"
        ".mark{position:fixed;top:40%;left:0;right:0;text-align:center;font-size:90px;color:#0002;"
        "transform:rotate(-20deg)}"
    )
    page = f"<!DOCTYPE html><html lang=ko><meta charset=utf-8><title>#{told['id']}</title><style>{style}</style>"
    return (page + "".join(parts)).encode()


def _html_table(head: tuple[str, ...], rows: list[list[str]]) -> str:
    heads = f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>" if head else ""
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{heads}{body}</table>" if rows else "<p>–</p>"


def as_pdf(told: Record, word: Word, font: Path) -> bytes:
    """Return the pack as PDF/A4.

    Parameters
    ----------
    font
        A TrueType font with Hangul to be embedded; where there is none the reader's own Korean font is named.
    """
    name = embedded(font)
    text = ParagraphStyle("text", fontName=name, fontSize=8, leading=11, wordWrap="CJK")
    title = ParagraphStyle("title", parent=text, fontSize=15, leading=20, spaceAfter=6)
    part = ParagraphStyle("part", parent=text, fontSize=11, leading=15, spaceBefore=10, spaceAfter=3)

    def table(head: tuple[str, ...], rows: list[list[str]], widths: tuple[int, ...] | None = None) -> Flowable:
        cells = [[Paragraph(escape(cell), text) for cell in row] for row in ([list(head)] if head else []) + rows]
        if not cells:
            return Paragraph("–", text)
        style = [("GRID", (0, 0), (-1, -1), 0.4, colors.grey), ("VALIGN", (0, 0), (-1, -1), "TOP")]
        return Table(cells, widths, repeatRows=1 if head else 0, style=TableStyle(style))

    story: list[Flowable] = [Paragraph(escape(told["title_ko"]), title), table((), facts(told, word)), Spacer(1, 6)]
    for key, rows in tables(told, word):
        story += [
            Paragraph(escape(word(TITLES.get(key, f"desk.{key}"))), part),
            table(HEADS[key], rows, WIDTHS.get(key)),
        ]

    def watermark(canvas: Any, _document: Any) -> None:
        if told["branch"] == LIVE:
            return
        canvas.saveState()
        canvas.setFont(name, 60)
        canvas.setFillGray(0.85)
        canvas.translate(300, 420)
        canvas.rotate(35)
        canvas.drawCentredString(0, 0, WATERMARK)
        canvas.restoreState()

    out = BytesIO()
    SimpleDocTemplate(out, pagesize=A4, title=f"#{told['id']} {told['title_ko']}").build(
        story, onFirstPage=watermark, onLaterPages=watermark
    )
    return out.getvalue()


def embedded(path: Path) -> str:
    """Return the name of a font that documents may use: the file's, else one that readers bring along."""
    try:
        pdfmetrics.registerFont(TTFont("Pretendard", str(path)))
    except (TTFError, OSError):
        pdfmetrics.registerFont(UnicodeCIDFont("HYGothic-Medium"))
        return "HYGothic-Medium"
    return "Pretendard"
