"""What is announced and what is kept silent, rule by rule; without a store."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers import load_layers
from twin.alarms import State, Trigger
from twin.annunciation import OF_INCIDENT, QUIET_S, UNCONFIRMED, Annunciator
from twin.board import Alarm, Board, Site
from twin.layer import ASSET_SILENT, SOURCE_SILENT, Layer
from twin.rules import Transition

TEXT = {"ko": "글", "en": "text"}
SAYS = {"title": TEXT, "cause": TEXT, "consequence": TEXT, "action": TEXT, "respond_within_s": 60}


def rule(name: str, severity: str, **more: object) -> dict:
    return {"rule": name, "property": "stage", "above": 1, "severity": severity, **SAYS, **more}


LAYER = Layer.model_validate({
    "id": "gauge", "title": TEXT, "group": "water", "access": "public", "source": "s", "licence": "l",
    "attribution": TEXT, "quality": "synthetic", "interval_s": 60, "stale_after_s": 300, "retention_days": 1,
    "symbol": {"shape": "drop"}, "property": [{"id": "stage", "title": TEXT, "unit": "m", "range": [0, 9]}],
    "alarm": [
        rule("low", "caution", topic="flood", group_by="stream", suppressed_by=["high"]),
        rule("high", "danger", topic="flood", group_by="stream") | {"title": {"ko": "높음", "en": "high"}},
        rule("fire", "danger", topic="fire", group_by="stream", is_vital=True),
        rule("bin", "caution"),
    ],
    "event": [{"kind": "seen", "severity": "caution", "title": TEXT, "alarm": {
        "severity": "caution", "topic": "object", "group_by": "block", **SAYS,
    }}],
})  # fmt: skip
SITES = {
    n: Site(f"곳 {n}", f"Place {n}", 1, "동", "Unit", 10.0 * n, 0.0, {"stream": "A" if n < 5 else "B"})
    for n in range(10)
}  # fmt: skip


class Desk:
    """A board over time; every call is one transaction."""

    def __init__(self) -> None:
        self.board = Board(sites=SITES)
        self.heard: list[tuple[int | None, str]] = []

    def do(self, act: Callable[[Annunciator], object]) -> None:
        desk = Annunciator(self.board, {"gauge": LAYER})
        act(desk)
        self.heard += [(e.alarm.key[1], e.alarm.key[2]) for e in desk.entries if e.announces and e.alarm]
        for alarm in self.board.alarms.values():
            assert alarm.state != State.DSUPR or alarm.incident is not None, "kept silent, and in no incident"

    def change(self, asset: int | None, name: str, at: float, *, is_raised: bool = True, sure: bool = True) -> Alarm:
        severity = {"low": "caution", "bin": "caution", "seen": "caution", ASSET_SILENT: "caution",
                    SOURCE_SILENT: "alarm"}.get(name, "danger")  # fmt: skip
        change = Transition("gauge", asset, name, severity, is_raised, 1.0, at, at, sure)
        self.do(lambda desk: desk.take(change))
        return self.board.alarms["gauge", asset, name]

    def acknowledge(self, at: float) -> None:
        self.do(lambda desk: desk.acknowledge(list(self.board.alarms.values()), "kim", at))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_second_gauge_of_a_stream_joins_in_silence_and_the_rise_is_heard(desk: Desk) -> None:
    desk.change(1, "low", 0)
    second = desk.change(2, "low", 60)
    assert (second.state, second.silenced_by) == (State.DSUPR, OF_INCIDENT)
    desk.change(3, "high", 120)
    desk.change(7, "low", 130)
    assert desk.heard == [(1, "low"), (3, "high"), (7, "low")]
    assert len(desk.board.incidents) == 2


def test_an_incident_is_named_after_the_worst_that_was_announced(desk: Desk) -> None:
    alarm = desk.change(1, "low", 0)
    assert alarm.incident is not None
    assert alarm.incident.title_ko == "글 · A"
    desk.change(3, "high", 60)
    assert (alarm.incident.title_ko, alarm.incident.title_en) == ("높음 · A", "high · A")
    desk.change(3, "high", 90, is_raised=False)
    desk.change(2, "low", 95)
    assert alarm.incident.title_ko == "높음 · A"


def test_the_higher_stage_of_a_gauge_speaks_for_the_lower_and_gives_it_back(desk: Desk) -> None:
    low = desk.change(1, "low", 0)
    desk.change(1, "high", 60)
    assert (low.state, low.silenced_by) == (State.DSUPR, "high")
    desk.change(1, "high", 120, is_raised=False)
    assert (low.state, low.silenced_by) == (State.DSUPR, OF_INCIDENT)  # it falls: nobody is called again
    assert desk.heard == [(1, "low"), (1, "high")]


def test_after_a_quiet_while_the_stream_is_announced_again_and_not_before(desk: Desk) -> None:
    desk.change(1, "low", 0)
    desk.acknowledge(10)
    desk.change(1, "low", 100, is_raised=False)
    desk.change(2, "low", 100 + QUIET_S - 1)
    desk.change(2, "low", 100 + QUIET_S, is_raised=False)
    assert desk.heard == [(1, "low")]
    desk.change(1, "low", 100 + 2 * QUIET_S)
    assert desk.heard == [(1, "low"), (1, "low")]


def test_what_nobody_has_seen_yet_stays_in_the_list_when_it_comes_back(desk: Desk) -> None:
    low = desk.change(1, "low", 0)
    desk.change(1, "low", 10, is_raised=False)
    assert low.state == State.RTNUN
    desk.change(1, "low", 20)
    assert low.state == State.UNACK
    assert desk.heard == [(1, "low")]


def test_every_burning_shop_is_heard_for_itself(desk: Desk) -> None:
    for shop in (1, 2, 3):
        assert desk.change(shop, "fire", 10.0 * shop).state == State.UNACK
    assert desk.heard == [(1, "fire"), (2, "fire"), (3, "fire")]
    assert len(desk.board.incidents) == 1


def test_one_hit_of_a_camera_waits_and_another_camera_confirms_it(desk: Desk) -> None:
    first = desk.change(1, "seen", 0, sure=False)
    assert (first.state, first.silenced_by) == (State.DSUPR, UNCONFIRMED)
    assert desk.heard == []
    second = desk.change(2, "seen", 30, sure=False)
    assert second.state == State.UNACK
    assert (first.is_confirmed, first.silenced_by) == (True, OF_INCIDENT)
    assert desk.heard == [(2, "seen")]


def test_a_camera_that_insists_confirms_itself(desk: Desk) -> None:
    hit = desk.change(1, "seen", 0, sure=False)
    desk.change(1, "seen", 20, sure=True)
    assert hit.state == State.UNACK
    assert desk.heard == [(1, "seen")]


def test_what_nothing_confirmed_is_closed_without_a_sound(desk: Desk) -> None:
    desk.change(1, "seen", 0, sure=False)
    [incident] = desk.board.incidents.values()
    desk.change(1, "seen", 300, is_raised=False, sure=False)
    desk.do(lambda one: one.tick(301))
    assert (incident.state, incident.reason, desk.board.incidents, desk.heard) == ("closed", UNCONFIRMED, {}, [])


def test_an_area_that_falls_silent_is_one_annunciation(desk: Desk) -> None:
    def lose(one: Annunciator) -> None:
        for asset in range(5):
            one.take(Transition("gauge", asset, ASSET_SILENT, "caution", True, 0.0, 100.0, 0.0))

    desk.do(lose)
    assert len(desk.heard) == 1
    [incident] = desk.board.incidents.values()
    assert incident.stage == 2


def test_a_silent_source_speaks_for_its_silent_sensors(desk: Desk) -> None:
    desk.change(None, SOURCE_SILENT, 0)
    sensor = desk.change(1, ASSET_SILENT, 60)
    assert (sensor.state, sensor.silenced_by) == (State.DSUPR, SOURCE_SILENT)
    desk.change(None, SOURCE_SILENT, 120, is_raised=False)
    assert sensor.silenced_by != SOURCE_SILENT
    assert desk.heard[0] == (None, SOURCE_SILENT)


def test_an_acknowledgement_expires_once_for_the_whole_incident(desk: Desk) -> None:
    desk.change(1, "fire", 0)
    desk.change(2, "fire", 0)
    desk.acknowledge(10)
    assert {alarm.state for alarm in desk.board.alarms.values()} == {State.ACKED}
    desk.heard.clear()
    desk.do(lambda one: one.tick(10 + 4 * 3600 - 1))
    assert desk.heard == []
    desk.do(lambda one: one.tick(10 + 4 * 3600))
    assert {alarm.state for alarm in desk.board.alarms.values()} == {State.UNACK}
    assert len(desk.heard) == 1


def test_shelving_really_ends(desk: Desk) -> None:
    alarm = desk.change(1, "low", 0)

    def shelve(one: Annunciator) -> None:
        one.move(alarm, Trigger.SHELVE, 10, "kim")
        alarm.shelved_until = 100

    desk.do(shelve)
    desk.do(lambda one: one.tick(99))
    assert alarm.state == State.SHLVD
    desk.do(lambda one: one.tick(100))
    assert alarm.state == State.UNACK
    assert desk.heard == [(1, "low"), (1, "low")]


def test_an_asset_under_maintenance_is_silent_and_comes_back(desk: Desk) -> None:
    desk.board.out_of_service = {1}
    alarm = desk.change(1, "high", 0)
    assert (alarm.state, desk.heard) == (State.OOSRV, [])
    desk.do(lambda one: one.tick(10))
    assert alarm.state == State.OOSRV
    desk.board.out_of_service = set()
    desk.do(lambda one: one.tick(20))
    assert (alarm.state, desk.heard) == (State.UNACK, [(1, "high")])


def test_the_last_acknowledgement_acknowledges_the_incident(desk: Desk) -> None:
    desk.change(1, "fire", 0)
    desk.change(2, "fire", 1)
    [incident] = desk.board.incidents.values()
    one, two = desk.board.alarms.values()
    desk.do(lambda board: board.acknowledge([one], "kim", 2))
    assert incident.state == "new"
    desk.do(lambda board: board.acknowledge([two], "kim", 3))
    assert incident.state == "acknowledged"


def test_an_alarm_without_a_topic_is_heard_and_opens_nothing(desk: Desk) -> None:
    desk.change(1, "bin", 0)
    assert desk.heard == [(1, "bin")]
    assert desk.board.incidents == {}


FIRE = load_layers()["market_fire"].spec
FIRE_RULES = ("fire_smoke", "fire_heat", "fire_flame")


def shop_on_fire() -> tuple[Board, Callable[[str, float, bool], None]]:
    """Return a board with one shop, and a function that lets its conditions begin and end by the layer's own rules."""
    board = Board(sites={1: Site("점포", "Shop", 1, "동", "Unit", attributes={"market": "M"})})

    def change(rule: str, at: float, is_raised: bool) -> None:
        severity = {one.rule: one.severity for one in FIRE.alarms}[rule]
        Annunciator(board, {FIRE.id: FIRE}).take(Transition(FIRE.id, 1, rule, severity, is_raised, 1.0, at, at))

    return board, change


