"""The log: its rows, its head, its export, the monthly review and the data inventory; for who may audit."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from backend.city import CityParts, parts_of
from backend.logged import Reason, tell
from twin import clock
from twin.access import Caller
from twin.errors import Refused
from twin.inventory import inventory
from twin.log import month_of, require_audit
from twin.log_review import SIGNED, review

router = APIRouter(prefix="/api/log")
Parts = Annotated[CityParts, Depends(parts_of)]
Month = Annotated[str, Query(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
Word = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]


class Signature(BaseModel):
    """A reviewer signs for a month; the note becomes a row of the log."""

    model_config = ConfigDict(extra="forbid")

    month: str = Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")
    note: str = Field(min_length=1, max_length=300, pattern=r"^[^\x00]*\S[^\x00]*$")


def auditor(request: Request, city: Parts) -> Caller:
    """Return the caller, who may audit (a FastAPI dependency)."""
    caller = city.caller(request)
    require_audit(caller)
    return caller


Auditor = Annotated[Caller, Depends(auditor)]


@router.get("")
async def rows(
    request: Request, city: Parts, caller: Auditor, month: Month, account: Word = "", work: Word = "",
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> dict[str, Any]:  # fmt: skip
    """List rows of a month, newest first, a thousand at most; `before` leads to the next page."""
    tell(request, "log.rows", subject=f"{month} {account} {work}".strip())
    start, end = month_of(month)
    return {"rows": await city.log.rows(since=start, until=end, account=account, work=work, before=before)}


@router.get("/head")
async def head(city: Parts, caller: Auditor) -> dict[str, Any]:
    """Return number, hash and time of the newest row."""
    return await city.log.head()


@router.get("/export.jsonl", response_class=StreamingResponse)
async def export(city: Parts, caller: Auditor, reason: Reason) -> StreamingResponse:
    """Return the whole log as JSON lines, for `./gunsan audit verify`. A download needs a reason."""
    headers = {"Content-Disposition": 'attachment; filename="gunsan-log.jsonl"'}
    return StreamingResponse(city.log.export(), media_type="application/x-ndjson", headers=headers)


@router.get("/review")
async def month_review(request: Request, city: Parts, caller: Auditor, month: Month) -> dict[str, Any]:
    """Return what a reviewer has to see of a month: counts by account, striking rows, who has signed."""
    tell(request, "log.review", subject=month)
    return await review(city.pool, *month_of(month), month)


@router.post("/review", status_code=201)
async def sign(request: Request, city: Parts, caller: Auditor, body: Signature) -> dict[str, Any]:
    """Sign the review of a month that has begun."""
    start, _ = month_of(body.month)
    if start > clock.now():
        raise Refused(f"the month {body.month} has not begun")
    tell(request, SIGNED, subject=body.month, reason=body.note.strip())
    return {"month": body.month, "by": caller.name}


@router.get("/inventory")
async def data_inventory(city: Parts, caller: Auditor) -> dict[str, Any]:
    """Return which layers and tables hold personal or restricted data, how long, from where, on what ground."""
    return inventory(city.hub.layers.values())
