"""The one check between every adapter and the store."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from layers import load_layers
from layers.check import results_of
from twin.errors import BadMessage
from twin.report import Report

LAYERS = load_layers()
AT = datetime(2026, 5, 1, tzinfo=UTC)


def reason(layer: str, report: Report) -> str:
    with pytest.raises(BadMessage) as caught:
        results_of(LAYERS[layer].spec, report)
    return caught.value.reason


def test_enum_word_becomes_its_index_and_time_its_epoch_seconds() -> None:
    eta = datetime(2026, 5, 1, 9, tzinfo=timezone(timedelta(hours=9)))
    report = Report("B-11", AT, {"state": "occupied", "eta": eta})
    assert results_of(LAYERS["berth"].spec, report) == {"state": 2.0, "eta": AT.timestamp()}


def test_limits_of_a_range_belong_to_it() -> None:
    for value in (0, 100):
        assert results_of(LAYERS["waste_bin"].spec, Report("BIN-1", AT, {"fill": value})) == {"fill": value}


@pytest.mark.parametrize("value", [-0.1, 100.1])
def test_value_out_of_range_is_refused_with_value_unit_limit_and_place(value: float) -> None:
    with pytest.raises(BadMessage) as caught:
        results_of(LAYERS["waste_bin"].spec, Report("BIN-1", AT, {"fill": value}))
    assert caught.value.reason == "out_of_range"
    for part in (str(value), "%", "100", "BIN-1", "fill"):
        assert part in str(caught.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "63", True])
def test_what_is_no_finite_number_is_refused(value: object) -> None:
    assert reason("waste_bin", Report("BIN-1", AT, {"fill": value})) == "not_a_number"  # type: ignore[dict-item]


def test_unknown_word_property_and_naive_times_are_refused() -> None:
    assert reason("berth", Report("B", AT, {"state": "gone"})) == "unknown_value"
    assert reason("berth", Report("B", AT, {"eta": datetime(2026, 5, 1)})) == "bad_time"  # noqa: DTZ001
    assert reason("berth", Report("B", AT, {"colour": 1.0})) == "unknown_property"
    assert reason("berth", Report("B", datetime(2026, 5, 1), {})) == "bad_time"  # noqa: DTZ001


def test_moving_layer_yields_longitude_and_latitude() -> None:
    report = Report("442000001", AT, {"sog": 3.0}, (126.6, 35.97))
    assert results_of(LAYERS["vessel"].spec, report) == {"longitude": 126.6, "latitude": 35.97, "sog": 3.0}


@pytest.mark.parametrize("position", [(126.19, 35.9), (126.6, 36.11), (0.0, 0.0), (float("nan"), 35.9)])
def test_position_outside_the_city_is_refused(position: tuple[float, float]) -> None:
    assert reason("vessel", Report("442000001", AT, {}, position)) == "out_of_city"


def test_asset_of_a_fixed_layer_does_not_move() -> None:
    assert reason("rain", Report("RAIN-01", AT, {}, (126.6, 35.9))) == "unexpected_position"
