"""The scenario form of the planner."""

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from frontend.components import cascade, traffic_form
from frontend.components.fields import field, number, panel, text_line
from frontend.desk import Desk, Record
from frontend.text import Texts, texts
from frontend.twin_map import HOME
from simulations import simulation_of
from simulations.flood import tiers
from twin import clock
from twin.access import Caller
from twin.errors import TwinError

SIMULATION = "flood"
HOME_AT = (HOME["longitude"], HOME["latitude"])


async def run_form(desk: Desk, caller: Caller, t: Texts) -> Component:
    """Return the forms of flood and traffic, one of them in view."""
    choice = dcc.RadioItems(
        [{"label": t.of(simulation_of(name).title), "value": name} for name in (SIMULATION, traffic_form.SIMULATION)],
        SIMULATION, id="run-simulation", className="choices is-row is-kind",
    )  # fmt: skip
    return panel([choice, await _flood(desk, caller, t), traffic_form.traffic_form(t)], t)


async def _flood(desk: Desk, caller: Caller, t: Texts) -> Component:
    """Return the form of a flood; its choices are its own presets and the pump stations of the city."""
    presets = simulation_of(SIMULATION).describe()["presets"]
    pumps = await _pumps(desk, caller, t)
    fields: list[Component] = [
        field(t("planner.preset"), dcc.RadioItems(
            [{"label": html.Span([html.B(t.of(one["title"])), html.Small(t.of(one["note"]))]), "value": one["id"]}
             for one in presets], presets[0]["id"], id="run-preset", className="choices")),
        field(t("planner.grid"), html.Div([
            _choice("run-grid", ("preview", "standard", "window"), t),
            html.Div(number("run-side", t("planner.window_side"), 3, *tiers.WINDOW_SIDES_KM, 0.5), id="window-side",
                     hidden=True),
        ])),
        field(t("planner.drains"), _choice("run-drains", ("capacity", "swmm"), t)),
        number("run-rain", t("planner.rain_percent"), 100, 0, 400, 10),
        number("run-surge", t("planner.surge_m"), 0, -1, 3, 0.1),
        number("run-hours", t("planner.hours"), 6, 1, 24, 1),
        field(t("planner.failed_pumps"), dcc.Checklist(pumps, [], id="run-pumps", className="choices")),
        text_line("run-name", t("planner.name")),
    ]  # fmt: skip
    start = html.Button(t("planner.start"), id="run-start", className="start")
    cost = html.P(id="run-cost", className="faint", role="status")
    whole = html.Button(t("planner.start_all"), id="run-start-all", className="start is-second")
    foot = html.Div([cost, start, whole, html.P(id="run-answer", role="status")], className="form-foot")
    return html.Div([html.Div(fields, className="form"), foot], id="flood-form", className="form-of")


def _choice(name: str, options: tuple[str, ...], t: Texts) -> Component:
    """Return a choice whose options say below their name what they do."""
    labels = [
        {"label": html.Span([html.B(t(f"planner.{one}")), html.Small(t(f"planner.{one}_note"))]), "value": one}
        for one in options
    ]
    return dcc.RadioItems(labels, options[0], id=name, className="choices")


def told_cost(grid: str, hours: float, side_km: float, drains: str, t: Texts) -> str:
    """Return in words how long a run takes."""
    window = tiers.window_around(*HOME_AT, side_km) if grid == "window" else tiers.BOX
    seconds = tiers.cost_s(grid, hours, window)
    time = (
        t("planner.seconds", n=max(10, 10 * round(seconds / 10)))
        if seconds < 120
        else t("planner.minutes", n=round(seconds / 60))
    )
    more = t("planner.swmm_cost") if drains == "swmm" else ""
    return t("planner.run_cost", time=time, more=more)


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


