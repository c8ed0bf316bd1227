"""Two runs beside each other: a swipe on the map, and a table of what each found. Also what a run cost, where told."""

from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from frontend.desk import Record
from frontend.text import Texts
from frontend.value import aria

Row = tuple[str, int, str, float]
"""Key of what is counted, decimals, unit, factor from what the result holds."""
FLOOD: tuple[Row, ...] = (
    ("people", 0, "", 1), ("buildings", 0, "", 1), ("roads_closed", 0, "", 1), ("area_km2", 2, "km²", 1),
    ("deepest_m", 2, "m", 1),
)  # fmt: skip
TRAFFIC: tuple[Row, ...] = (
    ("delay_h", 0, "veh·h", 1), ("mean_time_s", 1, "min", 1 / 60), ("detours", 0, "", 1), ("unreachable", 0, "", 1),
    ("isolated_people", 0, "", 1), ("within_5_min_after", 1, "%", 100), ("within_8_min_after", 1, "%", 100),
)  # fmt: skip
NAMES = {"roads_closed": "roads", "area_km2": "area", "deepest_m": "deepest", "delay_h": "delay",
         "mean_time_s": "mean_time", "isolated_people": "isolated", "within_5_min_after": "fire_5",
         "within_8_min_after": "fire_8"}  # fmt: skip
WAYS = ("swipe", "difference")


def compare_bar(t: Texts) -> Component:
    """Return the choice of another run, and of how the two are drawn."""
    ways = [{"label": t(f"planner.{way}"), "value": way} for way in WAYS]
    return html.Div(
        [
            html.Label([html.Span(t("planner.compare")), dcc.Dropdown(id="run-minus", clearable=True,
                        placeholder=t("planner.no_compare"))], className="field is-row"),
            html.Div(
                [html.H3(t("planner.compare_how"), className="unseen"),
                 dcc.RadioItems(ways, WAYS[0], id="run-way", className="choices is-row")],
                className="field compare-ways",
            ),
        ],
        className="compare",
    )  # fmt: skip


def swipe_bar(t: Texts) -> Component:
    """Return the line between two runs on the map; keys move it as well."""
    slider = dcc.Input(id="run-swipe", type="range", min=0, max=100, step=1, value=50, className="swipe-slider")
    return html.Div(
        [
            html.Label([html.Span(t("planner.swipe_title"), className="unseen"), slider]),
            html.Span(id="swipe-left", className="swipe-name"),
            html.Span(id="swipe-right", className="swipe-name is-right"),
        ],
        id="swipe",
        className="swipe",
        hidden=True,
        **aria(t("planner.swipe_title")),
    )


def figures_of(run: Record) -> list[tuple[str, float | None, int, str]]:
    """Return name of the text, value, decimals and unit of what a run found; None is not known.

    Parameters
    ----------
    run
        A run that is done. Its cost [million KRW] stands only where somebody gave it.
    """
    found, total = run["result"], run["result"]["totals"]
    rows: list[tuple[str, float | None, int, str]] = [
        (f"planner.{NAMES.get(key, key)}", None if total.get(key) is None else total[key] * factor, decimals, unit)
        for key, decimals, unit, factor in (TRAFFIC if run["simulation"] == "traffic" else FLOOD)
    ]
    if run["simulation"] == "flood":
        first = min((one["arrival_s"] for one in found["places"] if one["arrival_s"] is not None), default=None)
        rows += [("planner.places_n", float(len(found["places"])), 0, ""),
                 ("planner.first_after", None if first is None else first / 60, 0, "min")]  # fmt: skip
    return [*rows, ("planner.price", found.get("cost_mkrw"), 0, "")]


def people_range(total: Record) -> str:
    """Return between what numbers of people a small change of depth decides, as text in brackets."""
    found = total.get("people_range")
    return f" ({found[0]:,}–{found[1]:,})" if found else ""


def is_alike(a: Record, b: Record) -> bool:
    """Tell whether two floods reach as many people, as far as depths are known: each lies in the other's range."""
    one, other = (run["result"]["totals"] for run in (a, b))
    return all(
        x.get("people_range") and x["people_range"][0] <= y["people"] <= x["people_range"][1]
        for x, y in ((one, other), (other, one))
    )


