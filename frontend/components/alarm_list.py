"""The alarm list: by priority, with what to do about it."""

from typing import Any

from dash import Dash, Input, Output, State, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from frontend.components.bell import bell_button
from frontend.components.mark import severity_mark
from frontend.desk import Desk, Record, at
from frontend.text import Texts, texts
from frontend.value import age, aria, format_alarm_result, goto
from twin.clock import now
from twin.errors import TwinError

UNACKNOWLEDGED = ("UNACK", "RTNUN")
STATE_CLASS = {"UNACK": "is-new", "RTNUN": "is-cleared"}
SHOWN = 60
SAID = ("none_chosen", "followed", "gone", "done", "not_done")
"""What the page says below the list of what keys have done."""


def alarm_panel(t: Texts) -> Component:
    """Return the empty panel."""
    said: dict[str, Any] = {f"data-{word}": t(f"alarm.{word}") for word in SAID}
    return html.Section(
        [
            html.H2([t("alarm.title"), html.Span(id="alarm-count", className="count")]),
            html.Div(
                [
                    html.Span(
                        [t("desk.budget"), " ", html.Span("–", id="console-budget", className="gauge")],
                        title=t("desk.budget_title"),
                    ),
                    html.A(
                        [t("desk.shelved"), " ", html.B("–")],
                        href=f"/desk?lang={t.language}&tab=shelved",
                        id="console-shelved",
                    ),
                    bell_button(t),
                ],
                className="duty",
            ),
            html.Div(html.Div(className="skeleton"), id="alarms", className="alarms", tabIndex="-1"),
            html.P(id="alarm-said", className="said", role="status", **said),
        ],
        className="panel pane-alarms",
        **aria(t("alarm.title")),
    )


def alarm_items(alarms: list[Record], desk: Desk, t: Texts) -> Component:
    """Return the list of standing alarms, or the line that says there is none."""
    if not alarms:
        return html.Div(
            [html.P(t("alarm.none")), html.P([t("alarm.none_why"), " ", age(now())], className="faint")],
            className="empty",
        )
    return html.Ol([_item(alarm, desk, t) for alarm in alarms[:SHOWN]], className="alarm-items")


def _item(alarm: Record, desk: Desk, t: Texts) -> Component:
    layer = desk.layers.get(alarm["layer"])
    is_open = alarm["state"] in UNACKNOWLEDGED
    name = t.name(alarm)
    place = " · ".join(filter(None, [name, t.unit(alarm)]))
    result = format_alarm_result(layer, alarm, t)
    go = html.Button(
        [
            html.Span(
                [
                    severity_mark(alarm["severity"], t),
                    html.Span(t(f"state.{alarm['state']}"), className="state"),
                    age(alarm["onset"]),
                ],
                className="alarm-head",
            ),
            html.Strong(t.of(alarm["title"])),
            html.Span(place, className="alarm-place"),
            html.Span(
                [
                    html.Span(result, className="alarm-value"),
                    html.Span(["· ", age(alarm["latest_time"] or alarm["onset"])] if result else "", className="faint"),
                ],
                className="alarm-facts",
            ),
            html.Span(t.of(alarm["action"]), className="alarm-action"),
        ],
        className="alarm-go",
        title=t("alarm.go", name=name),
        **goto(alarm["layer"], alarm["asset"], alarm["lon"], alarm["lat"]),
    )
    acknowledging: dict[str, Any] = {"data-acknowledge": str(alarm["id"])}
    acknowledge = html.Button(
        t("alarm.acknowledge"),
        className="acknowledge",
        **aria(t("alarm.acknowledge_title", name=name)),
        **acknowledging,
    )
    by = alarm.get("acknowledged_by")
    told = t("alarm.acknowledged_by", name=by) if by else ""
    foot = acknowledge if is_open else html.Span(told, className="faint")
    classes = f"alarm is-{alarm['severity']} {'is-open' if is_open else ''} {STATE_CLASS.get(alarm['state'], '')}"
    which: dict[str, Any] = {"data-alarm": str(alarm["id"]), "data-asset": str(alarm["asset"])}
    return html.Li([go, html.Div(foot, className="alarm-foot")], className=classes, key=str(alarm["id"]), **which)


def register(app: Dash, desk: Desk) -> None:
    """Keep the list current: on every event, on every beat, after an acknowledgement (the page posts it)."""

    @app.callback(
        Output("alarms", "children"),
        Output("alarm-count", "children"),
        Output("alarm-error", "children"),
        Output("alarm-digest", "data"),
        Input("slow-beat", "n_intervals"),
        Input("event-seq", "data"),
        Input("acknowledged", "data"),
        Input("moment", "data"),
        State("language", "data"),
        State("alarm-digest", "data"),
    )
    async def refresh(
        _beat: int, _seq: int, _acknowledged: int, moment: Record | None, language: str, shown: str | None
    ) -> Any:
        t = texts(language)
        try:
            alarms = (await desk.reader.alarms(desk.caller(), **at(moment)))["alarms"]
        except (TwinError, OSError, TimeoutError):
            return no_update, no_update, t("alarm.error"), None
        digest = ";".join(
            f"{alarm['id']}{alarm['state']}{alarm['severity']}{alarm['result']}{alarm['latest']}" for alarm in alarms
        )
        if digest == shown and alarms:
            raise PreventUpdate
        new = sum(alarm["state"] in UNACKNOWLEDGED for alarm in alarms)
        count = html.Span(t("alarm.unacknowledged", n=new), className="is-new") if new else str(len(alarms) or "")
        return alarm_items(alarms, desk, t), count, "", digest
