"""What the office enters and asks for: entries, indicators from a spreadsheet, complaints, the delta brief."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from backend.city import CityParts, parts_of
from backend.indicators import read_indicators, template
from backend.limits import read_body
from twin import clock
from twin.access import AccessClass, Right
from twin.brief import brief
from twin.districts import districts
from twin.entries import Entries
from twin.errors import BadInput
from twin.moment import Moment
from twin.tally import Tally, raised

router = APIRouter(prefix="/api/office")
Parts = Annotated[CityParts, Depends(parts_of)]
SHEET_LIMIT = 2 * 2**20
COMPLAINT, KINDS = "complaint", ("complaint", "urgent_complaint")
FAR = timedelta(days=31)
"""The brief looks back no farther."""
Words = Annotated[str, Field(max_length=500)]
Link = Annotated[str, Field(max_length=500, pattern=r"^(https?://[^\s\"<>]+)?$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Placard(_Body):
    """A welcome for visitors."""

    title: Words
    text: Words = ""


class Schedule(_Body):
    """Something that is planned."""

    title: Words
    day: date
    time: str = Field(default="", pattern=r"^([0-2]\d:[0-5]\d)?$")
    place: Words = ""


class News(_Body):
    """Something to read or to watch elsewhere."""

    title: Words
    link: Link = ""
    source: Words = ""
    day: date | None = None


class Pledge(_Body):
    """How far a pledge is, and who says so."""

    progress_percent: float = Field(ge=0, le=100)
    department: Words = ""
    note: Words = ""


BODIES: dict[str, type[_Body]] = {
    "placard": Placard, "schedule": Schedule, "news": News, "video": News, "pledge": Pledge,
}  # fmt: skip


@router.get("/entries/{kind}")
async def entries(request: Request, city: Parts, kind: str) -> dict[str, Any]:
    """List the entries of a kind."""
    city.caller(request).require_class(AccessClass.INTERNAL, "entries of the office")
    return {"entries": await Entries(city.pool).list(kind)}


@router.put("/entries/{kind}/{key}")
async def put(request: Request, city: Parts, kind: str, key: str, value: dict[str, Any]) -> dict[str, Any]:
    """Enter something; each kind has its own fields."""
    if kind not in BODIES:
        raise BadInput(f"{kind[:40]!r} is not entered here; there are {', '.join(BODIES)}")
    if kind == "pledge" and not (key.isdigit() and 1 <= int(key) <= 61):
        raise BadInput(f"pledge {key[:40]!r} is none of 1 to 61")
    try:
        told = BODIES[kind].model_validate(value).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(f"{kind}: {'.'.join(map(str, first['loc'])) or 'entry'}: {first['msg']}") from error
    await Entries(city.pool).put(city.caller(request), kind, {key: told}, clock.now())
    return {"kind": kind, "key": key}


@router.delete("/entries/{kind}/{key}")
async def delete(request: Request, city: Parts, kind: str, key: str) -> dict[str, Any]:
    """Take an entry away."""
    await Entries(city.pool).delete(city.caller(request), kind, key)
    return {"kind": kind, "key": key}


@router.get("/indicators.xlsx", response_class=Response)
async def indicators_template(request: Request, city: Parts) -> Response:
    """Return the spreadsheet to fill in: one row a district."""
    city.caller(request).require(Right.EDIT, "the spreadsheet of indicators")
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    headers = {"Content-Disposition": 'attachment; filename="indicators.xlsx"'}
    return Response(template(await districts(city.pool)), media_type=kind, headers=headers)


@router.post("/indicators")
async def upload(request: Request, city: Parts) -> dict[str, Any]:
    """Take a filled spreadsheet (the body is the file); either all of it is right, or none of it is taken."""
    caller = city.caller(request)
    caller.require(Right.EDIT, "indicators")
    body = await read_body(request, SHEET_LIMIT, "file")
    found = read_indicators(body, await districts(city.pool))
    await Entries(city.pool).put(caller, "indicator", found, clock.now())
    return {"values": len(found), "indicators": sorted({one["indicator"] for one in found.values()})}


@router.get("/complaints")
async def complaints(
    request: Request, city: Parts, since: AwareDatetime | None = None, until: AwareDatetime | None = None,
    unit: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Count complaints by day, district, category and word; the last 30 days unless told otherwise."""
    end = until or clock.now()
    start = since or end - timedelta(days=30)
    city.reader.layer(city.caller(request), COMPLAINT, start)
    tally = Tally(city.pool, COMPLAINT, KINDS)
    return {
        "since": start,
        "until": end,
        "by_day": await tally.by_day(start, end, unit),
        "by_unit": await tally.by_unit(start, end),
        "by_category": await tally.by_detail("category", start, end, unit),
        "by_word": await tally.by_detail("words", start, end, unit),
        "urgent": await Tally(city.pool, COMPLAINT, KINDS[1:]).newest(start, end),
    }


@router.get("/brief")
async def delta(request: Request, city: Parts, since: AwareDatetime) -> dict[str, Any]:
    """Tell what changed since a time, in Korean and English, each sentence with a link to its rows."""
    return await delta_of(city, request, since)


async def delta_of(city: CityParts, request: Request, since: datetime) -> dict[str, Any]:
    """Gather what a brief is made of, within the caller's clearance."""
    caller, now = city.caller(request), clock.now()
    caller.require_class(AccessClass.INTERNAL, "briefs")
    since = max(since.astimezone(UTC), now - FAR)
    if since >= now:
        raise BadInput(f"since {since.isoformat()} does not lie before now, {now.isoformat()}")
    incidents = [
        *(await city.incidents.list(caller))["incidents"],
        *(await city.incidents.list(caller, closed=True))["incidents"],
    ]
    seen = caller.seen(city.hub.layers.values(), since)
    tally = Tally(city.pool, COMPLAINT, KINDS), Tally(city.pool, COMPLAINT, KINDS[1:])
    counts = [sum((await one.by_unit(since, now)).values()) if COMPLAINT in seen else 0 for one in tally]
    then = await city.reader.figures(caller, Moment(as_of=since), now)
    told = brief(
        since, incidents, await raised(city.pool, seen, since, now), {"all": counts[0], "urgent": counts[1]},
        then["figures"], city.bulletin.read(caller)["figures"],
    )  # fmt: skip
    return {"since": since, "at": now, "sentences": told}
