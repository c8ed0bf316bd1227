"""The forecast that nobody has to ask for: every ten minutes a run of the live lane, kept, published, and scored."""

import asyncio
import logging
import shutil
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson

from backend.feed.publisher import Publisher
from backend.jobs import Jobs
from twin import clock
from twin.access import CLOCK
from twin.forecasts import Forecasts
from twin.runs import LIVE, Runs
from twin.settings import Settings

log = logging.getLogger(__name__)

SIMULATION = "flood"
EVERY_S = 600
POLL_S = 5.0
KEPT = timedelta(days=90)
KEPT_RUNS = 18
"""Runs whose water and maps are kept: three hours of them. What they said at the gauges stays in the store."""
TITLE = "침수 예측 {:%H:%M}"


class Nowcasts:
    """Issues forecasts through a connection of its own, and publishes their warnings like any source."""

    def __init__(self, settings: Settings, db: asyncpg.Connection, jobs: Jobs | None = None) -> None:
        self._settings, self._runs, self._forecasts = settings, Runs(db), Forecasts(db)
        self._jobs = jobs or Jobs(settings, self._runs, lane=LIVE)
        self._publisher = Publisher("gunsan-nowcast", settings.secrets().broker_password)

    async def run(self) -> None:
        """Issue for ever, on every full ten minutes; of those missed while the worker was off only the last."""
        await self._runs.requeue(LIVE)
        self._publisher.start(self._settings.broker_host, self._settings.mqtt_port)
        before = await self._runs.newest(CLOCK, 1, LIVE)
        last = _mark(before[0]["asked"] if before else clock.now())
        try:
            while True:
                now = clock.now()
                if _mark(now) > last:
                    last = _mark(now)
                    await self.issue(last)
                await asyncio.sleep(POLL_S)
        finally:
            self._publisher.stop()

    async def issue(self, at: datetime) -> str:
        """Run the forecast of a moment; keep and publish what it says. Return the id of its run."""
        done = await self._runs.newest(CLOCK, 1, LIVE, "done")
        scenario = {"issued": at.isoformat(), "forerunner": done[0]["id"] if done else None}
        title = TITLE.format(at.astimezone(clock.KST))
        run: str = (await self._runs.submit(CLOCK, SIMULATION, title, scenario, clock.now(), LIVE))["id"]
        await self._jobs.next()
        path = self._settings.runs_dir / run / "forecast.json"
        if path.exists():
            await self._keep(run, orjson.loads(await asyncio.to_thread(path.read_bytes)))
        for old in await self._runs.drop(LIVE, KEPT_RUNS):
            await asyncio.to_thread(shutil.rmtree, self._settings.runs_dir / old, ignore_errors=True)
        await self._forecasts.purge(SIMULATION, at - KEPT)
        return run

    async def _keep(self, run: str, told: dict[str, Any]) -> None:
        issued = datetime.fromisoformat(told["issued"])
        values = [(stream, datetime.fromisoformat(valid), member, result)
                  for stream, valid, member, result in told["values"]]  # fmt: skip
        await self._forecasts.store(run, SIMULATION, issued, told["inputs"], told["receipt"], values)
        if told["messages"]:
            self._publisher.publish(told["layer"], orjson.dumps(told["messages"]))
        log.info("forecast of %s: %d values, %d places", told["issued"], len(values), len(told["messages"]))


def _mark(now: datetime) -> datetime:
    """Return the last full ten minutes."""
    return datetime.fromtimestamp(now.timestamp() // EVERY_S * EVERY_S, UTC)
