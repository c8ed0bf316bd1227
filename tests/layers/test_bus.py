"""Buses in GTFS-realtime."""

from typing import Any

from google.transit import gtfs_realtime_pb2 as gtfs

from tests.layers.reads import fresh, read, reasons
from twin.report import Report


def feed(**more: Any) -> Any:
    message: Any = gtfs.FeedMessage()
    message.header.gtfs_realtime_version = "2.0"
    message.header.timestamp = 1777593600
    entity = message.entity.add()
    entity.id = "1"
    entity.vehicle.vehicle.id, entity.vehicle.vehicle.label = more.get("id", "BUS-1"), "11번"
    entity.vehicle.trip.route_id = more.get("route", "11")
    if more.get("lon", 1):
        entity.vehicle.position.longitude, entity.vehicle.position.latitude = more.get("lon", 126.73), 35.96
        entity.vehicle.position.speed = 10
    entity.vehicle.timestamp = more.get("timestamp", 1777593590)
    return message


def one(layer: Any, message: Any) -> Report:
    [report] = read(layer, message.SerializeToString())
    assert isinstance(report, Report), report
    return report


def test_speed_is_turned_from_metres_a_second_to_kilometres_an_hour() -> None:
    assert one(fresh("bus"), feed()).results["speed"] == 36.0


def test_time_of_the_vehicle_counts_before_that_of_the_feed() -> None:
    assert one(fresh("bus"), feed()).phenomenon_time.timestamp() == 1777593590
    assert one(fresh("bus"), feed(timestamp=0)).phenomenon_time.timestamp() == 1777593600


def test_name_and_route_are_told_only_when_they_change() -> None:
    layer = fresh("bus")
    assert one(layer, feed()).attributes == {"route": "11"}
    assert one(layer, feed()).attributes == {}
    assert one(layer, feed()).name is None
    assert one(layer, feed(route="72")).attributes == {"route": "72"}


def test_vehicle_without_position_or_key_is_refused() -> None:
    assert reasons(fresh("bus"), feed(lon=0).SerializeToString()) == ["no_position"]
    assert reasons(fresh("bus"), feed(id="").SerializeToString()) == ["bad_key"]
    assert reasons(fresh("bus"), feed(lon=127.5).SerializeToString()) == ["out_of_city"]


def test_bytes_that_are_no_feed_are_refused() -> None:
    assert reasons(fresh("bus"), b"\xff\xff\xff") == ["not_gtfs"]
    assert reasons(fresh("bus"), b"") == ["not_gtfs"]
