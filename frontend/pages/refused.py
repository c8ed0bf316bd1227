"""What somebody sees who is signed in, but not for this screen."""

from dash import html
from fastapi.responses import HTMLResponse

from frontend.plain import page
from frontend.text import texts
from twin.access import ROLES, AccessClass, Right

STYLES = ("/component/pretendard.css", "/assets/plain.css", "/assets/account.css")


def refused_page(name: str, language: str | None, right: Right | None = None) -> HTMLResponse:
    """Return the page with status 403: who asks, what is missing, who has it, and how to come in as somebody else.

    Parameters
    ----------
    right
        The right that opens the screen; None where it takes the clearance for what is internal.
    """
    t = texts(language)
    other = "en" if t.language == "ko" else "ko"
    missing = t(f"right.{right}") if right else t("right.internal")
    having = [t(f"account_role.{role}") for role, may in ROLES.items()
              if (right in may.rights if right else may.clearance >= AccessClass.INTERNAL)]  # fmt: skip
    out = html.Form(html.Button(t("app.sign_out"), type="submit"), action="/sign-out", method="post")
    head = html.Header(
        [html.H1([t("app.title"), " ", html.Small(t("not_yours.title"))]),
         html.A(t("app.console"), href=f"/console?lang={t.language}"),
         html.A(t("account.title"), href=f"/account?lang={t.language}"),
         html.A(t("app.language"), href=f"?lang={other}", hrefLang=other, lang=other), out],
        className="top",
    )  # fmt: skip
    body = html.Main(
        html.Section([html.P(t("not_yours.text", name=name), className="warning", role="alert"),
                      html.P([t("not_yours.needs"), " ", html.B(missing)]),
                      html.P([t("not_yours.having"), " ", ", ".join(having)]),
                      html.P(t("not_yours.ask"))], className="card"),
        className="page narrow",
    )  # fmt: skip
    answer = page(t, f"{t('app.title')} · {t('not_yours.title')}", [head, body], styles=STYLES, scripts=())
    answer.status_code = 403
    return answer
