"""The marks of the map as SVG paths on a 24 x 24 box: the map draws them on a canvas, the panels as images."""

from urllib.parse import quote

SHAPES: dict[str, str] = {
    "circle": "M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16z",
    "square": "M4.5 4.5h15v15h-15z",
    "triangle": "M12 3.5L21.5 20h-19z",
    "diamond": "M12 2.5L21.5 12L12 21.5L2.5 12z",
    "ship": "M12 1C15 4.5 16.5 8 16.5 12v9.5h-9V12C7.5 8 9 4.5 12 1z",
    "bus": "M7 2.5h10a2 2 0 0 1 2 2V19h-2v2.5h-3V19h-4v2.5H7V19H5V4.5a2 2 0 0 1 2-2zM7.5 6v5.5h9V6z",
    "camera": "M3 7h11.5v3.5L21 7v10l-6.5-3.5V17H3z",
    "column": "M5 10h4v11H5zM10.5 3h4v18h-4zM16 13h4v8h-4z",
    "line": "M2 15.5C7 15.5 7 8.5 12 8.5s5 7 10 7v-3.2c-5 0-5-7-10-7s-5 7-10 7z",
    "flame": "M12 1.5c1 4 6.5 6.5 6.5 12.5a6.5 6.5 0 0 1-13 0c0-3 1.5-5 3-6.5c.2 2 .8 3 1.8 3.5Q10.5 7 12 1.5z",
    "drop": "M12 2C15 7 19 10.5 19 15a7 7 0 0 1-14 0C5 10.5 9 7 12 2z",
    "caution": "M12 2.5L22 20.5H2z",
    "alarm": "M12 1.5L22.5 12L12 22.5L1.5 12z",
    "danger": "M8 2h8l6 6v8l-6 6H8l-6-6V8z",
}
"""Shape of a layer's symbol, or severity, to path data."""


def image_of(shape: str, colour: str, *, hollow: bool = False) -> str:
    """Return a shape as data URL.

    Parameters
    ----------
    shape
        Key of `SHAPES`.
    colour
        CSS colour.
    hollow
        Draw only the outline, as for a value that is stale or unknown.
    """
    paint = f'fill="none" stroke="{colour}" stroke-width="2.2"' if hollow else f'fill="{colour}"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="{SHAPES[shape]}" {paint}/></svg>'
    return f"data:image/svg+xml,{quote(svg)}"
