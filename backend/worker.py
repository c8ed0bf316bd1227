"""The worker process: what has to happen by the clock (partitions ahead, retention, silent sources), and the runs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg

from backend.jobs import Jobs
from layers import load_layers
from twin import clock
from twin.db import STORE_AWAY, connect
from twin.keeping import purge, refresh_statistics, watch_silence
from twin.runs import Runs
from twin.settings import Settings
from twin.store import ObservationStore

log = logging.getLogger(__name__)

WATCH_S = 5.0
PURGE_EVERY = 12 * 60
"""Rounds between two purges: about an hour."""


async def run(settings: Settings) -> None:
    """Run until cancelled; a store that is away is waited for."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    await asyncio.gather(_patiently(settings, _keep_house), _patiently(settings, _simulate))


async def _patiently(settings: Settings, work: Callable[[Settings, asyncpg.Connection], Awaitable[None]]) -> None:
    while True:
        try:
            db = await connect(settings.dsn())
            try:
                await work(settings, db)
            finally:
                db.terminate()
        except (*STORE_AWAY, asyncpg.PostgresError) as error:
            log.warning("store is away: %s", error)
            await asyncio.sleep(1)


async def _keep_house(settings: Settings, db: asyncpg.Connection) -> None:
    specs = [layer.spec for layer in load_layers().values()]
    store, rounds, since = ObservationStore(db), 0, clock.now()
    while True:
        now = clock.now()
        await store.make_partitions(now.date() + timedelta(days=ahead) for ahead in range(3))
        await watch_silence(db, specs, now, since)
        if rounds in (1, 4, 12):
            await refresh_statistics(db)
        if rounds % PURGE_EVERY == 0:
            await purge(db, specs, now)
        rounds += 1
        await asyncio.sleep(WATCH_S)


async def _simulate(settings: Settings, db: asyncpg.Connection) -> None:
    await Jobs(settings, Runs(db)).run()
