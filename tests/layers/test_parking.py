"""Car parks: counts, shares and bays."""

import pytest

from tests.layers.reads import fresh, read, reasons
from twin.report import Report

LAYER = fresh("parking")
LOT = {"id": "LOT-00001", "time": "2026-05-01T09:00:00+09:00"}


def results(row: dict[str, object]) -> dict[str, object]:
    [report] = read(LAYER, LOT | row)
    assert isinstance(report, Report), report
    return dict(report.results)


def test_occupancy_follows_from_the_free_spaces() -> None:
    assert results({"spaces_free": 30, "spaces_total": 120})["occupancy"] == 0.75


def test_free_spaces_follow_from_the_occupancy() -> None:
    assert results({"spaces_total": 80, "occupancy": 0.95})["spaces_free"] == 4


def test_bays_are_counted_and_the_free_ones_named() -> None:
    bays = [{"bay": 3, "occupied": False}, {"bay": 1, "occupied": True}, {"bay": 2, "occupied": False}]
    [report] = read(LAYER, LOT | {"bays": bays})
    assert isinstance(report, Report)
    assert report.results == {"spaces_free": 2, "spaces_total": 3, "occupancy": pytest.approx(1 / 3)}
    assert report.attributes == {"free_bays": [2, 3]}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"spaces_free": 5}, "missing_field"),
        ({"spaces_total": 5}, "missing_field"),
        ({"spaces_free": 6, "spaces_total": 5}, "out_of_range"),
        ({"spaces_free": -1, "spaces_total": 5}, "out_of_range"),
        ({"spaces_free": 0, "spaces_total": 0}, "out_of_range"),
        ({"spaces_total": 5, "occupancy": 1.2}, "out_of_range"),
        ({"spaces_total": 5, "occupancy": float("nan")}, "missing_field"),
        ({"bays": []}, "bad_bays"),
        ({"bays": [{"bay": 1, "occupied": 1}]}, "bad_bays"),
        ({"bays": [{"bay": 1, "occupied": True}, {"bay": 1, "occupied": False}]}, "bad_bays"),
        ({"bays": [4]}, "not_an_object"),
    ],
)
def test_impossible_car_parks_are_refused(row: dict[str, object], reason: str) -> None:
    assert reasons(LAYER, LOT | row) == [reason]