def is_seen(board: Board) -> bool:
    return any(one.state in (State.UNACK, State.ACKED) for one in board.alarms.values() if one.is_standing)


def test_a_fire_that_is_hot_before_it_flames_is_not_silenced_by_its_own_flame() -> None:
    """Heat is announced; the flame is of the same severity, so it need not be; it must not silence the heat then."""
    board, change = shop_on_fire()
    change("fire_heat", 0, True)
    change("fire_flame", 0, True)
    assert is_seen(board)
    change("fire_heat", 60, False)
    assert board.alarms[FIRE.id, 1, "fire_flame"].state == State.UNACK, "now the flame alone speaks"


@given(st.lists(st.tuples(st.sampled_from(FIRE_RULES), st.booleans()), max_size=30))
def test_while_anything_burns_in_a_shop_an_alarm_of_it_is_before_somebodys_eyes(steps: list[tuple[str, bool]]) -> None:
    board, change = shop_on_fire()
    for n, (rule, is_raised) in enumerate(steps):
        change(rule, 10.0 * n, is_raised)
        assert is_seen(board) or not any(one.is_standing for one in board.alarms.values())


ACTS = ("raise", "clear", "acknowledge", "shelve", "unshelve", "tick", "out", "back")
NAMES = ("low", "high", "fire", "bin", "seen", ASSET_SILENT)
STEPS = 12


