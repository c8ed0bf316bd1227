"""What if, from now: how long after the press does the fork of the live city stand?"""

import asyncio
import time
from statistics import median
from typing import Any

import httpx

from simulations.traffic.ground_of import FOLDER
from simulations.traffic.live import STATE
from tests.benchmarks.city import load_generated, private_settings, running
from tests.benchmarks.table import Figure
from twin.settings import Settings

TITLE = "what if, from now"
LIMIT_S = 300
FORKED = 0.051
"""Progress of a run whose fork stands: what comes before it is told as less [-]."""


def measure(is_quick: bool) -> tuple[list[Figure], list[str]]:
    """Fork the live city of a running demo."""
    with private_settings() as settings:
        load_generated(settings)
        figures = asyncio.run(_ask(settings, 1 if is_quick else 5))
    return figures, ["From the request to the first step of the forked city, on cores that also run the city."]


async def _ask(settings: Settings, repetitions: int) -> list[Figure]:
    async with running(settings, "ingest", "web", "worker", "traffic", "feed"):
        return await asyncio.to_thread(_press, settings, repetitions)


def _press(settings: Settings, repetitions: int) -> list[Figure]:
    headers = {"Authorization": f"Bearer {settings.secrets().operator_key}"}
    http = httpx.Client(base_url=f"http://{settings.host}:{settings.port}", headers=headers, timeout=60)
    _until((settings.data_dir / FOLDER / STATE).is_file)
    forks, answers = [], []
    for number in range(repetitions + 1):
        began = time.monotonic()
        body = {"simulation": "traffic", "scenario": {"is_live": True, "hours": 0.5}}
        run = http.post("/api/runs", json=body).raise_for_status().json()["id"]

        def told(run: str = run) -> dict[str, Any]:
            found: dict[str, Any] = http.get(f"/api/runs/{run}").json()
            if found["state"] == "failed":
                raise RuntimeError(found["note"])
            return found

        _until(lambda: told()["progress"] >= FORKED)
        forked = time.monotonic() - began
        _until(lambda: told()["state"] == "done")
        if number:  # the first one compiles
            forks.append(forked)
            answers.append(time.monotonic() - began)
    return [
        Figure("from the press to the fork, median", median(forks), "s", at_most=5),
        Figure("slowest", max(forks), "s"),
        Figure("to the answer for half an hour, median", median(answers), "s"),
    ]


def _until(holds: Any) -> None:
    end = time.monotonic() + LIMIT_S
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"nothing came within {LIMIT_S} s")
        time.sleep(0.05)
