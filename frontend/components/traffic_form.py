"""The traffic form of the planner: a question of the list, roads and areas closed on the map, who knows of it."""

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from frontend.components.fields import field, number, text_line
from frontend.desk import Desk, Record
from frontend.text import Texts, texts
from simulations import simulation_of
from twin import clock
from twin.errors import TwinError

SIMULATION = "traffic"
WORDS = ("three_points", "nameless", "area_drawn", "points", "no_closures")


def traffic_form(t: Texts) -> Component:
    """Return the form; hidden until traffic is chosen."""
    presets = simulation_of(SIMULATION).describe()["presets"]
    modes = [{"label": t(f"planner.close_{mode}"), "value": mode} for mode in ("nothing", "road", "area")]
    fields: list[Component] = [
        field(t("planner.preset"), dcc.RadioItems(
            [{"label": html.Span([html.B(t.of(one["title"])), html.Small(t.of(one["note"]))]), "value": one["id"]}
             for one in presets], presets[0]["id"], id="traffic-preset", className="choices")),
        field(t("planner.begin"), dcc.RadioItems(
            [{"label": t(f"planner.begin_{one}"), "value": one} for one in ("event", "now")], "event",
            id="traffic-begin", className="choices is-row")),
        field(t("planner.close_on_map"), html.Div([
            dcc.RadioItems(modes, "nothing", id="close-mode", className="choices is-row"),
            html.Div(t("planner.no_closures"), id="closures", className="faint", role="status"),
            html.Div([
                html.Button(t("planner.close_finish"), id="close-finish", className="tool"),
                html.Button(t("planner.close_clear"), id="close-clear", className="tool"),
            ], className="is-row close-tools"),
        ])),
        number("close-from", t("planner.close_from"), 60, 0, 1439, 5),
        number("close-minutes", t("planner.close_minutes"), 60, 5, 1440, 5),
        number("traffic-hours", t("planner.hours"), 2, 0.5, 24, 0.5),
        number("traffic-informed", t("planner.informed"), 50, 0, 100, 10),
        field(t("planner.seeds"), dcc.RadioItems([1, 3, 5], 3, id="traffic-seeds", className="choices is-row")),
        text_line("traffic-name", t("planner.name")),
    ]  # fmt: skip
    start = html.Button(t("planner.start"), id="traffic-start", className="start")
    foot = html.Div([start, html.P(id="traffic-answer", role="status")], className="form-foot")
    words = {f"planner.{key}": t(f"planner.{key}") for key in WORDS}
    stores = [dcc.Store(id="closures-drawn"), dcc.Store(id="closure-words", data=words)]
    return html.Div(
        [*stores, html.Div(fields, className="form"), foot], id="traffic-form", className="form-of", hidden=True
    )


def events_of(drawn: Record | None, from_min: float, minutes: float) -> list[Record]:
    """Return the closures that were drawn as events of the scenario.

    Parameters
    ----------
    drawn
        `{roads: [{links}], areas: [ring of lon, lat]}`.
    from_min, minutes
        Beginning after the start of the run, and length [min].
    """
    known = drawn or {}
    times = {"start_s": from_min * 60, "end_s": (from_min + minutes) * 60}
    links = sorted({link for one in known.get("roads", ()) for link in one["links"]})
    found: list[Record] = [{"event": "close", "links": links} | times] if links else []
    found += [
        {"event": "close", "area": {"type": "Polygon", "coordinates": [ring]}} | times
        for ring in known.get("areas", ())
    ]
    return found


def register(app: Dash, desk: Desk) -> None:
    """Mark roads by click, and queue a run when the button is pressed."""
    wire: Any = app.clientside_callback
    wire(
        ClientsideFunction("gunsan_planner", "closures"),
        Output("closures-drawn", "data"),
        Output("planner-map", "sketch"),
        Output("closures", "children"),
        Output("close-finish", "className"),
        Input("planner-map", "clicked"),
        Input("close-finish", "n_clicks"),
        Input("close-clear", "n_clicks"),
        Input("close-mode", "value"),
        State("closures-drawn", "data"),
        State("closure-words", "data"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output("traffic-answer", "children"),
        Output("chosen-run", "data", allow_duplicate=True),
        Input("traffic-start", "n_clicks"),
        State("traffic-preset", "value"),
        State("traffic-begin", "value"),
        State("closures-drawn", "data"),
        State("close-from", "value"),
        State("close-minutes", "value"),
        State("traffic-hours", "value"),
        State("traffic-informed", "value"),
        State("traffic-seeds", "value"),
        State("traffic-name", "value"),
        State("language", "data"),
        State("chosen-run", "data"),
        prevent_initial_call=True,
    )
    async def start(
        _clicks: int, preset: str, begin: str, drawn: Record | None, from_min: float | None, minutes: float | None,
        hours: float | None, informed: float | None, seeds: int, name: str | None, language: str, chosen: str | None,
    ) -> Any:  # fmt: skip
        t = texts(language)
        asked: Record = {"preset": preset, "seeds": seeds, "is_live": begin == "now"}
        asked["events"] = events_of(drawn, 0 if from_min is None else from_min, 1440 if minutes is None else minutes)
        asked |= {"hours": hours} if hours is not None else {}
        asked |= {"informed": informed / 100} if informed is not None else {}
        try:
            scenario = simulation_of(SIMULATION).check(asked)
            run = await desk.runs.submit(
                desk.caller(), SIMULATION, name or t.of(scenario["title"]), scenario, clock.now()
            )
            desk.tell("runs.submit", f"run {run['id']}")
        except TwinError as error:
            return str(error), chosen
        return t("planner.started"), run["id"]
