"""Drafts of public alerts (CAP 1.2): written by one, approved by two, broadcast by others; and drills."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import Path as PathValue
from pydantic import BaseModel, ConfigDict, Field

from backend.city import CityParts, parts_of
from backend.logged import tell
from twin import clock
from twin.cap import Draft

router = APIRouter(prefix="/api")
Parts = Annotated[CityParts, Depends(parts_of)]
Identifier = Annotated[str, PathValue(max_length=80, pattern=r"^[\w.-]+$")]


class Drafted(BaseModel):
    """A draft, and what it belongs to."""

    model_config = ConfigDict(extra="forbid")

    content: Draft
    incident: int | None = Field(default=None, ge=1, le=2**53)
    replaces: str | None = Field(default=None, max_length=80)


class Why(BaseModel):
    """Why a draft is withdrawn."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500, pattern=r"^[^\x00]*$")


class Chosen(BaseModel):
    """The scenario of a drill."""

    model_config = ConfigDict(extra="forbid")

    scenario: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")


@router.get("/alerts")
async def alerts(
    request: Request, city: Parts, incident: Annotated[int | None, Query(ge=1, le=2**53)] = None
) -> dict[str, Any]:
    """List drafts and issued alerts, the newest first."""
    return await city.alerts.all(city.caller(request), incident)


@router.post("/alerts", status_code=201)
async def draft(request: Request, city: Parts, body: Drafted) -> dict[str, Any]:
    """Write a draft; the answer names the active alerts for the same ground."""
    made = await city.alerts.draft(
        city.caller(request), body.content, clock.now(), incident_id=body.incident, replaces=body.replaces
    )
    tell(request, "alerts.draft", subject=f"{body.content.msg_type} {made['identifier']}")
    return made


@router.post("/alerts/{identifier}/approve")
async def approve(request: Request, city: Parts, identifier: Identifier) -> dict[str, Any]:
    """Approve a draft; the second approval, of another person, issues it."""
    return await city.alerts.approve(city.caller(request), identifier, clock.now())


@router.post("/alerts/{identifier}/withdraw")
async def withdraw(request: Request, city: Parts, identifier: Identifier, body: Why) -> dict[str, Any]:
    """Take back a draft that is not issued yet."""
    return await city.alerts.withdraw(city.caller(request), identifier, body.reason, clock.now())


@router.get("/incidents/{incident_id}/alert")
async def suggest(
    request: Request, city: Parts, incident_id: Annotated[int, PathValue(ge=1, le=2**53)]
) -> dict[str, Any]:
    """Return what a draft for an incident would say by its playbook, and the ground that it could be for."""
    return await city.alerts.suggest(city.caller(request), incident_id, clock.now())


@router.get("/alerts/{identifier}.xml")
async def xml(request: Request, city: Parts, identifier: Identifier) -> Response:
    """Return an alert as CAP 1.2; one that is not issued bears the status Draft."""
    return Response(await city.alerts.xml(city.caller(request), identifier), media_type="application/cap+xml")


@router.get("/drills")
async def drills(request: Request, city: Parts) -> dict[str, Any]:
    """List the scenarios and the drills that were held."""
    return await city.drills.all(city.caller(request))


@router.post("/drills", status_code=201)
async def start(request: Request, city: Parts, body: Chosen) -> dict[str, Any]:
    """Start a drill in a branch of its own."""
    made = await city.drills.start(city.caller(request), body.scenario, clock.now())
    tell(request, "alerts.start", subject=f"{body.scenario} {made['branch']}")
    return made


@router.post("/drills/{drill_id}/end")
async def end(request: Request, city: Parts, drill_id: Identifier) -> dict[str, Any]:
    """End a drill and return its score sheet."""
    return await city.drills.end(city.caller(request), drill_id, clock.now())


@router.get("/drills/{drill_id}/score")
async def score(request: Request, city: Parts, drill_id: Identifier) -> dict[str, Any]:
    """Return what was expected in a drill, what was done, and after how long."""
    return await city.drills.score(city.caller(request), drill_id)
