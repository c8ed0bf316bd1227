"""The city in PostGIS, as it is served: totals of the model, tiles, search, catalogue."""

import math

import httpx
import pytest
import rasterio
from rasterio.io import MemoryFile

from tests.conftest import CITY_HALL, LiveCity
from twin.crs import KOREA_CENTRAL
from twin.db import connect
from twin.model import QUALITIES


def tile_at(zoom: int, lon: float = CITY_HALL[0], lat: float = CITY_HALL[1]) -> str:
    n = 2**zoom
    x = int((lon + 180) / 360 * n)
    y = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n)
    return f"{zoom}/{x}/{y}"


async def test_model_holds_the_stated_totals(live_city: LiveCity) -> None:
    db = await connect(live_city.settings.dsn())
    try:
        assert await db.fetchrow("SELECT count(*), sum(population) FROM admin_unit") == (27, 262_264)
        assert await db.fetchrow("SELECT count(*), sum(shop_count) FROM market") == (6, 600)
        assert await db.fetchval("SELECT count(*) FROM shop") == 600
        assert await db.fetchval("SELECT count(*) FROM asset WHERE layer = 'berth'") == 31
        lots = "SELECT count(*), sum((attributes->>'spaces_total')::int) FROM asset WHERE layer = 'parking'"
        assert await db.fetchrow(lots) == (5634, 82_881)
        cameras = "attributes->'purposes' @> '[\"school_zone\"]'"
        assert await db.fetchval(f"SELECT count(*) FROM asset WHERE layer = 'cctv' AND {cameras}") == 348
        assert 40_000 <= await db.fetchval("SELECT count(*) FROM building") <= 60_000
        assert 6_000 <= await db.fetchval("SELECT count(*) FROM road_link") <= 10_500
        assert await db.fetchval("SELECT count(*) FROM terrain") == 1
        assert await db.fetchval("SELECT count(*) FROM asset WHERE 'nan' IN (name_ko, name_en)") == 0
        assert await db.fetchval("SELECT count(*) FROM asset WHERE name_en IS NULL") > 5000  # a car park has none
    finally:
        await db.close()


async def test_no_building_stands_in_the_water(live_city: LiveCity) -> None:
    db = await connect(live_city.settings.dsn())
    wet = "SELECT count(*) FROM building b JOIN water_body w ON ST_Intersects(b.geom, w.geom)"
    assert await db.fetchval(wet) == 0
    await db.close()


def test_terrain_is_a_cloud_optimised_geotiff_in_metres(live_city: LiveCity) -> None:
    with rasterio.open(live_city.settings.data_dir / "terrain.tif") as file:
        assert file.crs.to_epsg() == KOREA_CENTRAL
        assert file.res == (10, 10)
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.tags()["vertical_datum"]


@pytest.mark.parametrize(
    ("tile", "parts"), [("ground", ("admin_unit", "road_link", "water_body")), ("building", ("building",))]
)
def test_vector_tile_holds_its_layers(live_city: LiveCity, tile: str, parts: tuple[str, ...]) -> None:
    zoom = 14 if tile == "building" else 11
    address = f"{live_city.url}/tiles/{tile}/{tile_at(zoom)}.mvt"
    answer = httpx.get(address, timeout=30)
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    for part in parts:
        assert part.encode() in answer.content
    again = httpx.get(address, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_painted_tile_shows_land_water_and_roads(live_city: LiveCity) -> None:
    answer = httpx.get(f"{live_city.url}/tiles/raster/{tile_at(12)}.png", timeout=20)
    with MemoryFile(answer.content) as memory, memory.open() as image:
        pixels = image.read()
    assert pixels.shape == (3, 256, 256)
    assert len({tuple(pixel) for pixel in pixels.reshape(3, -1).T}) > 20


def test_search_finds_districts_places_and_assets_in_both_languages(live_city: LiveCity) -> None:
    def first(text: str) -> dict:
        bearer = {"Authorization": f"Bearer {live_city.key}"}
        return httpx.get(f"{live_city.url}/api/search", params={"q": text}, headers=bearer, timeout=30).json()[
            "results"
        ][0]

    assert (first("수송동")["kind"], first("Susong-dong")["kind"]) == ("unit", "unit")
    assert first("군산공설시장")["kind"] == "market"
    assert first("CAM-0001")["layer"] == "cctv"
    lon, lat = first("군산시청")["lon"], first("군산시청")["lat"]
    assert (lon, lat) == pytest.approx(CITY_HALL, abs=0.002)


def test_every_base_layer_names_its_origin_licence_date_and_quality(live_city: LiveCity) -> None:
    base = httpx.get(f"{live_city.url}/api/layers", timeout=30).json()["base"]
    assert {row["id"] for row in base} >= {"admin_unit", "building", "road_link", "terrain"}
    for row in base:
        assert row["quality"] in QUALITIES
        assert all(row[name] for name in ("origin", "licence", "attribution", "as_of", "title_ko", "title_en")), row
