"""The life of an alarm: every cell of the one table, and what no sequence of triggers may lead to."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.alarms import SIGN_OF, TABLE, Cell, Sign, State, Trigger, after

EXPECTED = {
    Trigger.RAISE: "UNACK! UNACK ACKED UNACK! SHLVD DSUPR OOSRV",
    Trigger.RISE: "NORM UNACK! UNACK! RTNUN SHLVD DSUPR OOSRV",
    Trigger.CLEAR: "NORM RTNUN NORM RTNUN SHLVD NORM OOSRV",
    Trigger.ACKNOWLEDGE: "NORM ACKED ACKED NORM SHLVD DSUPR OOSRV",
    Trigger.EXPIRE: "NORM UNACK UNACK! RTNUN SHLVD DSUPR OOSRV",
    Trigger.SHELVE: "SHLVD SHLVD SHLVD SHLVD SHLVD SHLVD OOSRV",
    Trigger.UNSHELVE: "NORM UNACK ACKED RTNUN ACKED DSUPR OOSRV",
    Trigger.LAPSE: "NORM UNACK ACKED RTNUN UNACK! DSUPR OOSRV",
    Trigger.SUPPRESS: "DSUPR DSUPR DSUPR DSUPR SHLVD DSUPR OOSRV",
    Trigger.RELEASE: "NORM UNACK ACKED RTNUN SHLVD UNACK! OOSRV",
    Trigger.DISABLE: "OOSRV OOSRV OOSRV OOSRV OOSRV OOSRV OOSRV",
    Trigger.ENABLE: "NORM UNACK ACKED RTNUN SHLVD DSUPR UNACK!",
}
"""By trigger, for NORM UNACK ACKED RTNUN SHLVD DSUPR OOSRV while the condition stands."""
BACK = {(State.SHLVD, Trigger.UNSHELVE), (State.SHLVD, Trigger.LAPSE), (State.DSUPR, Trigger.RELEASE),
        (State.OOSRV, Trigger.ENABLE)}  # fmt: skip
"""What comes back to nothing when its condition does not stand."""
NEEDS_CONDITION = {Trigger.RAISE: True, Trigger.CLEAR: False}


@pytest.mark.parametrize("trigger", Trigger)
def test_every_cell_of_the_table(trigger: Trigger) -> None:
    for state, word in zip(State, EXPECTED[trigger].split(), strict=True):
        standing = Cell(State(word.rstrip("!")), word.endswith("!"))
        assert after(state, trigger, is_standing=True) == standing
        assert after(state, trigger, is_standing=False) == (Cell(State.NORM) if (state, trigger) in BACK else standing)


def test_the_table_is_total() -> None:
    assert len(TABLE) == len(State) * len(Trigger) * 2
    assert set(SIGN_OF) == set(State)


def test_only_what_nobody_has_acknowledged_blinks() -> None:
    assert [state for state in State if SIGN_OF[state] == Sign.BLINKING] == [State.UNACK]
    assert len(set(SIGN_OF.values())) == len(State)


def test_a_sound_is_asked_for_only_where_something_becomes_unacknowledged() -> None:
    assert {cell.state for cell in TABLE.values() if cell.sounds} == {State.UNACK}


def walk(triggers: list[Trigger]) -> None:
    """Follow an alarm and its condition; fail on what must not be."""
    state, stands = State.NORM, False
    for trigger in triggers:
        if NEEDS_CONDITION.get(trigger) is stands or (trigger is Trigger.RISE and not stands):
            continue  # a condition begins only when it does not stand, and ends only when it does
        if trigger is Trigger.SUPPRESS and not stands:
            continue  # nothing is kept silent that says nothing
        stands = NEEDS_CONDITION.get(trigger, stands)
        cell = after(state, trigger, is_standing=stands)
        before, state = state, cell.state
        if state in (State.UNACK, State.ACKED, State.DSUPR):
            assert stands, (before, trigger)
        if state in (State.NORM, State.RTNUN):
            assert not stands, (before, trigger)
        if before in (State.UNACK, State.RTNUN) and state == State.NORM:
            assert trigger is Trigger.ACKNOWLEDGE, "an alarm went away unseen"
        if before == State.SHLVD and state != State.SHLVD:
            assert trigger in (Trigger.UNSHELVE, Trigger.LAPSE, Trigger.DISABLE)
        if before == State.OOSRV and state != State.OOSRV:
            assert trigger is Trigger.ENABLE
        if cell.sounds:
            assert state == State.UNACK


def test_ten_thousand_random_lives_reach_no_illegal_state() -> None:
    rng, triggers = np.random.default_rng(18), list(Trigger)
    for life in rng.integers(0, len(triggers), (10_000, 30)).tolist():
        walk([triggers[one] for one in life])


@settings(max_examples=300)
@given(st.lists(st.sampled_from(Trigger), max_size=60))
def test_no_sequence_reaches_an_illegal_state(life: list[Trigger]) -> None:
    walk(life)


def test_every_state_is_reached() -> None:
    seen = {State.NORM}
    while more := {after(s, t, is_standing=b).state for s in seen for t in Trigger for b in (True, False)} - seen:
        seen |= more
    assert seen == set(State)
