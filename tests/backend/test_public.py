"""What leaves without a sign-in: only what is published, counted in bytes. And what can be taken away as open data."""

import csv
import io
import json
import re
from datetime import timedelta

import asyncpg
import geopandas
import httpx
import pytest
import websockets

from backend.dialects.parking_guidance import guidance
from layers import load_layers
from tests.conftest import LiveCity
from twin import clock, frame
from twin.crs import WGS84
from twin.db import connect

PUBLIC = [key for key, one in load_layers().items() if one.spec.access == "public"]
OTHERS = [key for key, one in load_layers().items() if one.spec.access != "public"]
PAGES = ["/public", "/public?lang=en", "/public?embed=1", "/assets/public.js", "/assets/plain.js", "/assets/clock.js"]
SMALL = 400_000
"""Below it every name is looked for, above it the families of keys [bytes]."""


LONG = 6
"""Names of fewer bytes stand in compressed bytes by chance."""


async def words_of(db: asyncpg.Connection) -> tuple[list[str], list[str]]:
    """Return how keys of internal and restricted assets begin, and keys and names that only they bear."""
    rows = await db.fetch("SELECT key, name_ko FROM asset WHERE layer = ANY($1)", OTHERS)
    public = await db.fetch("SELECT key, name_ko FROM asset WHERE layer = ANY($1)", PUBLIC)
    shown = {word for row in public for word in (row["key"], row["name_ko"])}  # a forecast speaks of public assets
    shown |= {row["name_ko"] for row in await db.fetch("SELECT name_ko FROM label")}
    rows = [row for row in rows if row["key"] not in shown]
    families = sorted({re.sub(r"\d+$", "", row["key"]) for row in rows})
    names = {name for row in rows for name in (row["key"], row["name_ko"]) if name and name not in shown}
    names = {name for name in names if len(name.encode()) >= LONG}
    return families, sorted(names)


async def test_no_byte_of_another_class_leaves_without_a_sign_in(live_city: LiveCity) -> None:
    db = await connect(live_city.settings.dsn())
    families, names = await words_of(db)
    await db.close()
    assert len(families) >= 3
    assert len(names) > 1000
    past = (clock.now() - timedelta(seconds=20)).isoformat().replace("+", "%2B")
    paths = [*PAGES, "/api/health", "/api/layers", "/api/figures", f"/api/figures?as_of={past}", "/api/districts"]
    paths += ["/api/alarms", f"/api/alarms?as_of={past}", "/api/search?q=CAM", "/api/search?q=군산", "/api/open"]
    paths += ["/api/parking/guidance?lon=126.72&lat=35.98", f"/api/frames?layers={','.join(PUBLIC)}&as_of={past}"]
    paths += [f"/api/layers/{layer}/items?limit=10000" for layer in (*PUBLIC, *OTHERS)]
    paths += [f"/api/open/{layer}.{kind}" for layer in (*PUBLIC, *OTHERS) for kind in ("geojson", "csv", "parquet")]
    paths += [f"/api/frames?layers={layer}&as_of={past}" for layer in OTHERS]
    paths += ["/tiles/ground/12/3490/1613.mvt", "/tiles/building/14/13960/6455.mvt", "/console"]
    looked = 0
    async with httpx.AsyncClient(base_url=live_city.url, timeout=30) as client:
        for path in paths:
            answer = await client.get(path)
            refused = any(f"/{layer}" in path or f"={layer}&" in path for layer in OTHERS)
            assert answer.status_code == (403 if refused else 401 if path == "/console" else 200), path
            wanted = names if len(answer.content) < SMALL else families
            found = [word for word in wanted if word.encode() in answer.content]
            assert not found, f"{path}: {found[:3]}"
            looked += len(answer.content)
    assert looked > 3_000_000


