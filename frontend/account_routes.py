"""The pages of accounts as routes: one's own, and those of who may make accounts. They work without scripts."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from frontend.pages import account as pages
from frontend.text import texts
from twin import clock
from twin.access import ANONYMOUS, Caller, Right
from twin.accounts import Accounts
from twin.clock import KST
from twin.errors import BadInput, TwinError
from twin.layer import Layer
from twin.sessions import Session, Sessions

FORM_LIMIT = 8192
Form = Mapping[str, str]


async def form_of(request: Request) -> Form:
    """Read an urlencoded form; of a name that stands twice the first value counts."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_LIMIT:
            raise BadInput(f"the form has more than {FORM_LIMIT} bytes")
    return {name: values[0].replace("\0", "") for name, values in parse_qs(body.decode(errors="replace")).items()}


def account_routes(layers: Mapping[str, Layer], sign_in: Callable[..., Response]) -> APIRouter:
    """Return the routes.

    Parameters
    ----------
    sign_in
        Answers who is not signed in.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/account")
    async def account(request: Request) -> Response:
        """Show one's own account and sessions."""
        return await _account(request, sign_in)

    @router.post("/account/password")
    async def password(request: Request) -> Response:
        """Change one's own password; every session of it ends."""
        city, form = request.app.state.city, await form_of(request)
        session: Session | None = city.session(request)
        if session is None:
            return sign_in(request)
        if form.get("new", "") != form.get("again", ""):
            return await _account(request, sign_in, "account.differ")
        name = session.caller.name
        city.tell(request, "account.password", account=name, subject=name)
        try:
            await Accounts(city.pool).set_password(name, form.get("old", ""), form.get("new", ""), clock.now())
        except BadInput:
            return await _account(request, sign_in, "account.unfit")
        except TwinError:
            city.limits.take("door", city.caller(request).place)
            return await _account(request, sign_in, "account.wrong")
        city.callers.forget()
        return RedirectResponse("/console?changed=1", 303)

    @router.post("/account/sessions/{number:int}/end")
    async def end_session(request: Request, number: int) -> Response:
        """End a session: an own one, or with the right to it somebody else's."""
        city = request.app.state.city
        session: Session | None = city.session(request)
        caller: Caller = session.caller if session else city.caller(request)
        await Sessions(city.pool).end(caller, number)
        city.callers.forget()
        return RedirectResponse("/accounts" if (await form_of(request)).get("back") else "/account", 303)

    @router.get("/accounts")
    async def accounts(request: Request) -> Response:
        """Show all accounts."""
        return await _accounts(request, layers, sign_in)

    async def change(request: Request, deed: Callable[[Accounts, Caller, Form, datetime], Awaitable[Any]]) -> Response:
        city, form = request.app.state.city, await form_of(request)
        caller: Caller = city.caller(request)
        if not caller.may(Right.ACCOUNTS):
            return sign_in(request, Right.ACCOUNTS)
        told = " ".join(form[name][:60] for name in ("name", "role", "do", "layer", "until") if name in form)
        work = f"account.{request.url.path.removeprefix('/accounts/').replace('/', '.')}"
        city.tell(request, work, subject=told, reason=form.get("reason", "")[:300])
        try:
            made = await deed(Accounts(city.pool), caller, form, clock.now())
        except TwinError as error:
            return await _accounts(request, layers, sign_in, error=str(error))
        city.callers.forget()
        if isinstance(made, str):
            return await _accounts(request, layers, sign_in, shown=(form.get("name", ""), made))
        return RedirectResponse("/accounts", 303)

    @router.post("/accounts/add")
    async def add(request: Request) -> Response:
        """Make an account and show its first password, once."""
        return await change(
            request,
            lambda of, caller, form, now: of.add(
                caller, form.get("name", "").strip().lower(), form.get("display", ""), form.get("role", ""), now
            ),
        )

    @router.post("/accounts/reset")
    async def reset(request: Request) -> Response:
        """Give an account a new first password and show it, once."""
        return await change(request, lambda of, caller, form, now: of.reset(caller, form.get("name", "")))

    @router.post("/accounts/change")
    async def change_one(request: Request) -> Response:
        """Give an account another role, disable or enable it, unlock it."""
        states = {"disable": True, "enable": False}
        return await change(
            request,
            lambda of, caller, form, now: of.change(
                caller, form.get("name", ""), role=form.get("role"), is_disabled=states.get(form.get("do", "")),
                unlocks=form.get("do") == "unlock",
            ),
        )  # fmt: skip

    @router.post("/accounts/grant")
    async def grant(request: Request) -> Response:
        """Let an account see a layer until the end of a day."""
        return await change(request, lambda of, caller, form, now: _grant(of, caller, form, now, layers))

    @router.post("/accounts/grants/{number:int}/end")
    async def end_grant(request: Request, number: int) -> Response:
        """End a grant now."""
        return await change(request, lambda of, caller, form, now: of.end_grant(caller, number, now))

    return router


async def _grant(of: Accounts, caller: Caller, form: Form, now: datetime, layers: Mapping[str, Layer]) -> None:
    layer, day = form.get("layer", ""), form.get("until", "")
    if layer not in layers:
        raise BadInput(f"there is no layer {layer[:40]!r}")
    try:
        until = datetime.combine(datetime.fromisoformat(day).date() + timedelta(days=1), time(), KST)
    except ValueError as error:
        raise BadInput(f"the end {day[:40]!r} is no day, e.g. 2026-12-31") from error
    await of.grant(caller, form.get("name", ""), layer, form.get("reason", ""), until, now)


async def _account(request: Request, sign_in: Callable[..., Response], error: str | None = None) -> Response:
    city: Any = request.app.state.city
    session: Session | None = city.session(request)
    caller: Caller = session.caller if session else city.caller(request)
    if caller.name == ANONYMOUS.name:
        return sign_in(request)
    own = await Sessions(city.pool).list(caller) if session else []
    return pages.account_page(texts(request.query_params.get("lang")), caller, session, own, error)


async def _accounts(
    request: Request, layers: Mapping[str, Layer], sign_in: Callable[..., Response],
    *, error: str | None = None, shown: tuple[str, str] | None = None,
) -> Response:  # fmt: skip
    city: Any = request.app.state.city
    caller: Caller = city.caller(request)
    if not caller.may(Right.ACCOUNTS):
        return sign_in(request, Right.ACCOUNTS)
    every = await Accounts(city.pool).list(caller)
    sessions = await Sessions(city.pool).list(caller, "*")
    t = texts(request.query_params.get("lang"))
    return pages.accounts_page(t, caller, every, sessions, layers, clock.now(), error=error, shown=shown)
