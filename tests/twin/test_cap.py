"""CAP 1.2: what we write keeps to the standard, and what does not is found."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from pydantic import ValidationError

from layers import load_layers
from tests.conftest import CITY_HALL
from twin.access import ANONYMOUS, OPERATOR, AccessClass, Caller
from twin.alerts import Alerts
from twin.cap import Draft, faults, to_xml
from twin.db import open_pool
from twin.errors import BadInput, Conflict, Refused
from twin.incidents import Incidents
from twin.settings import Settings

NOON = datetime(2026, 7, 14, 3, 0, tzinfo=UTC)
SECOND = Caller("second", AccessClass.RESTRICTED, OPERATOR.rights)
SQUARE = ((126.71, 35.96), (126.73, 35.96), (126.73, 35.98), (126.71, 35.98), (126.71, 35.96))


def text(word: str) -> dict[str, str]:
    return {"ko": f"{word} 글", "en": word}


def draft(**more: object) -> Draft:
    given = {
        "event": text("Flood"), "headline": text("Flood"), "instruction": text("Stay away"), "area": text("Susong"),
        "expires": NOON + timedelta(hours=3), "polygon": SQUARE, "category": "Met",
    }  # fmt: skip
    return Draft.model_validate(given | more)


@pytest.fixture
async def alerts(settings: Settings, db: asyncpg.Connection) -> AsyncIterator[Alerts]:
    pool = await open_pool(settings.dsn(), 4)
    yield Alerts(pool, Incidents(pool, {key: layer.spec for key, layer in load_layers().items()}))
    await pool.close()


async def issued(alerts: Alerts, content: Draft, **more: object) -> str:
    name = (await alerts.draft(OPERATOR, content, NOON, **more))["identifier"]
    await alerts.approve(OPERATOR, name, NOON)
    await alerts.approve(SECOND, name, NOON)
    return name


@pytest.mark.parametrize("status", ["Actual", "Exercise", "Test"])
@pytest.mark.parametrize("scope", ["Public", "Restricted", "Private"])
def test_every_message_of_ours_is_valid(status: str, scope: str) -> None:
    xml = to_xml(draft(status=status, scope=scope, onset=NOON, geocode="5213011000"), "a-1", "us", NOON)
    assert faults(xml) == []
    assert "글".encode() in xml
    assert (b"EXERCISE" in xml) == (status == "Exercise")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ((b"<status>Actual</status>", b"<status>Real</status>"), "alert/status"),
        ((b"<sender>us</sender>", b""), "alert/sender: stands 0"),
        ((b"<sender>us</sender>", b"<sender>u s</sender>"), "alert/sender"),
        ((b"<msgType>Alert</msgType>", b"<msgType>Update</msgType>"), "alert/references"),
        ((b"+09:00</sent>", b"Z</sent>"), "alert/sent"),
        ((b"<sent>2026-07", b"<sent>2026-13"), "alert/sent"),
        ((b"<language>ko-KR", b"<language>2026"), "alert/info/language"),
        ((b"<scope>Public</scope>", b"<scope>Restricted</scope>"), "alert/restriction"),
        ((b"<urgency>Expected</urgency>", b""), "alert/info/urgency"),
        ((b"35.96000,126.71000</polygon>", b"35.90000,126.71000</polygon>"), "does not end where it begins"),
        ((b"</area>", b"</area><mood>grim</mood>"), "alert/info/mood: unknown"),
        ((b"<status>Actual</status><msgType>Alert</msgType>", b"<msgType>Alert</msgType><status>Actual</status>"),
         "out of order"),
        ((b"cap:1.2", b"cap:1.1"), "the root is"),
        ((b"</alert>", b""), "no XML"),
    ],
)  # fmt: skip
def test_what_leaves_the_standard_is_found(change: tuple[bytes, bytes], fault: str) -> None:
    xml = to_xml(draft(), "a-1", "us", NOON)
    broken = xml.replace(*change)
    assert broken != xml
    assert any(fault in one for one in faults(broken)), faults(broken)


@pytest.mark.parametrize(
    "more",
    [
        {"polygon": SQUARE[:3]}, {"polygon": SQUARE[:4]}, {"polygon": ()}, {"onset": NOON + timedelta(hours=4)},
        {"polygon": (SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3], SQUARE[0])}, {"category": "Fun"},
    ],
)  # fmt: skip
def test_a_draft_that_means_nothing_is_refused(more: dict) -> None:
    with pytest.raises(ValidationError):
        draft(**more)


async def test_two_people_approve_and_until_then_it_is_a_draft(alerts: Alerts) -> None:
    name = (await alerts.draft(OPERATOR, draft(), NOON))["identifier"]
    assert b"<status>Draft</status>" in await alerts.xml(OPERATOR, name)
    assert (await alerts.approve(OPERATOR, name, NOON))["state"] == "approved"
    with pytest.raises(Refused, match="another person"):
        await alerts.approve(OPERATOR, name, NOON)
    assert (await alerts.approve(SECOND, name, NOON))["state"] == "issued"
    xml = await alerts.xml(OPERATOR, name)
    assert b"<status>Actual</status>" in xml
    assert faults(xml) == []
    with pytest.raises(Conflict, match="already"):
        await alerts.approve(SECOND, name, NOON)


async def test_an_update_and_a_cancel_name_what_they_end(alerts: Alerts) -> None:
    first = await issued(alerts, draft())
    second = await issued(alerts, draft(msg_type="Update"), replaces=first)
    xml = await alerts.xml(OPERATOR, second)
    assert faults(xml) == []
    assert f",{first},2026-07-14T12:00:00+09:00</references>".encode() in xml
    with pytest.raises(Conflict, match="was replaced"):
        await alerts.draft(OPERATOR, draft(msg_type="Cancel"), NOON, replaces=first)
    await issued(alerts, draft(msg_type="Cancel"), replaces=second)
    with pytest.raises(BadInput):
        await alerts.draft(OPERATOR, draft(msg_type="Cancel"), NOON)


async def test_active_alerts_for_the_same_ground_are_named(alerts: Alerts) -> None:
    first = await issued(alerts, draft())
    assert [one["identifier"] for one in (await alerts.draft(OPERATOR, draft(), NOON))["overlaps"]] == [first]
    away = tuple((lon + 1e-1, lat) for lon, lat in SQUARE)
    assert (await alerts.draft(OPERATOR, draft(polygon=away), NOON))["overlaps"] == []
    assert (await alerts.draft(OPERATOR, draft(status="Exercise"), NOON))["overlaps"] == []


async def test_a_drill_and_the_real_thing_are_never_mixed(alerts: Alerts) -> None:
    incidents = alerts._incidents
    real, drill = [
        (await incidents.open(OPERATOR, "flood", "물", NOON, place=CITY_HALL, branch=branch))["id"]
        for branch in ("live", "drill:x")
    ]
    for number, status in ((real, "Exercise"), (drill, "Actual")):
        with pytest.raises(BadInput, match="does not fit"):
            await alerts.draft(OPERATOR, draft(status=status), NOON, incident_id=number)
    await issued(alerts, draft(status="Exercise"), incident_id=drill)
    assert (await incidents.get(OPERATOR, drill))["timeline"][-1]["kind"] == "alert_issued"


async def test_the_public_drafts_nothing(alerts: Alerts) -> None:
    with pytest.raises(Refused):
        await alerts.draft(ANONYMOUS, draft(), NOON)
    with pytest.raises(BadInput, match="has passed"):
        await alerts.draft(OPERATOR, draft(), NOON + timedelta(hours=4))
