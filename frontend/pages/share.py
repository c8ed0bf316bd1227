"""/s/<token>: one incident on the phone of an agency without an account.

The page itself says nothing of a case: a link that is over, one that never was and one whose PIN is wanted look alike
until the case is asked for. No font and no map library travels: the phone's own font, and a map drawn from a few
kilobytes of streets.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal

from dash import html
from fastapi.responses import HTMLResponse

from frontend.components.time_bar import mode_word
from frontend.plain import Field, page
from frontend.shapes import image_of
from frontend.text import texts

STYLES = ("/assets/share.css",)
SCRIPTS = ("/assets/share_map.js", "/assets/share.js")
WORDS = {"share", "severity", "mode", "role", "entry", "ground"}
COLOURS = {"caution": "#c9a400", "alarm": "#e69f00", "danger": "#d55e00", "info": "#7a8894"}


def share_page(state: Literal["open", "pin", "over"], query: Mapping[str, str], *, is_demo: bool) -> HTMLResponse:
    """Return the page of a share.

    Parameters
    ----------
    state
        `open` loads the case, `pin` asks for the PIN first, `over` says that there is nothing here.
    query
        `lang` (`ko`, `en`).
    """
    t = texts(query.get("lang"))
    other = "en" if t.language == "ko" else "ko"
    words = {key: t(key) for key in sorted(t.keys) if key.split(".")[0] in WORDS}
    words |= {f"desk.{name}": t(f"desk.{name}") for name in ("new", "acknowledged", "dispatched", "done", "skipped")}
    marks = {name: image_of("circle" if name == "info" else name, colour) for name, colour in COLOURS.items()}
    facts: dict[str, Any] = {
        "data-words": json.dumps(words, ensure_ascii=False), "data-marks": json.dumps(marks), "data-state": state,
    }  # fmt: skip
    pin: dict[str, Any] = {"inputmode": "numeric", "autocomplete": "off"}
    body = [
        mode_word(),
        html.Div(
            [
                html.Header(
                    [
                        html.B(t("app.title")),
                        html.Span(t("app.synthetic"), className="badge") if is_demo else None,
                        html.A(t("app.language"), href=f"?lang={other}", hrefLang=other, lang=other),
                    ],
                    className="top",
                ),
                html.Main(id="case", hidden=True),
                html.Main(
                    html.Form(
                        [
                            html.H1(t("share.pin_title")),
                            html.Label([t("share.pin"), Field(name="pin", type="password", required=True, maxlength="8",
                                                              **pin)]),
                            html.Button(t("share.pin_open"), type="submit"),
                            html.P("", className="said", role="alert"),
                        ]
                    ),
                    id="pin", hidden=state != "pin",
                ),
                html.Main(
                    [html.H1(t("share.over_title")), html.P(t("share.over"))], id="over", hidden=state != "over",
                    role="status",
                ),
            ],
            id="share", **facts,
        ),
    ]  # fmt: skip
    answer = page(t, f"{t('app.title')} · {t('share.title')}", body, styles=STYLES, scripts=SCRIPTS, classes="share")
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(self), payment=()"  # the way there
    answer.headers["X-Robots-Tag"] = "noindex"
    answer.status_code = 404 if state == "over" else 200
    return answer
