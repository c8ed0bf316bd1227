"""How values are written."""

from datetime import UTC, datetime

import pytest

from frontend.text import texts
from frontend.value import age, format_attribute, format_result, goto
from twin.layer import Property, Text

TITLE = Text(ko="값", en="value")


def prop(**given: object) -> Property:
    return Property.model_validate({"id": "p", "title": TITLE, "range": (0, 100)} | given)


@pytest.mark.parametrize(
    ("given", "result", "written"),
    [
        ({"unit": "m", "decimals": 2}, 1.005, ("1.00", "m")),
        ({"unit": "{count}", "decimals": 0}, 1234.0, ("1,234", "")),
        ({"unit": "1", "range": (0, 1)}, 0.834, ("83", "%")),
        ({"unit": "m"}, None, ("–", "")),
    ],
)
def test_number_is_written_with_its_unit(
    given: dict[str, object], result: float | None, written: tuple[str, str]
) -> None:
    assert format_result(prop(**given), result, texts("ko")) == written


def test_enum_is_written_by_its_label_and_an_unknown_index_is_no_value() -> None:
    labels = (Text(ko="정상", en="OK"), Text(ko="고장", en="Fault"))
    state = prop(kind="enum", values=("ok", "fault"), labels=labels, range=None)
    assert format_result(state, 1.0, texts("ko")) == ("고장", "")
    assert format_result(state, 1.0, texts("en")) == ("Fault", "")
    assert format_result(state, 7.0, texts("ko")) == ("–", "")


def test_age_carries_the_time_and_its_limit_and_no_time_is_never() -> None:
    at = datetime(2026, 5, 1, tzinfo=UTC)
    told = age(at, stale_after_s=300).to_plotly_json()["props"]
    assert told["dateTime"] == at.isoformat()
    assert told["data-stale"] == "300"
    assert "is-never" in age(None).to_plotly_json()["props"]["className"]


def test_attribute_takes_its_unit_from_its_name() -> None:
    t = texts("ko")
    assert format_attribute("direction_deg", 90.0, t) == "90°"
    assert format_attribute("max_speed_kmh", 60, t) == "60\u2009km/h"
    assert format_attribute("installed_year", 2019, t) == "2019"
    assert format_attribute("is_public", True, t) == "예"
    assert format_attribute("fee", None, t) == "–"


def test_goto_leaves_out_what_is_not_known() -> None:
    assert goto("cctv", 5, None, None) == {"data-goto": "1", "data-layer": "cctv", "data-asset": "5"}
