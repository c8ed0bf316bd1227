"""A map of the districts as one SVG: coarse outlines, no tile, no script needed to see it."""

from html import escape
from math import cos, radians
from typing import Any

from shapely.geometry import Polygon

from frontend.plain import Raw
from frontend.text import Texts

Record = dict[str, Any]
WIDTH = 1000
MARGIN = 8
LETTER, LINE = 20, 28
"""Width of a letter and height of a line of a name, in units of the drawing."""


def outline_map(units: list[Record], shapes: dict[int, Record], t: Texts, link: str | None = None) -> Raw:
    """Return the districts as paths that bear their id; each is reachable by keyboard and says its name."""
    points = [xy for shape in shapes.values() for polygon in shape["coordinates"] for ring in polygon for xy in ring]
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    squeeze = cos(radians((south + north) / 2))
    scale = (WIDTH - 2 * MARGIN) / ((east - west) * squeeze)
    height = round((north - south) * scale + 2 * MARGIN)

    def place(x: float, y: float) -> str:
        return f"{MARGIN + (x - west) * squeeze * scale:.0f} {MARGIN + (north - y) * scale:.0f}"

    def path(shape: Record) -> str:
        rings = (ring for polygon in shape["coordinates"] for ring in polygon)
        return "".join("M" + "L".join(place(*xy[:2]) for xy in ring[:-1]) + "Z" for ring in rings)

    def named(shape: Record, name: str) -> str:
        """Return the name in the middle of the largest part, where it has room; when met, all say it."""
        part = max((Polygon(polygon[0]) for polygon in shape["coordinates"]), key=lambda one: one.area)
        x, y = place(*part.representative_point().coords[0]).split()
        left, low, right, high = part.bounds
        has_room = (right - left) * squeeze * scale > LETTER * len(name) and (high - low) * scale > 2 * LINE
        return f'<text x="{x}" y="{y}">{name}</text>' if has_room else ""

    parts, names = [], []
    for unit in units:
        if (shape := shapes.get(unit["id"])) is None:
            continue
        name = escape(t.name(unit))
        drawn = f'<path d="{path(shape)}"/><title>{name}</title>'
        inner = f'<a href="{escape(link.format(id=unit["id"]))}">{drawn}</a>' if link else drawn
        names.append(named(shape, name))
        focus = "" if link else ' tabindex="0" role="img"'
        parts.append(f'<g class="unit" data-unit="{unit["id"]}" aria-label="{name}"{focus}>{inner}</g>')
    label = escape(t("figure.map"))
    return Raw(
        f'<svg class="outline" viewBox="0 0 {WIDTH} {height}" role="group" aria-label="{label}">{"".join(parts)}'
        f'<g aria-hidden="true">{"".join(names)}</g></svg>'
    )
