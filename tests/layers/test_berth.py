"""Calls at the berths."""

from datetime import datetime

import pytest

from tests.layers.reads import fresh, read, reasons
from twin.report import Happening, Report

LAYER = fresh("berth")
CALL = {"berth": "B-51", "time": "2026-05-01T09:00:00+09:00", "state": "occupied", "call": "2026-0417"}
SHIP = {"name": "GUNSAN STAR", "imo": 9074729, "mmsi": "442000001"}


def test_times_of_the_call_are_properties_and_the_vessel_attributes() -> None:
    [report] = read(LAYER, {"calls": [CALL | {"vessel": SHIP, "atb": "2026-05-01T07:12:00+09:00"}]})
    assert isinstance(report, Report)
    assert report.results["atb"] == datetime.fromisoformat("2026-05-01T07:12:00+09:00")
    assert (report.attributes["vessel_name"], report.attributes["imo_number"]) == ("GUNSAN STAR", 9074729)


def test_vacant_berth_forgets_its_vessel() -> None:
    [report] = read(LAYER, CALL | {"state": "vacant", "vessel": SHIP})
    assert isinstance(report, Report)
    assert set(report.attributes) == {"vessel_name", "imo_number", "mmsi", "callsign"}
    assert set(report.attributes.values()) == {None}


def test_change_of_berth_is_told_once_however_often_it_is_sent() -> None:
    calls = [CALL | {"previous_berth": "B-52", "time": f"2026-05-01T09:0{i}:00+09:00"} for i in range(3)]
    events = [entry for entry in read(LAYER, {"calls": calls}) if isinstance(entry, Happening)]
    assert {event.kind for event in events} == {"berth_changed"}
    assert len({event.key for event in events}) == 1
    assert (events[0].detail["from"], events[0].detail["to"]) == ("B-52", "B-51")


def test_call_that_stays_at_its_berth_changed_nothing() -> None:
    assert len(read(LAYER, CALL | {"previous_berth": "B-51"})) == 1


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"state": "sunk"}, "unknown_value"),
        ({"state": None}, "missing_field"),
        ({"berth": None}, "missing_field"),
        ({"eta": "2026-05-01T09:00:00"}, "bad_time"),
        ({"vessel": {"imo": 9074728}}, "bad_imo"),
        ({"vessel": {"imo": "907"}}, "bad_imo"),
        ({"vessel": {"name": "x" * 101}}, "bad_text"),
        ({"vessel": []}, "not_an_object"),
    ],
)
def test_impossible_calls_are_refused(more: dict[str, object], reason: str) -> None:
    assert reasons(LAYER, CALL | more) == [reason]
