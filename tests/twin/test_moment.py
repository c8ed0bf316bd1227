"""One clock: what `as_of`, `valid_at` and `branch` mean, and that a replayed day is the day of the log."""

import math
from datetime import UTC, datetime, timedelta

import asyncpg
import numpy as np
import pytest

from backend.feed.day import CityClock
from backend.feed.stream import City
from backend.intake import Message
from backend.pipeline import Pipeline
from layers import load_layers
from tests.backend.toy_city import assets, roads
from twin import clock, frame
from twin.access import OPERATOR, AccessClass, Caller
from twin.alarm_actions import AlarmActions
from twin.crs import CITY_BBOX
from twin.db import open_pool
from twin.errors import BadInput, NotFound, Refused
from twin.forecasts import Forecasts
from twin.moment import HORIZON, Moment
from twin.past import alarms_at, state_at
from twin.reader import Reader
from twin.settings import Settings
from twin.state import LayerState

T0 = datetime(2026, 5, 1, tzinfo=UTC)
LAYER = "rain"
REPLAYED = ("rain", "water_level", "parking", "market_fire", "air_quality", "waste_bin")


@pytest.mark.parametrize(
    ("moment", "mode"),
    [
        (Moment(), "live"),
        (Moment(as_of=T0 - timedelta(hours=1)), "replay"),
        (Moment(as_of=T0 - timedelta(hours=1), valid_at=T0 - timedelta(minutes=30)), "replay"),
        (Moment(valid_at=T0 + timedelta(hours=1)), "forecast"),
        (Moment(branch="run:abc"), "what-if"),
        (Moment(branch="drill:abc"), "drill"),
    ],
)
def test_every_moment_bears_its_word(moment: Moment, mode: str) -> None:
    assert moment.check(T0).mode(T0) == mode


@pytest.mark.parametrize(
    "moment",
    [
        Moment(as_of=T0 + timedelta(minutes=1)),
        Moment(valid_at=T0 + HORIZON + timedelta(seconds=1)),
        Moment(branch="elsewhere"),
        Moment(branch="run:" + "x" * 80),
    ],
)
def test_a_moment_that_cannot_be_known_is_refused(moment: Moment) -> None:
    with pytest.raises(BadInput):
        moment.check(T0)


async def hear(pipeline: Pipeline, layer: str, payload: bytes, at: datetime) -> None:
    outcomes: list = []
    await pipeline.handle([Message(layer, payload, "test", at, outcomes.append)])


@pytest.fixture
async def pipeline(settings: Settings, db: asyncpg.Connection) -> Pipeline:
    pipeline = Pipeline(settings.dsn(), load_layers())
    await pipeline.open()
    yield pipeline
    pipeline.close()


def rain(at: datetime, mm: float, key: str = "A-1") -> bytes:
    return (
        f'{{"id":"{key}","time":"{at.isoformat()}","rain_1h":{mm},"rainfall_rate":{mm},'
        f'"rain_10min":0,"rain_3h":{mm},"rain_day":{mm}}}'
    ).encode()


async def test_a_replayed_day_equals_its_log(pipeline: Pipeline, db: asyncpg.Connection) -> None:
    """The log is kept beside the store while a day is fed through the pipeline; at any moment both must tell the same.

    A day of the demo's streams, one round every quarter of an hour, on the two assets that the toy city has of each
    layer; at every moment the log is folded from its beginning.
    """
    specs = {key: one.spec for key, one in load_layers().items()}
    two = {layer: found[:2] for layer, found in assets().items()}
    for found in two.values():
        for fact, key in zip(found, ("A-1", "A-2"), strict=False):
            object.__setattr__(fact, "key", key)
    start = clock.now().replace(microsecond=0) - timedelta(hours=25)
    city = City(load_layers(), two, roads(), 7, CityClock(start))
    log: list[tuple[datetime, str, bytes]] = []
    for quarter in range(96):
        at = start + timedelta(minutes=15 * quarter)
        for stream in city.streams:
            if stream.layer not in REPLAYED:
                continue
            payload = stream.say(900.0 * quarter, at, np.arange(2))
            log.append((at, stream.layer, payload))
            await hear(pipeline, stream.layer, payload, at)
    now = clock.now()
    adapt = load_layers()
    events = await db.fetch("SELECT * FROM event WHERE kind LIKE 'alarm%' ORDER BY seq")
    assert len(events) >= 4, "the story of the day raises alarms"
    for hours in (0.1, 3.3, 12.0, 23.9):
        then = start + timedelta(hours=hours)
        moment = Moment(as_of=now, valid_at=then)
        for layer in REPLAYED:
            told = await state_at(db, specs[layer], moment, now)
            known: dict[tuple[str, str], float] = {}
            for at, name, payload in log:
                if name == layer and at <= then:
                    for entry in adapt[layer].adapt(payload, at):
                        known |= {(entry.asset, prop): value for prop, value in entry.results.items()}
            rows = {
                row["key"]: row["id"] for row in await db.fetch("SELECT id, key FROM asset WHERE layer = $1", layer)
            }
            for (key, prop), value in known.items():
                at_row = int(np.flatnonzero(told.asset == rows[key])[0])
                index = [one.id for one in specs[layer].properties].index(prop)
                want = specs[layer].properties[index].values.index(value) if isinstance(value, str) else value
                assert math.isclose(told.result[at_row, index], want, rel_tol=1e-9), (layer, key, prop, then)
        standing: dict[int, str] = {}
        for event in events:
            if event["phenomenon_time"] <= then:
                standing[event["detail"]["alarm"]] = event["detail"]["state"]
        want_alarms = {alarm: state for alarm, state in standing.items() if state != "NORM"}
        told_alarms = await alarms_at(db, list(specs), moment, now, sorted(set(standing.values()) - {"NORM"}))
        assert {row["alarm"]: row["state"] for row in told_alarms} == want_alarms


