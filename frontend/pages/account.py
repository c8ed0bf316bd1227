"""/account and /accounts: one's own sessions and password; everybody's accounts, roles, grants and sessions."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from dash import html
from fastapi.responses import HTMLResponse

from frontend.plain import Field, page
from frontend.text import Texts
from twin.access import ROLES, Caller, Right
from twin.accounts import LONGEST, SHORTEST
from twin.clock import KST
from twin.layer import Layer
from twin.sessions import Session

Record = dict[str, Any]
STYLES = ("/component/pretendard.css", "/assets/plain.css", "/assets/account.css")
FORM = "application/x-www-form-urlencoded"


def account_page(
    t: Texts, caller: Caller, session: Session | None, own: Iterable[Record], error: str | None
) -> HTMLResponse:
    """Return one's own account.

    Parameters
    ----------
    session
        None for who came in by the key, who has neither a password nor a list of sessions.
    error
        Key of the text that says what was wrong with a new password.
    """
    must_change = session is not None and session.must_change
    cards = [
        html.Section(
            [
                html.H2([session.display or caller.name if session else t("account.by_key")]),
                html.P([t("account.name"), " ", html.B(caller.name), " · ",
                        t(f"account_role.{session.role}") if session else t("account.key_role")]),
                html.P(t("account.must_change"), className="warning", role="alert") if must_change else None,
            ],
            className="card",
        )
    ]  # fmt: skip
    if session is not None and not session.is_external:
        cards.append(_password_card(t, error))
    if session is not None and not must_change:
        rows = [
            html.Tr(
                [html.Td(_time(one["made"])), html.Td(_time(one["seen"])), html.Td(one["place"]),
                 html.Td(html.B(t("account.this")) if one["id"] == session.id else _end(t, one["id"]))]
            )
            for one in own
        ]  # fmt: skip
        cards.append(_sessions_card(t, t("account.own_sessions"), ("made", "seen", "place"), rows))
    return _page(t, "account", cards, caller)


def _password_card(t: Texts, error: str | None) -> Any:
    limits = {"minlength": str(SHORTEST), "maxlength": str(LONGEST), "required": True, "type": "password",
              "autocomplete": "new-password"}  # fmt: skip
    return html.Section(
        [
            html.H2(t("account.password")),
            html.P(t(error), className="warning", role="alert") if error else None,
            html.Form(
                [
                    html.Label([t("account.old"), Field(type="password", name="old", required=True,
                                                        autocomplete="current-password")]),
                    html.Label([t("account.new", n=SHORTEST), Field(name="new", **limits)]),
                    html.Label([t("account.again"), Field(name="again", **limits)]),
                    html.Button(t("account.change"), type="submit"),
                    html.P(t("account.ends_all"), className="faint"),
                ],
                action="/account/password", method="post", className="entry",
            ),
        ],
        className="card",
    )  # fmt: skip


def accounts_page(
    t: Texts,
    caller: Caller,
    every: list[Record],
    sessions: list[Record],
    layers: Mapping[str, Layer],
    now: datetime,
    *,
    error: str | None,
    shown: tuple[str, str] | None,
) -> HTMLResponse:
    """Return the accounts.

    Parameters
    ----------
    shown
        Name and first password of an account that was just made; nothing else ever shows it.
    """
    cards: list[Any] = []
    if error:
        cards.append(html.P(error, className="card warning", role="alert"))
    if shown:
        cards.append(
            html.Section(
                [html.H2(t("accounts.first", name=shown[0])), html.P(html.Code(shown[1], className="first-password")),
                 html.P(t("accounts.first_hint"))],
                className="card", role="status",
            )
        )  # fmt: skip
    cards.append(
        html.Section([html.H2(t("accounts.all")), *(_one(t, caller, one, layers, now) for one in every)],
                     className="card")
    )  # fmt: skip
    cards.append(
        html.Section(
            [
                html.H2(t("accounts.add")),
                html.Form(
                    [
                        html.Label([t("accounts.name"), Field(name="name", required=True, autocomplete="off",
                                                              pattern="[a-z0-9][a-z0-9._@-]{1,59}", maxlength="60")]),
                        html.Label([t("accounts.display"), Field(name="display", maxlength="100", autocomplete="off")]),
                        html.Label([t("accounts.role"), _roles(t, None)]),
                        html.Button(t("accounts.add"), type="submit"),
                    ],
                    action="/accounts/add", method="post", className="entry",
                ),
            ],
            className="card",
        )
    )  # fmt: skip
    rows = [
        html.Tr([html.Th(one["name"], scope="row"), html.Td(_time(one["made"])), html.Td(_time(one["seen"])),
                 html.Td(one["place"]), html.Td(_end(t, one["id"], back=True))])
        for one in sessions
    ]  # fmt: skip
    cards.append(_sessions_card(t, t("accounts.sessions"), ("name", "made", "seen", "place"), rows))
    return _page(t, "accounts", cards, caller)


def _one(t: Texts, caller: Caller, one: Record, layers: Mapping[str, Layer], now: datetime) -> Any:
    is_locked = one["locked_until"] is not None and one["locked_until"] > now
    states = [
        t("accounts.disabled") if one["is_disabled"] else None,
        t("accounts.locked", until=_time(one["locked_until"])) if is_locked else None,
        t("accounts.unchanged") if one["must_change"] else None,
        t("accounts.external") if one["is_external"] else None,
        *(t("accounts.granted", layer=_title(t, grant["layer"], layers), until=_time(grant["until"]))
          for grant in one["grants"]),
    ]  # fmt: skip
    shown = one["display"] if one["display"] != one["name"] else ""
    marks = [html.Span(state, className="state") for state in states if state]
    head = html.Summary([html.B(one["name"]), " ", shown, " · ", t(f"account_role.{one['role']}"), *marks])
    if one["name"] == caller.name:
        return html.Details([head, html.P(html.A(t("accounts.own"), href=f"/account?lang={t.language}"))])
    name = Field(type="hidden", name="name", value=one["name"])
    toggle = "enable" if one["is_disabled"] else "disable"
    acts = [
        html.Form(
            [name, html.Label([t("accounts.role"), _roles(t, one["role"])]),
             html.Button(t("accounts.set_role"), type="submit")],
            action="/accounts/change", method="post", className="row",
        ),
        html.Form(
            [name, Field(type="hidden", name="do", value=toggle), html.Button(t(f"accounts.{toggle}"), type="submit")],
            action="/accounts/change", method="post", className="row",
        ),
    ]  # fmt: skip
    if is_locked:
        acts.append(
            html.Form([name, Field(type="hidden", name="do", value="unlock"),
                       html.Button(t("accounts.unlock"), type="submit")],
                      action="/accounts/change", method="post", className="row")
        )  # fmt: skip
    if not one["is_external"]:
        acts.append(
            html.Form([name, html.Button(t("accounts.reset"), type="submit")], action="/accounts/reset", method="post",
                      className="row")
        )  # fmt: skip
    options = [html.Option(t.of(layer.title), value=layer.id) for layer in layers.values() if layer.access != "public"]
    acts.append(
        html.Form(
            [
                name,
                html.Label([t("accounts.layer"), html.Select(options, name="layer")]),
                html.Label([t("accounts.until"), Field(type="date", name="until", required=True,
                                                       value=f"{(now + timedelta(days=7)).astimezone(KST):%Y-%m-%d}")]),
                html.Label([t("accounts.reason"), Field(name="reason", required=True, maxlength="500")]),
                html.Button(t("accounts.grant"), type="submit"),
            ],
            action="/accounts/grant", method="post", className="row",
        )
    )  # fmt: skip
    ends = [
        html.Form(
            [html.Button(t("accounts.end_grant", layer=_title(t, grant["layer"], layers)), type="submit")],
            action=f"/accounts/grants/{grant['id']}/end", method="post", className="row", title=grant["reason"],
        )
        for grant in one["grants"]
    ]  # fmt: skip
    return html.Details([head, *acts, *ends])


def _title(t: Texts, layer: str, layers: Mapping[str, Layer]) -> str:
    return t.of(layers[layer].title) if layer in layers else layer


def _roles(t: Texts, chosen: str | None) -> Any:
    marked: dict[str, Any] = {"selected": True}
    return html.Select(
        [html.Option(t(f"account_role.{role}"), value=role, **(marked if role == chosen else {})) for role in ROLES],
        name="role",
    )


def _sessions_card(t: Texts, title: str, head: Iterable[str], rows: list[Any]) -> Any:
    names = [html.Th(t(f"account.{name}")) for name in head]
    table = html.Table([html.Thead(html.Tr([*names, html.Th(t("account.end"))])), html.Tbody(rows)])
    body = html.Div(table, className="table-box") if rows else html.P(t("account.none"), className="is-empty")
    return html.Section([html.H2(title), body], className="card")


def _end(t: Texts, number: int, *, back: bool = False) -> Any:
    return html.Form(
        [Field(type="hidden", name="back", value="1") if back else None, html.Button(t("account.end"), type="submit")],
        action=f"/account/sessions/{number}/end", method="post",
    )  # fmt: skip


def _time(at: datetime) -> str:
    return f"{at.astimezone(KST):%m-%d %H:%M}"


def _page(t: Texts, name: str, cards: list[Any], caller: Caller) -> HTMLResponse:
    other = "en" if t.language == "ko" else "ko"
    links = [html.A(t("app.console"), href=f"/console?lang={t.language}")]
    if caller.may(Right.ACCOUNTS):
        there = "account" if name == "accounts" else "accounts"
        links.append(html.A(t(f"{there}.title"), href=f"/{there}?lang={t.language}"))
    links.append(html.A(t("app.language"), href=f"/{name}?lang={other}", hrefLang=other))
    out = html.Form(html.Button(t("app.sign_out"), type="submit"), action="/sign-out", method="post")
    head = html.Header([html.H1([t("app.title"), " ", html.Small(t(f"{name}.title"))]), *links, out], className="top")
    title = f"{t('app.title')} · {t(f'{name}.title')}"
    return page(t, title, [head, html.Main(cards, className="page narrow")], styles=STYLES, scripts=())
