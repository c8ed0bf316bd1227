"""Indicators of the districts from a spreadsheet: one row a district and indicator, checked before anything is kept."""

from io import BytesIO
from math import isfinite
from typing import Any
from zipfile import BadZipFile

from openpyxl import Workbook, load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from twin.errors import BadInput

Record = dict[str, Any]
HEAD = ("행정동", "지표", "값", "단위", "합산", "기준일")
"""Columns: district, indicator, value, unit, how the city's number follows (합계: sum, 평균: mean), as of."""
SUMS = {"합계": "sum", "평균": "mean"}
ROWS, TOLD = 5_000, 10
"""Most rows of a sheet; most mistakes that are told at once."""


def template(units: list[Record]) -> bytes:
    """Return a sheet with a row for each district, to be filled in."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEAD)
    for unit in units:
        sheet.append((unit["name_ko"], "", None, "", "합계", ""))
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def read_indicators(body: bytes, units: list[Record]) -> dict[str, Record]:
    """Return entries by `indicator|unit id`.

    Raises
    ------
    BadInput
        It is no spreadsheet, or rows are wrong: which, what they hold and what was expected.
    """
    try:
        sheet = load_workbook(BytesIO(body), read_only=True, data_only=True).active
    except (BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        raise BadInput(f"the file is no .xlsx spreadsheet: {type(error).__name__}") from error
    rows = list(sheet.iter_rows(values_only=True, max_row=ROWS + 1)) if sheet is not None else []
    if not rows or tuple(rows[0][: len(HEAD)]) != HEAD:
        raise BadInput(f"the first row must be {', '.join(HEAD)}; it is {rows[0] if rows else 'missing'}")
    known = {unit["name_ko"]: unit["id"] for unit in units}
    found: dict[str, Record] = {}
    wrong: list[str] = []
    for number, row in enumerate(rows[1:], start=2):
        cells = (*row, *([None] * len(HEAD)))[: len(HEAD)]
        if all(cell in (None, "") for cell in cells[1:4]):
            continue
        try:
            key, value = _row(cells, known)
            if key in found:
                raise BadInput(f"{cells[0]} has {cells[1]} twice")
            found[key] = value
        except BadInput as error:
            wrong.append(f"{number}행: {error}")
    if wrong:
        more = f" (외 {len(wrong) - TOLD}행)" if len(wrong) > TOLD else ""
        raise BadInput("; ".join(wrong[:TOLD]) + more)
    if not found:
        raise BadInput("no row holds a value")
    return found


def _row(cells: tuple[Any, ...], known: dict[str, int]) -> tuple[str, Record]:
    district, indicator, value, unit, how, as_of = cells
    if district not in known:
        raise BadInput(f"행정동 {district!r} is none of the {len(known)} districts")
    name = str(indicator or "").strip()
    if not name or len(name) > 80 or "|" in name:
        raise BadInput(f"지표 {name[:40]!r} needs 1 to 80 characters without |")
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise BadInput(f"값 {value!r} is not a number")
    if how not in SUMS:
        raise BadInput(f"합산 {how!r} is none of {', '.join(SUMS)}")
    told = {"indicator": name, "unit_id": known[district], "value": float(value), "sign": str(unit or "")[:20],
            "statistic": SUMS[how], "as_of": str(as_of or "")[:20]}  # fmt: skip
    return f"{name}|{known[district]}", told
