"""Write what happens in the made-up city as its devices would: the wire formats that the layers' adapters read.

Written against the formats, not against the adapters: a test sends each through the adapter and compares.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from xml.sax.saxutils import quoteattr

import orjson
from google.transit import gtfs_realtime_pb2 as gtfs
from pyais import encode_dict

from backend.feed.bus import Position
from backend.feed.port import Fix, Vessel
from twin.clock import KST
from twin.layer import Message

ONVIF_TOPICS = {
    "intrusion": ("tns1:RuleEngine/FieldDetector/ObjectsInside", "IsInside"),
    "loitering": ("tns1:RuleEngine/LoiteringDetector/ObjectIsLoitering", "IsLoitering"),
    "entry_exit": ("tns1:RuleEngine/LineDetector/Crossed", "IsCrossed"),
}
"""Topic and item of the classes that ONVIF knows; other classes are rules named after them."""
FIELD_DETECTOR = ("tns1:RuleEngine/FieldDetector/ObjectsInside", "IsInside")


Fields = dict[str, str | int | float | bytes | bool]


def flat(rows: Iterable[tuple[str, Mapping[str, Any]]], time: datetime, message: Message) -> bytes:
    """Encode rows (key, values) as an array of flat JSON objects with the layer's field names."""
    stamp = time.isoformat(timespec="milliseconds")
    return orjson.dumps([{message.asset: key, message.time: stamp, **values} for key, values in rows])


def calls(rows: Iterable[Mapping[str, Any]], time: datetime) -> bytes:
    """Encode rows of the port's register."""
    stamp = time.isoformat(timespec="milliseconds")
    return orjson.dumps({"calls": [{**row, "time": stamp} for row in rows]})


def link_speeds(rows: Iterable[tuple[str, float, float]], time: datetime) -> bytes:
    """Encode (link, speed [km/h], length [m]) as an answer of the ITS open API."""
    stamp = time.astimezone(KST).strftime("%Y%m%d%H%M%S")
    items = [
        {
            "linkId": link,
            "speed": f"{speed:.2f}",
            "travelTime": f"{min(length_m / speed * 3.6, 7200):.1f}",
            "createdDate": stamp,
        }
        for link, speed, length_m in rows
    ]
    body = {"totalCount": len(items), "items": items}
    return orjson.dumps({"header": {"resultCode": 0, "resultMsg": "success"}, "body": body})


def vehicle_positions(positions: Iterable[Position], time: datetime) -> bytes:
    """Encode buses as a GTFS-realtime `FeedMessage`."""
    feed: Any = gtfs.FeedMessage()
    feed.header.gtfs_realtime_version = "2.0"
    feed.header.timestamp = int(time.timestamp())
    for bus in positions:
        entity = feed.entity.add()
        entity.id = bus.key
        vehicle = entity.vehicle
        vehicle.vehicle.id, vehicle.vehicle.label = bus.key, f"시연 {bus.route}번"
        vehicle.trip.route_id = bus.route
        vehicle.position.longitude, vehicle.position.latitude = bus.lon, bus.lat
        vehicle.position.bearing, vehicle.position.speed = bus.bearing, bus.speed_m_s
        vehicle.occupancy_status = bus.crowding
        vehicle.timestamp = int(time.timestamp())
    payload: bytes = feed.SerializeToString()
    return payload


def onvif_event(camera: str, kind: str, time: datetime) -> bytes:
    """Encode a camera's event as ONVIF metadata."""
    topic, item = ONVIF_TOPICS.get(kind, FIELD_DETECTOR)
    stamp = time.isoformat(timespec="milliseconds")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema" '
        'xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" xmlns:tns1="http://www.onvif.org/ver10/topics">'
        "<tt:Event><wsnt:NotificationMessage>"
        '<wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">'
        f"{topic}</wsnt:Topic><wsnt:Message>"
        f'<tt:Message UtcTime="{stamp}" PropertyOperation="Changed"><tt:Source>'
        f'<tt:SimpleItem Name="VideoSourceConfigurationToken" Value={quoteattr(camera)}/>'
        f'<tt:SimpleItem Name="Rule" Value={quoteattr(kind)}/></tt:Source>'
        f'<tt:Data><tt:SimpleItem Name="{item}" Value="true"/></tt:Data></tt:Message>'
        "</wsnt:Message></wsnt:NotificationMessage></tt:Event></tt:MetadataStream>"
    ).encode()


def analytics_event(camera: str, kind: str, time: datetime, name: str, label: str) -> bytes:
    """Encode a camera's event as the event JSON of video analytics."""
    after = {
        "id": f"{time.timestamp():.6f}-{name}",
        "camera": camera,
        "label": label,
        "start_time": time.timestamp(),
        "end_time": None,
        "top_score": 0.83,
        "false_positive": False,
        "entered_zones": [f"{kind}_zone"],
    }
    return orjson.dumps({"type": "new", "before": after, "after": after})


def ais_position(fix: Fix, time: datetime) -> list[str]:
    """Encode where a ship is: type 1 or 3 for class A, 18 for class B."""
    fields: Fields = {
        "mmsi": fix.vessel.mmsi,
        "lon": fix.lon,
        "lat": fix.lat,
        "speed": round(min(fix.sog, 102.2), 1),
        "course": round(fix.cog, 1),
        "heading": fix.heading,
        "second": time.second,
    }
    if fix.vessel.is_class_b:
        return encode_dict(fields | {"msg_type": 18}, sentence_type="VDM", radio_channel="B")
    kind = 1 if fix.is_under_way else 3
    return encode_dict(fields | {"msg_type": kind, "status": fix.status}, sentence_type="VDM", radio_channel="A")


def ais_static(vessel: Vessel, sequence: int) -> list[str]:
    """Encode who a ship is: type 5 for class A (two sentences), 24 A and B for class B."""
    bow, beam = vessel.length_m * 3 // 4, max(vessel.length_m // 14, 1)
    size: Fields = {"to_bow": bow, "to_stern": vessel.length_m - bow, "to_port": beam, "to_starboard": beam}
    fields: Fields = {"mmsi": vessel.mmsi, "callsign": vessel.callsign, "ship_type": vessel.ship_type}
    name: Fields = {"shipname": vessel.name}
    if not vessel.is_class_b:
        more: Fields = {"msg_type": 5, "imo": vessel.imo, "draught": vessel.draught_m, "destination": "KRKUV"}
        return encode_dict(fields | name | size | more, sentence_type="VDM", radio_channel="A", seq_id=sequence % 10)
    return [
        *encode_dict({"msg_type": 24, "partno": 0, "mmsi": vessel.mmsi} | name, sentence_type="VDM", radio_channel="B"),
        *encode_dict(fields | size | {"msg_type": 24, "partno": 1}, sentence_type="VDM", radio_channel="B"),
    ]
