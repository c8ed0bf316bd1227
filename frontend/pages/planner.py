"""/planner: what if. Choose a scenario, run it, watch the water on the map, compare."""

from collections.abc import Mapping
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from frontend.components import analysis, run_compare, run_form, run_list, run_result, time_bar
from frontend.components.header import header
from frontend.desk import Desk
from frontend.text import texts
from frontend.twin_map import TwinMap, map_spec
from twin.access import Caller, Right

BEAT_MS = 1000
GROUP = "water"
"""Live layers that stay on the map beside a result."""


async def layout(desk: Desk, caller: Caller, query: Mapping[str, str]) -> Component:
    """Return the planner.

    Parameters
    ----------
    query
        `lang` (`ko`, `en`), `run` (id of the run to show), `mode` of the map.

    Raises
    ------
    Refused
        The caller may not simulate.
    """
    caller.require(Right.SIMULATE, "the planner")
    t = texts(query.get("lang"))
    layers = [layer for layer in desk.seen_by(caller) if layer.group == GROUP]
    words: dict[str, Any] = {f"data-{name}": t("planner.word") for name in ("now", "word")}
    words["data-forecast"] = t("forecast.word")
    return html.Div(
        [
            dcc.Store(id="language", data=t.language),
            dcc.Store(id="chosen-run", data=query.get("run")),
            dcc.Store(id="shown-run"),
            dcc.Store(
                id="words",
                data={key: t(key) for key in sorted(t.keys) if key.split(".")[0] in {"link", "notice"}},
            ),
            dcc.Interval(id="run-beat", interval=BEAT_MS),
            html.Div(t("planner.word"), id="mode-word", className="mode-word", role="status", **words),
            header(t, is_demo=desk.is_demo, view="3d", screen="planner"),
            await run_form.run_form(desk, caller, t),
            html.Main(
                [
                    TwinMap(
                        id="planner-map",
                        spec=map_spec(layers),
                        language=t.language,
                        mode=query.get("mode", "interleaved"),
                        title=t("app.map_title"),
                    ),
                    html.Div(t("notice.loading"), id="planner-notice", className="notice is-loading", role="status"),
                    run_compare.swipe_bar(t),
                    time_bar.time_bar(t),
                    time_bar.city_bar(t, has_branches=False),
                ]
            ),
            html.Aside([run_list.run_list(t), analysis.analysis_panel(t), run_result.run_result(t)]),
        ],
        id="console",
        className="console is-3d is-what-if",
        lang=t.language,
    )


def register(app: Dash, desk: Desk) -> None:
    """Wire the planner; each panel registers itself."""
    for panel in (run_form, run_list, run_result, time_bar):
        panel.register(app, desk)
    wire: Any = app.clientside_callback
    wire(
        ClientsideFunction("gunsan_planner", "beside"),
        Output("planner-map", "beside"),
        Output("swipe", "hidden"),
        Output("swipe-left", "children"),
        Output("swipe-right", "children"),
        Input("beside-run", "data"),
        Input("shown-run", "data"),
    )
    wire(
        ClientsideFunction("gunsan_planner", "swipe"),
        Output("planner-map", "swipe"),
        Output("swipe", "style"),
        Input("run-swipe", "value"),
    )
    wire(
        ClientsideFunction("gunsan_planner", "notice"),
        Output("planner-notice", "children"),
        Output("planner-notice", "className"),
        Output("link", "className", allow_duplicate=True),
        Output("link-word", "children", allow_duplicate=True),
        Input("planner-map", "ready"),
        Input("planner-map", "link"),
        Input("planner-map", "error"),
        Input("planner-map", "run_shown"),
        State("words", "data"),
        prevent_initial_call=True,
    )
