"""What a traffic run found: delay, detours, queues, who is cut off and how long help takes; and why to believe it."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from frontend.desk import Record
from frontend.text import Texts

SHOWN = 12
WORDS = {"queue": "street_queue", "nameless": "nameless", "vehicles": "vehicles"}
"""What the browser writes of a street."""
SEEN_MIN = 0.05
"""A change of the minutes of help that is written [min]."""


def traffic_result(run: Record, t: Texts) -> list[Component]:
    """Return the panel's content of a traffic run that is done; beside each number stands its range over seeds."""
    found, total = run["result"], run["result"]["totals"]
    spread = found["spread"] or {}
    trust = "trusted" if found["trusted"] else "untrusted"
    rows = (
        ("delay", _signed(total["delay_h"], "veh·h"), _range(spread.get("delay_h"), "veh·h", sign="+")),
        ("mean_time", _signed(total["mean_time_s"], "s"), _range(spread.get("mean_time_s"), "s", sign="+")),
        ("detours", f"{total['detours']:,}", _range(spread.get("detours"), "")),
        ("detour_mean", _km(total["mean_detour_m"]), _range(spread.get("mean_detour_m"), "km", 1e-3, 1)),
        ("detour_p95", _km(total["p95_detour_m"]), _range(spread.get("p95_detour_m"), "km", 1e-3, 1)),
        ("unreachable", f"{total['unreachable']:+,}", _range(spread.get("unreachable"), "", sign="+")),
        ("fire_5", _shares(total, "within_5_min"), _range(spread.get("within_5_min_after"), "%", 100, 1)),
        ("fire_8", _shares(total, "within_8_min"), _range(spread.get("within_8_min_after"), "%", 100, 1)),
        ("isolated", f"{total['isolated_people']:,.0f}", _range(spread.get("isolated_people"), "")),
        ("teleports", f"{found['teleports']:,}", _range(spread.get("teleports"), "")),
    )
    receipt, begins_h = found["receipt"], found["roads"]["begins_h"]
    seeds = len(spread.get("delay_h", ()))
    said = t("planner.spread", n=seeds) if seeds else t("planner.no_spread")
    share = f"{100 * found['teleports'] / max(total['trips'], 1):.2f}"
    return [
        html.P(t("planner.synthetic_traffic") if found["is_synthetic"] else "", className="warning"),
        html.P(t(f"planner.traffic_{trust}", n=found["teleports"], share=share), className=f"trust is-{trust}"),
        html.P(t("planner.from_now", clock=_clock(begins_h)) if found["is_live"] else "", className="trust"),
        html.Ul([_measure(one, begins_h, t) for one in found["measures"]], className="measures"),
        _water(found, t),
        html.Table(
            [html.Tr([html.Th(""), html.Th(t("planner.change")), html.Th(said)])]
            + [html.Tr([html.Th(t(f"planner.{name}")), html.Td(html.B(value)), html.Td(more, className="number faint")])
               for name, value, more in rows],
            className="rows is-facts"),
        html.P(t("planner.spread_note") if seeds else "", className="faint"),
        html.H3(t("planner.queues")), _links(found["queues"], t, begins_h),
        html.H3(t("planner.detour_roads")), _links(found["fuller_links"], t, None),
        html.H3(t("planner.districts")), _districts(found["districts"], t),
        html.P(_cut_off(total["cut_off"], t), className="warning"),
        html.P(t("planner.made_of", digest=receipt["digest"][:12], version=receipt["version"],
                 seconds=f"{found['wall_s']:.1f}"), className="faint"),
    ]  # fmt: skip


def _signed(value: float, unit: str) -> str:
    return f"{value:+,.0f} {unit}"


def _km(metres: float) -> str:
    return f"{metres / 1000:.1f} km"


def _shares(total: Record, name: str) -> str:
    return f"{100 * total[f'{name}_before']:.1f} → {100 * total[f'{name}_after']:.1f} %"


def _range(
    values: list[float] | None, unit: str, factor: float = 1, decimals: int = 0, sign: str = ""
) -> str:  # fmt: skip
    """Return least and most of a number over the seeds; nothing for one seed."""
    if not values or len(values) < 2:
        return ""
    low, high = (f"{factor * one:{sign},.{decimals}f}" for one in (min(values), max(values)))
    return f"{low} … {high} {unit}".strip()


def _clock(hour: float) -> str:
    minutes = round(hour * 60) % 1440
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _measure(one: Record, begins_h: float, t: Texts) -> Component:
    names = ", ".join(one["roads"][:4]) or t("planner.nameless")
    ends = t("planner.to_the_end") if one["end_s"] > 1e8 else _clock(begins_h + one["end_s"] / 3600)
    return html.Li(
        f"✕ {t('planner.closed')} {_clock(begins_h + one['start_s'] / 3600)}–{ends} {names} ({one['links']})"
    )


