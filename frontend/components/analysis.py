"""The planner's analyses: a choice, a table, and shapes on the map; the page asks for them when they are chosen."""

import json
from typing import Any

from dash import html
from dash.development.base_component import Component

from frontend.text import Texts
from frontend.value import aria

NAMES = ("blind", "shortage", "response", "water")


def analysis_panel(t: Texts) -> Component:
    """Return the panel; `assets/analysis.js` fills it."""
    words = {key: t(key) for key in sorted(t.keys) if key.startswith("analysis.")}
    facts: dict[str, Any] = {"data-words": json.dumps(words, ensure_ascii=False)}
    choices = [_choice(name, t) for name in NAMES]
    return html.Section(
        [
            html.H2(t("analysis.title")),
            html.Div(choices, className="analysis-choices"),
            html.Div(id="analysis-found", className="analysis-found", tabIndex=0, role="region",
                     **aria(t("analysis.title"))),
        ],
        id="analysis", className="panel pane-analysis", **facts,
    )  # fmt: skip


def _choice(name: str, t: Texts) -> Component:
    facts: dict[str, Any] = {"data-analysis": name, "aria-pressed": "false"}
    return html.Button(t(f"analysis.{name}"), className="tool", type="button", **facts)
