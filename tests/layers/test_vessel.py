"""AIS: positions, static data in parts, what is refused and what is remembered."""

from datetime import UTC, datetime, timedelta

import pytest
from pyais import encode_dict

from layers.vessel.adapter import FRAGMENT_LIFE, NAV_STATUS
from tests.layers.reads import NOW, fresh, read
from twin.errors import BadMessage
from twin.report import Report

SHIP = {"msg_type": 1, "mmsi": 442000001, "lon": 126.55, "lat": 35.98, "speed": 8.4, "course": 87.2, "heading": 88}
STATIC = {
    "msg_type": 5,
    "mmsi": 442000001,
    "shipname": "DEMO HANBIT",
    "callsign": "DM01",
    "ship_type": 71,
    "imo": 3000005,
}


def lines(*messages: dict[str, object]) -> list[bytes]:
    return [
        line.encode()
        for message in messages
        for line in encode_dict({"second": 10, "status": 0, **message}, sentence_type="VDM", seq_id=1)  # type: ignore[dict-item]
    ]


def send(layer: object, *messages: dict[str, object], at: datetime = NOW) -> list[object]:
    return list(read(layer, b"\n".join(lines(*messages)), at))  # type: ignore[arg-type]


def test_position_of_class_a_is_read() -> None:
    [report] = send(fresh("vessel"), SHIP)
    assert isinstance(report, Report)
    assert report.asset == "442000001"
    assert report.position == (126.55, 35.98)
    assert report.results == {"sog": 8.4, "cog": 87.2, "heading": 88.0, "nav_status": "under_way"}


@pytest.mark.parametrize("kind", [1, 2, 3, 18])
def test_all_position_types_are_read(kind: int) -> None:
    assert isinstance(send(fresh("vessel"), SHIP | {"msg_type": kind})[0], Report)


def test_unknown_speed_course_and_heading_are_left_out() -> None:
    [report] = send(fresh("vessel"), SHIP | {"speed": 102.3, "course": 360.0, "heading": 511, "status": 15})
    assert isinstance(report, Report)
    assert report.results == {"nav_status": "undefined"}


def test_words_of_the_status_are_those_of_the_layer() -> None:
    [prop] = [prop for prop in fresh("vessel").spec.properties if prop.id == "nav_status"]
    assert prop.values == NAV_STATUS


def test_static_data_come_with_the_next_position_once() -> None:
    layer = fresh("vessel")
    assert send(layer, STATIC) == []
    first, second = send(layer, SHIP, SHIP)
    assert isinstance(first, Report)
    assert first.name == "DEMO HANBIT"
    assert first.attributes["imo_number"] == 3000005
    assert first.attributes["vessel_type"] == "cargo"
    assert isinstance(second, Report)
    assert (second.name, dict(second.attributes)) == (None, {})
    assert send(layer, STATIC) == []
    [third] = send(layer, SHIP)
    assert isinstance(third, Report)
    assert third.name is None, "unchanged data are not told again"


def test_parts_that_come_in_two_messages_are_joined() -> None:
    layer = fresh("vessel")
    first, second = lines(STATIC)
    assert read(layer, first) == []
    assert read(layer, second) == []
    assert send(layer, SHIP)[0].name == "DEMO HANBIT"  # type: ignore[attr-defined]


def test_part_whose_rest_never_comes_is_counted() -> None:
    layer = fresh("vessel")
    read(layer, lines(STATIC)[0])
    entries = send(layer, SHIP, at=NOW + FRAGMENT_LIFE)
    assert [entry.reason for entry in entries if isinstance(entry, BadMessage)] == ["incomplete_message"]
    assert any(isinstance(entry, Report) for entry in entries)


def test_two_halves_of_a_type_24_make_one_vessel() -> None:
    layer = fresh("vessel")
    half = {"msg_type": 24, "mmsi": 442000001}
    send(
        layer,
        half | {"partno": 0, "shipname": "DEMO FISHER"},
        half | {"partno": 1, "ship_type": 30, "to_bow": 9, "to_stern": 6},
    )
    [report] = send(layer, SHIP | {"msg_type": 18})
    assert isinstance(report, Report)
    assert report.name == "DEMO FISHER"
    assert report.attributes == {"vessel_type": "fishing", "loa_m": 15, "beam_m": 0}


def test_vessel_outside_the_city_is_refused_and_its_name_kept_for_later() -> None:
    layer = fresh("vessel")
    send(layer, STATIC)
    [out] = send(layer, SHIP | {"lon": 125.5})
    assert isinstance(out, BadMessage)
    assert out.reason == "out_of_city"
    assert send(layer, SHIP)[0].name == "DEMO HANBIT"  # type: ignore[attr-defined]


def test_checksum_error_is_counted_and_the_next_line_read() -> None:
    [line] = lines(SHIP)
    spoilt = line[:-1] + (b"0" if line[-1:] != b"0" else b"1")
    entries = read(fresh("vessel"), spoilt + b"\r\n" + line + b"\r\n")
    assert isinstance(entries[0], BadMessage)
    assert entries[0].reason == "bad_checksum"
    assert isinstance(entries[1], Report)


@pytest.mark.parametrize("mmsi", [0, 2442000, 111440001, 992000001])
def test_mmsi_of_no_vessel_is_refused(mmsi: int) -> None:
    [entry] = send(fresh("vessel"), SHIP | {"mmsi": mmsi})
    assert isinstance(entry, BadMessage)
    assert entry.reason == "bad_mmsi"


def test_ship_that_does_not_know_where_it_is_is_refused_but_a_distress_beacon_is_heard() -> None:
    nowhere = {"lon": 181.0, "lat": 91.0}
    [ship] = send(fresh("vessel"), SHIP | nowhere)
    assert isinstance(ship, BadMessage)
    assert ship.reason == "no_position"
    [beacon] = send(fresh("vessel"), SHIP | nowhere | {"mmsi": 972000001, "status": 14})
    assert isinstance(beacon, Report)
    assert beacon.results["nav_status"] == "ais_sart"


def test_other_types_of_ais_pass_without_a_word() -> None:
    base = {"msg_type": 4, "mmsi": 4400001, "lon": 126.5, "lat": 35.9}
    assert send(fresh("vessel"), base) == []


def test_time_is_the_vessels_second_in_the_minute_of_reception() -> None:
    at = datetime(2026, 5, 1, 0, 5, 2, tzinfo=UTC)
    [report] = send(fresh("vessel"), SHIP | {"second": 58}, at=at)
    assert report.phenomenon_time == at.replace(minute=4, second=58)  # type: ignore[attr-defined]
    [report] = send(fresh("vessel"), SHIP | {"second": 60}, at=at)
    assert report.phenomenon_time == at  # type: ignore[attr-defined]


def test_receivers_stamp_counts_before_the_time_of_reception() -> None:
    stamp = int((NOW - timedelta(minutes=30)).replace(second=12).timestamp())
    block = f"c:{stamp}".encode()
    check = 0
    for byte in block:
        check ^= byte
    [report] = read(fresh("vessel"), b"\\%s*%02X\\" % (block, check) + lines(SHIP)[0])
    assert isinstance(report, Report)
    assert report.phenomenon_time == datetime.fromtimestamp(stamp, UTC).replace(second=10)
