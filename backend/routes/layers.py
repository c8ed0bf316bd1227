"""Reading: layers, assets, observations, alarms, search. Names after OGC API Features and SensorThings."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from backend.city import CityParts, parts_of
from twin import clock
from twin.crs import CITY_BBOX
from twin.errors import BadInput
from twin.moment import LIVE, Moment
from twin.state import BBox

router = APIRouter(prefix="/api")
Parts = Annotated[CityParts, Depends(parts_of)]
MAX_INT = 2**31 - 1
AssetId = Annotated[int, Query(ge=0, le=MAX_INT)]


def bbox_of(text: str | None) -> BBox | None:
    """Read `west,south,east,north` (WGS84)."""
    if text is None:
        return None
    try:
        west, south, east, north = map(float, text.split(","))
    except ValueError as error:
        raise BadInput(f"bbox {text[:80]!r} is not west,south,east,north [deg]") from error
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise BadInput(f"bbox {text[:80]!r}: west must not exceed east, south not north, within -180..180 and -90..90")
    return west, south, east, north


def interval_of(text: str | None) -> tuple[datetime | None, datetime | None] | None:
    """Read an RFC 3339 time or interval; `..` or nothing leaves an end open."""
    if text is None:
        return None
    first, slash, last = text.partition("/")
    ends = [_time(part) for part in ((first, last) if slash else (first, first))]
    return ends[0], ends[1]


def _time(text: str) -> datetime | None:
    if text in ("", ".."):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"datetime {text[:40]!r} is not RFC 3339, e.g. 2023-07-14T09:00:00+09:00") from error
    if time.tzinfo is None:
        raise BadInput(f"datetime {text[:40]!r} has no zone; add Z or +09:00")
    return time


def moment_of(as_of: str | None = None, valid_at: str | None = None, branch: str = LIVE) -> Moment:
    """Read the moment that is asked for (a FastAPI dependency): every route that tells a state takes the same three."""
    ends = [None if text is None else _time(text) for text in (as_of, valid_at)]
    return Moment(ends[0], ends[1], branch).check(clock.now())


At = Annotated[Moment, Depends(moment_of)]


@router.get("/layers")
async def layers(request: Request, city: Parts) -> dict[str, Any]:
    """List the layers that the caller may see, and the base data with their origin."""
    return await city.reader.layers(city.caller(request))


@router.get("/layers/{layer_id}/items")
async def items(
    request: Request,
    city: Parts,
    layer_id: str,
    moment: At,
    bbox: str | None = None,
    datetime: str | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    offset: Annotated[int, Query(ge=0, le=MAX_INT)] = 0,
) -> dict[str, Any]:
    """Return the assets of a layer with their results, the newest or those of a moment, as GeoJSON."""
    if datetime is not None and not moment.is_now:
        raise BadInput("`datetime` filters the present; ask for another moment with as_of and valid_at alone")
    found = await city.reader.items(
        city.caller(request), layer_id, bbox_of(bbox), interval_of(datetime), limit, offset, moment, clock.now()
    )
    links = [{"rel": "self", "type": "application/geo+json", "href": str(request.url)}]
    if offset + found["numberReturned"] < found["numberMatched"]:
        following = request.url.include_query_params(offset=offset + found["numberReturned"])
        links.append({"rel": "next", "type": "application/geo+json", "href": str(following)})
    return found | {"links": links}


@router.get("/frames", response_class=Response)
async def frames(request: Request, city: Parts, moment: At, layers: str, bbox: str | None = None) -> Response:
    """Return layers (ids with commas between) at a moment: for each its length [u32, little endian] and its frame."""
    wanted = [name for name in layers[:2000].split(",") if name]
    told = await city.reader.frames(city.caller(request), wanted, bbox_of(bbox) or CITY_BBOX, moment, clock.now())
    body = b"".join(len(one).to_bytes(4, "little") + one for one in told)
    return Response(body, media_type="application/octet-stream", headers={"Cache-Control": "private, no-store"})


@router.get("/assets/{asset_id}")
async def asset(request: Request, city: Parts, asset_id: int, moment: At) -> dict[str, Any]:
    """Return everything about one asset, now or at a moment."""
    return await city.reader.asset(city.caller(request), _id(asset_id), moment, clock.now())


@router.get("/datastreams/{datastream_id}/observations")
async def observations(
    request: Request,
    city: Parts,
    datastream_id: int,
    datetime: str | None = None,
    limit: Annotated[int, Query(ge=1, le=50_000)] = 1000,
) -> dict[str, Any]:
    """Return the newest observations of a datastream, oldest first."""
    start, end = interval_of(datetime) or (None, None)
    return await city.reader.observations(city.caller(request), _id(datastream_id), start, end, limit)


@router.get("/search")
async def search(
    request: Request,
    city: Parts,
    q: Annotated[str, Query(max_length=100)],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    """Find places, districts, markets, addresses and assets by name."""
    return await city.reader.search(city.caller(request), q.replace("\0", ""), limit)


def _id(value: int) -> int:
    if not 0 <= value <= MAX_INT:
        raise BadInput(f"id {value} is outside 0..{MAX_INT}")
    return value
