"""The city's figures: the present bulletin, one by its version, or those of another moment."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from backend.city import CityParts, parts_of
from backend.routes.layers import At
from twin import clock
from twin.districts import districts

router = APIRouter(prefix="/api")
Parts = Annotated[CityParts, Depends(parts_of)]


@router.get("/figures")
async def figures(
    request: Request, response: Response, city: Parts, moment: At, version: int | None = None
) -> dict[str, Any]:
    """Return figures of the city and of each district; without a sign-in those of public layers."""
    caller = city.caller(request)
    response.headers["Cache-Control"] = "private, max-age=2"
    if moment.is_now:
        return city.bulletin.read(caller, version)
    return await city.reader.figures(caller, moment, clock.now())


@router.get("/districts")
async def units(city: Parts) -> dict[str, Any]:
    """List the administrative units with area, people and households."""
    return {"districts": await districts(city.pool)}
