"""What a forecast warns of, from what it was made, and how good the last ones were."""

from collections.abc import Mapping
from typing import Any

from dash import html
from dash.development.base_component import Component

from frontend.desk import Record
from frontend.text import Texts
from frontend.value import age

SHOWN = 40


def forecast_result(found: Record, score: Record, units: Mapping[str, str], t: Texts) -> list[Component]:
    """Return the parts that a forecast has and a what-if has not.

    Parameters
    ----------
    found
        Result of the run.
    score
        What `twin.forecasts.Forecasts.score` returns.
    units
        Unit of each observed property.
    """
    missing = [html.P(t("forecast.missing", what=", ".join(t(f"forecast.{name}") for name in found["missing"])),
                      className="warning")] if found["missing"] else []  # fmt: skip
    return [
        html.P([t("forecast.issued"), " ", age(found["issued"])], className="faint"),
        *missing,
        html.H3(t("forecast.warnings")), _warnings(found["warnings"], t),
        html.H3(t("forecast.score")), _score(score["rows"], units, t),
    ]  # fmt: skip


def _warnings(warnings: list[Record], t: Texts) -> Component:
    if not warnings:
        return html.P(t("forecast.no_warnings"), className="empty")
    head = html.Tr([html.Th(t(f"forecast.{name}")) for name in ("place", "in_time", "middle", "high", "members")])
    return html.Table([head, *(_warning(one, t) for one in warnings[:SHOWN])], className="rows")


def _warning(one: Record, t: Texts) -> Component:
    if one["kind"] == "unit":
        soon = t("forecast.within_1h") if one["people_1h"] else t("forecast.within_3h")
        middle, high = (t("forecast.people", n=f"{one[name]:,}") for name in ("people_3h", "people_3h_high"))
    else:
        soon = t("forecast.minutes", n=round(one["arrival_s"] / 60)) if one["arrival_s"] is not None else "–"
        middle, high = (f"{one[name]:.2f} m" for name in ("depth_3h", "depth_3h_high"))
    numbers = [html.Td(text, className="number") for text in (soon, middle, high, f"{one['members']} / 3")]
    return html.Tr([html.Td(t.name(one)), *numbers])


def _score(rows: list[Record], units: Mapping[str, str], t: Texts) -> Component:
    if not rows:
        return html.P(t("forecast.no_score"), className="empty")
    names = ("what", "lead", "count", "bias", "rmse", "reference", "hits", "csi", "ahead")
    head = html.Tr([html.Th(t(f"forecast.{name}"), title=t(f"forecast.{name}_title")) for name in names])
    return html.Table(
        [head, *(_judged(row, units.get(row["property"], ""), t) for row in rows)], className="rows is-score"
    )


def _judged(row: Record, unit: str, t: Texts) -> Component:
    cells: list[Any] = [
        t(f"forecast.{row['property']}"), t("forecast.hour", n=row["hour"]), f"{row['n']:,}",
        f"{row['bias']:+.2f} {unit}", f"{row['rmse']:.2f} {unit}", f"{row['rmse_reference']:.2f} {unit}",
        f"{row['hits']} / {row['misses']} / {row['false_alarms']}",
        "–" if row["csi"] is None else f"{row['csi']:.2f}",
        "–" if row["lead_s"] is None else t("forecast.minutes", n=round(row["lead_s"] / 60)),
    ]  # fmt: skip
    is_better = round(row["rmse"], 2) <= round(row["rmse_reference"], 2)
    return html.Tr(
        [html.Td(cells[0]), *(html.Td(cell, className="number") for cell in cells[1:])],
        className="is-better" if is_better else "is-worse",
    )
