"""What the screens show of an answer: totals, lists of the worst, districts, and what was done to the roads."""

from typing import Any

import orjson
import shapely

from simulations.traffic.changes import links_of
from simulations.traffic.events import Close, Depth, Event
from simulations.traffic.ground_of import CityGround
from simulations.traffic.result import ROADS, lines_wgs84
from simulations.traffic.scenario import Ground, Outcome
from simulations.traffic.spread import Numbers, district_of, link_of, totals_of

Record = dict[str, Any]
REACH = ("within_5_min", "within_8_min")
LONGEST = 20
"""Queues, detours and links that a result lists at most [-]."""


def facts_of(city: CityGround, outcome: Outcome, begins_h: float, varied: list[Numbers] | None = None) -> Record:
    """Return what the screens show of an answer.

    Parameters
    ----------
    begins_h
        Hour of the day at which the run begins [h].
    varied
        The same numbers for several seeds, this one among them; None: for this one only.
    """
    net, found = city.ground.net, outcome.indicators
    base, run, change = found["base"], found["run"], found["change"]
    name = dict(zip(net.link_id.tolist(), net.name.tolist(), strict=True))

    def links(rows: list[Record], what: str) -> list[Record]:
        return [one | {"name_ko": name[one["link"]]} | link_of(varied, what, net.link_at[one["link"]])
                for one in rows[:LONGEST]]  # fmt: skip

    access = {when: one["access"]["emergency"] for when, one in (("before", base), ("after", run))}
    return {
        "simulation": "traffic",
        "title": None,
        "is_synthetic": city.is_synthetic,
        "trusted": run["is_trusted"],
        "teleports": run["teleports"],
        "roads": {
            "file": ROADS,
            "links": len(net),
            "begins_h": begins_h,
            "times_s": [one.end_s - outcome.begins_s for one in outcome.run.bins],
        },
        "totals": {
            "trips": run["trips"],
            "delay_h": change["delay_h"],
            "delay_base_h": base["delay_h"],
            "mean_time_s": change["mean_time_s"],
            "detours": change["detours"],
            "mean_detour_m": change["mean_detour_m"],
            "p95_detour_m": change["p95_detour_m"],
            "unreachable": change["unreachable"],
            "isolated_people": run["access"]["isolated_people"],
            **{
                f"{what}_{when}": one[what] for when, one in access.items() for what in ("within_5_min", "within_8_min")
            },
            "cut_off": run["access"]["cut_off"],
            "clearance_s": found["added"]["clearance_s"],
        },
        "spread": totals_of(varied),
        "queues": links(run["queues"], "queue"),
        "fuller_links": links(change["fuller_links"], "change"),
        "districts": [
            city.districts.get(unit, {}) | {"id": unit} | one | {"spread": district_of(varied, unit)}
            for unit, one in found["districts"].items()
        ],
        "stations": {
            station: {unit: [before, run["access"]["stations"][station].get(unit)] for unit, before in minutes.items()}
            for station, minutes in base["access"]["stations"].items()
        },
        "wet": _wet(outcome),
        "excluded_links": [{"link": one, "why": why} for one, why in net.excluded[:LONGEST]],
    }


def measures(ground: Ground, events: list[Event]) -> list[Record]:
    """Return what is closed and when, with its lines in WGS84: it is always drawn over a result."""
    found = []
    for one in events:
        if isinstance(one, Close):
            links = links_of(one, ground.net)
            lines = shapely.multilinestrings(lines_wgs84(ground.net)[links])
            found.append(
                {
                    "kind": one.event, "start_s": one.start_s, "end_s": one.end_s, "links": len(links),
                    "roads": sorted({str(name) for name in ground.net.name[links] if name}),
                    "geometry": orjson.loads(shapely.to_geojson(lines)), "area": one.area,
                }
            )  # fmt: skip
    return found


def _wet(outcome: Outcome) -> Record | None:
    """Return the most links that water closed to cars at a time, and the deepest water on one [m]; None when dry."""
    depths = [one for one in outcome.run.events if isinstance(one, Depth)]
    if not depths:
        return None
    deepest = max((depth for one in depths for depth in one.depth_m.values()), default=0.0)
    before = outcome.base.bins[-1].is_closed
    return {
        "links_closed": max(int((one.is_closed & ~before).sum()) for one in outcome.run.bins),
        "deepest_m": deepest,
    }
