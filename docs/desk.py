"""The page of the desk: the alarm table, the playbooks, and what became of the synthetic storm."""

from collections.abc import Callable, Iterable

from tests.twin import storm
from twin.alarm_actions import BUDGET
from twin.alarms import SIGN_OF, State, Trigger, after
from twin.playbooks import playbooks


def desk_page(table: Callable[[Iterable[str], Iterable[Iterable[object]]], str]) -> str:
    """Return the alarm table, the playbooks, and what became of the synthetic storm."""
    states = ((f"`{state}`", *(cell_text(state, trigger) for trigger in Trigger), SIGN_OF[state]) for state in State)
    steps = (
        (one.title.en, one.title.ko, step.text.en, step.text.ko, f"{step.within_s / 60:g} min")
        for one in playbooks().values()
        for step in one.steps
    )
    return (
        "# Alarms, playbooks, storm\n\n## States\n\nState x trigger -> state. `!` asks for a sound; what stands "
        "after `or` holds when the condition does not stand; empty stays.\n\n"
        + table(("state", *(f"`{trigger}`" for trigger in Trigger), "drawn"), states)
        + "## Playbooks\n\nFrom `twin/playbooks.toml`.\n\n"
        + table(("incident", "Korean", "step", "Korean", "within"), steps)
        + f"## The storm\n\nA synthetic storm of {storm.HOURS} h: {storm.CATCHMENTS} catchments, {storm.GAUGES} stage "
        f"gauges, {storm.CAMERAS} cameras whose analytics see things in the rain, lines that fail. Alarms in all / "
        "most in any 10 minutes, after each step, for five seeds. The budget is "
        f"{BUDGET} in 10 minutes and operator; `tests/twin/test_storm.py` holds it.\n\n"
        + table(("what is left", *(f"seed {seed}" for seed in storm.SEEDS)), storm.table())
    )


def cell_text(state: State, trigger: Trigger) -> str:
    """Return a cell of the alarm table in words; empty when nothing changes."""
    standing, clear = (after(state, trigger, is_standing=one) for one in (True, False))
    text = f"{standing.state}{'!' if standing.sounds else ''}" if standing.state != state or standing.sounds else ""
    return text if clear == standing else f"{text} or {clear.state}"
