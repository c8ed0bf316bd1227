"""/desk: where incidents are worked. The board on the left, the chosen incident on the right, everything by keyboard.

A plain page: its script asks the open REST routes, and the live channel tells it when to ask again.
"""

import json
from collections.abc import Mapping
from typing import Any

from dash import html
from fastapi.responses import HTMLResponse

from frontend.components.bell import bell_button
from frontend.components.time_bar import mode_word
from frontend.plain import page
from frontend.shapes import image_of
from frontend.text import texts
from twin.access import Caller, Right
from twin.alarms import SIGN_OF
from twin.cap import CATEGORIES, CERTAINTIES, RESPONSES, SCOPES, SEVERITIES, URGENCIES
from twin.drills import scenarios
from twin.layer import Layer
from twin.playbooks import playbooks

STYLES = ("/component/pretendard.css", "/assets/clock.css", "/assets/desk.css")
SCRIPTS = ("/assets/bell.js", "/assets/gauge.js", "/assets/desk_map.js", "/assets/desk_parts.js",
           "/assets/desk_alert.js", "/assets/desk_share.js", "/assets/desk_look.js", "/assets/desk.js")  # fmt: skip
COLOURS = {"caution": "#f0e442", "alarm": "#e69f00", "danger": "#d55e00", "info": "#97a4b0"}
TABS = ("incidents", "alarms", "shelved", "closed", "alerts", "drills")
WORDS = {"desk", "state", "severity", "mode", "link", "time", "role", "entry", "mark", "cap", "cause", "by", "unit",
         "refused", "share", "ground"}  # fmt: skip
CAP = {"category": CATEGORIES, "response": RESPONSES, "urgency": URGENCIES, "severity": SEVERITIES,
       "certainty": CERTAINTIES, "scope": SCOPES}  # fmt: skip
"""Words of CAP that the form offers."""
KEYS = (
    ("1–6", "tabs"), ("J K", "choose"), ("A", "acknowledge"), ("D", "dispatch"), ("N", "notify"), ("I", "look"),
    ("C", "close"), ("R", "reopen"), ("M", "merge"), ("S", "shelve"), ("X", "out"), ("T", "add_task"), ("O", "note"),
    ("B", "alert"), ("E", "open"), ("A U C W", "alert_keys"), ("Q P W", "drill_keys"), ("L", "share"), ("G", "to_live"),
    ("V", "sound"), ("?", "help"), ("Esc", "leave"),
)  # fmt: skip


def desk_page(caller: Caller, layers: Mapping[str, Layer], query: Mapping[str, str], *, is_demo: bool) -> HTMLResponse:
    """Return the desk.

    Parameters
    ----------
    caller
        Who works here; the way to the review is shown to who may audit.
    layers
        All layers, for their titles.
    query
        `lang` (`ko`, `en`), `incident` (the one to show), `branch` (`live` or a drill).
    """
    t = texts(query.get("lang"))
    other = "en" if t.language == "ko" else "ko"
    words = {key: t(key) for key in sorted(t.keys) if key.split(".")[0] in WORDS}
    marks = {name: image_of("circle" if name == "info" else name, colour) for name, colour in COLOURS.items()}
    facts: dict[str, Any] = {
        "data-words": json.dumps(words, ensure_ascii=False),
        "data-marks": json.dumps(marks),
        "data-signs": json.dumps({str(state): str(sign) for state, sign in SIGN_OF.items()}),
        "data-cap": json.dumps(CAP),
        "data-topics": json.dumps([[one.topic, t.of(one.title)] for one in playbooks().values()], ensure_ascii=False),
        "data-layers": json.dumps({one.id: t.of(one.title) for one in layers.values()}, ensure_ascii=False),
        "data-scenarios": json.dumps([{"id": one.id, "title": t.of(one.title)} for one in scenarios().values()]),
    }
    tabs = [
        html.Button([t(f"desk.{name}"), " ", html.B(id=f"count-{name}")], type="button", **{"data-tab": name})  # type: ignore[arg-type]
        for name in TABS
    ]
    keys = [html.Tr([html.Td(html.Kbd(key)), html.Td(t(f"desk.{name}"))]) for key, name in KEYS]
    body = html.Div(
        [
            mode_word(),
            html.Header(
                [
                    html.B(t("app.title")),
                    html.Span(t("desk.title")),
                    html.Span(t("app.synthetic"), className="badge") if is_demo else None,
                    html.Span(t("wall.connecting"), id="desk-link", className="link", role="status"),
                    html.Span(
                        [t("desk.budget"), " ", html.Span("–", id="budget", className="gauge")],
                        className="budget",
                        title=t("desk.budget_title"),
                    ),
                    bell_button(t),
                    html.Button(
                        [html.Kbd("G"), " ", t("desk.to_live"), " ", html.B(id="real", className="late")],
                        id="to-live",
                        type="button",
                        hidden=True,
                    ),
                    html.B(id="clock"),
                    html.A(t("app.console"), href=f"/console?lang={t.language}"),
                    html.A(t("review.title"), href=f"/desk/review?lang={t.language}")
                    if caller.may(Right.AUDIT)
                    else None,
                    html.A(caller.name, href=f"/account?lang={t.language}", title=t("account.title")),
                    html.A(t("app.language"), href=f"/desk?lang={other}", hrefLang=other, id="language-switch"),
                    html.Button("?", id="help-button", type="button", title=t("desk.help")),
                ]
            ),
            html.Nav(
                [
                    html.Div(tabs, className="tabs"),
                    html.Ol(id="rows", tabIndex="-1"),
                    html.Button([html.Kbd("E"), " ", t("desk.open")], type="button", **{"data-do": "open"}),  # type: ignore[arg-type]
                ],
                className="board",
            ),
            html.Section(id="look", hidden=True, **{"aria-label": t("desk.look")}),  # type: ignore[arg-type]
            html.Main(html.P(t("desk.choose_one"), className="empty"), id="detail", tabIndex="-1"),
            html.P(id="said", role="alert"),
            html.Dialog(id="ask"),
            html.Dialog([html.H2(t("desk.help")), html.Table(html.Tbody(keys))], id="keys"),
        ],
        id="desk",
        **facts,
    )
    return page(t, f"{t('app.title')} · {t('desk.title')}", body, styles=STYLES, scripts=SCRIPTS, classes="desk")
