"""`/api/health`, and signing in with the key that `./gunsan up` prints."""

from typing import Annotated, Any
from urllib.parse import parse_qs

import asyncpg
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from backend.auth import COOKIE, cookie_of, is_operator_key
from backend.city import CityParts, parts_of
from twin import clock
from twin.db import STORE_AWAY
from twin.errors import BadInput

router = APIRouter()
Parts = Annotated[CityParts, Depends(parts_of)]
FEED_LATE_S = 5.0
FORM_LIMIT = 4096


@router.get("/api/health")
async def health(city: Parts, response: Response) -> dict[str, Any]:
    """Say whether the city is well: `ok`, or `degraded` with status 503 and the part that is not."""
    try:
        facts = await city.reader.city()
    except (*STORE_AWAY, asyncpg.PostgresError):
        facts = None
    age = None if city.hub.read_at is None else clock.now().timestamp() - city.hub.read_at
    ingest = await city.inlet.status()
    is_well = (
        facts is not None
        and ingest is not None
        and ingest["broker"]
        and ingest["store"]
        and age is not None
        and age < FEED_LATE_S
    )
    response.status_code = 200 if is_well else 503
    return {
        "status": "ok" if is_well else "degraded",
        "database": facts is not None,
        "ingest": ingest is not None,
        "broker": ingest is not None and ingest["broker"],
        "waiting": ingest["waiting"] if ingest else None,
        "feed": {"age_s": age},
        "city": facts,
        "demo": city.settings.demo,
        "at": clock.now(),
    }


@router.get("/sign-in")
async def sign_in_by_link(city: Parts, key: str = "") -> Response:
    """Sign in by the printed address and go to the console."""
    return _signed_in(city, key)


@router.post("/sign-in")
async def sign_in(request: Request, city: Parts) -> Response:
    """Sign in by the form (one urlencoded field `key`)."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_LIMIT:
            raise BadInput(f"the form has more than {FORM_LIMIT} bytes")
    return _signed_in(city, parse_qs(body.decode(errors="replace")).get("key", [""])[0])


@router.post("/sign-out")
async def sign_out() -> Response:
    """Forget the session of this browser."""
    answer = RedirectResponse("/console", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


def _signed_in(city: CityParts, key: str) -> Response:
    if not is_operator_key(city.secrets, key.strip()):
        return RedirectResponse("/console?refused=1", 303)
    answer = RedirectResponse("/console", 303)
    answer.set_cookie(COOKIE, cookie_of(city.secrets), httponly=True, samesite="strict", max_age=12 * 3600)
    return answer
