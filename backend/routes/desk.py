"""What goes out of an incident and comes to its help: notices, cameras, resources, ways, the after-action pack."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import Path as PathValue

from backend import pack
from backend.city import CityParts, parts_of
from backend.dialects import platform
from backend.logged import Reason, tell
from twin import clock
from twin.access import Right
from twin.errors import BadInput
from twin.notices import Channels
from twin.playbooks import playbooks

router = APIRouter(prefix="/api/incidents/{incident_id}")
Parts = Annotated[CityParts, Depends(parts_of)]
IncidentId = Annotated[int, PathValue(ge=1, le=2**53)]
TYPES = {"csv": "text/csv; charset=utf-8", "html": "text/html; charset=utf-8", "pdf": "application/pdf"}
HELPERS = ("fire", "police", "hospital")
CAMERAS = "cctv"


@router.get("/notices")
async def notices(request: Request, city: Parts, incident_id: IncidentId) -> dict[str, Any]:
    """List whom the incident is told to, in order, and what became of each."""
    return await city.notices.list(city.caller(request), incident_id)


@router.post("/notices", status_code=201)
async def send(request: Request, city: Parts, incident_id: IncidentId) -> dict[str, Any]:
    """Start the notice chain of the incident's playbook; recipients without a channel are listed as not told."""
    channels = Channels.of(city.settings.data_dir)
    return await city.notices.send(city.caller(request), incident_id, channels, clock.now())


@router.get("/cameras")
async def cameras(request: Request, city: Parts, incident_id: IncidentId) -> dict[str, Any]:
    """List at most four cameras for the incident, the best first: permitted, working, in sight, near."""
    return {"cameras": await city.cameras.best(city.caller(request), incident_id)}


@router.get("/help")
async def help_for(request: Request, city: Parts, incident_id: IncidentId) -> dict[str, Any]:
    """List the facilities that can help, of each kind those first that are there first by road."""
    told = await city.incidents.get(city.caller(request), incident_id)
    if told["lon"] is None:
        return {"facilities": []}
    playbook = playbooks().get(told["topic"])
    kinds = playbook.resources if playbook and playbook.resources else HELPERS
    return {"facilities": await city.resources.nearest(told["lon"], told["lat"], kinds)}


@router.get("/route")
async def route(
    request: Request,
    city: Parts,
    incident_id: IncidentId,
    lon: Annotated[float, Query(ge=-180, le=180)],
    lat: Annotated[float, Query(ge=-90, le=90)],
) -> dict[str, Any]:
    """Return the fastest way from a place to the incident, and the cameras along it in their order."""
    caller = city.caller(request)
    told = await city.incidents.get(caller, incident_id)
    if told["lon"] is None:
        raise BadInput(f"incident {incident_id} has no place")
    found = await city.resources.route((lon, lat), (told["lon"], told["lat"]), CAMERAS)
    if not caller.may_see_layer(city.hub.layers[CAMERAS]):
        found["cameras"] = []
    return found


@router.get("/platform.json")
async def for_platform(request: Request, city: Parts, incident_id: IncidentId) -> Response:
    """Return the incident as the integrated platform's event message."""
    tell(request, "download", subject=request.url.path, reason="integrated platform")
    told = await city.incidents.get(city.caller(request), incident_id)
    return Response(platform.encode(told, clock.now()), media_type="application/json")


@router.get("/pack.{kind}")
async def after_action(
    request: Request, city: Parts, incident_id: IncidentId, kind: Literal["html", "pdf", "csv"], reason: Reason
) -> Response:
    """Return the after-action pack: ledger, alarms, tasks, notices, shares, timeline. A download needs a reason."""
    caller = city.caller(request)
    caller.require(Right.WORK, "an after-action pack")
    told = await city.incidents.get(caller, incident_id)
    now = clock.now()
    told |= await city.notices.list(caller, incident_id)
    told |= {"shares": await city.shares.list(caller, incident_id, now), "made": now, "made_by": caller.name,
             "is_demo": city.settings.demo}  # fmt: skip
    await city.incidents.record(caller.name, incident_id, "exported", now, {"kind": kind, "reason": reason})
    if kind == "pdf":
        made = await asyncio.to_thread(pack.as_pdf, told, city.word, city.font)
    else:
        made = (pack.as_csv if kind == "csv" else pack.as_html)(told, city.word)
    headers = {"Content-Disposition": f'inline; filename="incident-{incident_id}.{kind}"'}
    return Response(made, media_type=TYPES[kind], headers=headers)
