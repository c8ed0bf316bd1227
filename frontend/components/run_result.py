"""What a run found: who and what is reached, when, and why to believe it."""

from typing import Any

from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from frontend.desk import Desk, Record
from frontend.text import Texts, texts
from frontend.value import aria
from twin.errors import NotFound

SHOWN = 40


def run_result(t: Texts) -> Component:
    """Return the panel."""
    return html.Section(
        [
            html.H2(t("planner.result")),
            html.Label([html.Span(t("planner.compare")), dcc.Dropdown(id="run-minus", clearable=True,
                        placeholder=t("planner.no_compare"))], className="field is-row"),
            html.Div(html.P(t("planner.no_result"), className="empty"), id="run-result", className="result"),
        ],
        className="panel pane-result",
        **aria(t("planner.result")),
    )  # fmt: skip


def _result(run: Record, t: Texts) -> list[Component]:
    found, total = run["result"], run["result"]["totals"]
    error = f"{found['mass_error']:.1e}"
    facts = (
        ("people", f"{total['people']:,}"), ("buildings", f"{total['buildings']:,}"),
        ("roads", f"{total['roads_closed']:,}"), ("area", f"{total['area_km2']:.2f} km²"),
        ("deepest", f"{total['deepest_m']:.2f} m"),
    )  # fmt: skip
    receipt = found["receipt"]
    trust = "trusted" if found["trusted"] else "untrusted"
    return [
        html.P(t("planner.synthetic") if found["is_synthetic"] else "", className="warning"),
        html.P(t(f"planner.{trust}", error=error), className=f"trust is-{trust}"),
        html.Table([html.Tr([html.Th(t(f"planner.{name}")), html.Td(html.B(value))]) for name, value in facts],
                   className="values"),
        html.H3(t("planner.places")), _places(found["places"], t),
        html.H3(t("planner.districts")), _districts(found["districts"], t),
        html.P(t("planner.made_of", digest=receipt["digest"][:12], version=receipt["version"],
                 seconds=f"{found['wall_s']:.0f}"), className="faint"),
    ]  # fmt: skip


def _minutes(seconds: float | None) -> str:
    return "–" if seconds is None else f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d}"


def _places(places: list[Record], t: Texts) -> Component:
    head = html.Tr([html.Th(t("planner.place")), html.Th(t("planner.arrival")), html.Th(t("planner.depth"))])
    rows = [
        html.Tr([html.Td(t.name(one)), html.Td(_minutes(one["arrival_s"]), className="number"),
                 html.Td(f"{one['deepest_m']:.2f} m", className="number")])
        for one in places[:SHOWN]
    ]  # fmt: skip
    return html.Table([head, *rows], className="rows")


def _districts(districts: list[Record], t: Texts) -> Component:
    names = ("people", "buildings", "roads")
    head = html.Tr([html.Th(t("planner.unit")), *(html.Th(t(f"planner.{name}")) for name in names)])
    rows = [
        html.Tr([html.Td(t.name(one)), *(html.Td(f"{one[key]:,}", className="number")
                                         for key in ("people", "buildings", "roads_closed"))])
        for one in districts if one["buildings"] or one["roads_closed"]
    ]  # fmt: skip
    return html.Table([head, *rows], className="rows")


def water_of(run: Record, minus: Record | None) -> Record | None:
    """Return what the map needs to draw the water of a run, less that of another; None when it has none."""
    depth = run["result"].get("depth")
    if depth is None:
        return None
    own: Record = {name: depth[name] for name in ("nx", "ny", "times_s", "step_m", "corners")}
    url = f"/api/runs/{run['id']}/files/{depth['file']}"
    less = None
    if minus is not None and (other := minus["result"].get("depth")):
        is_alike = all(other[name] == depth[name] for name in own)
        less = f"/api/runs/{minus['id']}/files/{other['file']}" if is_alike else None
    return own | {"id": run["id"], "url": url, "minus": less}


def register(app: Dash, desk: Desk) -> None:
    """Show the chosen run once it is done, and offer those it can be compared with."""

    @app.callback(
        Output("shown-run", "data"),
        Output("run-result", "children"),
        Output("run-minus", "options"),
        Input("chosen-run", "data"),
        Input("run-minus", "value"),
        Input("runs-digest", "data"),
        State("shown-run", "data"),
        State("language", "data"),
    )
    async def show(chosen: str | None, minus: str | None, _digest: str, shown: Record | None, language: str) -> Any:
        t, caller = texts(language), desk.caller()
        if not chosen:
            raise PreventUpdate
        try:
            run = await desk.runs.get(caller, chosen)
            other = await desk.runs.get(caller, minus) if minus else None
        except NotFound as error:
            return None, html.P(str(error), className="error"), []
        if run["state"] != "done":
            state = [html.P([t(f"planner.{run['state']}"), " ", run["note"]], className="empty")]
            return None, state, []
        water = water_of(run, other)
        if water == shown:
            raise PreventUpdate
        alike = [
            {"label": one["title"], "value": one["id"]}
            for one in await desk.runs.newest(caller)
            if one["id"] != chosen and one["state"] == "done" and (water_of(run, one) or {}).get("minus")
        ]
        return water, _result(run, t), alike
