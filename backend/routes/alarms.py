"""Alarms: the list, acknowledging, shelving, assets out of service, and the operators' budget."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi import Path as PathValue
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from backend.city import CityParts, parts_of
from backend.logged import tell
from backend.routes.layers import At
from twin import clock
from twin.past import LISTED

router = APIRouter(prefix="/api")
Parts = Annotated[CityParts, Depends(parts_of)]
Number = Annotated[int, PathValue(ge=0, le=2**31 - 1)]
StateName = Literal["NORM", "UNACK", "ACKED", "RTNUN", "SHLVD", "DSUPR", "OOSRV"]


class Aside(BaseModel):
    """Why something is put aside, and until when."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500, pattern=r"^[^\x00]*$")
    until: AwareDatetime


class Service(Aside):
    """An asset that is taken out of service."""

    asset: int = Field(ge=0, le=2**31 - 1)


@router.get("/alarms")
async def alarms(
    request: Request, city: Parts, moment: At, state: Annotated[list[StateName] | None, Query(max_length=7)] = None
) -> dict[str, Any]:
    """List the alarms that need somebody, or did at a moment, by priority; or those of other states, e.g. SHLVD."""
    return await city.reader.alarms(city.caller(request), moment, clock.now(), state or LISTED)


@router.get("/alarms/budget")
async def budget(request: Request, city: Parts) -> dict[str, Any]:
    """Return how many annunciations came in 10 minutes, and how many the operators can deal with."""
    return await city.alarms.budget(city.caller(request), clock.now(), city.settings.operators)


@router.post("/alarms/{alarm_id}/acknowledge")
async def acknowledge(request: Request, city: Parts, alarm_id: Number) -> dict[str, Any]:
    """Acknowledge an alarm."""
    return await city.alarms.acknowledge(city.caller(request), alarm_id, clock.now())


@router.post("/alarms/{alarm_id}/shelve")
async def shelve(request: Request, city: Parts, alarm_id: Number, body: Aside) -> dict[str, Any]:
    """Put an alarm aside for a reason, for a while; vital alarms cannot be."""
    return await city.alarms.shelve(city.caller(request), alarm_id, body.reason, body.until, clock.now())


@router.post("/alarms/{alarm_id}/unshelve")
async def unshelve(request: Request, city: Parts, alarm_id: Number) -> dict[str, Any]:
    """Take a shelved alarm back."""
    return await city.alarms.unshelve(city.caller(request), alarm_id, clock.now())


@router.get("/maintenance")
async def maintenance(request: Request, city: Parts) -> dict[str, Any]:
    """List the assets that are out of service."""
    return await city.alarms.maintenance(city.caller(request))


@router.post("/maintenance", status_code=201)
async def begin(request: Request, city: Parts, body: Service) -> dict[str, Any]:
    """Take an asset out of service until a time."""
    tell(request, "alarms.begin", subject=f"asset {body.asset}", reason=body.reason)
    return await city.alarms.begin_maintenance(city.caller(request), body.asset, body.reason, body.until, clock.now())


@router.post("/maintenance/{number}/end")
async def end(request: Request, city: Parts, number: Number) -> dict[str, Any]:
    """Put an asset back into service."""
    return await city.alarms.end_maintenance(city.caller(request), number, clock.now())
