"""One judge for every layer: declaration, sample, adapter, and what garbage does to it."""

import time
import timeit
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers import LoadedLayer, load_layers
from layers.check import results_of
from layers.reading import MESSAGE_LIMIT, ROW_LIMIT
from layers.registry import HERE, load_layer
from twin.errors import BadMessage
from twin.report import Happening, Report

LAYERS = load_layers()
NOW = datetime(2026, 5, 1, 0, 5, tzinfo=UTC)
EXPECTED = {
    "air_quality", "berth", "bus", "bus_shelter", "cctv", "complaint", "flood_forecast", "market_fire", "parking",
    "rain", "traffic_flow", "traffic_speed", "traffic_vehicle", "vessel", "waste_bin", "water_level", "water_quality",
    "weather_station",
}  # fmt: skip
BOMBS = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;</a>',
    b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    b"<a>" * 100_000,
)
HOSTILE = (
    b"",
    b"\x00",
    b"null",
    b"[]",
    b"{}",
    b"[[[]]]",
    b"[" * 100_000,
    b'{"id":' * 50_000,
    b'[{"id": "A", "time": "0001-01-01T00:00:00+23:59"}]',
    b'[{"id": "A", "time": "9999-12-31T23:59:59-23:59"}]',
    b'{"id": 1e999, "time": NaN}',
    b'{"calls": null}',
    b'{"body": {"items": {"linkId": []}}}',
    b'{"after": {"camera": "C", "id": "1", "start_time": 1e300}, "type": "new"}',
    b"!AIVDM,1,1,,A,,0*26",
    b"!AIVDM,9,9,9,A,0,0*00\n!AIVDM,1,1",
    b"\\g:1-2-3,c:99999999999*00\\!AIVDM,1,1,,A,16Se`R@P1D93Co`DU2o3J2hGP000,0*4E",
    b"\xff\xfe<\x00a\x00>\x00",
    *BOMBS,
)


def entries(layer: LoadedLayer, payload: bytes) -> Iterator[Report | Happening | BadMessage]:
    """Read a message with an adapter that has heard nothing before; a refusal of the whole is an entry like others."""
    try:
        yield from load_layer(HERE / layer.spec.id, f"layers.{layer.spec.id}").adapt(payload, NOW)
    except BadMessage as error:
        yield error


every_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)


def test_all_layers_of_the_plan_are_there() -> None:
    assert set(LAYERS) == EXPECTED


@every_layer
def test_sample_becomes_reports_that_pass_the_check(layer: LoadedLayer) -> None:
    found = list(entries(layer, layer.sample))
    assert not [entry for entry in found if isinstance(entry, BadMessage)]
    reports = [entry for entry in found if isinstance(entry, Report)]
    assert reports
    assert all(results_of(layer.spec, report) for report in reports)


@every_layer
def test_samples_reach_every_property_that_is_not_optional(layer: LoadedLayer) -> None:
    """The rest is named here, so that a property nobody can send is noticed."""
    elsewhere = {"berth": {"etd", "atd", "atb"}, "cctv": {"detections_1h"}}
    reached: set[str] = set()
    for entry in entries(layer, layer.sample):
        if isinstance(entry, Report):
            reached |= set(results_of(layer.spec, entry))
    assert set(layer.spec.observed) - reached <= elsewhere.get(layer.spec.id, set())


@every_layer
def test_happenings_are_declared_kinds(layer: LoadedLayer) -> None:
    for entry in entries(layer, layer.sample):
        if isinstance(entry, Happening):
            assert layer.spec.event_kind(entry.kind) is not None
            assert entry.phenomenon_time.tzinfo is not None


@every_layer
def test_every_alarm_says_what_to_do(layer: LoadedLayer) -> None:
    for alarm in layer.spec.alarms:
        for text in (alarm.title, alarm.cause, alarm.consequence, alarm.action):
            assert text.ko != text.en
            assert any("가" <= letter <= "힣" for letter in text.ko), text
            assert text.en.isascii(), text
        assert 0 < alarm.respond_within_s <= 86_400


@every_layer
def test_thresholds_in_numbers_have_hysteresis(layer: LoadedLayer) -> None:
    for alarm in layer.spec.alarms:
        if isinstance(alarm.above, float):
            assert alarm.clear is not None, f"{layer.spec.id}: {alarm.rule} would chatter"


@every_layer
def test_enum_words_have_labels_and_demo_lies_in_range(layer: LoadedLayer) -> None:
    for prop in layer.spec.properties:
        assert len(prop.labels) == len(prop.values)
        if prop.demo and prop.range:
            assert prop.range[0] <= prop.demo[0] < prop.demo[1] <= prop.range[1]


