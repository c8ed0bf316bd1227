"""The scenario form of the planner."""

from typing import Any

from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from frontend.desk import Desk, Record
from frontend.text import Texts, texts
from frontend.value import aria
from simulations import simulation_of, simulations
from twin import clock
from twin.access import Caller
from twin.errors import TwinError

SIMULATION = "flood"


async def run_form(desk: Desk, caller: Caller, t: Texts) -> Component:
    """Return the form; its choices are the simulation's own presets and the pump stations of the city."""
    if SIMULATION not in simulations():
        return _panel([html.P(t("planner.none_known"), className="empty")], t)
    presets = simulation_of(SIMULATION).describe()["presets"]
    pumps = await _pumps(desk, caller, t)
    fields: list[Component] = [
        _field(t("planner.preset"), dcc.RadioItems(
            [{"label": html.Span([html.B(t.of(one["title"])), html.Small(t.of(one["note"]))]), "value": one["id"]}
             for one in presets], presets[0]["id"], id="run-preset", className="choices")),
        _field(t("planner.grid"), dcc.RadioItems(
            [{"label": t(f"planner.{tier}"), "value": tier} for tier in ("preview", "standard")], "preview",
            id="run-grid", className="choices")),
        _number("run-rain", t("planner.rain_percent"), 100, 0, 400, 10),
        _number("run-surge", t("planner.surge_m"), 0, -1, 3, 0.1),
        _number("run-hours", t("planner.hours"), 6, 1, 24, 1),
        _field(t("planner.failed_pumps"), dcc.Checklist(pumps, [], id="run-pumps", className="choices")),
        _field(t("planner.name"), dcc.Input(id="run-name", type="text", maxLength=80, className="text-input")),
    ]  # fmt: skip
    start = html.Button(t("planner.start"), id="run-start", className="start")
    return _panel([html.Div(fields, className="form"), html.Div([start, html.P(id="run-answer", role="status")],
                                                                className="form-foot")], t)  # fmt: skip


def _panel(body: list[Component], t: Texts) -> Component:
    return html.Section(
        [html.H2(t("planner.scenario")), *body], className="panel pane-layers", **aria(t("planner.scenario"))
    )


def _field(label: str, control: Component) -> Component:
    return html.Div([html.H3(label), control], className="field")


def _number(name: str, label: str, value: float, low: float, high: float, step: float) -> Component:
    box = dcc.Input(id=name, type="number", value=value, min=low, max=high, step=step, className="text-input")
    return html.Label([html.Span(label), box], className="field is-row", htmlFor=name)


async def _pumps(desk: Desk, caller: Caller, t: Texts) -> list[Record]:
    found: list[Record] = []
    for layer in desk.seen_by(caller):
        if layer.group == "water":
            items = await desk.reader.items(caller, layer.id, limit=1000)
            found += [
                {"label": t.name(one["properties"]), "value": one["properties"]["key"]}
                for one in items["features"]
                if one["properties"]["attributes"].get("kind") == "pump"
            ]
    return found


def register(app: Dash, desk: Desk) -> None:
    """Queue a run when the button is pressed."""

    @app.callback(
        Output("run-answer", "children"),
        Output("chosen-run", "data"),
        Input("run-start", "n_clicks"),
        State("run-preset", "value"),
        State("run-grid", "value"),
        State("run-rain", "value"),
        State("run-surge", "value"),
        State("run-hours", "value"),
        State("run-pumps", "value"),
        State("run-name", "value"),
        State("language", "data"),
        State("chosen-run", "data"),
        prevent_initial_call=True,
    )
    async def start(
        _clicks: int, preset: str, grid: str, rain: float | None, surge: float | None, hours: float | None,
        pumps: list[str], name: str | None, language: str, chosen: str | None,
    ) -> Any:  # fmt: skip
        t = texts(language)
        asked = {"preset": preset, "grid": grid, "rain_percent": rain, "surge_m": surge, "duration_h": hours,
                 "failed_pumps": pumps}  # fmt: skip
        try:
            scenario = simulation_of(SIMULATION).check({key: one for key, one in asked.items() if one is not None})
            title = name or t.of(scenario["title"])
            run = await desk.runs.submit(desk.caller(), SIMULATION, title, scenario, clock.now())
        except TwinError as error:
            return str(error), chosen
        return t("planner.started"), run["id"]
