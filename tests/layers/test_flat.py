"""The flat JSON adapter, by the layers that have no other."""

import pytest

from tests.layers.reads import fresh, read, reasons
from twin.report import Report

BINS, RAIN, WATER, FIRE = fresh("waste_bin"), fresh("rain"), fresh("water_level"), fresh("market_fire")
GOOD = {"id": "BIN-001", "time": "2026-05-01T09:00:00+09:00", "fill": 50}


def test_one_object_and_an_array_read_the_same() -> None:
    assert read(BINS, GOOD) == read(BINS, [GOOD])


def test_one_bad_row_never_loses_the_others() -> None:
    rows = [GOOD, 7, GOOD | {"fill": 500}, GOOD | {"time": "yesterday"}, GOOD | {"id": "BIN-002"}]
    assert reasons(BINS, rows) == ["ok", "not_an_object", "out_of_range", "bad_time", "ok"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"time": GOOD["time"], "fill": 5}, "missing_field"),
        ({"id": "B", "fill": 5}, "missing_field"),
        ({"id": "B", "time": GOOD["time"]}, "missing_field"),
        (GOOD | {"time": "2026-05-01T09:00:00"}, "bad_time"),
        (GOOD | {"time": 1777593600}, "bad_time"),
        (GOOD | {"fill": "50"}, "not_a_number"),
        (GOOD | {"fill": True}, "not_a_number"),
        (GOOD | {"fill": [50]}, "not_a_number"),
        (GOOD | {"id": ""}, "bad_key"),
        (GOOD | {"id": "x" * 101}, "bad_key"),
        (GOOD | {"id": "a\x00b"}, "bad_key"),
        (GOOD | {"id": True}, "bad_key"),
    ],
)
def test_refusals_have_their_reason(row: dict[str, object], reason: str) -> None:
    assert reasons(BINS, row) == [reason]


def test_message_that_is_no_json_is_refused() -> None:
    assert reasons(BINS, b"fill=50") == ["not_json"]
    assert reasons(BINS, b"42") == ["not_an_object"]


def test_unknown_word_is_refused_and_names_the_known_ones() -> None:
    row = {"id": "PUMP-1", "time": GOOD["time"], "pump_state": "on fire"}
    [error] = read(WATER, row)
    assert error.reason == "unknown_value"  # type: ignore[union-attr]
    assert "stopped, running, failed" in str(error)
    assert reasons(WATER, row | {"pump_state": 1}) == ["unknown_value"]


def test_null_and_absent_fields_are_left_out() -> None:
    [report] = read(RAIN, {"id": "RAIN-01", "time": GOOD["time"], "rain_1h": 3.5, "rain_3h": None})
    assert isinstance(report, Report)
    assert report.results == {"rain_1h": 3.5}


def test_times_are_utc_and_keys_may_be_whole_numbers() -> None:
    [report] = read(BINS, GOOD | {"id": 17})
    assert isinstance(report, Report)
    assert report.asset == "17"
    assert report.phenomenon_time.isoformat() == "2026-05-01T00:00:00+00:00"


def test_fire_needs_five_seconds_and_a_bin_ninety_percent() -> None:
    fire = {alarm.rule: alarm for alarm in FIRE.spec.alarms}
    assert {fire[rule].delay_s for rule in ("fire_smoke", "fire_heat", "fire_flame")} == {5}
    assert [alarm.above for alarm in BINS.spec.alarms if alarm.rule == "full"] == [90]


def test_rain_alarms_are_those_of_the_plan() -> None:
    assert {(alarm.property, alarm.above) for alarm in RAIN.spec.alarms} == {
        ("rain_1h", 50), ("rain_1h", 72), ("rain_3h", 90),
    }  # fmt: skip


def test_stages_are_judged_by_each_gauges_own_levels() -> None:
    stage = [alarm for alarm in WATER.spec.alarms if alarm.property == "stage"]
    assert [(alarm.above, str(alarm.severity)) for alarm in stage] == [
        ("caution_m", "caution"), ("alarm_m", "alarm"), ("danger_m", "danger"),
    ]  # fmt: skip
