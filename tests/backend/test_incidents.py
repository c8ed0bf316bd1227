"""Incidents over HTTP and on the live channel."""

import httpx
import pytest

from tests.backend.test_live import Watcher, bearer, city, connect, operator, url  # noqa: F401
from tests.conftest import CITY_HALL
from twin.settings import Settings

FIRE = {"topic": "fire", "title": "시장 화재", "severity": "danger", "lon": CITY_HALL[0], "lat": CITY_HALL[1]}


@pytest.mark.usefixtures("db")
async def test_an_incident_opened_by_hand_reaches_the_screens_and_only_those_inside(city: Settings) -> None:  # noqa: F811
    async with connect(city) as inside, connect(city, bearer("nobody")) as outside:
        desk, public = Watcher(inside), Watcher(outside)
        for watcher in (desk, public):
            await watcher.subscribe(["rain"])
            await watcher.until(lambda watcher=watcher: bool(watcher.texts))
        async with httpx.AsyncClient(headers=operator(city)) as client:
            made = (await client.post(url(city, "/api/incidents"), json=FIRE)).json()
            path = url(city, f"/api/incidents/{made['id']}")
            assert (await client.post(f"{path}/close", json={})).status_code == 422
            assert (await client.post(f"{path}/close", json={"reason": "over"})).json()["state"] == "closed"
            assert (await client.post(f"{path}/dispatch", json={})).status_code == 409
            assert (await client.get(url(city, "/api/incidents/999999"))).status_code == 404
            told = (await client.get(f"{path}/platform.json")).json()
            assert told["body"]["ocrSts"] == "91"
            echo = await client.post(url(city, "/api/incidents/platform"), json=told)
            assert (echo.status_code, echo.json()["id"]) == (200, made["id"]), "its own number is known"
            assert (await client.get(f"{path}/help")).json() == {"facilities": []}
            assert (await client.get(f"{path}/pack.pdf?reason=report")).content.startswith(b"%PDF")
        await desk.until(lambda: [event["kind"] for event in desk.events][:2] == ["incident_opened", "incident_closed"])
        assert desk.events[0]["detail"]["incident"] == made["id"]
        public.values.clear()
        await public.subscribe(["waste_bin"])  # what comes after this was written after the events
        await public.until(lambda: bool(public.values))
        assert public.events == []
    async with httpx.AsyncClient() as client:
        assert (await client.get(url(city, "/api/incidents"))).status_code == 403
        assert (await client.post(url(city, "/api/incidents"), json=FIRE)).status_code == 403
