"""The integrated platform's event message, against golden files written by us."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.dialects.platform import MEANING, STATUS, decode, encode
from twin.clock import KST
from twin.errors import BadInput
from twin.foreign import ForeignEvent
from twin.incidents import NEXT

GOLDEN = Path(__file__).parent / "golden"
NOON = datetime(2026, 7, 14, 3, 0, tzinfo=UTC)
INCIDENT = {
    "id": 7, "branch": "live", "title_ko": "시장 화재: 불꽃 · 신영시장", "severity": "danger", "state": "closed",
    "lon": 126.7203, "lat": 35.9832, "unit_ko": "중앙동", "opened": NOON, "changed": NOON + timedelta(minutes=9),
    "closed": NOON + timedelta(minutes=9), "reason": "진화", "calm_since": NOON + timedelta(minutes=8),
}  # fmt: skip
OPEN = INCIDENT | {"state": "new", "calm_since": None, "closed": None, "reason": None}
OUT = {
    "10": OPEN, "40": OPEN | {"state": "dispatched"},
    "50": OPEN | {"state": "dispatched", "calm_since": NOON + timedelta(minutes=8)},
    "90": INCIDENT | {"reason": "unconfirmed"}, "91": INCIDENT,
}  # fmt: skip
"""An incident for each code."""
IN = {
    "10": ("지하차도 침수 발생", "alarm", "occurred", (12, 0), "차량 1대 고립 신고"),
    "40": ("지하차도 침수 확대", "danger", "changed", (12, 5), "수심 0.6 m, 차량 3대"),
    "50": ("지하차도 침수 확대", "danger", "cleared", (13, 0), "배수 완료"),
    "90": ("지하차도 침수 발생", "alarm", "cancelled", (12, 7), "오인 신고"),
    "91": ("지하차도 침수 확대", "danger", "ended", (13, 30), "통행 재개"),
}


def golden(way: str, code: str) -> bytes:
    return (GOLDEN / f"platform_{way}_{code}.json").read_bytes()


@pytest.mark.parametrize("code", MEANING)
def test_an_incident_goes_out_as_the_golden_message(code: str) -> None:
    assert orjson.loads(encode(OUT[code], NOON + timedelta(minutes=10))) == orjson.loads(golden("out", code))


@pytest.mark.parametrize("code", MEANING)
def test_the_golden_message_comes_in(code: str) -> None:
    name, severity, meaning, (hour, minute), detail = IN[code]
    assert decode(golden("in", code)) == ForeignEvent(
        "INT-2026-000123", name, "underpass", severity, meaning, datetime(2026, 7, 14, 12, 0, tzinfo=KST),
        datetime(2026, 7, 14, hour, minute, tzinfo=KST), (126.723, 35.969), detail,
    )  # fmt: skip


def test_a_drill_says_so_in_its_name() -> None:
    body = orjson.loads(encode(INCIDENT | {"branch": "drill:x"}, NOON))["body"]
    assert body["evtNm"].startswith("[훈련]")
    assert body["ocrEvtItem"] == [{"key": "branch", "val": "drill:x"}]


def test_what_goes_out_can_be_read_back() -> None:
    for state in STATUS:
        event = decode(encode(INCIDENT | {"state": state}, NOON))
        assert (event.topic, event.severity, event.place) == ("fire", "danger", (126.7203, 35.9832))
        assert event.meaning == MEANING["50" if STATUS[state] in ("10", "40") else STATUS[state]], "no condition stands"
        assert event.own == 7
    assert {state for state, _ in NEXT} | set(NEXT.values()) == set(STATUS)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"10"', b'"77"'),
        (b"20260714120000", b"2026-07-14"),
        (b"INT-2026-000123", b""),
        (b'"body"', b'"text"'),
        (b"{", b""),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(old: bytes, new: bytes) -> None:
    message = golden("in", "10")
    with pytest.raises(BadInput, match="platform event"):
        decode(message.replace(old, new))


@given(st.binary(max_size=200))
def test_noise_raises_nothing_else(noise: bytes) -> None:
    with pytest.raises(BadInput):
        decode(noise)
