"""`/api/health`."""

from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, Response

from backend.city import CityParts, parts_of
from twin import clock
from twin.db import STORE_AWAY

router = APIRouter()
Parts = Annotated[CityParts, Depends(parts_of)]
FEED_LATE_S = 5.0


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