def compared(a: Record, b: Record, t: Texts) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return head and rows of the table of two runs, as text: what, of the one, of the other, the difference."""
    mine = {row[0]: row for row in figures_of(a)}
    theirs = {row[0]: row for row in figures_of(b)}
    rows: list[tuple[str, ...]] = []
    for name in dict.fromkeys((*mine, *theirs)):
        _, x, decimals, unit = mine.get(name, (name, None, *theirs.get(name, ("", None, 0, ""))[2:]))
        y = theirs[name][1] if name in theirs else None
        change = "–" if x is None or y is None else f"{round(x, decimals) - round(y, decimals):+,.{decimals}f}"
        if name == "planner.people" and is_alike(a, b):
            change = f"≈ {change}"
        title = f"{t(name)} {f'({unit})' if unit else ''}".strip()
        rows.append((title, _text(x, decimals), _text(y, decimals), change))
    return (t("planner.what"), f"A {a['title']}", f"B {b['title']}", "A − B"), rows


def _text(value: float | None, decimals: int) -> str:
    return "–" if value is None else f"{value:,.{decimals}f}"


def compared_how(a: Record, b: Record, way: str, t: Texts, *, is_subtracted: bool) -> Component:
    """Say how the map shows two runs, and where it cannot: why, and what to do instead."""
    if a["simulation"] != b["simulation"]:
        flood, traffic = (a, b) if a["simulation"] == "flood" else (b, a)
        is_its_water = traffic["result"].get("flood_run") == flood["id"]
        return html.P(t("planner.compare_its_water" if is_its_water else "planner.compare_unlike_kinds"),
                      className="told")  # fmt: skip
    told = "unlike" if way == "difference" and not is_subtracted else way
    return html.P(t(f"planner.compare_{told}"), className="told")


def compare_table(a: Record, b: Record, t: Texts) -> Component:
    """Return the table of two runs."""
    (what, *named, change), rows = compared(a, b, t)
    head = (what, *(one[0] for one in named), change)  # the letters; the titles stand above
    top = html.Tr([html.Th(head[0], scope="col"), *(html.Th(one, scope="col", className="number") for one in head[1:])])
    body = [
        html.Tr([html.Th(row[0], scope="row"), *(html.Td(one, className="number") for one in row[1:])]) for row in rows
    ]
    return html.Div(
        [html.H3(t("planner.compared")), *(html.P(one, className="told") for one in named),
         html.Table([html.Thead(top), html.Tbody(body)], className="rows is-compared"),
         html.P(t("planner.alike"), className="told") if is_alike(a, b) else None,
         html.P(t("planner.no_money"), className="faint")]
    )  # fmt: skip


def is_same_answer(a: Record, b: Record) -> bool | None:
    """Tell whether two runs of the same inputs and code wrote the same bytes; None when they did not ask the same."""
    mine, theirs = (run["result"]["receipt"] for run in (a, b))
    if a["simulation"] != b["simulation"] or any(mine[key] != theirs[key] for key in ("digest", "version")):
        return None
    return bool(mine["outputs"] == theirs["outputs"])


def receipt(run: Record, repeats: list[Record], t: Texts) -> Component:
    """Return what a run was made of and how it is repeated: inputs, code, seed, outputs, and the repetitions so far."""
    told = run["result"]["receipt"]
    same = [is_same_answer(run, other) for other in repeats]
    good, bad = same.count(True), same.count(False)
    facts = [
        (t("planner.receipt_inputs"), told["digest"]), (t("planner.receipt_code"), told["version"]),
        (t("planner.receipt_seed"), str(told.get("seed", "–"))),
        *((name, digest) for name, digest in told["outputs"].items()),
    ]  # fmt: skip
    state = "bad" if bad else "good" if good else "none"
    said = html.Span(t(f"planner.verified_{state}", n=bad or good), className=f"verified is-{state}")
    can_repeat = not run["result"].get("is_live")
    repeat = html.Button(t("planner.verify"), id={"type": "run-verify", "run": run["id"]}, className="tool is-verify",
                         disabled=not can_repeat)  # fmt: skip
    return html.Div(
        [
            html.Div([said, repeat], className="is-row verify-row"),
            html.Details(
                [
                    html.Summary(t("planner.receipt")),
                    html.Dl([part for name, value in facts for part in (html.Dt(name), html.Dd(html.Code(value)))]),
                    html.P([t("planner.receipt_how"), " ", html.Code(f"./gunsan verify DATA/runs/{run['id']}")]),
                ],
                className="receipt",
            ),
        ]
    )  # fmt: skip


def exports(run: Record, other: Record | None, t: Texts) -> Component:
    """Return the ways out of a result: the story as a page to link to and as PDF; and the cost, to be given."""
    query = f"lang={t.language}" + (f"&with={other['id']}" if other else "")
    facts: dict[str, Any] = {"data-cost-of": run["id"]}
    cost = run["result"].get("cost_mkrw")
    return html.Div(
        [
            html.A(t("planner.story"), href=f"/planner/story/{run['id']}?{query}", target="_blank", className="tool"),
            html.A("PDF", href=f"/planner/story/{run['id']}.pdf?{query}", className="tool"),
            html.Label(
                [html.Span(t("planner.price")),
                 dcc.Input(id={"type": "run-cost", "run": run["id"]}, type="number", min=0, debounce=True,
                           value=cost, placeholder="–", className="text-input")],
                className="field is-row", **facts,
            ),
        ],
        className="exports",
    )  # fmt: skip
