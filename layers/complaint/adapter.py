"""Rows of a complaint office: `{id, time, district, category, text, received_today}`.

People write names and numbers into complaints. Of a text nothing is kept but words of the two lists below, so that no
personal data can come in with it. An urgent word makes the complaint an urgent event.
"""

from collections.abc import Iterator
from datetime import datetime

from layers.reading import key_of, number_of, object_of, read_json, rows_of, shown, time_of
from twin.errors import BadMessage
from twin.report import Happening, Report

CATEGORIES = (
    "illegal_parking", "disabled_bay", "road_repair", "illegal_ads", "security_lamp", "street_lamp", "quarantine",
    "carcass_removal", "other",
)  # fmt: skip
URGENT = ("싱크홀", "화재", "불이", "침수", "코로나", "붕괴", "가스", "폭발", "감전")
WORDS = (
    *URGENT, "주차", "단속", "장애인", "도로", "포트홀", "파손", "보수", "가로등", "보안등", "고장", "현수막", "광고물",
    "방역", "모기", "사체", "소음", "악취", "쓰레기", "버스", "신호등", "횡단보도", "하수구", "공원", "학교",
)  # fmt: skip
"""Words that may be kept and counted."""


def adapt(payload: bytes, received: datetime) -> Iterator[Report | Happening | BadMessage]:
    """Yield a report for each row that tells a count, and an event for each complaint."""
    for index, value in enumerate(rows_of(read_json(payload))):
        try:
            yield from _row(value, f"row {index}")
        except BadMessage as error:
            yield error


def _row(value: object, where: str) -> Iterator[Report | Happening]:
    row = object_of(value, where)
    district, time = key_of(row, "district", where), time_of(row, "time", where)
    where = f"{where} ({district})"
    count = number_of(row, "received_today", where)
    if count is not None:
        yield Report(district, time, {"received_today": count})
    if "id" not in row:
        return
    category = row.get("category")
    if category not in CATEGORIES:
        known = ", ".join(CATEGORIES)
        raise BadMessage("unknown_value", f"{where}: category = {shown(category)} is none of {known}")
    text = str(row.get("text", ""))
    words = [word for word in WORDS if word in text]
    urgent = [word for word in words if word in URGENT]
    kind = "urgent_complaint" if urgent else "complaint"
    detail = {"category": category, "words": words} | ({"urgent": urgent} if urgent else {})
    yield Happening(district, time, kind, key_of(row, "id", where), detail)
