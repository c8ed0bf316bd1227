"""The register of what was passed on as CSV and PDF, with the columns of decree art. 15."""

import csv
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table, TableStyle

from backend.pack import Word, embedded, inert, local
from twin.share_register import ACT_KO

Record = dict[str, Any]
TYPES = {"csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}
TITLE = "개인정보의 목적 외 이용 및 제3자 제공 대장 · Register of data passed on"
HEADS = (
    "일시 At", "구분 Act", "사건 Incident", "개인정보 파일 File", "제공받는 기관 Body", "목적 Purpose",
    "법적 근거 Ground",
    "항목 Items", "날짜·기간 Period", "형태 Method", "제한·조치 Limits", "공유 Share",
)  # fmt: skip
WIDTHS = (56, 62, 46, 64, 60, 64, 70, 100, 78, 62, 90, 40)


def _cells(row: Record, word: Word) -> list[str]:
    items = row["items"]
    if row["act"] == "ended":  # why, and by whom
        why, comma, by = items.partition(",")
        items = word(f"share.state_{why}") + comma + by
    return [
        local(row["at"]), f"{ACT_KO[row['act']]} {row['act']}", f"#{row['incident']}", row["file_name"], row["body"],
        row["purpose"], word(f"ground.{row['ground']}"), items, row["period"], row["method"], row["limits"],
        str(row["share_id"]),
    ]  # fmt: skip


def as_csv(rows: list[Record], word: Word) -> bytes:
    """Return the register as CSV that spreadsheets open with Korean."""
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADS)
    writer.writerows([*map(inert, _cells(row, word))] for row in rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def as_pdf(rows: list[Record], word: Word, font: Path) -> bytes:
    """Return the register as PDF/A4, across.

    Parameters
    ----------
    word, font
        As for `backend.pack.as_pdf`.
    """
    name = embedded(font)
    text = ParagraphStyle("text", fontName=name, fontSize=6.5, leading=8.5, wordWrap="CJK")
    title = ParagraphStyle("title", parent=text, fontSize=13, leading=20)
    cells = [[Paragraph(escape(cell), text) for cell in line] for line in (HEADS, *(_cells(row, word) for row in rows))]
    style = [("GRID", (0, 0), (-1, -1), 0.4, colors.grey), ("VALIGN", (0, 0), (-1, -1), "TOP"),
             ("LEFTPADDING", (0, 0), (-1, -1), 2), ("RIGHTPADDING", (0, 0), (-1, -1), 2)]  # fmt: skip
    out = BytesIO()
    SimpleDocTemplate(out, pagesize=landscape(A4), title=TITLE, leftMargin=24, rightMargin=24).build(
        [Paragraph(TITLE, title), Table(cells, WIDTHS, repeatRows=1, style=TableStyle(style))]
    )
    return out.getvalue()
