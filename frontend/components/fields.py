"""Parts of the planner's forms."""

from dash import dcc, html
from dash.development.base_component import Component

from frontend.text import Texts
from frontend.value import aria


def panel(body: list[Component], t: Texts) -> Component:
    """Return the panel of the scenario."""
    return html.Section(
        [html.H2(t("planner.scenario")), *body], className="panel pane-layers", **aria(t("planner.scenario"))
    )


def field(label: str, control: Component) -> Component:
    """Return a control under its label."""
    return html.Div([html.H3(label), control], className="field")


def number(name: str, label: str, value: float, low: float, high: float, step: float) -> Component:
    """Return a number box beside its label."""
    box = dcc.Input(id=name, type="number", value=value, min=low, max=high, step=step, className="text-input")
    return html.Label([html.Span(label), box], className="field is-row", htmlFor=name)


def text_line(name: str, label: str) -> Component:
    """Return a labelled line for words of one's own."""
    box = dcc.Input(id=name, type="text", maxLength=80, className="text-input")
    return html.Label([html.Span(label), box], className="field is-row", htmlFor=name)
