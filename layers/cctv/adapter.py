"""Cameras: ONVIF event XML, the event JSON of video analytics, and the state of the cameras themselves.

A camera tells what happened, never who: identities, number plates, tracks and sound are not read, even when they stand
in the message.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from layers.reading import (
    KEY_LIMIT,
    ROW_LIMIT,
    Row,
    check_size,
    epoch_time,
    iso_time,
    key_of,
    number_of,
    object_of,
    read_json,
    rows_of,
    shown,
    time_of,
)
from twin.errors import BadMessage
from twin.report import Happening, Report

EVENT_KINDS = ("intrusion", "loitering", "abandoned_object", "entry_exit", "dangerous_crossing", "crowd_fight",
               "person_in_water")  # fmt: skip
TOPIC_KINDS = {
    "RuleEngine/FieldDetector/ObjectsInside": "intrusion",
    "RuleEngine/LoiteringDetector/ObjectIsLoitering": "loitering",
    "RuleEngine/LineDetector/Crossed": "entry_exit",
    "RuleEngine/UnattendedObjectDetector/ObjectIsUnattended": "abandoned_object",
}
"""What a rule of ONVIF's analytics service means when its name does not say it."""
HEALTH_TOPICS = {
    "VideoSource/SignalLoss": "offline",
    "VideoSource/GlobalSceneChange/AnalyticsService": "degraded",
    "VideoSource/ImageTooBlurry/AnalyticsService": "degraded",
    "VideoSource/ImageTooDark/AnalyticsService": "degraded",
    "VideoSource/ImageTooBright/AnalyticsService": "degraded",
}
"""State of a camera while the topic's data are true; false means online."""
SOURCE_ITEMS = ("VideoSourceConfigurationToken", "VideoSource", "Source")
"""Items that name the camera: the gateway sets the token to the key of the register."""
TRUE = ("true", "1")
OBJECT_LABELS = ("person", "car", "truck", "bus", "bicycle", "motorcycle", "boat", "bag", "backpack", "suitcase", "dog")
"""Classes of things that may stand in an event's detail."""
TT = "{http://www.onvif.org/ver10/schema}"
WSNT = "{http://docs.oasis-open.org/wsn/b-2}"


def adapt(payload: bytes, received: datetime) -> Iterator[Report | Happening | BadMessage]:
    """Read ONVIF XML (`tt:MetadataStream`), or JSON: events of video analytics and states of cameras, one or many."""
    check_size(payload)
    if payload.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        yield from _onvif(payload)
        return
    for index, value in enumerate(rows_of(read_json(payload))):
        where = f"row {index}"
        try:
            row = object_of(value, where)
            entry = _detection(row, where) if "after" in row else _state(row, where)
            if entry is not None:
                yield entry
        except BadMessage as error:
            yield error


# --- JSON ------------------------------------------------------------------------------------------------------------


def _state(row: Row, where: str) -> Report:
    camera = key_of(row, "id", where)
    where = f"{where} ({camera})"
    time = time_of(row, "time", where)
    results: dict[str, float | str | datetime] = {}
    if row.get("health") is not None:
        health = row["health"]
        if not isinstance(health, str):
            raise BadMessage("unknown_value", f"{where}: health = {shown(health)} is not a word")
        results["health"] = health
    detections = number_of(row, "detections_1h", where)
    if detections is not None:
        results["detections_1h"] = detections
    if not results:
        raise BadMessage("missing_field", f"{where}: needs health, detections_1h, or after (an event)")
    return Report(camera, time, results)


