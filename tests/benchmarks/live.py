"""From a message on MQTT to 200 screens through the whole running city; and what a frame to a screen costs."""

import asyncio
import sys
import time
from asyncio.subprocess import PIPE, Process
from typing import Any

import orjson

from backend.supervisor import Supervisor
from tests.benchmarks import fanout
from tests.benchmarks.city import load_bins, private_settings, running
from tests.benchmarks.machine import tree_cpu_s
from tests.benchmarks.table import Figure
from twin import db
from twin.settings import ROOT, Settings

TITLE = "5,000 events/s to 200 screens"
ASSETS, RATE, OFFERED = 2_500, 5_000, 5_050
"""Assets; events/s to be reached, and the slightly higher rate that is offered."""
PROCESSES, SCREENS, TIMED = 2, 100, 2
"""Client processes; screens and timed screens in each."""


def measure(is_quick: bool) -> tuple[list[Figure], list[str]]:
    """Run both parts."""
    with private_settings(demo=False) as settings:
        load_bins(settings, ASSETS)
        figures = asyncio.run(_city(settings, seconds=6 if is_quick else 40))
    costs = asyncio.run(fanout.costs(repetitions=1 if is_quick else 5, frames=50 if is_quick else 150))
    return figures + costs, [
        "An event is one report of one asset; it is stored in PostGIS before it is shown. "
        "Publisher and screens run on the same cores as the city."
    ]


async def start(module: str, *arguments: object) -> Process:
    """Start one of our client processes; it ends with us."""
    python = ["setpriv", "--pdeathsig=KILL", "--", sys.executable, "-m", f"tests.benchmarks.{module}"]
    return await asyncio.create_subprocess_exec(*python, *map(str, arguments), cwd=ROOT, stdin=PIPE, stdout=PIPE)


async def _city(settings: Settings, seconds: float) -> list[Figure]:
    async with running(settings, "ingest", "web") as city:
        secrets = settings.secrets()
        broker = (settings.mqtt_port, secrets.broker_password, ASSETS, OFFERED)
        first = await _answer(
            await start("publisher", *broker, (ASSETS + 1) / OFFERED)
        )  # every datastream is heard of once
        await _newest(settings, first["reports"])
        groups = [await start("screens", settings.port, secrets.operator_key, SCREENS, TIMED) for _ in range(PROCESSES)]
        for group in groups:
            assert group.stdout is not None
            assert await group.stdout.readline() == b"ready\n"
        before, started = _cpu(city), time.perf_counter()
        sent = await _answer(await start("publisher", *broker, seconds))
        used = {name: (now - before[name]) / (time.perf_counter() - started) for name, now in _cpu(city).items()}
        newest = await _newest(settings, first["reports"] + sent["reports"])
        await asyncio.sleep(1)
        found = [await _answer(group, orjson.dumps(newest) + b"\n") for group in groups]
    frames = sum(one["frames"] for one in found)
    return [
        Figure(f"events/s published for {seconds:.0f} s", sent["rate"], "events/s", at_least=RATE),
        Figure("from publish to receipt, p50", max(one["p50"] for one in found), "ms", at_most=60),
        Figure("from publish to receipt, p99", max(one["p99"] for one in found), "ms", at_most=150),
        Figure("slowest", max(one["max"] for one in found), "ms"),
        Figure("screens that do not end on the newest values", sum(one["behind"] for one in found), "", at_most=0),
        Figure("screens that lost their connection", sum(one["lost"] for one in found), "", at_most=0),
        Figure("frames to all screens", frames / seconds, "frames/s"),
        *(Figure(f"CPU of {name}", 100 * share, "% of a core") for name, share in used.items()),
    ]


def _cpu(city: Supervisor) -> dict[str, float]:
    return {name: tree_cpu_s(child.process.pid) for name, child in city.children.items() if child.process}


async def _answer(process: Process, line: bytes = b"") -> Any:
    out, _ = await process.communicate(line)
    assert process.returncode == 0, process.returncode
    return orjson.loads(out.splitlines()[-1])


async def _newest(settings: Settings, reports: int) -> dict[str, float]:
    """Wait until all reports are stored; return asset -> time of its newest observation [s]."""
    connection = await db.connect(settings.dsn())
    while await connection.fetchval("SELECT count(*) FROM observation") < reports:
        await asyncio.sleep(0.1)
    rows = await connection.fetch(
        "SELECT d.asset_id, l.phenomenon_time FROM latest l JOIN datastream d ON d.id = l.datastream_id"
    )
    await connection.close()
    return {str(row["asset_id"]): row["phenomenon_time"].timestamp() for row in rows}