async def test_what_the_twin_learnt_later_is_not_in_what_it_knew(pipeline: Pipeline, db: asyncpg.Connection) -> None:
    now = clock.now().replace(microsecond=0)
    await hear(pipeline, LAYER, rain(now - timedelta(hours=2), 60), now)
    assert (await alarms_at(db, [LAYER], Moment(valid_at=now - timedelta(hours=1)), clock.now())) != []
    assert await alarms_at(db, [LAYER], Moment(as_of=now - timedelta(hours=1)), clock.now()) == []


async def test_an_alarm_is_shown_as_it_was_before_it_was_acknowledged(
    settings: Settings, pipeline: Pipeline, db: asyncpg.Connection
) -> None:
    pool = await open_pool(settings.dsn(), 2)
    specs = {key: one.spec for key, one in load_layers().items()}
    reader = Reader(pool, specs)
    await hear(pipeline, LAYER, rain(clock.now() - timedelta(seconds=1), 60), clock.now())
    between = clock.now()
    [first, *_] = (await reader.alarms(OPERATOR))["alarms"]
    for alarm in (await reader.alarms(OPERATOR))["alarms"]:
        await AlarmActions(pool, specs).acknowledge(OPERATOR, alarm["id"], clock.now())
    then = (await reader.alarms(OPERATOR, Moment(as_of=between), clock.now()))["alarms"]
    assert {alarm["state"] for alarm in then} == {"UNACK"}
    assert {alarm["state"] for alarm in (await reader.alarms(OPERATOR))["alarms"]} == {"ACKED"}
    assert then[0]["title"] == first["title"]
    assert then[0]["name_ko"] == first["name_ko"]
    await pool.close()


async def test_a_frame_of_the_past_is_the_frame_that_the_screen_got(
    settings: Settings, pipeline: Pipeline, db: asyncpg.Connection
) -> None:
    specs = {key: one.spec for key, one in load_layers().items()}
    now = clock.now().replace(microsecond=0)
    await hear(pipeline, LAYER, rain(now - timedelta(minutes=10), 12), now)
    live = LayerState(specs[LAYER])
    await live.load(db)
    then = live.encode(-1, CITY_BBOX, 0)
    between = clock.now()
    await hear(pipeline, LAYER, rain(now - timedelta(minutes=1), 33), now)
    pool = await open_pool(settings.dsn(), 2)
    reader = Reader(pool, specs)
    at = now - timedelta(minutes=5)
    [told] = await reader.frames(OPERATOR, [LAYER], CITY_BBOX, Moment(as_of=between, valid_at=at), clock.now())
    _, before = frame.decode(then or b"")
    _, after = frame.decode(told)
    assert all(np.array_equal(before[name], after[name], equal_nan=True) for name in before)
    items = await reader.items(OPERATOR, LAYER, moment=Moment(valid_at=at), now=clock.now())
    assert items["numberMatched"] == 2
    assert [one["properties"]["results"].get("rain_1h") for one in items["features"]] == [12, None]
    await pool.close()


async def test_the_past_is_for_whom_the_present_is(settings: Settings, db: asyncpg.Connection) -> None:
    pool = await open_pool(settings.dsn(), 1)
    reader = Reader(pool, {key: one.spec for key, one in load_layers().items()})
    public = Caller("somebody", AccessClass.PUBLIC)
    past = Moment(as_of=clock.now() - timedelta(hours=1))
    for ask in (reader.items(public, "cctv", moment=past, now=clock.now()),
                reader.frames(public, ["rain", "cctv"], CITY_BBOX, past, clock.now()),
                reader.alarms(public, Moment(branch="run:abc"), clock.now())):  # fmt: skip
        with pytest.raises(Refused):
            await ask
    with pytest.raises(NotFound):
        await reader.alarms(OPERATOR, Moment(branch="run:abc"), clock.now())
    await pool.close()


async def test_the_next_hours_are_the_newest_forecast_that_had_been_issued(
    settings: Settings, pipeline: Pipeline, db: asyncpg.Connection
) -> None:
    specs = {key: one.spec for key, one in load_layers().items()}
    now = clock.now().replace(microsecond=0)
    await hear(pipeline, LAYER, rain(now - timedelta(minutes=1), 7), now)
    stream = await db.fetchval(
        "SELECT d.id FROM datastream d JOIN asset a ON a.id = d.asset_id WHERE a.layer = $1 AND a.key = 'A-1' "
        "AND d.observed_property = 'rain_1h'", LAYER,
    )  # fmt: skip
    for name, issued, value in (("old", 90, 11.0), ("new", 5, 22.0)):
        at = [(stream, now + timedelta(minutes=m), member, value + m + k) for m in (30, 60)
              for k, member in ((0, "middle"), (100, "high"))]  # fmt: skip
        await Forecasts(db).store(name, "flood", now - timedelta(minutes=issued), {}, {}, at)

    async def rain_1h(moment: Moment) -> float:
        state = await state_at(db, specs[LAYER], moment, clock.now())
        return float(np.nanmax(state.result[:, [one.id for one in specs[LAYER].properties].index("rain_1h")]))

    assert await rain_1h(Moment(valid_at=now + timedelta(minutes=65))) == 82.0
    assert await rain_1h(Moment(valid_at=now + timedelta(minutes=35))) == 52.0
    assert await rain_1h(Moment(as_of=now - timedelta(minutes=30), valid_at=now + timedelta(minutes=35))) == 41.0
    assert await rain_1h(Moment(valid_at=now + timedelta(hours=2))) == 7.0, (
        "no forecast speaks of it: the last is shown"
    )
    await db.execute("TRUNCATE forecast CASCADE")
