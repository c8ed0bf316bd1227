"""The pages of the mayor's office as routes: what each is made of, asked within the caller's clearance."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import AwareDatetime

from frontend.pages.mayor import city as pages
from frontend.pages.mayor import home, office, policy, report
from frontend.text import Texts, texts
from twin import clock
from twin.access import Caller
from twin.clock import KST
from twin.districts import districts, outlines
from twin.entries import Entries
from twin.errors import NotFound, Refused
from twin.layer import Layer
from twin.moment import Moment
from twin.tally import Tally, first_day, raised

Record = dict[str, Any]
SignedIn = Callable[[Request], Caller | None]
URGENT = "urgent_complaint"
"""Kind of event by which the layer of complaints is known."""
ROWS = 100


class Office:
    """One request of the office: who asks, in which language, and the parts of the service."""

    def __init__(self, request: Request, caller: Caller) -> None:
        self.city: Any = request.app.state.city
        self.caller, self.now = caller, clock.now()
        self.t: Texts = texts(request.query_params.get("lang"))
        self.told: Record = self.city.bulletin.read(caller)

    async def entries(self, kind: str) -> list[Record]:
        """Return what was entered of a kind."""
        return await Entries(self.city.pool).list(kind)

    async def units(self) -> list[Record]:
        """Return the districts."""
        return await districts(self.city.pool)

    def layers(self) -> dict[str, Layer]:
        """Return the layers that the caller may see."""
        every: dict[str, Layer] = self.city.hub.layers
        return {key: layer for key, layer in every.items() if self.caller.may_see_layer(layer)}

    async def incidents(self, *, closed: bool = False) -> list[Record]:
        """Return incidents by priority, or the newest closed ones."""
        found: list[Record] = (await self.city.incidents.list(self.caller, closed=closed))["incidents"]
        return found

    def complaint_layer(self) -> Layer | None:
        """Return the layer of complaints, or None to who may not see it."""
        return next((layer for layer in self.layers().values() if layer.event_kind(URGENT)), None)

    async def complaints(self, since: datetime, unit: int | None = None) -> Record | None:
        """Return counts of complaints, or None to who may not see them."""
        layer = self.complaint_layer()
        if layer is None:
            return None
        tally = Tally(self.city.pool, layer.id, [event.kind for event in layer.events])
        urgent = Tally(self.city.pool, layer.id, [URGENT])
        return {
            "by_day": await tally.by_day(since, self.now, unit),
            "by_unit": await tally.by_unit(since, self.now),
            "by_category": await tally.by_detail("category", since, self.now, unit),
            "by_word": await tally.by_detail("words", since, self.now, unit),
            "urgent": await urgent.newest(since, self.now),
        }

    async def day(self, day: date) -> Record:
        """Return what a daily report is made of."""
        start = datetime.combine(day, time(), KST)
        end = min(start + timedelta(days=1), self.now)
        if end <= start:
            raise NotFound(f"the day {day} has not begun")
        figures = (await self.city.reader.figures(self.caller, Moment(as_of=end), self.now))["figures"]
        every = [*await self.incidents(), *await self.incidents(closed=True)]
        layer, counts = self.complaint_layer(), []
        if layer is not None:
            tally = Tally(self.city.pool, layer.id, [event.kind for event in layer.events])
            counts = await tally.by_detail("category", start, end)
        return {
            "figures": figures,
            "raised": await raised(self.city.pool, list(self.layers()), start, end),
            "opened": [one for one in every if start <= one["opened"] < end],
            "closed": [one for one in every if one["closed"] is not None and start <= one["closed"] < end],
            "complaints": counts,
            "head": await self.city.log.head(end),
            "line": self.t("mayor.report_line", start=f"{start:%Y-%m-%d %H:%M}",
                           end=f"{end.astimezone(KST):%Y-%m-%d %H:%M}", name=self.caller.name),
        }  # fmt: skip


Page = Callable[..., Awaitable[Response]]


def mayor_routes(signed_in: SignedIn, sign_in: Callable[[Request], Response], *, is_demo: bool) -> APIRouter:
    """Return the routes; who is not signed in gets the form in place of every page."""
    router = APIRouter(prefix="/mayor", include_in_schema=False)
    shown: Mapping[str, Any] = {"is_demo": is_demo}

    def office_of(request: Request) -> Office | None:
        caller = signed_in(request)
        return None if caller is None else Office(request, caller)

    @router.get("")
    async def at_home(request: Request) -> Response:
        if (o := office_of(request)) is None:
            return sign_in(request)
        entered = {kind: await o.entries(kind) for kind in ("placard", "schedule", "news")}
        shapes = await outlines(o.city.pool)
        return home.home(o.t, o.told, await o.units(), shapes, await o.incidents(), entered, o.now, **shown)

    @router.get("/map")
    async def smart_map(request: Request) -> Response:
        if (o := office_of(request)) is None:
            return sign_in(request)
        mode = request.query_params.get("mode", "interleaved")
        return pages.smart_map(o.t, list(o.layers().values()), await o.units(), mode, **shown)

    @router.get("/indicators")
    async def indicators(request: Request) -> Response:
        if (o := office_of(request)) is None:
            return sign_in(request)
        return policy.indicators(o.t, o.told, await o.units(), await o.entries("indicator"), **shown)

    @router.get("/manifesto")
    async def manifesto(request: Request) -> Response:
        if (o := office_of(request)) is None:
            return sign_in(request)
        return policy.manifesto(o.t, o.told, await o.entries("pledge"), **shown)

    @router.get("/manifesto/{no}")
    async def pledge(request: Request, no: int) -> Response:
        if (o := office_of(request)) is None:
            return sign_in(request)
        if not 1 <= no <= len(policy.pledges()):
            raise NotFound(f"there is no pledge {no}")
        entry = await Entries(o.city.pool).get("pledge", str(no))
        return policy.pledge_card(o.t, no, o.told, entry, **shown)

    @router.get("/organisation")
    async def organisation(request: Request) -> Response:
        if (o := office_of(request)) is None:
            return sign_in(request)
        return office.organisation(o.t, **shown)

    @router.get("/news")
    async def news(request: Request) -> Response:
        if (o := office_of(request)) is None:
            return sign_in(request)
        return office.reading(o.t, "news", "news", await o.entries("news"), **shown)

    @router.get("/videos")
    async def videos(request: Request) -> Response:
        if (o := office_of(request)) is None:
            return sign_in(request)
        return office.reading(o.t, "video", "videos", await o.entries("video"), **shown)

    @router.get("/schedule")
    async def schedule(request: Request) -> Response:
        if (o := office_of(request)) is None:
            return sign_in(request)
        return office.schedule(o.t, await o.entries("schedule"), o.now.astimezone(KST).date(), **shown)

    @router.get("/archive")
    async def archive(request: Request) -> Response:
        if (o := office_of(request)) is None:
            return sign_in(request)
        return office.archive(o.t, await first_day(o.city.pool) or o.now, o.now, **shown)

    @router.get("/report/{day}.pdf")
    async def report_pdf(request: Request, day: date) -> Response:
        if (o := office_of(request)) is None:
            return sign_in(request)
        body = report.report_pdf(o.t, day, await o.day(day), o.layers(), **shown)
        headers = {"Content-Disposition": f'inline; filename="gunsan-{day}.pdf"'}
        return Response(body, media_type="application/pdf", headers=headers)

    @router.get("/report/{day}")
    async def report_page(request: Request, day: date) -> Response:
        if (o := office_of(request)) is None:
            return sign_in(request)
        return report.report_page(o.t, day, await o.day(day), o.layers(), **shown)

    @router.get("/weather")
    async def weather(request: Request) -> Response:
        if (o := office_of(request)) is None:
            return sign_in(request)
        layers = {key: layer for key, layer in o.layers().items() if layer.group in pages.WEATHER_GROUPS}
        items = {key: await o.city.reader.items(o.caller, key, limit=ROWS) for key in layers}
        items = {key: told for key, told in items.items() if told["numberMatched"] <= ROWS}  # stations, not fleets
        return pages.weather(o.t, o.told, layers, items, **shown)

    @router.get("/incidents")
    async def incidents(request: Request, since: AwareDatetime | None = None) -> Response:
        if (o := office_of(request)) is None:
            return sign_in(request)
        start = since or o.now - timedelta(days=1)
        alarms = (await o.city.reader.alarms(o.caller))["alarms"]
        log = await raised(o.city.pool, list(o.layers()), start, o.now)
        cameras = next((figure for figure in o.told["figures"] if figure["id"] == "cameras_online"), None)
        return pages.incidents(o.t, await o.incidents(), await o.incidents(closed=True), alarms, log, cameras, start,
                               o.layers(), **shown)  # fmt: skip

    @router.get("/placard")
    async def placard(request: Request) -> Response:
        if (o := office_of(request)) is None:
            return sign_in(request)
        return office.placard(o.t, await o.entries("placard"), **shown)

    @router.get("/district/{unit_id}")
    async def district(request: Request, unit_id: int) -> Response:
        if (o := office_of(request)) is None:
            return sign_in(request)
        units = await o.units()
        unit = next((one for one in units if one["id"] == unit_id), None)
        if unit is None:
            raise NotFound(f"there is no district {unit_id}")
        told = await o.complaints(o.now - timedelta(days=30), unit_id)
        here = [one for one in await o.incidents() if one["unit_ko"] == unit["name_ko"]]
        return pages.district(o.t, unit, units, o.told, await o.entries("indicator"), told, here, **shown)

    @router.get("/complaints")
    async def complaints(
        request: Request, days: Annotated[int, Query(ge=1, le=366)] = 30, since: AwareDatetime | None = None
    ) -> Response:
        if (o := office_of(request)) is None:
            return sign_in(request)
        told = await o.complaints(since or o.now - timedelta(days=days))
        if told is None:
            raise Refused(f"complaints are internal; {o.caller.name} may not see them")
        return pages.complaints(o.t, told, await o.units(), days, **shown)

    @router.get("/figure/{name}")
    async def figure(request: Request, name: str, since: AwareDatetime | None = None) -> Response:
        if (o := office_of(request)) is None:
            return sign_in(request)
        one = next((figure for figure in o.told["figures"] if figure["id"] == name), None)
        if one is None:
            raise NotFound(f"there is no figure {name[:40]!r}")
        then = None
        if since is not None:
            told = await o.city.reader.figures(o.caller, Moment(as_of=min(since, o.now)), o.now)
            then = next((figure for figure in told["figures"] if figure["id"] == name), None)
        return pages.figure_page(o.t, one, then, await o.units(), since, **shown)

    return router
