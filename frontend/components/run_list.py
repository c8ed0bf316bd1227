"""The runs: state, progress, cancel; one is chosen and shown."""

from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from frontend.desk import Desk, Record
from frontend.text import Texts, texts
from frontend.value import age, aria
from twin import clock

UNDER_WAY = ("queued", "running")


def run_list(t: Texts) -> Component:
    """Return the panel."""
    return html.Section(
        [
            html.H2(t("planner.runs")),
            dcc.Store(id="runs-digest"),
            html.Div(html.Div(className="skeleton"), id="runs", className="runs"),
        ],
        className="panel pane-runs",
        **aria(t("planner.runs")),
    )


def _row(run: Record, chosen: str | None, t: Texts) -> Component:
    state = run["state"]
    percent = f"{100 * run['progress']:.0f}%"
    facts: list[Any] = [html.Span(t(f"planner.{state}"), className="state"), age(run["ended"] or run["asked"])]
    if state == "running":
        facts += [html.Progress(value=str(run["progress"]), max="1"), html.Span(percent, className="number")]
    show = html.Button(
        [html.Strong(run["title"]), html.Span(facts, className="alarm-facts"),
         html.Span(run["note"], className="alarm-action") if run["note"] else None],
        id={"type": "run-show", "run": run["id"]}, className="alarm-go", title=t("planner.show"),
    )  # fmt: skip
    cancel = html.Button(t("planner.cancel"), id={"type": "run-cancel", "run": run["id"]}, className="acknowledge")
    return html.Li(
        [show, html.Div(cancel, className="alarm-foot") if state in UNDER_WAY else None],
        className=f"alarm is-{state}" + (" is-chosen" if run["id"] == chosen else ""),
    )


def register(app: Dash, desk: Desk) -> None:
    """Keep the list current; choose and cancel by click."""

    @app.callback(
        Output("runs", "children"),
        Output("runs-digest", "data"),
        Input("run-beat", "n_intervals"),
        Input("chosen-run", "data"),
        State("runs-digest", "data"),
        State("language", "data"),
    )
    async def refresh(_beat: int, chosen: str | None, before: str | None, language: str) -> Any:
        t = texts(language)
        runs = await desk.runs.newest(desk.caller())
        digest = ";".join(f"{run['id']}{run['state']}{run['progress']:.2f}{run['note']}" for run in runs) + str(chosen)
        if digest == before:
            raise PreventUpdate
        if not runs:
            return html.P(t("planner.no_runs"), className="empty"), digest
        return html.Ol([_row(run, chosen, t) for run in runs]), digest

    @app.callback(
        Output("chosen-run", "data", allow_duplicate=True),
        Input({"type": "run-show", "run": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    def choose(clicks: list[int | None]) -> Any:
        if not any(clicks) or not ctx.triggered_id:
            raise PreventUpdate
        return ctx.triggered_id["run"]

    @app.callback(
        Output("runs-digest", "data", allow_duplicate=True),
        Input({"type": "run-cancel", "run": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    async def cancel(clicks: list[int | None]) -> Any:
        if not any(clicks) or not ctx.triggered_id:
            raise PreventUpdate
        await desk.runs.cancel(desk.caller(), ctx.triggered_id["run"], clock.now())
        return None
