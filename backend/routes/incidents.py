"""Incidents: the board, one incident, and everything that can be done with it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import Path as PathValue
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from backend.city import CityParts, parts_of
from backend.dialects import platform
from backend.limits import read_body
from twin import clock
from twin.access import Right
from twin.moment import LIVE

router = APIRouter(prefix="/api")
Parts = Annotated[CityParts, Depends(parts_of)]
EVENT_LIMIT = 64 * 1024
IncidentId = Annotated[int, PathValue(ge=1, le=2**53)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Opened(_Body):
    """An incident that somebody opens by hand."""

    topic: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    title: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    severity: Literal["caution", "alarm", "danger"] = "caution"
    lon: float | None = Field(default=None, ge=-180, le=180, allow_inf_nan=False)
    lat: float | None = Field(default=None, ge=-90, le=90, allow_inf_nan=False)


class Reason(_Body):
    """Why; closing and reopening need one. For a dispatch, who was sent."""

    reason: str = Field(default="", max_length=500, pattern=r"^[^\x00]*$")


class Into(_Body):
    """The incident that takes another in."""

    into: int = Field(ge=1, le=2**53)


class Note(_Body):
    """A line for the timeline."""

    text: str = Field(min_length=1, max_length=2000, pattern=r"^[^\x00]*$")


class Task(_Body):
    """A task that somebody adds."""

    title: str = Field(min_length=1, max_length=300, pattern=r"^[^\x00]*$")
    due: AwareDatetime | None = None


class TaskEnd(_Body):
    """How a task ended; skipping one needs a note."""

    state: Literal["done", "skipped"]
    note: str = Field(default="", max_length=500, pattern=r"^[^\x00]*$")


@router.get("/incidents")
async def board(
    request: Request,
    city: Parts,
    closed: bool = False,
    branch: Annotated[str, Query(max_length=80, pattern=r"^[^\x00]*$")] = LIVE,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """List the open incidents by priority, or the newest closed ones."""
    return await city.incidents.list(city.caller(request), branch=branch, closed=closed, limit=limit)


@router.post("/incidents", status_code=201)
async def open_by_hand(request: Request, city: Parts, body: Opened) -> dict[str, Any]:
    """Open an incident by hand."""
    place = None if body.lon is None or body.lat is None else (body.lon, body.lat)
    return await city.incidents.open(
        city.caller(request), body.topic, body.title, clock.now(), place=place, severity=body.severity
    )


@router.post("/incidents/platform", status_code=201, responses={200: {"description": "The incident was known."}})
async def from_platform(request: Request, response: Response, city: Parts) -> dict[str, Any]:
    """Take the integrated platform's event message: open, change or close the incident of its number."""
    caller = city.caller(request)
    caller.require(Right.WORK, "work on incidents")
    body = await read_body(request, EVENT_LIMIT, "message")
    told, is_new = await city.foreign.hear(caller, platform.decode(body), clock.now())
    response.status_code = 201 if is_new else 200
    return told


@router.get("/incidents/{incident_id}")
async def incident(request: Request, city: Parts, incident_id: IncidentId) -> dict[str, Any]:
    """Return an incident with its alarms, tasks, timeline and lead-time ledger."""
    return await city.incidents.get(city.caller(request), incident_id)


@router.post("/incidents/{incident_id}/acknowledge")
async def acknowledge(request: Request, city: Parts, incident_id: IncidentId) -> dict[str, Any]:
    """Acknowledge an incident, and with it its alarms."""
    return await city.incidents.move(city.caller(request), incident_id, "acknowledge", clock.now())


@router.post("/incidents/{incident_id}/dispatch")
async def dispatch(request: Request, city: Parts, incident_id: IncidentId, body: Reason) -> dict[str, Any]:
    """Record that somebody was sent; the reason says who."""
    detail = {"who": body.reason} if body.reason else None
    return await city.incidents.move(city.caller(request), incident_id, "dispatch", clock.now(), detail=detail)


@router.post("/incidents/{incident_id}/close")
async def close(request: Request, city: Parts, incident_id: IncidentId, body: Reason) -> dict[str, Any]:
    """Close an incident; refused while conditions stand that nobody has dealt with."""
    return await city.incidents.move(city.caller(request), incident_id, "close", clock.now(), reason=body.reason)


@router.post("/incidents/{incident_id}/reopen")
async def reopen(request: Request, city: Parts, incident_id: IncidentId, body: Reason) -> dict[str, Any]:
    """Open a closed incident again."""
    return await city.incidents.move(city.caller(request), incident_id, "reopen", clock.now(), reason=body.reason)


@router.post("/incidents/{incident_id}/merge")
async def merge(request: Request, city: Parts, incident_id: IncidentId, body: Into) -> dict[str, Any]:
    """Make an incident part of another, and return that one."""
    return await city.incidents.merge(city.caller(request), incident_id, body.into, clock.now())


@router.post("/incidents/{incident_id}/notes", status_code=201)
async def note(request: Request, city: Parts, incident_id: IncidentId, body: Note) -> dict[str, Any]:
    """Write a note into the timeline."""
    caller, now = city.caller(request), clock.now()
    await city.incidents.note(caller, incident_id, "note", now, {"text": body.text})
    return await city.incidents.get(caller, incident_id)


@router.post("/incidents/{incident_id}/tasks", status_code=201)
async def add_task(request: Request, city: Parts, incident_id: IncidentId, body: Task) -> dict[str, Any]:
    """Add a task."""
    due: datetime | None = body.due
    return await city.incidents.add_task(city.caller(request), incident_id, body.title, clock.now(), due)


@router.post("/incidents/{incident_id}/tasks/{task_id}")
async def end_task(
    request: Request, city: Parts, incident_id: IncidentId, task_id: IncidentId, body: TaskEnd
) -> dict[str, Any]:
    """Mark a task as done or skipped."""
    return await city.incidents.end_task(city.caller(request), incident_id, task_id, body.state, body.note, clock.now())
