"""The runs: state, progress, cancel; one is chosen and shown."""

from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from frontend.desk import Desk, Record
from frontend.text import Texts, texts
from frontend.value import age, aria, moment_of
from twin import clock
from twin.runs import LIVE

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


def _forecast(done: Record | None, last: Record | None, chosen: str | None, t: Texts) -> Component:
    """Return the forecast that the clock issues: it stands first, and says how old it is."""
    if done is None:
        state = t("forecast.failed", why=last["note"]) if last and last["state"] == "failed" else t("forecast.none")
        return html.P([html.B(t("forecast.title")), " ", state], className="empty is-forecast")
    n = len(done["result"].get("warnings", ()))
    at = (moment_of(done["result"].get("issued")) or done["asked"]).astimezone(clock.KST)
    facts: list[Any] = [html.Span(t("forecast.warned", n=n), className="state"), age(done["asked"])]
    if last and last["state"] == "running":
        facts += [html.Progress(value=str(last["progress"]), max="1")]
    if last and last["state"] == "failed":
        facts += [html.Span(t("forecast.failed", why=last["note"]), className="error")]
    show = html.Button(
        [html.Strong([html.I("◆", className="mark"), f" {t('forecast.title')} {at:%H:%M}"]),
         html.Span(facts, className="alarm-facts")],
        id={"type": "run-show", "run": done["id"]}, className="alarm-go", title=t("planner.show"),
    )  # fmt: skip
    return html.Div(show, className="alarm is-forecast" + (" is-chosen" if done["id"] == chosen else ""))


def register(app: Dash, desk: Desk) -> None:
    """Keep the list current; choose and cancel by click."""

    @app.callback(
        Output("runs", "children"),
        Output("runs-digest", "data"),
        Output("run-answer", "children", allow_duplicate=True),
        Output("traffic-answer", "children", allow_duplicate=True),
        Input("run-beat", "n_intervals"),
        Input("chosen-run", "data"),
        State("runs-digest", "data"),
        State("language", "data"),
        prevent_initial_call="initial_duplicate",
    )
    async def refresh(_beat: int, chosen: str | None, before: str | None, language: str) -> Any:
        t = texts(language)
        caller = desk.caller()
        runs = await desk.runs.newest(caller)
        done, last = await desk.runs.newest(caller, 1, LIVE, "done"), await desk.runs.newest(caller, 1, LIVE)
        all_of = [*runs, *done, *last]
        digest = ";".join(f"{run['id']}{run['state']}{run['progress']:.2f}{run['note']}" for run in all_of) + str(
            chosen
        )
        if digest == before:
            raise PreventUpdate
        has_begun = any(run["id"] == chosen and run["state"] != "queued" for run in runs)
        said = ("", "") if has_begun else (no_update, no_update)  # "queued" holds no longer
        forecast = _forecast(done[0] if done else None, last[0] if last else None, chosen, t)
        if not runs:
            return [forecast, html.P(t("planner.no_runs"), className="empty")], digest, *said
        return [forecast, html.Ol([_row(run, chosen, t) for run in runs])], digest, *said

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
        desk.tell("runs.cancel", f"run {ctx.triggered_id['run']}")
        return None
