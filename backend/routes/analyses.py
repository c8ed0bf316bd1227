"""The planner's analyses: a table and shapes for the map."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from backend.analyses import NAMES
from backend.city import CityParts, parts_of

router = APIRouter(prefix="/api/analyses")
Parts = Annotated[CityParts, Depends(parts_of)]


@router.get("")
async def known() -> dict[str, Any]:
    """List the analyses by name."""
    return {"analyses": list(NAMES)}


@router.get("/{name}")
async def analysis(
    request: Request, city: Parts, name: str, run: Annotated[str | None, Query(max_length=40)] = None
) -> dict[str, Any]:
    """Return an analysis: columns, rows by district or place, and GeoJSON (WGS84) with a level from 0 to 3."""
    return await city.analyses.answer(city.caller(request), name, run)