async def test_a_stranger_hears_no_layer_of_another_class(live_city: LiveCity) -> None:
    async with websockets.connect(live_city.url.replace("http", "ws") + "/ws/live", max_size=2**24) as socket:
        wish = {"type": "subscribe", "layers": [*PUBLIC, *OTHERS], "bbox": [126.2, 35.7, 126.95, 36.1]}
        await socket.send(json.dumps(wish))
        heard: set[str] = set()
        while len(heard) < len(PUBLIC):
            message = await socket.recv()
            if isinstance(message, bytes):
                heard.add(frame.decode(message)[0]["layer"])
        assert heard == set(PUBLIC)


async def test_the_public_page_shows_the_numbers_of_its_version(live_city: LiveCity) -> None:
    async with httpx.AsyncClient(base_url=live_city.url, timeout=30) as client:
        text = (await client.get("/public")).text
        version = re.search(r'id="version">(\d+)<', text)
        assert version
        told = (await client.get(f"/api/figures?version={version[1]}")).json()
    assert told["version"] == int(version[1])
    shown = dict(re.findall(r'<b class="figure-number" data-figure="(\w+)">([^<]+)</b>', text))
    assert shown == {figure["id"]: figure["text"] for figure in told["figures"]}


async def test_a_public_page_weighs_little(live_city: LiveCity) -> None:
    """All that the page itself names, as it travels; fonts come in pieces and are counted in the browser's test."""
    total = 0
    async with httpx.AsyncClient(base_url=live_city.url, timeout=30) as client:
        text = (await client.get("/public")).text
        for path in ["/public", *re.findall(r'(?:href|src)="(/(?:assets|component)/[^"]+)"', text)]:
            async with client.stream("GET", path) as answer:
                total += sum([len(chunk) async for chunk in answer.aiter_raw()])
    assert 10_000 < total < 100_000


@pytest.mark.parametrize("layer", ["parking", "vessel"])
async def test_an_export_is_the_layer_with_licence_and_time(live_city: LiveCity, layer: str) -> None:
    spec = load_layers()[layer].spec
    async with httpx.AsyncClient(base_url=live_city.url, timeout=30) as client:
        files = {
            kind: (await client.get(f"/api/open/{layer}.{kind}")).content for kind in ("geojson", "csv", "parquet")
        }
        matched = (await client.get(f"/api/layers/{layer}/items?limit=1")).json()["numberMatched"]
    collection = json.loads(files["geojson"])
    assert collection["licence"] == spec.licence
    assert collection["retrieved"] > "2026"
    rows = list(csv.DictReader(io.StringIO(files["csv"].decode("utf-8-sig"))))
    table = geopandas.read_parquet(io.BytesIO(files["parquet"]))
    assert len(rows) == len(collection["features"]) == len(table) == matched
    assert {row["licence"] for row in rows} == {spec.licence} == set(table["licence"])
    assert table.crs.to_epsg() == WGS84
    assert sorted(table["key"]) == sorted(row["key"] for row in rows)


def lot(key: str, free: float | None, age_s: float, east: float = 0.001, **attributes: object) -> dict:
    return {
        "geometry": {"type": "Point", "coordinates": [126.72 + east, 35.98]},
        "properties": {
            "key": key, "name_ko": key, "name_en": None, "quality": "synthetic",
            "results": {} if free is None else {"spaces_free": free, "spaces_total": 100},
            "phenomenon_time": clock.now() - timedelta(seconds=age_s),
            "attributes": {"is_public": True, "spaces_total": 100} | attributes,
        },
    }  # fmt: skip


def test_a_board_sends_nobody_to_a_car_park_it_knows_nothing_of() -> None:
    lots = [
        lot("full", 0, 5, 0.001), lot("few", 4, 5, 0.002), lot("free", 60, 5, 0.003), lot("old", 60, 5000, 0.004),
        lot("private", 60, 5, 0.0005, is_public=False),
    ]  # fmt: skip
    told = guidance(lots, (126.72, 35.98), 10, 300, clock.now())
    assert [(one["key"], one["state"]) for one in told["lots"]] == [
        ("full", "full"), ("few", "few"), ("free", "free"), ("old", "unknown"),
    ]  # fmt: skip
    assert told["lots"][3]["spaces_free"] is None
    assert told["lines"][3] == "→ old –면"
    assert told["lots"][0]["distance_m"] == pytest.approx(90, abs=3)
