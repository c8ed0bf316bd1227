"""City buses: vehicle positions in GTFS-realtime (protobuf)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from google.protobuf.message import DecodeError
from google.transit import gtfs_realtime_pb2 as gtfs

from layers.reading import KEY_LIMIT, ROW_LIMIT, check_size, epoch_time, shown
from twin.errors import BadMessage
from twin.report import Adapter, Report

CROWDING = ("empty", "many_seats", "few_seats", "standing", "crushed", "full", "not_accepting")
"""Words of the layer's `crowding`, in the order of `OccupancyStatus`."""
KNOWN_LIMIT = 5_000


class BusAdapter:
    """Reads feeds, and tells a bus's name and route only when they change."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, str]] = {}

    def __call__(self, payload: bytes, received: datetime) -> Iterator[Report | BadMessage]:
        """Read one `FeedMessage`; trip updates and service alerts in it are none of this layer's."""
        check_size(payload)
        feed: Any = gtfs.FeedMessage()
        try:
            feed.ParseFromString(payload)
        except DecodeError as error:
            raise BadMessage("not_gtfs", f"message of {len(payload)} bytes: {error}") from error
        if len(feed.entity) > ROW_LIMIT:
            raise BadMessage("too_large", f"message of {len(feed.entity)} entities; the limit is {ROW_LIMIT}")
        vehicles = [entity.vehicle for entity in feed.entity if entity.HasField("vehicle") and not entity.is_deleted]
        if not vehicles and not feed.header.gtfs_realtime_version:
            raise BadMessage("not_gtfs", f"message of {len(payload)} bytes holds neither a header nor a vehicle")
        for index, vehicle in enumerate(vehicles):
            try:
                yield self._report(vehicle, feed.header.timestamp, f"vehicle {index}")
            except BadMessage as error:
                yield error

    def _report(self, vehicle: Any, feed_time: int, where: str) -> Report:
        key = _text(vehicle.vehicle.id)
        if not 0 < len(key) <= KEY_LIMIT:
            raise BadMessage(
                "bad_key", f"{where}: id {shown(vehicle.vehicle.id)} is not a text of 1 to {KEY_LIMIT} characters"
            )
        where = f"{where} ({key})"
        if not vehicle.HasField("position"):
            raise BadMessage("no_position", f"{where}: no position")
        time = vehicle.timestamp or feed_time
        if not time:
            raise BadMessage("missing_field", f"{where}: neither the vehicle nor the feed bears a timestamp")
        position = vehicle.position
        results: dict[str, float | str | datetime] = {}
        if position.HasField("speed"):
            results["speed"] = position.speed * 3.6
        if position.HasField("bearing"):
            results["bearing"] = position.bearing
        if vehicle.HasField("occupancy_status") and vehicle.occupancy_status < len(CROWDING):
            results["crowding"] = CROWDING[vehicle.occupancy_status]
        # GTFS-realtime holds positions as 32-bit floats: 6 decimals (0.1 m) are more than they carry
        lon, lat = round(position.longitude, 6), round(position.latitude, 6)
        now = (_text(vehicle.vehicle.label)[:KEY_LIMIT], _text(vehicle.trip.route_id)[:KEY_LIMIT])
        label, route = (None, None) if self._told.get(key) == now else now
        if len(self._told) >= KNOWN_LIMIT:
            self._told.clear()
        self._told[key] = now
        attributes = {"route": route} if route else {}
        return Report(key, epoch_time(time, f"{where}: timestamp"), results, (lon, lat), label or None, attributes)


def _text(value: Any) -> str:
    """Return a text of the feed; protobuf hands out bytes where they are no UTF-8."""
    text = value if isinstance(value, str) else ""
    return text if text.isprintable() else ""


def new_adapter() -> Adapter:
    """Return an adapter that has told nothing yet."""
    return BusAdapter()