@every_layer
def test_what_was_not_measured_says_so(layer: LoadedLayer) -> None:
    """The demo is synthetic; what the twin computes is derived, and no observation."""
    word = {"synthetic": "합성", "derived": "모의"}[layer.spec.quality]
    assert word in layer.spec.attribution.ko
    assert layer.spec.stale_after_s >= 2 * layer.spec.interval_s


@every_layer
def test_layer_without_python_is_only_data(layer: LoadedLayer) -> None:
    folder = HERE / layer.spec.id
    names = {path.name for path in folder.iterdir() if path.is_file()}
    if "adapter.py" not in names:
        assert {name.split(".")[0] for name in names} == {"layer", "sample"}


def test_personal_layers_are_not_public() -> None:
    assert LAYERS["cctv"].spec.access == "restricted"
    assert LAYERS["market_fire"].spec.access == "internal"


@every_layer
def test_every_cut_of_the_sample_is_read_or_refused(layer: LoadedLayer) -> None:
    for length in range(len(layer.sample)):
        assert_only_sound_entries(layer, layer.sample[:length])


@every_layer
@pytest.mark.parametrize("payload", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_messages_are_refused_without_harm(layer: LoadedLayer, payload: bytes) -> None:
    start = time.thread_time()
    assert_only_sound_entries(layer, payload)
    assert time.thread_time() - start < 2


@every_layer
@settings(max_examples=60)
@given(payload=st.binary(max_size=300))
def test_any_bytes_raise_nothing_but_bad_message(layer: LoadedLayer, payload: bytes) -> None:
    assert_only_sound_entries(layer, payload)


FIELDS = [
    "id",
    "time",
    "after",
    "type",
    "camera",
    "label",
    "start_time",
    "entered_zones",
    "health",
    "bays",
    "bay",
    "occupied",
    "berth",
    "calls",
    "state",
    "vessel",
    "imo",
    "eta",
    "previous_berth",
    "body",
    "items",
    "call",
    "header",
    "resultCode",
    "linkId",
    "speed",
    "travelTime",
    "createdDate",
    "spaces_free",
    "spaces_total",
    "stage",
    "pump_state",
    "smoke",
    "fill",
    "bell",
    "pm25",
    "rain_1h",
    "top_score",
    "name",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner
            | st.sampled_from(("2026-05-01T09:00:00+09:00", "20260501090000", "new", "A-1", "occupied", "intrusion")),
            max_size=8,
        )
    ),
    max_leaves=20,
)


@every_layer
@settings(max_examples=80)
@given(value=JSON)
def test_any_json_raises_nothing_but_bad_message(layer: LoadedLayer, value: object) -> None:
    assert_only_sound_entries(layer, orjson.dumps(value))


@every_layer
@settings(max_examples=60)
@given(data=st.data())
def test_flipped_bytes_of_the_sample_raise_nothing_but_bad_message(layer: LoadedLayer, data: st.DataObject) -> None:
    sample = bytearray(layer.sample)
    for place in data.draw(st.lists(st.integers(0, len(sample) - 1), max_size=6)):
        sample[place] = data.draw(st.integers(0, 255))
    assert_only_sound_entries(layer, bytes(sample))


@every_layer
def test_too_large_a_message_is_refused_before_it_is_parsed(layer: LoadedLayer) -> None:
    [error] = list(entries(layer, b"[" + b"1," * (MESSAGE_LIMIT // 2) + b"1]"))
    assert isinstance(error, BadMessage)
    assert error.reason == "too_large"
    assert str(MESSAGE_LIMIT) in str(error)


def test_huge_array_is_refused_as_a_whole() -> None:
    [error] = list(entries(LAYERS["rain"], orjson.dumps([1] * (ROW_LIMIT + 1))))
    assert isinstance(error, BadMessage)
    assert error.reason == "too_large"


def test_five_thousand_reports_cost_well_below_a_third_of_a_second() -> None:
    row = orjson.loads(LAYERS["rain"].sample)[0]
    payload = orjson.dumps([row] * 5000)

    def read() -> int:
        return sum(len(results_of(LAYERS["rain"].spec, report)) for report in LAYERS["rain"].adapt(payload, NOW))

    assert read() == 25_000
    assert min(timeit.repeat(read, number=1, repeat=5, timer=time.thread_time)) < 0.3


def assert_only_sound_entries(layer: LoadedLayer, payload: bytes) -> None:
    for entry in entries(layer, payload):
        if isinstance(entry, BadMessage):
            assert entry.reason.replace("_", "").isalpha()
            assert len(str(entry)) < 600
            continue
        assert entry.phenomenon_time.tzinfo is not None
        assert 0 < len(entry.asset) <= 100
        if isinstance(entry, Report):
            with suppress(BadMessage):
                results_of(layer.spec, entry)
        else:
            assert layer.spec.event_kind(entry.kind) is not None
