"""Cameras: ONVIF, analytics events, health; and never who somebody is."""

import pytest

from tests.layers.reads import fresh, read, reasons
from twin.errors import BadMessage
from twin.report import Happening, Report

LAYER = fresh("cctv")
EVENT = {"id": "1777593600.1-abc", "camera": "CAM-0001", "label": "person", "start_time": 1777593600.5}


def onvif(
    topic: str, data: str = 'Name="IsInside" Value="true"', source: str = "", operation: str = "Changed"
) -> bytes:
    text = LAYER.sample.decode()
    note = text[text.index("<wsnt:NotificationMessage>") : text.index("</wsnt:NotificationMessage>")]
    note = note.replace("tns1:RuleEngine/FieldDetector/ObjectsInside", topic)
    note = note.replace('Name="IsInside" Value="true"', data).replace('"Changed"', f'"{operation}"')
    note = note.replace('Name="Rule" Value="pier fence"', source or 'Name="Rule" Value="pier fence"')
    head = text[: text.index("<wsnt:NotificationMessage>")]
    return (head + note + "</wsnt:NotificationMessage></tt:Event></tt:MetadataStream>").encode()


def detection(**more: object) -> dict[str, object]:
    return {"type": "new", "after": EVENT | {"entered_zones": ["intrusion_pier"]} | more}


def test_the_six_classes_of_the_plan_and_a_person_in_the_water_are_declared() -> None:
    assert {event.kind for event in LAYER.spec.events} == {
        "intrusion", "loitering", "abandoned_object", "entry_exit", "dangerous_crossing", "crowd_fight",
        "person_in_water",
    }  # fmt: skip


def test_a_person_in_the_water_needs_one_hit_and_is_vital() -> None:
    [entry] = read(LAYER, [detection(entered_zones=["person_in_water_quay"])])
    assert isinstance(entry, Happening)
    assert (entry.kind, entry.detail) == ("person_in_water", {"label": "person"})
    facts = LAYER.spec.alarm_facts("person_in_water")
    assert facts is not None
    assert (facts.is_vital, facts.severity, facts.needs_hits, facts.topic) == (True, "danger", 1, "rescue")


def test_onvif_event_becomes_a_happening() -> None:
    [entry] = read(LAYER, onvif("tns1:RuleEngine/FieldDetector/ObjectsInside"))
    assert isinstance(entry, Happening)
    assert (entry.asset, entry.kind) == ("CAM-0001", "intrusion")
    assert entry.phenomenon_time.isoformat() == "2026-05-01T00:00:00.120000+00:00"


def test_rule_named_after_a_class_says_what_it_means() -> None:
    payload = onvif("tns1:RuleEngine/FieldDetector/ObjectsInside", source='Name="Rule" Value="crowd_fight market"')
    assert [entry.kind for entry in read(LAYER, payload)] == ["crowd_fight"]  # type: ignore[union-attr]


def test_end_of_an_event_is_none() -> None:
    assert read(LAYER, onvif("tns1:RuleEngine/FieldDetector/ObjectsInside", 'Name="IsInside" Value="false"')) == []
    assert read(LAYER, onvif("tns1:RuleEngine/FieldDetector/ObjectsInside", operation="Deleted")) == []


@pytest.mark.parametrize(
    "topic",
    [
        "tns1:RuleEngine/Recognition/LicensePlate",
        "tns1:RuleEngine/Recognition/Face",
        "tns1:AudioAnalytics/Audio/DetectedSound",
    ],
)
def test_identities_and_sound_are_not_read(topic: str) -> None:
    assert read(LAYER, onvif(topic, source='Name="Rule" Value="intrusion"')) == []


def test_loss_of_signal_is_the_cameras_health() -> None:
    [lost] = read(LAYER, onvif("tns1:VideoSource/SignalLoss", 'Name="State" Value="true"'))
    [back] = read(LAYER, onvif("tns1:VideoSource/SignalLoss", 'Name="State" Value="false"'))
    assert isinstance(lost, Report)
    assert isinstance(back, Report)
    assert (lost.results["health"], back.results["health"]) == ("offline", "online")


def test_bomb_and_foreign_entity_are_forbidden() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;&b;">]><a>&c;</a>'
    assert reasons(LAYER, bomb) == ["forbidden_xml"]
    assert reasons(LAYER, b'<!DOCTYPE a SYSTEM "http://127.0.0.1/x"><a/>') == ["forbidden_xml"]
    assert reasons(LAYER, b"<a><b></a>") == ["not_xml"]
    assert reasons(LAYER, b"<a/>") == ["not_onvif"]


def test_analytics_event_bears_the_same_key_however_often_it_is_sent() -> None:
    messages = [detection(), detection() | {"type": "update"}, detection() | {"type": "end"}]
    keys = {entry.key for entry in read(LAYER, messages) if isinstance(entry, Happening)}
    assert len(keys) == 1


def test_person_who_is_merely_seen_is_no_event() -> None:
    assert read(LAYER, detection(entered_zones=[])) == []
    assert read(LAYER, detection(false_positive=True)) == []


def test_detail_never_holds_an_identity() -> None:
    [entry] = read(
        LAYER,
        detection(
            sub_label="Hong Gildong",
            recognized_license_plate="12ga3456",
            top_score=0.91,
            box=[1, 2, 3, 4],
            path_data=[[1, 2]],
        ),
    )
    assert isinstance(entry, Happening)
    assert entry.detail == {"label": "person", "score": 0.91}


def test_label_that_is_no_class_of_things_is_not_passed_on() -> None:
    [entry] = read(LAYER, detection(label="Hong Gildong"))
    assert isinstance(entry, Happening)
    assert entry.detail == {}


def test_states_and_events_may_come_together_and_bad_ones_are_named() -> None:
    state = {"id": "CAM-0002", "time": "2026-05-01T09:00:00+09:00", "health": "online", "detections_1h": 3}
    rows = [state, detection(), state | {"health": "asleep"}, detection(camera=None), {"after": 3, "type": "new"}]
    assert reasons(LAYER, rows) == ["ok", "ok", "unknown_value", "missing_field", "not_an_object"]
    assert isinstance(read(LAYER, state)[0], Report)
    assert not any(isinstance(entry, BadMessage) for entry in read(LAYER, state))