def title_of(scenario: Record, pumps: list[Record], t: Texts) -> str:
    """Return a title that tells runs of one event apart: what fails, and how rain, sea and grid differ."""
    names = {one["value"]: one["label"] for one in pumps}
    failed = [names.get(key, key) for key in scenario["failed_pumps"]]
    facts = [
        t.of(scenario["title"]),
        t("planner.titled_failed", names=", ".join(failed)) if failed else "",
        f"{t('planner.rain')} {scenario['rain_percent']:g}%" if scenario["rain_percent"] != 100 else "",
        f"{t('planner.surge')} {scenario['surge_m']:+g} m" if scenario["surge_m"] else "",
        t(f"planner.{scenario['grid']}") if scenario["grid"] != "preview" else "",
        t("planner.swmm") if scenario["drains"] == "swmm" else "",
    ]
    return " · ".join(filter(None, facts))[:200]


def window_in(view: Record | None, side_km: float | None) -> tuple[float, float, float, float]:
    """Return the window around the middle of the map (west, south, east, north) [deg, WGS84]."""
    lon, lat = (view or {}).get("center", HOME_AT)
    return tiers.window_around(lon, lat, side_km or 3)


def register(app: Dash, desk: Desk) -> None:
    """Show the form of the simulation; queue a run when its button is pressed."""
    traffic_form.register(app, desk)
    wire: Any = app.clientside_callback
    wire(
        ClientsideFunction("gunsan_planner", "form"),
        Output("flood-form", "hidden"),
        Output("traffic-form", "hidden"),
        Input("run-simulation", "value"),
    )

    @app.callback(
        Output("run-cost", "children"),
        Output("window-side", "hidden"),
        Input("run-grid", "value"),
        Input("run-hours", "value"),
        Input("run-side", "value"),
        Input("run-drains", "value"),
        State("language", "data"),
    )
    async def cost(grid: str, hours: float | None, side_km: float | None, drains: str, language: str) -> Any:
        return told_cost(grid, hours or 0.5, side_km or 3, drains, texts(language)), grid != "window"

    @app.callback(
        Output("planner-map", "sketch", allow_duplicate=True),
        Input("run-grid", "value"),
        Input("run-side", "value"),
        Input("planner-map", "viewport"),
        prevent_initial_call=True,
    )
    async def outline(grid: str, side_km: float | None, view: Record | None) -> Any:
        if grid != "window":
            if ctx.triggered_id != "run-grid":
                raise PreventUpdate
            return {"links": [], "areas": [], "open": []}
        west, south, east, north = window_in(view, side_km)
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        return {"links": [], "areas": [ring], "open": []}

    @app.callback(
        Output("run-answer", "children"),
        Output("chosen-run", "data"),
        Input("run-start", "n_clicks"),
        Input("run-start-all", "n_clicks"),
        State("run-preset", "value"),
        State("run-grid", "value"),
        State("run-side", "value"),
        State("planner-map", "viewport"),
        State("run-drains", "value"),
        State("run-rain", "value"),
        State("run-surge", "value"),
        State("run-hours", "value"),
        State("run-pumps", "value"),
        State("run-pumps", "options"),
        State("run-name", "value"),
        State("language", "data"),
        State("chosen-run", "data"),
        prevent_initial_call=True,
    )
    async def start(
        _clicks: int, _whole: int, preset: str, grid: str, side_km: float | None, view: Record | None, drains: str,
        rain: float | None, surge: float | None, hours: float | None, pumps: list[str],
        stations: list[Record], name: str | None, language: str, chosen: str | None,
    ) -> Any:  # fmt: skip
        t = texts(language)
        asked = {"preset": preset, "grid": grid, "rain_percent": rain, "surge_m": surge, "duration_h": hours,
                 "failed_pumps": pumps, "drains": drains,
                 "window": window_in(view, side_km) if grid == "window" else None}  # fmt: skip
        try:
            scenario = simulation_of(SIMULATION).check({key: one for key, one in asked.items() if one is not None})
            title = name or title_of(scenario, stations, t)
            run = await desk.runs.submit(desk.caller(), SIMULATION, title, scenario, clock.now())
            desk.tell("runs.submit", f"run {run['id']}")
            if ctx.triggered_id == "run-start-all":
                then = await cascade.follow(desk, run, scenario["duration_h"], t)
                desk.tell("runs.submit", f"run {run['id']}, run {then['id']}")
        except TwinError as error:
            return str(error), chosen
        return t("planner.started"), run["id"]
