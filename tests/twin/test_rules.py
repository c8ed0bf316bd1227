"""The rule engine: delay, hysteresis, order, silence."""

import pytest

from twin.layer import Layer
from twin.rules import GRACE_S, RuleEngine

TEXT = {"ko": "글", "en": "text"}
NAMED = {"title": TEXT, "cause": TEXT, "consequence": TEXT, "action": TEXT, "respond_within_s": 60}


def engine(**rule: object) -> RuleEngine:
    layer = Layer.model_validate(
        {
            "id": "heat", "title": TEXT, "group": "safety", "access": "public", "source": "s", "licence": "l",
            "attribution": TEXT, "quality": "synthetic", "interval_s": 1, "stale_after_s": 5, "retention_days": 1,
            "symbol": {"shape": "flame"},
            "property": [
                {"id": "temperature", "title": TEXT, "unit": "Cel", "range": [-50, 1200]},
                {"id": "smoke", "title": TEXT, "kind": "enum", "values": ["clear", "smoke"]},
            ],
            "alarm": [{"rule": "fire", "property": "temperature", "severity": "danger", **NAMED, **rule}],
        }
    )  # fmt: skip
    return RuleEngine([layer])


def feed(rules: RuleEngine, *observations: tuple[float, float], prop: str = "temperature", **attributes: float) -> list:
    return [
        (change.is_raised, change.at)
        for time, result in observations
        for change in rules.observe("heat", 1, prop, time, result, attributes)
    ]


def test_heat_of_4_9_seconds_is_no_alarm_and_of_5_0_seconds_is_one() -> None:
    assert feed(engine(above=70, delay_s=5), (100.0, 80), (104.9, 80)) == []
    assert feed(engine(above=70, delay_s=5), (100.0, 80), (104.9, 80), (105.0, 80)) == [(True, 105.0)]


def test_interrupted_heat_starts_the_delay_anew() -> None:
    rules = engine(above=70, delay_s=5)
    assert feed(rules, (0, 80), (3, 60), (4, 80), (8.9, 80)) == []
    assert feed(rules, (9.0, 80)) == [(True, 9.0)]


def test_alarm_clears_only_past_the_clearing_value() -> None:
    rules = engine(above=70, clear=60)
    assert feed(rules, (0, 70), (1, 65), (2, 69.9), (3, 71), (4, 60), (5, 59)) == [(True, 0), (False, 4)]


def test_threshold_below() -> None:
    assert feed(engine(below=5, clear=8), (0, 6), (1, 5), (2, 7), (3, 8)) == [(True, 1), (False, 3)]


def test_enum_word_raises_and_another_word_clears() -> None:
    rules = engine(property="smoke", equals="smoke")
    assert feed(rules, (0, 0), (1, 1), (2, 0), prop="smoke") == [(True, 1), (False, 2)]


def test_threshold_may_be_an_attribute_of_the_asset() -> None:
    assert feed(engine(above="alarm_m"), (0, 1.9), (1, 2.0), alarm_m=2.0) == [(True, 1)]
    assert feed(engine(above="alarm_m"), (0, 99)) == []


def test_observation_that_came_late_or_twice_changes_nothing() -> None:
    rules = engine(above=70)
    assert feed(rules, (10, 80), (9, 20), (10, 20), (10, 80)) == [(True, 10)]


def test_sensor_that_falls_silent_in_the_delay_still_raises() -> None:
    rules = engine(above=70, delay_s=5)
    feed(rules, (100, 80))
    assert rules.tick(105 + GRACE_S - 0.1) == []
    [change] = rules.tick(105 + GRACE_S)
    assert (change.is_raised, change.at, change.onset) == (True, 105, 100)
    assert rules.tick(200) == []


def test_restored_alarm_is_not_raised_twice_and_still_clears() -> None:
    rules = engine(above=70, clear=60)
    rules.restore("heat", 1, "fire", is_standing=True, onset=50, last=60, result=90)
    assert feed(rules, (55, 20), (60, 20), (61, 90), (62, 20)) == [(False, 62)]


def test_rule_without_an_action_is_refused() -> None:
    with pytest.raises(ValueError, match="action"):
        engine(above=70, action=None)


def test_an_event_that_is_heard_of_after_its_alarm_would_have_ended_is_history() -> None:
    text = {"ko": "글", "en": "text"}
    says = dict.fromkeys(("title", "cause", "consequence", "action"), text) | {"respond_within_s": 60}
    event = {"kind": "seen", "severity": "caution", "title": text,
             "alarm": {"severity": "caution", "clear_after_s": 600, "needs_hits": 1, **says}}  # fmt: skip
    layer = Layer.model_validate({
        "id": "eye", "title": text, "group": "safety", "access": "internal", "source": "s", "licence": "l",
        "attribution": text, "quality": "synthetic", "interval_s": 60, "stale_after_s": 300, "retention_days": 1,
        "symbol": {"shape": "circle"}, "property": [{"id": "n", "title": text, "range": [0, 1]}], "event": [event],
    })  # fmt: skip
    engine = RuleEngine([layer])
    assert engine.happen("eye", 1, "seen", 0.0, 600.0) == []
    assert [change.is_raised for change in engine.happen("eye", 1, "seen", 1.0, 600.0)] == [True]
