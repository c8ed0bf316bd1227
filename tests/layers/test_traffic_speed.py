"""Link speeds of the ITS open API."""

import pytest

from tests.layers.reads import fresh, read, reasons
from twin.report import Report

LAYER = fresh("traffic_speed")
ITEM = {"linkId": "3270012400", "speed": "37.00", "travelTime": "19.0", "createdDate": "20260501090000"}


def answer(*items: object, code: object = 0) -> dict[str, object]:
    return {"header": {"resultCode": code, "resultMsg": "msg"}, "body": {"items": list(items)}}


def test_korean_time_without_a_zone_is_kst() -> None:
    [report] = read(LAYER, answer(ITEM))
    assert isinstance(report, Report)
    assert report.phenomenon_time.isoformat() == "2026-05-01T00:00:00+00:00"
    assert report.results == {"speed": 37.0, "travel_time": 19.0}


def test_numbers_come_as_text_or_as_numbers() -> None:
    assert read(LAYER, answer(ITEM)) == read(LAYER, answer(ITEM | {"speed": 37, "travelTime": 19.0}))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"speed": ""}, "not_a_number"),
        ({"speed": "fast"}, "not_a_number"),
        ({"speed": "1_0"}, "not_a_number"),
        ({"speed": "nan"}, "not_a_number"),
        ({"speed": "-1"}, "out_of_range"),
        ({"speed": None}, "not_a_number"),
        ({"createdDate": "2026050109"}, "bad_time"),
        ({"createdDate": "20261301090000"}, "bad_time"),
        ({"createdDate": None}, "bad_time"),
        ({"linkId": None}, "missing_field"),
    ],
)
def test_bad_items_are_refused_and_the_others_kept(more: dict[str, object], reason: str) -> None:
    assert reasons(LAYER, answer(ITEM | more, ITEM)) == [reason, "ok"]


def test_error_of_the_source_is_named() -> None:
    assert reasons(LAYER, answer(code="22")) == ["source_error"]
    assert reasons(LAYER, {"header": {}}) == ["not_an_object"]
    assert reasons(LAYER, {"body": {}}) == ["missing_field"]
