"""What a run found: who and what is reached, when, and why to believe it."""

from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from frontend.components.cascade import follow
from frontend.components.forecast_result import forecast_result
from frontend.components.run_compare import (
    compare_bar,
    compare_table,
    compared_how,
    exports,
    people_range,
    receipt,
)
from frontend.components.traffic_result import can_subtract, traffic_of, traffic_result
from frontend.desk import Desk, Record
from frontend.text import Texts, texts
from frontend.value import aria
from twin import clock
from twin.errors import NotFound
from twin.units import UNITS

SHOWN = 40


def run_result(t: Texts) -> Component:
    """Return the panel."""
    return html.Section(
        [
            html.H2(t("planner.result")),
            dcc.Store(id="result-key"),
            dcc.Store(id="beside-run"),
            compare_bar(t),
            html.Div(html.P(t("planner.no_result"), className="empty"), id="run-result", className="result"),
        ],
        className="panel pane-result",
        **aria(t("planner.result")),
    )  # fmt: skip


def _result(run: Record, t: Texts) -> list[Component]:
    """Return what a run of either simulation found."""
    return traffic_result(run, t) if run["simulation"] == "traffic" else _flood(run, t)


def _flood(run: Record, t: Texts) -> list[Component]:
    found, total = run["result"], run["result"]["totals"]
    error = f"{found['mass_error']:.1e}"
    facts = (
        ("people", f"{total['people']:,}{people_range(total)}"), ("buildings", f"{total['buildings']:,}"),
        ("roads", f"{total['roads_closed']:,}"), ("area", f"{total['area_km2']:.2f} km²"),
        ("deepest", f"{total['deepest_m']:.2f} m"),
    )  # fmt: skip
    receipt = found["receipt"]
    trust = "trusted" if found["trusted"] else "untrusted"
    return [
        html.P(_tier(receipt["asked"], t), className="tier"),
        html.P(t("planner.synthetic") if found["is_synthetic"] else "", className="warning"),
        html.P(t(f"planner.{trust}", error=error), className=f"trust is-{trust}"),
        html.Table([html.Tr([html.Th(t(f"planner.{name}")), html.Td(html.B(value))]) for name, value in facts],
                   className="values"),
        *([html.P(t("planner.people_range"), className="faint")] if people_range(total) else []),
        html.Button(t("planner.cascade"), id={"type": "run-cascade", "run": run["id"]}, className="start is-cascade"),
        html.H3(t("planner.places")), _places(found["places"], t),
        html.H3(t("planner.districts")), _districts(found["districts"], t),
        html.P(t("planner.made_of", digest=receipt["digest"][:12], version=receipt["version"],
                 seconds=f"{found['wall_s']:.0f}"), className="faint"),
    ]  # fmt: skip


def _tier(asked: Record, t: Texts) -> str:
    """Return how finely a flood was computed; a forecast is a preview with drains as rates."""
    parts = [t(f"planner.{asked.get('grid', 'preview')}"), t(f"planner.{asked.get('drains', 'capacity')}")]
    return " · ".join(parts + ([t("planner.advection")] if asked.get("advection") else []))


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


def _unfinished(run: Record, t: Texts) -> list[Component]:
    """Return what stands for a result while there is none: how far the run is, or why it failed."""
    if run["state"] == "failed":
        return [html.P(f"✕ {t('planner.failed')}: {run['note']}", className="error", role="alert")]
    bar = html.Progress(value=str(run["progress"]), max="1", **aria(t("planner.running")))
    return [html.P([t(f"planner.{run['state']}"), " ", run["note"]], className="empty"), bar]


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
    facts = {"id": run["id"], "url": url, "minus": less, "measures": run["result"].get("measures", [])}
    return own | facts | {"issued": run["result"].get("issued")}


