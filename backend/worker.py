"""The worker process: what has to happen by the clock (partitions ahead, retention, scores), and the runs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg

from backend.drill_player import DrillPlayer
from backend.jobs import Jobs
from backend.notices import Outbox
from backend.nowcast import Nowcasts
from layers import load_layers
from twin import clock
from twin.db import STORE_AWAY, connect, open_pool
from twin.drills import Drills
from twin.errors import BadInput
from twin.forecasts import Forecasts
from twin.incidents import Incidents
from twin.keeping import keep_desk, purge, refresh_statistics, watch_silence
from twin.log import publish_head, purge_log
from twin.notices import Channels, Notices
from twin.runs import Runs
from twin.settings import Settings
from twin.store import ObservationStore

log = logging.getLogger(__name__)

WATCH_S = 5.0
DRILL_S = 1.0
PURGE_EVERY = 12 * 60
"""Rounds between two purges: about an hour."""


async def run(settings: Settings) -> None:
    """Run until cancelled; a store that is away is waited for."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    await asyncio.gather(_patiently(settings, _keep_house), _simulate(settings), _patiently(settings, _work_desk))


async def _patiently(settings: Settings, work: Callable[[Settings, asyncpg.Connection], Awaitable[None]]) -> None:
    while True:
        try:
            db = await connect(settings.dsn())
            try:
                await work(settings, db)
            finally:
                db.terminate()
        except* (*STORE_AWAY, asyncpg.PostgresError) as error:
            log.warning("store is away: %s", error.exceptions[0])
            await asyncio.sleep(1)


async def _keep_house(settings: Settings, db: asyncpg.Connection) -> None:
    specs = [layer.spec for layer in load_layers().values()]
    store, rounds, since = ObservationStore(db), 0, clock.now()
    while True:
        now = clock.now()
        await store.make_partitions(now.date() + timedelta(days=ahead) for ahead in range(3))
        await watch_silence(db, specs, now, since)
        await keep_desk(db, specs, now)
        await Forecasts(db).observe(now)
        if rounds in (1, 4, 12):
            await refresh_statistics(db)
        if rounds % PURGE_EVERY == 0:
            await purge(db, specs, now)
            await purge_log(db, now)
        if (head := await publish_head(db, settings.audit_dir, now)) is not None:
            log.info("head of the log published: %s", head)
        rounds += 1
        await asyncio.sleep(WATCH_S)


async def _simulate(settings: Settings) -> None:
    """Work off both lanes of the queue, each through a connection of its own."""
    await Jobs.warm()
    lanes = (_run_asked, _forecast) if settings.nowcast else (_run_asked,)
    await asyncio.gather(*(_patiently(settings, lane) for lane in lanes))


async def _run_asked(settings: Settings, db: asyncpg.Connection) -> None:
    await Jobs(settings, Runs(db)).run()


async def _forecast(settings: Settings, db: asyncpg.Connection) -> None:
    await Nowcasts(settings, db).run()


async def _work_desk(settings: Settings, db: asyncpg.Connection) -> None:
    layers = load_layers()
    specs = {key: layer.spec for key, layer in layers.items()}
    try:
        channels = Channels.of(settings.data_dir)
    except BadInput as error:
        log.error("no notice can be sent: %s", error)
        channels = Channels()
    async with await open_pool(settings.dsn(), 4) as pool:
        incidents = Incidents(pool, specs)
        async with asyncio.TaskGroup() as group:
            group.create_task(Outbox(Notices(pool, incidents), channels).run())
            group.create_task(_play_drills(Drills(pool, incidents, DrillPlayer(pool, layers))))


async def _play_drills(drills: Drills) -> None:
    while True:
        await drills.play(clock.now())
        await asyncio.sleep(DRILL_S)
