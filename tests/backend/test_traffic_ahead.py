"""The next hours of the traffic: a copy of the live city goes on, and what it says is the layer's forecast."""

from datetime import datetime, timedelta

import asyncpg

from backend import traffic
from layers import load_layers
from simulations.traffic.live import Live
from simulations.traffic.warm_up import village
from tests.conftest import CITY_HALL
from twin.clock import KST
from twin.moment import Moment
from twin.past import items_at
from twin.settings import Settings

MORNING = datetime(2026, 7, 14, 8, 10, 0, tzinfo=KST)


async def test_a_copy_goes_on_and_its_speeds_are_what_the_next_hours_show(
    settings: Settings, db: asyncpg.Connection
) -> None:
    live = Live.begin(village(), MORNING)
    before = live.sim.world.vehicles.tobytes()
    assets = []
    for row in traffic.flow_rows(live):
        asset = await db.fetchval(
            "INSERT INTO asset (layer, key, name_ko, quality, attributes, geom) "
            "VALUES ('traffic_flow', $1, $1, 'derived', $2, ST_Transform(ST_Point($3, $4, 4326), 5186)) RETURNING id",
            row["id"], {"road_link": int(row["road_link"])}, *CITY_HALL,
        )  # fmt: skip
        assets.append(asset)
        for name in ("speed", "service"):
            await db.execute("INSERT INTO datastream (asset_id, observed_property) VALUES ($1, $2)", asset, name)
    await traffic._foretell(settings, live.fork())
    assert live.now == MORNING
    assert live.sim.world.vehicles.tobytes() == before, "the city itself has not moved"
    layer = load_layers()["traffic_flow"].spec
    ahead = live.fork()
    ahead.step(MORNING + timedelta(minutes=20))
    ahead.step(MORNING + timedelta(minutes=40))
    expected = {row["id"]: (row["speed"], traffic.SERVICE.index(row["service"])) for row in traffic.flow_rows(ahead)}
    moment = Moment(valid_at=MORNING + timedelta(minutes=45))
    count, items = await items_at(db, layer, moment, MORNING, None, 100, 0)
    await db.execute("TRUNCATE forecast CASCADE")
    await db.execute("DELETE FROM datastream WHERE asset_id = ANY($1)", assets)
    await db.execute("DELETE FROM asset WHERE id = ANY($1)", assets)
    assert len(expected) == count > 5
    assert {item["key"]: (item["results"]["speed"], item["results"]["service"]) for item in items} == expected
    assert len(set(expected.values())) > 1
