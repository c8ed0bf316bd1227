"""The bell's button: says whether a sound would be heard now, and mutes it."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from frontend.text import Texts


def bell_button(t: Texts) -> Component:
    """Return the button; `bell.js` writes its state."""
    said: dict[str, Any] = {f"data-{state}": t(f"desk.sound_{state}") for state in ("on", "off", "wait")}
    return html.Button(
        html.Span(said["data-wait"]), className="bell", title=f"{t('desk.sound_title')} (V)",
        **{"data-bell": "1", "aria-pressed": "false", **said},
    )  # fmt: skip