def _detection(row: Row, where: str) -> Happening | None:
    """Read one event (`type` new, update, end; `after` holds its state); None for one that means nothing here.

    Its class is that of the zone it entered (zones are named by class, e.g. `intrusion_pier`), or its label.
    """
    if row.get("type") not in ("new", "update", "end"):
        raise BadMessage("unknown_value", f"{where}: type = {shown(row.get('type'))} is not one of new, update, end")
    after = object_of(row["after"], f"{where}: after")
    camera, event = key_of(after, "camera", f"{where}: after"), key_of(after, "id", f"{where}: after")
    where = f"{where} ({camera})"
    if after.get("start_time") is None:
        raise BadMessage("missing_field", f"{where}: no field 'start_time'")
    time = epoch_time(after["start_time"], f"{where}: start_time")
    zones, label = after.get("entered_zones"), after.get("label")
    names = [name for name in [*(zones if isinstance(zones, list) else []), label] if isinstance(name, str)]
    kind = next((kind for name in names if (kind := _kind_in(name))), None)
    if kind is None or after.get("false_positive") is True:
        return None
    detail: dict[str, Any] = {"label": label} if label in OBJECT_LABELS else {}
    score = number_of(after, "top_score", where)
    if score is not None and 0 <= score <= 1:
        detail["score"] = round(score, 3)
    return Happening(camera, time, kind, f"{camera}|{kind}|{event}", detail)


def _kind_in(name: str) -> str | None:
    return next((kind for kind in EVENT_KINDS if name.lower().startswith(kind)), None)


# --- ONVIF -----------------------------------------------------------------------------------------------------------


def _onvif(payload: bytes) -> Iterator[Report | Happening | BadMessage]:
    try:
        root = fromstring(payload, forbid_dtd=True)
    except DefusedXmlException as error:
        raise BadMessage("forbidden_xml", f"message of {len(payload)} bytes: {error}") from error
    except (ParseError, ValueError, LookupError) as error:
        raise BadMessage("not_xml", f"message of {len(payload)} bytes: {error}") from error
    if root.tag != f"{TT}MetadataStream":
        raise BadMessage("not_onvif", f"the root is {shown(root.tag)}, not tt:MetadataStream")
    notes = root.findall(f"{TT}Event/{WSNT}NotificationMessage")
    if len(notes) > ROW_LIMIT:
        raise BadMessage("too_large", f"message of {len(notes)} notifications; the limit is {ROW_LIMIT}")
    for index, note in enumerate(notes):
        try:
            entry = _notification(note, f"notification {index}")
            if entry is not None:
                yield entry
        except BadMessage as error:
            yield error


def _notification(note: Element, where: str) -> Report | Happening | None:
    """Read one notification; None for topics that are none of this layer's, and for the end of an event."""
    topic = (note.findtext(f"{WSNT}Topic") or "").strip().split(":", 1)[-1]
    message = note.find(f"{WSNT}Message/{TT}Message")
    if not topic or message is None:
        raise BadMessage("missing_field", f"{where}: needs wsnt:Topic and tt:Message")
    if topic not in HEALTH_TOPICS and not topic.startswith("RuleEngine/"):
        return None
    source, data = _items(message, "Source"), _items(message, "Data")
    camera = next((source[name] for name in SOURCE_ITEMS if source.get(name)), None)
    if camera is None:
        raise BadMessage("missing_field", f"{where}: tt:Source names no camera ({', '.join(SOURCE_ITEMS)})")
    if len(camera) > KEY_LIMIT or not camera.isprintable():
        raise BadMessage("bad_key", f"{where}: camera {shown(camera)} is not a text of 1 to {KEY_LIMIT} characters")
    time = iso_time(message.get("UtcTime"), f"{where} ({camera}): UtcTime")
    is_over = message.get("PropertyOperation") == "Deleted" or any(value.lower() == "false" for value in data.values())
    if topic in HEALTH_TOPICS:
        is_on = not is_over and any(value.lower() in TRUE for value in data.values())
        return Report(camera, time, {"health": HEALTH_TOPICS[topic] if is_on else "online"})
    kind = _kind_in(source.get("Rule", "")) or TOPIC_KINDS.get(topic)
    if kind is None or is_over or topic.startswith("RuleEngine/Recognition"):
        return None
    return Happening(camera, time, kind, f"{camera}|{kind}|{time.isoformat()}", {"topic": topic[:KEY_LIMIT]})


def _items(message: Element, part: str) -> dict[str, str]:
    found = message.findall(f"{TT}{part}/{TT}SimpleItem")
    return {item.get("Name", ""): item.get("Value", "") for item in found}
