"""How long an operator waits: headless Chromium from navigation to the first live data; and what travels for it."""

import asyncio
import gzip
import time
from statistics import median

from playwright.sync_api import Page, sync_playwright

from backend.cli import console_address
from frontend.build import DIST
from tests.benchmarks.city import load_generated, private_settings, running
from tests.benchmarks.table import Figure
from twin.settings import Settings

TITLE = "the console in a browser without a GPU"
BROWSER = "/usr/bin/chromium-headless-shell"
FLAGS = (
    "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
)  # fmt: skip
LIMIT_MS = 60_000


def measure(is_quick: bool) -> tuple[list[Figure], list[str]]:
    """Open the console of a running city."""
    with private_settings(nowcast=False) as settings:  # its first cycle compiles for a minute
        load_generated(settings)
        figures = asyncio.run(_open(settings, repetitions=1 if is_quick else 5))
    code = {path.name: len(gzip.compress(path.read_bytes())) / 1000 for path in sorted(DIST.glob("*.*js"))}
    return [
        *figures,
        Figure("scripts, gzip", sum(code.values()), "kB", at_most=800),
        *(Figure(f"{name}, gzip", size, "kB") for name, size in code.items()),
    ], [
        "SwiftShader draws on the cores that also run the city and its demo feed; every opening but "
        "the last line's has an empty cache."
    ]


async def _open(settings: Settings, repetitions: int) -> list[Figure]:
    async with running(settings, "ingest", "web", "worker", "feed"):
        await asyncio.sleep(5)
        return await asyncio.to_thread(_look, settings, repetitions)


def _look(settings: Settings, repetitions: int) -> list[Figure]:
    first, ready, warm = [], [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=list(FLAGS))
        for repetition in range(repetitions + 1):
            context = browser.new_context(viewport={"width": 960, "height": 540})
            page = context.new_page()
            context.request.get(console_address(settings), max_redirects=0)  # the cookie, and nothing in the cache
            started = time.perf_counter()
            page.goto(f"http://{settings.host}:{settings.port}/console", wait_until="commit")
            page.wait_for_function("() => window.__twin?.firstDataMs", timeout=LIMIT_MS)
            data_ms = page.evaluate("window.__twin.firstDataMs")
            page.wait_for_function("() => window.__twin.state === 'ready'", timeout=LIMIT_MS)
            if repetition:  # the first one warms the server
                first.append(data_ms / 1e3)
                ready.append(time.perf_counter() - started)
                warm.append(_again(page))
            context.close()
        browser.close()
    return [
        Figure("from navigation to first live data, median", median(first), "s", at_most=6),
        Figure("slowest", max(first), "s"),
        Figure("from navigation to the whole map ready, median", median(ready), "s"),
        Figure("third opening: to the first useful picture, median", median(warm), "s", at_most=3),
    ]


def _again(page: Page) -> float:
    """Return the time from navigation to a map with live marks at the third opening [s]; the second is not measured.

    Browsers keep compiled scripts from the second opening on.
    """
    address = page.url
    for _ in range(2):
        page.goto("about:blank")  # the page before has gone
        started = time.perf_counter()
        page.goto(address, wait_until="commit")
        page.wait_for_function("() => window.__twin?.state === 'ready' && window.__twin.firstDataMs", timeout=LIMIT_MS)
        took = time.perf_counter() - started
    return took
