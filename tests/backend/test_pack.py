"""The after-action pack, and who can help, on the toy city."""

from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from backend import pack
from frontend.build import FONT_TTF, ensure_bundle
from frontend.text import both
from layers import load_layers
from tests.conftest import CITY_HALL
from twin.access import OPERATOR
from twin.crs import KOREA_CENTRAL, WEB_MERCATOR, WGS84
from twin.db import open_pool
from twin.incidents import Incidents
from twin.resources import Resources
from twin.settings import Settings

NOON = datetime(2026, 7, 14, 3, 0, tzinfo=UTC)


async def told(settings: Settings, branch: str = "live") -> dict:
    pool = await open_pool(settings.dsn(), 2)
    incidents = Incidents(pool, {key: layer.spec for key, layer in load_layers().items()})
    number = (await incidents.open(OPERATOR, "fire", "신영시장 불", NOON, place=CITY_HALL, branch=branch))["id"]
    await incidents.note(OPERATOR, number, "note", NOON, {"text": "=HYPERLINK(1) <b>"})
    found = await incidents.move(OPERATOR, number, "close", NOON, reason="진화")
    await pool.close()
    return found | {"notices": [], "shares": [], "made": NOON, "made_by": "kim", "is_demo": True}


@pytest.mark.usefixtures("db")
async def test_the_pack_holds_ledger_tasks_and_timeline_in_all_three_forms(settings: Settings) -> None:
    one = await told(settings)
    table, page = pack.as_csv(one, both).decode("utf-8-sig"), pack.as_html(one, both).decode()
    for text in (table, page):
        assert "신영시장 불" in text
        assert "2026-07-14 12:00:00" in text
        assert "진화" in text
        assert "메모 note" in text, "in words, not in codes"
        assert pack.SYNTHETIC in text
    assert "<b>" not in page
    assert not [line for line in table.splitlines() if line.split(",")[-1].startswith("=")]
    ensure_bundle(print)
    pdf = pack.as_pdf(one, both, FONT_TTF)
    assert pdf.startswith(b"%PDF")
    assert b"Pretendard" in pdf
    assert pack.as_pdf(one, both, Path("no such font")).startswith(b"%PDF")


@pytest.mark.usefixtures("db")
async def test_a_drill_bears_its_watermark(settings: Settings) -> None:
    live, drill = await told(settings), await told(settings, "drill:x")
    assert pack.WATERMARK in pack.as_html(drill, both).decode()
    assert pack.WATERMARK in pack.as_csv(drill, both).decode()
    assert pack.WATERMARK not in pack.as_html(live, both).decode()


async def test_help_comes_by_road(settings: Settings, db: asyncpg.Connection) -> None:
    point = f"ST_SetSRID(ST_MakePoint($2, $3), {KOREA_CENTRAL})"
    for number, x in ((9001, 180_000.0), (9002, 181_000.0), (9003, 182_000.0)):
        await db.execute(
            f"INSERT INTO road_node (id, is_signalised, geom) VALUES ($1, false, {point})", number, x, 380_000.0
        )
    links = ((9101, 9001, 9002, 50), (9102, 9002, 9001, 50), (9103, 9003, 9002, 100))  # no way back to the third
    for number, a, b, speed in links:
        line = "ST_MakeLine((SELECT geom FROM road_node WHERE id = $2), (SELECT geom FROM road_node WHERE id = $3))"
        await db.execute(
            "INSERT INTO road_link (id, from_node, to_node, rank, kind, lanes, max_speed_kmh, length_m, geom, "
            f"geom_3857) SELECT $1, $2, $3, 104, 'plain', 2, $4, 1000, l, ST_Transform(l, {WEB_MERCATOR}) "
            f"FROM (SELECT {line} AS l) w",
            number, a, b, speed,
        )  # fmt: skip
    for number, x in ((9201, 180_000.0), (9202, 182_010.0)):
        await db.execute(
            f"INSERT INTO facility (id, kind, name_ko, accuracy_m, geom) VALUES ($1, 'fire', '소방', 0, {point})",
            number, x, 380_005.0,
        )  # fmt: skip
    pool = await open_pool(settings.dsn(), 2)
    try:
        place, start = [
            await db.fetchrow(
                f"SELECT ST_X(p) AS lon, ST_Y(p) AS lat FROM (SELECT ST_Transform(geom, {WGS84}) p FROM road_node "
                "WHERE id = $1) w", node,
            )
            for node in (9002, 9001)
        ]  # fmt: skip
        found = await Resources(pool).nearest(place["lon"], place["lat"], ("fire",))
        assert [(one["id"], one["road_s"]) for one in found] == [(9202, 36), (9201, 72)]
        way = await Resources(pool).route((start["lon"], start["lat"]), (place["lon"], place["lat"]), "cctv")
        assert (way["road_s"], len(way["line"])) == (72, 2)
    finally:
        await pool.close()
        await db.execute("DELETE FROM road_link WHERE id > 9000")
        await db.execute("DELETE FROM road_node WHERE id > 9000")
        await db.execute("DELETE FROM facility WHERE id > 9000")
