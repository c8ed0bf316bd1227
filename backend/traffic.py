"""The traffic process: the city's traffic as it is estimated now, stepped with the clock, told like any source's.

It goes on by the model alone when measured speeds or the store are missing, and each link says so.
"""

import asyncio
import logging
import os
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import numpy as np
import orjson
from sqlalchemy.exc import SQLAlchemyError

from backend.sources.inlet import Inlet
from simulations.traffic.city import keep_bases
from simulations.traffic.ground_of import FOLDER, CityGround, ground_of
from simulations.traffic.live import LONGEST_GAP, Live
from simulations.traffic.sim import BIN_S
from twin import clock
from twin.db import STORE_AWAY, connect
from twin.errors import Unavailable
from twin.forecasts import JUDGED, Forecasts, Value
from twin.series import read_series
from twin.settings import Settings

log = logging.getLogger(__name__)

FLOW, VEHICLE, SPEED = "traffic_flow", "traffic_vehicle", "traffic_speed"
TICK_S = 3.0
RECENT = timedelta(minutes=15)
"""A measured speed that is older says nothing of now."""
LOWEST_RANK = 105
"""Streets of lower rank are simulated, but not told [ROAD_RANK]."""
AHEAD, FORETOLD_EVERY = timedelta(hours=3), timedelta(minutes=20)
KEPT = timedelta(days=2)
"""Forecasts of so many streets are not kept for longer."""
SERVICE = ("empty", "a", "b", "c", "d", "e", "f", "closed")
NICE = 10
CALM_S = 120.0
"""Before the hours of the presets are driven: both cores belong to the city's start [s]."""


async def run(settings: Settings) -> None:
    """Estimate for ever; files that it keeps are there whole or not at all, so a signal may end it at any point."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    os.nice(NICE)
    city = await asyncio.to_thread(ground_of, settings.dsn(), settings.data_dir)
    await asyncio.gather(_estimate(city, settings), _keep(city, settings))


async def _estimate(city: CityGround, settings: Settings) -> None:
    inlet, rng, live = Inlet(settings.inlet_path), np.random.default_rng(0), None
    foretelling, foretold = asyncio.create_task(asyncio.sleep(0)), clock.now() - FORETOLD_EVERY
    while True:
        now = clock.now()
        if live is None or now - live.now > LONGEST_GAP:
            live = await asyncio.to_thread(Live.begin, city.ground, now)
            is_new_bin = True
        else:
            is_new_bin = await asyncio.to_thread(live.step, now)
        if is_new_bin:
            await asyncio.to_thread(_correct, settings, live, now)
            await asyncio.to_thread(live.save, settings.data_dir / FOLDER)
            await _tell(inlet, FLOW, flow_rows(live))
            if settings.nowcast and foretelling.done() and now - foretold >= FORETOLD_EVERY:
                foretold, foretelling = now, asyncio.create_task(_foretell(settings, live.fork()))
        await _tell(inlet, VEHICLE, vehicle_rows(live, rng))
        await asyncio.sleep(max(0.0, TICK_S - (clock.now() - now).total_seconds()))


async def _keep(city: CityGround, settings: Settings) -> None:
    """Make ready what most questions begin with, once the city has started."""
    await asyncio.sleep(CALM_S)
    try:
        await asyncio.to_thread(keep_bases, city, settings.data_dir)
    except OSError as error:  # a full disk: the first question drives them itself
        log.warning("hours of the presets were not kept: %s", error)


def _correct(settings: Settings, live: Live, now: datetime) -> None:
    """Nudge the model by what was measured; a store that does not answer measures nothing."""
    try:
        series = read_series(settings.dsn(), SPEED, ("speed",), now - RECENT, now, RECENT.total_seconds())
    except (SQLAlchemyError, OSError) as error:
        log.warning("no measured speeds, the model goes on alone: %s", error)
        series = []
    live.correct({one.attributes["road_link"]: one.results[-1] for one in series
                  if one.results and "road_link" in one.attributes})  # fmt: skip


async def _foretell(settings: Settings, live: Live) -> None:
    """Let a copy of the city go on by the model alone, and keep what it says of the main streets."""
    issued = live.now
    try:
        values = await asyncio.to_thread(_ahead, settings, live)
        db = await connect(settings.dsn())
        try:
            forecasts = Forecasts(db)
            await forecasts.store(
                f"traffic-{issued:%Y%m%dT%H%M%S}", "traffic", issued, {"began": live.began.isoformat()}, {}, values
            )
            await forecasts.purge("traffic", issued - KEPT)
        finally:
            await db.close()
    except (SQLAlchemyError, asyncpg.PostgresError, *STORE_AWAY) as error:
        log.warning("no forecast of the traffic: %s", error)


def _ahead(settings: Settings, live: Live) -> list[Value]:
    """Return speed [km/h] and level of service of each street that is told, every twenty minutes from now on."""
    kept = read_series(settings.dsn(), FLOW, ("speed", "service"), live.now, live.now, BIN_S)
    stream = {(one.attributes["road_link"], one.observed_property): one.datastream for one in kept}
    values: list[Value] = []
    end = live.now + AHEAD
    while live.now < end:
        live.step(live.now + FORETOLD_EVERY)
        for row in flow_rows(live):
            told = {"speed": row["speed"], "service": float(SERVICE.index(row["service"]))}
            values += [(stream[row["road_link"], name], live.now, JUDGED, value)
                       for name, value in told.items() if (row["road_link"], name) in stream]  # fmt: skip
    return values


async def _tell(inlet: Inlet, layer: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    try:
        outcome = await inlet.send(layer, orjson.dumps(rows, option=orjson.OPT_SERIALIZE_NUMPY), "traffic")
    except Unavailable as error:
        log.warning("%s: %s", layer, error)
        return
    if outcome.rejects:
        log.warning("%s: %d rows refused, first: %s", layer, len(outcome.rejects), outcome.rejects[0])


def flow_rows(live: Live) -> list[dict[str, Any]]:
    """Return the newest time bin of the main streets as messages of the layer `traffic_flow`."""
    net, sim = live.ground.net, live.sim
    level, speed, queue = sim.frame(), live.speed_kmh(), sim.bins[-1].queue
    time = (live.began + timedelta(seconds=sim.bins[-1].end_s)).isoformat()
    return [
        {"id": str(net.link_id[i]), "time": time, "lon": lon, "lat": lat, "name": net.title(i),
         "road_link": net.link_id[i], "max_speed_kmh": net.speed_kmh[i], "speed": min(round(float(speed[i]), 1), 200.0),
         "service": SERVICE[min(level[i], 7)], "queue": queue[i],
         "basis": "corrected" if live.is_corrected[i] else "model"}
        for i, (lon, lat) in zip(*live.main_streets(LOWEST_RANK), strict=True)
    ]  # fmt: skip


def vehicle_rows(live: Live, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return the sample as messages of the layer `traffic_vehicle`."""
    places, seen = live.look(rng)
    time = live.now.isoformat()
    return [
        {"id": f"V{place:03d}", "time": time, "lon": round(lon, 6), "lat": round(lat, 6), "speed": round(speed),
         "bearing": round(bearing)}
        for place, (lon, lat, speed, bearing) in zip(places.tolist(), seen.tolist(), strict=True)
    ]  # fmt: skip
