"""A wall that runs and runs: does its memory stay flat while it flies, looks through cameras and reads figures?"""

import asyncio
import time
from typing import Any

import httpx
from playwright.sync_api import Page, sync_playwright

from backend.cli import console_address
from tests.benchmarks.city import load_generated, private_settings, running
from tests.benchmarks.page import BROWSER, FLAGS, LIMIT_MS
from tests.benchmarks.table import Figure
from twin.settings import Settings

TITLE = "the video wall, left alone"
QUICK_S, WHOLE_S = 90, 3600
SETTLE_S, SAMPLE_S = 30, 15
PLACES = ((126.7203, 35.9832), (126.7368, 35.9676), (126.6, 35.975))


def measure(is_quick: bool, seconds: float | None = None) -> tuple[list[Figure], list[str]]:
    """Leave a wall alone with three incidents between which it flies.

    Parameters
    ----------
    seconds
        How long; an hour, or a minute and a half when quick, unless given.
    """
    length = seconds or (QUICK_S if is_quick else WHOLE_S)
    with private_settings() as settings:
        load_generated(settings)
        figures = asyncio.run(_soak(settings, length))
    return figures, ["The heap is that of the page after a collection, the median of the last against the first third."]


async def _soak(settings: Settings, length: float) -> list[Figure]:
    async with running(settings, "ingest", "web", "worker", "feed"):
        await asyncio.sleep(5)
        return await asyncio.to_thread(_look, settings, length)


def _look(settings: Settings, length: float) -> list[Figure]:
    url = f"http://{settings.host}:{settings.port}"
    headers = {"Authorization": f"Bearer {settings.secrets().operator_key}"}
    for n, (lon, lat) in enumerate(PLACES):
        body = {"topic": "fire", "title": f"soak {n}", "severity": "alarm", "lon": lon, "lat": lat}
        httpx.post(f"{url}/api/incidents", json=body, headers=headers, timeout=20).raise_for_status()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=[*FLAGS, "--js-flags=--expose-gc"])
        page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
        page.goto(console_address(settings), wait_until="commit")
        page.goto(f"{url}/wall?mode=light", wait_until="commit")
        page.wait_for_function("() => window.__wall?.pictures > 3 && window.__twin.state === 'ready'", timeout=LIMIT_MS)
        time.sleep(SETTLE_S)
        heaps, end = [], time.monotonic() + length
        while time.monotonic() < end:
            heaps.append(_heap_mb(page))
            time.sleep(SAMPLE_S)
        state: dict[str, Any] = page.evaluate(
            "() => ({looks: __wall.looks, pictures: __wall.pictures, rebuilds: __twin.rebuilds, "
            "nodes: document.querySelectorAll('*').length})"
        )
        browser.close()
    third = max(1, len(heaps) // 3)
    first, last = sorted(heaps[:third])[third // 2], sorted(heaps[-third:])[third // 2]
    return [
        Figure("time alone", length, "s"),
        Figure("heap at the end as share of the beginning", last / first, "", at_most=1.1),
        Figure("heap at the end", last, "MB"),
        Figure("rounds", state["looks"], ""),
        Figure("camera pictures", state["pictures"], ""),
        Figure("elements of the page", state["nodes"], ""),
        Figure("times the map was built anew", state["rebuilds"], ""),
    ]


def _heap_mb(page: Page) -> float:
    used: float = page.evaluate("async () => { gc(); gc(); return performance.memory.usedJSHeapSize / 1e6; }")
    return used