def check(board: Board, incidents: set[object]) -> None:
    """Fail on what no board may hold."""
    for alarm in board.alarms.values():
        assert alarm.is_standing or alarm.state not in (State.UNACK, State.ACKED, State.DSUPR), alarm.key
        assert not alarm.is_standing or alarm.state not in (State.NORM, State.RTNUN), alarm.key
        assert (alarm.state == State.SHLVD) == (alarm.shelved_until is not None), "shelved without an end"
        assert alarm.state != State.SHLVD or alarm.key[2] != "fire", "what is vital was shelved"
        assert alarm.state != State.DSUPR or (alarm.incident is not None and alarm.silenced_by), (
            "silent, in no incident"
        )
        assert alarm.acknowledged_until is None or alarm.state in (State.ACKED, State.SHLVD, State.OOSRV, State.DSUPR)
    for incident in board.incidents.values():
        assert incident in incidents or incident.stage >= 0


def play(board: Board, steps: list[list[int]]) -> int:
    """Let conditions, people and time act on a board as the desk does; return how often it announced."""
    heard, seen = 0, set()
    for n, (act, name, asset) in enumerate(steps):
        at, rule_name = 600.0 * n, NAMES[name]
        desk = Annunciator(board, {"gauge": LAYER})
        alarm = board.alarms.get(("gauge", asset, rule_name))
        match ACTS[act]:
            case "raise" | "clear" as change if (change == "raise") != (alarm is not None and alarm.is_standing):
                severity = "danger" if name in (1, 2) else "caution"
                is_raised = change == "raise"
                desk.take(Transition("gauge", asset, rule_name, severity, is_raised, 1.0, at, at, rule_name != "seen"))
            case "acknowledge":
                desk.acknowledge(list(board.alarms.values()), "kim", at)
            case "shelve" if alarm is not None and rule_name != "fire":
                if desk.move(alarm, Trigger.SHELVE, at).state == State.SHLVD:
                    alarm.shelved_until = at + 1500
            case "unshelve" if alarm is not None and alarm.state == State.SHLVD:
                desk.move(alarm, Trigger.UNSHELVE, at)
                alarm.shelved_until = None
            case "out":
                board.out_of_service.add(asset)
                for one in [one for one in board.alarms.values() if one.key[1] == asset]:
                    desk.move(one, Trigger.DISABLE, at)
                    one.shelved_until = None
            case "back":
                board.out_of_service.discard(asset)
                desk.tick(at)
            case "tick":
                desk.tick(at)
        seen |= set(desk.incidents)
        heard += sum(entry.announces for entry in desk.entries)
        check(board, seen)
    return heard


def test_ten_thousand_random_sequences_leave_no_board_in_an_illegal_state() -> None:
    rng = np.random.default_rng(182)
    runs = rng.integers(0, (len(ACTS), len(NAMES), 4), (10_000, STEPS, 3)).tolist()
    heard = sum(play(Board(sites=SITES), steps) for steps in runs)
    assert heard > 5_000, "the sequences do something"