def register(app: Dash, desk: Desk) -> None:
    """Show the chosen run once it is done, and offer those it can be compared with."""

    @app.callback(
        Output("shown-run", "data"),
        Output("beside-run", "data"),
        Output("run-result", "children"),
        Output("run-minus", "options"),
        Output("result-key", "data"),
        Input("chosen-run", "data"),
        Input("run-minus", "value"),
        Input("run-way", "value"),
        Input("runs-digest", "data"),
        State("result-key", "data"),
        State("language", "data"),
    )
    async def show(
        chosen: str | None, minus: str | None, way: str, digest: str | None, key: str | None, language: str
    ) -> Any:
        t, caller = texts(language), desk.caller()
        if not chosen:
            raise PreventUpdate
        try:
            run = await desk.runs.get(caller, chosen)
            other = await desk.runs.get(caller, minus) if minus and minus != chosen else None
        except NotFound as error:
            return None, None, html.P(str(error), className="error"), [], None
        if run["state"] != "done":
            return None, None, _unfinished(run, t), [], None
        done = [one for one in await desk.runs.newest(caller) if one["id"] != chosen and one["state"] == "done"]
        new_key = f"{chosen} {other and other['id']} {way} {len(done)}"
        if new_key == key:
            raise PreventUpdate
        water, beside = await _both(desk, run, other, way, t)
        more: list[Component] = [exports(run, other, t)]
        if other is not None:
            more += [
                compared_how(run, other, way, t, is_subtracted=bool(water and water["minus"])),
                compare_table(run, other, t),
            ]
        if "issued" in run["result"]:
            units = {prop.id: UNITS[prop.unit] for layer in desk.layers.values() for prop in layer.properties}
            more += forecast_result(run["result"], await desk.forecasts.score(caller, clock.now()), units, t)
        alike = [{"label": f"{one['title']} · {one['asked'].astimezone(clock.KST):%m-%d %H:%M}", "value": one["id"]}
                 for one in done]  # fmt: skip
        is_same = (key or "").split(" ")[:3] == new_key.split(" ")[:3]
        maps = (no_update, no_update) if is_same else (water, beside)
        return *maps, [*more, *_result(run, t), receipt(run, done, t)], alike, new_key

    @app.callback(
        Output("chosen-run", "data", allow_duplicate=True),
        Input({"type": "run-verify", "run": ALL}, "n_clicks"),
        State("language", "data"),
        prevent_initial_call=True,
    )
    async def verify(clicks: list[int | None], language: str) -> Any:
        """Run again what the receipt of a run asked for; once it is done, the two are compared."""
        if not any(clicks) or not ctx.triggered_id:
            raise PreventUpdate
        run = await desk.runs.get(desk.caller(), ctx.triggered_id["run"])
        title = f"{texts(language)('planner.verify')}: {run['title']}"[:200]
        asked = run["result"]["receipt"]["asked"]
        again = await desk.runs.submit(desk.caller(), run["simulation"], title, asked, clock.now())
        desk.tell("runs.submit", f"run {again['id']}")
        return again["id"]

    @app.callback(
        Output("runs-digest", "data", allow_duplicate=True),
        Input({"type": "run-cost", "run": ALL}, "value"),
        prevent_initial_call=True,
    )
    async def price(values: list[float | None]) -> Any:
        """Keep what a run costs, as it was entered."""
        if not values or not ctx.triggered_id:
            raise PreventUpdate
        kept = (await desk.runs.get(desk.caller(), ctx.triggered_id["run"]))["result"].get("cost_mkrw")
        if values[0] == kept:
            raise PreventUpdate  # the box was only made
        await desk.runs.price(desk.caller(), ctx.triggered_id["run"], values[0])
        desk.tell("runs.price", f"run {ctx.triggered_id['run']}")
        return no_update

    @app.callback(
        Output("chosen-run", "data", allow_duplicate=True),
        Input({"type": "run-cascade", "run": ALL}, "n_clicks"),
        State("language", "data"),
        prevent_initial_call=True,
    )
    async def cascade(clicks: list[int | None], language: str) -> Any:
        if not any(clicks) or not ctx.triggered_id:
            raise PreventUpdate
        flood = await desk.runs.get(desk.caller(), ctx.triggered_id["run"])
        found = flood["result"]
        hours = found["depth"]["times_s"][-1] / 3600
        then = await follow(desk, flood, hours, texts(language), found.get("issued"))
        desk.tell("runs.submit", f"run {then['id']}")
        return then["id"]


async def _both(
    desk: Desk, run: Record, other: Record | None, way: str, t: Texts
) -> tuple[Record | None, Record | None]:
    """Return what the map shows of a run, and of the one beside it; grids that are alike can also be subtracted.

    Traffic lies left of a flood, whichever was chosen first: its bar counts the hours of the day.
    """
    if other is None:
        return await _shown(desk, run, None, t), None
    named = [("A", run), ("B", other)]
    if other["simulation"] == run["simulation"]:
        shown = await _shown(desk, run, other if way == "difference" else None, t)
        if shown and shown.get("minus"):
            return shown, None
    else:
        named.sort(key=lambda one: one[1]["simulation"] != "traffic")
        shown = await _shown(desk, named[0][1], None, t)
    beside = await _shown(desk, named[1][1], None, t)
    left, right = (f"{letter} {one['title']}" for letter, one in named)
    return shown and shown | {"named": {"name": left, "beside": right}}, beside


async def _shown(desk: Desk, run: Record, other: Record | None, t: Texts) -> Record | None:
    """Return what the map shows of a run: its water, or its traffic with the water that it drove in."""
    if run["simulation"] != "traffic":
        return water_of(run, other)
    try:
        name = run["result"]["flood_run"]
        flood = water_of(await desk.runs.get(desk.caller(), name), None) if name else None
    except NotFound:
        flood = None
    return traffic_of(run, flood, t, other if other and can_subtract(run, other) else None)
