"""A report as PDF: titles, tables and pictures in Korean and Latin letters."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Image, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

Part = tuple[str, tuple[str, ...], Sequence[tuple[str, ...]]]
"""Title, head and rows of a part of a report."""
FONT = "HYGothic-Medium"
"""A Korean font that every reader of PDF brings along; nothing is embedded."""
WIDE = A4[0] - 36 * mm


@dataclass(frozen=True)
class Report:
    """What a report says.

    Parameters
    ----------
    lines
        Plain lines below the title.
    nothing
        What stands for a part without rows.
    word, colour
        The mode of a report on what is not live, and its colour: a frame on every page.
    picture
        PNG below the lines.
    """

    title: str
    lines: Sequence[str]
    parts: Sequence[Part]
    nothing: str = "–"
    word: str = ""
    colour: str = "#cc79a7"
    picture: bytes | None = None
    size: tuple[int, int] = field(default=(1, 1))


def as_pdf(report: Report) -> bytes:
    """Return a report as PDF."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    plain = ParagraphStyle("plain", fontName=FONT, fontSize=9, leading=13, wordWrap="CJK")
    heading = ParagraphStyle("heading", parent=plain, fontSize=12, leading=18, spaceBefore=8)
    top = ParagraphStyle("top", parent=plain, fontSize=17, leading=24)
    grid = TableStyle([
        ("FONTNAME", (0, 0), (-1, -1), FONT), ("FONTSIZE", (0, 0), (-1, -1), 9), ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, colors.HexColor("#98a3ac")),
        ("TEXTCOLOR", (0, 0), (-1, 0), colors.HexColor("#47535d")),
    ])  # fmt: skip
    body: list[Flowable] = [Paragraph(_inert(report.title), top)]
    body += [Paragraph(_inert(line), plain) for line in report.lines]
    if report.picture is not None:
        width, height = report.size
        body += [Spacer(1, 3 * mm), Image(BytesIO(report.picture), WIDE, WIDE * height / width)]
    for title, head, rows in report.parts:
        body.append(Paragraph(_inert(title), heading))
        if rows:
            cells = [[Paragraph(_inert(cell), plain) for cell in row] for row in (head, *rows)]
            body.append(Table(cells, style=grid, repeatRows=1))
        else:
            body.append(Paragraph(_inert(report.nothing), plain))
        body.append(Spacer(1, 3 * mm))

    def frame(canvas: Canvas, _document: SimpleDocTemplate) -> None:
        if not report.word:
            return
        canvas.setStrokeColor(colors.HexColor(report.colour))
        canvas.setLineWidth(4)
        canvas.rect(6, 6, A4[0] - 12, A4[1] - 12)
        canvas.setFont(FONT, 11)
        canvas.setFillColor(colors.HexColor(report.colour))
        canvas.drawCentredString(A4[0] / 2, A4[1] - 24, report.word)

    out = BytesIO()
    SimpleDocTemplate(out, pagesize=A4, title=report.title, leftMargin=18 * mm, rightMargin=18 * mm,
                      topMargin=16 * mm, bottomMargin=16 * mm).build(body, frame, frame)  # fmt: skip
    return out.getvalue()


def _inert(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
