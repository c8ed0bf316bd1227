"""The cascade: the traffic in the water of a flood, and with it who is cut off and how long help takes."""

from datetime import datetime

from frontend.desk import Desk, Record
from frontend.text import Texts
from simulations import simulation_of
from twin import clock

TRAFFIC = "traffic"
AT_H, LEAST_H, MOST_H = 7.0, 1.0, 6.0
"""The traffic of a flood that has no time of its own is that of a working day from 7 o'clock on, for as long as the
water was computed [h]; a forecast's begins when it was issued."""


async def follow(desk: Desk, flood: Record, hours: float, t: Texts, issued: str | None = None) -> Record:
    """Queue the traffic in the water of a flood; it may itself still wait, since runs are taken one after the other.

    Parameters
    ----------
    flood
        The flood run.
    hours
        How long its water is computed [h].
    issued
        When a forecast was issued (ISO 8601).
    """
    start_h = hour_of(datetime.fromisoformat(issued)) if issued else AT_H
    asked = {"flood_run": flood["id"], "start_h": start_h, "hours": max(LEAST_H, min(hours, MOST_H))}
    scenario = simulation_of(TRAFFIC).check(asked)
    title = f"{t('planner.cascade')}: {flood['title']}"[:200]
    return await desk.runs.submit(desk.caller(), TRAFFIC, title, scenario, clock.now())


def hour_of(moment: datetime) -> float:
    """Return the hour of the day in Korea, with its fraction."""
    local = moment.astimezone(clock.KST)
    return local.hour + local.minute / 60