def _water(found: Record, t: Texts) -> Component:
    wet = found["wet"]
    if wet is None:
        return html.Span()
    return html.P(t("planner.wet_roads", n=wet["links_closed"], depth=f"{wet['deepest_m']:.2f}"), className="trust")


def _links(links: list[Record], t: Texts, begins_h: float | None) -> Component:
    """Return a table of links: their longest queue and when it was, or, without a beginning, how many more came."""
    more = [html.Th(t("planner.at"), className="number")] if begins_h is not None else []
    head = html.Tr([html.Th(t("planner.road")), *more, html.Th(t("planner.vehicles"), className="number")])
    rows = []
    for one in links[:SHOWN]:
        at = [html.Td(_clock(begins_h + one["at_s"] / 3600), className="number")] if begins_h is not None else []
        sign = "" if begins_h is not None else "+"
        rows.append(
            html.Tr([html.Td(f"{one['name_ko'] or t('planner.nameless')} ({one['link']})"), *at,
                     _number(f"{one['vehicles']:{sign},}", _range(one.get("spread"), "", sign=sign))])
        )  # fmt: skip
    return html.Table([head, *rows], className="rows") if rows else html.P(t("planner.none"), className="empty")


def _number(value: str, more: str) -> Component:
    """Return the cell of a number with its range under it."""
    return html.Td([value, html.Small(more, className="range")] if more else value, className="number")


def _districts(districts: list[Record], t: Texts) -> Component:
    names = ("delay", "help", "isolated", "teleports")
    head = html.Tr(
        [html.Th(t("planner.unit")), *(html.Th(t(f"planner.{name}_short"), className="number") for name in names)]
    )
    worst = sorted(districts, key=lambda one: -abs(one["delay_h"]))
    rows = []
    for one in worst:
        if not (round(one["delay_h"]) or abs(one.get("minutes") or 0) > SEEN_MIN or one.get("isolated")):
            continue
        varied = one.get("spread", {})
        rows.append(
            html.Tr([
                html.Td(t.name(one)),
                _number(f"{one['delay_h']:+,.0f}", _range(varied.get("delay_h"), "", sign="+")),
                _number(_minutes(one.get("minutes")), _range(varied.get("minutes"), "", decimals=1, sign="+")),
                _number(f"{one.get('isolated') or 0:,.0f}", _range(varied.get("isolated"), "")),
                _number(f"{one.get('teleports', 0):,}", _range(varied.get("teleports"), "")),
            ])
        )  # fmt: skip
    return html.Table([head, *rows], className="rows") if rows else html.P(t("planner.none"), className="empty")


def _minutes(change: float | None) -> str:
    return "–" if change is None else f"{change:+.1f}"


def _cut_off(cut: dict[str, list[str]], t: Texts) -> str:
    names = [name for kind in ("hospitals", "shelters", "bus_lines") for name in cut[kind]]
    return f"{t('planner.cut_off')}: {', '.join(names[:SHOWN])}" if names else ""


SAME = ("network", "demand", "seed", "informed", "start_h", "hours")
"""What two runs must share so that the same base lies under both."""


def can_subtract(run: Record, other: Record) -> bool:
    """Tell whether two traffic runs stand on the same base: then they differ by their events alone."""
    one, two = (of["result"]["receipt"] for of in (run, other))
    live = any(of["result"]["is_live"] for of in (run, other))
    return not live and all(one.get(name) == two.get(name) for name in SAME)


def traffic_of(run: Record, flood: Record | None, t: Texts, minus: Record | None = None) -> dict[str, Any]:
    """Return what the map needs to draw the traffic of a run.

    Parameters
    ----------
    flood
        The water that stands on its roads.
    minus
        A run on the same base, whose changes are taken off.
    """
    found = run["result"]
    words = {name: t(f"planner.{key}") for name, key in WORDS.items()}
    words["change"] = t("planner.street_change" if minus is None else "planner.street_minus")
    url, less = (one and f"/api/runs/{one['id']}/files/{one['result']['roads']['file']}" for one in (run, minus))
    roads = found["roads"] | {"url": url, "minus": less, "words": words}
    word = t("planner.closed")
    return {
        "id": run["id"],
        "times_s": roads["times_s"],
        "roads": roads,
        "measures": [one | {"word": word} for one in found["measures"]],
        "water": flood,
        "minus": less,
    }
