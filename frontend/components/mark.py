"""Small marks: the shape of a layer, the shape and word of a severity, the badge of a quality."""

from dash import html
from dash.development.base_component import Component

from frontend.shapes import image_of
from frontend.text import Texts

SEVERITY_COLOUR = {"caution": "#f0e442", "alarm": "#e69f00", "danger": "#d55e00"}
NORMAL = "#97a4b0"
QUIET = "#6d7985"


def layer_mark(shape: str, *, colour: str = NORMAL, hollow: bool = False) -> Component:
    """Return the mark of a layer."""
    return html.Img(src=image_of(shape, colour, hollow=hollow), className="mark", alt="")


def severity_mark(severity: str | None, texts: Texts, *, word: bool = True) -> Component:
    """Return shape, colour and word of a severity; a plain dash for none."""
    if severity == "info":
        return html.Span(texts("severity.info"), className="severity is-none")
    if severity not in SEVERITY_COLOUR:
        return html.Span("–", className="severity is-none")
    image = html.Img(src=image_of(severity, SEVERITY_COLOUR[severity]), className="mark", alt="")
    name = texts(f"severity.{severity}")
    return html.Span([image, html.B(name) if word else None], className=f"severity is-{severity}", title=name)


def quality_badge(quality: str, texts: Texts) -> Component:
    """Return the badge that says how good data is."""
    return html.Span(texts.get(f"quality.{quality}", quality), className=f"quality is-{quality}")
