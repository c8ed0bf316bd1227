"""Charts that need no script and say their numbers to every reader: bars, and columns over time."""

from collections.abc import Sequence
from html import escape

from dash import html
from dash.development.base_component import Component

from frontend.plain import Raw
from frontend.value import aria

Row = tuple[str, float]


def bars(rows: Sequence[Row], label: str, unit: str = "") -> Component:
    """Return horizontal bars with name and number, the zero on the left.

    Parameters
    ----------
    rows
        Names and values [unit], none negative.
    label
        Accessible name of the chart.
    """
    most = max((value for _, value in rows), default=0) or 1
    parts = [
        html.Li([html.Span(name), html.I(style={"width": f"{100 * value / most:.1f}%"}), html.B(f"{value:,.0f}{unit}")])
        for name, value in rows
    ]
    return html.Ul(parts, className="bars", **aria(label))


def columns(rows: Sequence[Row], label: str) -> Raw:
    """Return columns over time; the first, the last and the highest are written."""
    most = max((value for _, value in rows), default=0) or 1
    width = 720 / max(1, len(rows))
    parts = [
        f'<rect x="{20 + n * width:.1f}" y="{130 - 110 * value / most:.1f}" width="{max(1.0, width - 3):.1f}" '
        f'height="{110 * value / most:.1f}"><title>{escape(name)}: {value:,.0f}</title></rect>'
        for n, (name, value) in enumerate(rows)
    ]
    if rows:
        parts += [
            f'<text x="20" y="152">{escape(rows[0][0])}</text>',
            f'<text x="740" y="152" text-anchor="end">{escape(rows[-1][0])}</text>',
            f'<text x="20" y="14">{most:,.0f}</text>',
        ]
    said = ", ".join(f"{name} {value:,.0f}" for name, value in rows)
    return Raw(
        f'<svg class="columns" viewBox="0 0 760 160" role="img" aria-label="{escape(label)}: {escape(said)}">'
        f"{''.join(parts)}</svg>"
    )
