"""Signing in and out: by name and password, or by the key that `./gunsan up` prints."""

import hmac
import logging
import math
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

from backend.auth import COOKIE, cookie_of, is_operator_key, set_cookie
from backend.city import CityParts, parts_of
from backend.limits import read_body
from backend.logged import tell
from twin import clock
from twin.access import KEY
from twin.accounts import Accounts
from twin.errors import Refused, TwinError
from twin.sessions import LONGEST, Sessions

log = logging.getLogger(__name__)
router = APIRouter()
Parts = Annotated[CityParts, Depends(parts_of)]
FORM_LIMIT = 4096
HOMES = {"mayor": "/mayor", "planner": "/planner"}
"""Where a role begins; all others at the console."""
HOME = "/console"
STATE = "gunsan_outside"
"""Cookie of a browser that is on its way to the organisation's sign-in and back."""


@router.get("/sign-in")
async def sign_in_by_link(request: Request, city: Parts, key: str = "") -> Response:
    """Sign in by the printed address and go to the console."""
    return _by_key(request, city, key) if key else RedirectResponse(HOME, 303)


@router.post("/sign-in")
async def sign_in(request: Request, city: Parts) -> Response:
    """Sign in by the form: urlencoded `name` and `password`, or `key`."""
    body = await read_body(request, FORM_LIMIT, "form")
    form = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
    if form.get("key"):
        return _by_key(request, city, form["key"])
    place = city.caller(request).place
    if wait := city.limits.wait_s("door", place):
        return _too_often(wait)
    now, name = clock.now(), form.get("name", "").strip().lower().replace("\0", "")
    try:
        number = await Accounts(city.pool).check(name, form.get("password", ""), now)
    except Refused:
        city.limits.take("door", place)
        tell(request, "sign_in", account="unknown", subject=name[:60], outcome="failed")
        return RedirectResponse(f"{HOME}?refused=name", 303)
    return await let_in(request, city, number)


async def let_in(request: Request, city: CityParts, account: int) -> Response:
    """Begin a session of an account and go where its role begins."""
    place = city.caller(request).place
    browser = request.headers.get("user-agent", "")[:200]
    sessions, now = Sessions(city.pool), clock.now()
    token = await sessions.begin(account, f"{place} · {browser}", now)
    session = await sessions.find(token, place, now)
    if session is None:
        return RedirectResponse(f"{HOME}?refused=name", 303)
    name = session.caller.name
    tell(request, "sign_in", account=name, subject=name)
    answer = RedirectResponse("/account" if session.must_change else HOMES.get(session.role, HOME), 303)
    set_cookie(request, answer, token, LONGEST)
    return answer


@router.get("/sign-in/outside")
async def sign_in_outside(request: Request, city: Parts) -> Response:
    """Go to the organisation's own sign-in."""
    address, state = await city.outside.start(_back(request))
    answer = RedirectResponse(address, 303)
    answer.set_cookie(
        STATE, state, httponly=True, samesite="lax", secure=request.url.scheme == "https", max_age=600, path="/sign-in"
    )
    return answer


@router.get("/sign-in/outside/back")
async def back_from_outside(request: Request, city: Parts, state: str = "", code: str = "") -> Response:
    """Come back from the organisation's sign-in, with its code."""
    place = city.caller(request).place
    if wait := city.limits.wait_s("door", place):
        return _too_often(wait)
    try:
        if not state or not hmac.compare_digest(state.encode(), request.cookies.get(STATE, "").encode()):
            raise Refused("the sign-in was begun in another browser")
        person = await city.outside.finish(_back(request), state, code)
        number = await Accounts(city.pool).from_outside(
            person.subject, person.name, person.display, person.role, clock.now()
        )
    except TwinError as error:
        log.warning("a sign-in from outside was refused: %s", error)
        city.limits.take("door", place)
        tell(request, "sign_in", account="unknown", subject="outside", outcome="failed")
        answer: Response = RedirectResponse(f"{HOME}?refused=outside", 303)
    else:
        answer = await let_in(request, city, number)
    answer.delete_cookie(STATE, path="/sign-in")
    return answer


@router.post("/sign-out")
async def sign_out(request: Request, city: Parts) -> Response:
    """End the session of this browser."""
    tell(request, "sign_out", subject="")
    await Sessions(city.pool).end_token(request.cookies.get(COOKIE, ""))
    city.callers.forget()
    answer = RedirectResponse(HOME, 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return answer


def _back(request: Request) -> str:
    return str(request.base_url.replace(path="/sign-in/outside/back"))


def _by_key(request: Request, city: CityParts, key: str) -> Response:
    place = city.caller(request).place
    if wait := city.limits.wait_s("door", place):
        return _too_often(wait)
    is_right = is_operator_key(city.secrets, key.strip())
    account = KEY.name if is_right else "unknown"
    tell(request, "sign_in", account=account, subject=account, outcome="done" if is_right else "failed")
    if not is_right:
        city.limits.take("door", place)
        return RedirectResponse(f"{HOME}?refused=1", 303)
    answer = RedirectResponse(HOME, 303)
    set_cookie(request, answer, cookie_of(city.secrets), None)
    return answer


def _too_often(wait_s: float) -> Response:
    seconds = math.ceil(wait_s)
    text = f"너무 많이 틀렸습니다. {seconds}초 뒤에 다시 해 주세요. · Too many failed attempts; again in {seconds} s."
    return PlainTextResponse(text, 429, {"Retry-After": str(seconds)})
