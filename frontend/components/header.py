"""The head of a screen: what it is, what time it is, whether it is live, and the ways out."""

from urllib.parse import urlencode

from dash import html
from dash.development.base_component import Component

from frontend.components.search_box import search_box
from frontend.text import Texts


def header(t: Texts, *, is_demo: bool, view: str, screen: str = "console") -> Component:
    """Return the head of a screen.

    Parameters
    ----------
    is_demo
        Shows the badge of synthetic data.
    view
        `3d` or `2d`, the map that is shown.
    screen
        `console` or `planner`.
    """
    is_console = screen == "console"
    other = "en" if t.language == "ko" else "ko"
    query = {"view": "2d"} if view == "2d" else {}
    flip = {} if view == "2d" else {"view": "2d"}
    here = {"lang": t.language} if t.language == "en" else {}
    there = {"lang": other} if other == "en" else {}
    badge = html.Span(t("app.synthetic"), className="badge", title=t("app.synthetic_why"))
    return html.Header(
        [
            html.Div(
                [html.H1([html.B(t("app.title")), html.Span(t("app.subtitle"))]), badge if is_demo else None],
                className="brand",
            ),
            search_box(t),
            html.Div(
                [
                    html.Span(
                        [
                            html.Span(className="link-mark"),
                            html.Span(t("link.poll") if view == "2d" else "", id="link-word"),
                            html.Time(id="link-age", className="age"),
                        ],
                        id="link",
                        className="link is-live" if view == "2d" else "link is-connecting",
                        role="status",
                    ),
                    html.Span(id="clock", className="clock"),
                    html.Nav(
                        [
                            html.A(
                                t("app.planner" if is_console else "app.console"),
                                href=f"/{'planner' if is_console else 'console'}?{urlencode(here)}",
                                className="tool",
                            ),
                            is_console and html.A(t("app.desk"), href=f"/desk?{urlencode(here)}", className="tool"),
                            is_console
                            and html.Button(t("app.list"), className="tool toggle-list", title=f"{t('key.list')} (L)"),
                            is_console
                            and html.A(
                                t("app.solid" if view == "2d" else "app.flat"),
                                href=f"/console?{urlencode({**flip, **here})}",
                                className="tool",
                                title=t("app.solid_title" if view == "2d" else "app.flat_title"),
                                id="view-switch",
                            ),
                            html.A(
                                t("app.language"),
                                href=f"/{screen}?{urlencode({**query, **there})}",
                                className="tool",
                                title=t("app.language_title"),
                                id="language-switch",
                                hrefLang=other,
                            ),
                            is_console and html.Button("?", className="tool toggle-help", title=t("app.shortcuts")),
                            html.A(t("account.title"), className="tool to-account", href=f"/account?lang={t.language}"),
                            html.Form(
                                html.Button(t("app.sign_out"), className="tool"), action="/sign-out", method="post"
                            ),
                        ]
                    ),
                ],
                className="status",
            ),
        ],
        className="head",
    )
