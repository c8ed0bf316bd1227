"""Complaints: what is kept of a text, and what is urgent."""

import json
from datetime import UTC, datetime

from layers import load_layers
from layers.complaint.adapter import URGENT, WORDS, adapt
from twin.errors import BadMessage
from twin.report import Happening, Report

AT = datetime(2026, 5, 1, tzinfo=UTC)


def row(**more: object) -> bytes:
    told = {"id": "7", "time": AT.isoformat(), "district": "CIV-01", "category": "other", "text": ""} | more
    return json.dumps([told]).encode()


def test_of_a_text_nothing_is_kept_but_known_words() -> None:
    [event] = adapt(row(text="홍길동 010-1234-5678 집 앞 가로등 고장, 도로 파손"), AT)
    assert isinstance(event, Happening)
    assert event.detail == {"category": "other", "words": ["도로", "파손", "가로등", "고장"]}
    assert "홍길동" not in str(event)
    assert "1234" not in str(event)


def test_each_urgent_word_raises_an_urgent_event_that_needs_somebody() -> None:
    spec = load_layers()["complaint"].spec
    kind = spec.event_kind("urgent_complaint")
    assert kind is not None
    assert kind.alarm is not None
    for word in URGENT:
        [event] = adapt(row(text=f"우리 동네에 {word} 났어요"), AT)
        assert isinstance(event, Happening)
        assert (event.kind, word in event.detail["urgent"]) == ("urgent_complaint", True)
    [calm] = adapt(row(text="주차 단속"), AT)
    assert isinstance(calm, Happening)
    assert calm.kind == "complaint"
    assert len(set(WORDS)) == len(WORDS)


def test_a_count_needs_no_complaint_and_a_wrong_category_spoils_one_row() -> None:
    body = [
        {"district": "CIV-01", "time": AT.isoformat(), "received_today": 3},
        {"district": "CIV-02", "time": AT.isoformat(), "id": "8", "category": "gossip"},
        {"district": "CIV-03", "time": AT.isoformat(), "id": "9", "category": "quarantine"},
    ]
    report, wrong, event = adapt(json.dumps(body).encode(), AT)
    assert isinstance(report, Report)
    assert isinstance(wrong, BadMessage)
    assert isinstance(event, Happening)
