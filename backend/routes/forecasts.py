"""The flood forecast that is issued by the clock: the newest one, and how good the last day's were."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from backend.city import CityParts, parts_of
from twin import clock
from twin.forecasts import Forecasts
from twin.runs import LIVE, Runs

router = APIRouter(prefix="/api/forecasts")
Parts = Annotated[CityParts, Depends(parts_of)]


@router.get("/newest")
async def newest(request: Request, city: Parts) -> dict[str, Any]:
    """Return the newest forecast as a run (its warnings are in the result) or null, and how the last attempt stands."""
    caller, runs = city.caller(request), Runs(city.pool)
    done, all_runs = await runs.newest(caller, 1, LIVE, "done"), await runs.newest(caller, 1, LIVE)
    last = all_runs[0] if all_runs else None
    return {
        "run": done[0] if done else None,
        "last": {name: last[name] for name in ("id", "state", "note", "progress", "asked")} if last else None,
    }


@router.get("/score")
async def score(request: Request, city: Parts) -> dict[str, Any]:
    """Judge the forecasts of the last day against what the gauges said when the time came."""
    return await Forecasts(city.pool).score(city.caller(request), clock.now())
