"""From a message that raises an alarm to the operator's screen, while 5,000 events/s flow through the same city.

Twice measured: to the receipt on a WebSocket, and to the row in the list of the desk in a headless browser.
"""

import asyncio
import time
from typing import Any

import httpx
import numpy as np
import orjson
import websockets
from playwright.async_api import async_playwright

from backend.cli import console_address
from tests.benchmarks.city import load_bins, private_settings, running
from tests.benchmarks.live import ASSETS, OFFERED, RATE, start
from tests.benchmarks.page import BROWSER, FLAGS
from tests.benchmarks.table import Figure
from twin import clock
from twin.settings import Settings

TITLE = "an alarm on the screen at 5,000 events/s"
PAUSE_S = 0.6
_SEE = """() => {
  window.__seen = {};
  const look = () => {
    for (const { dateTime } of document.querySelectorAll('#rows time.age'))
      window.__seen[new Date(dateTime).toISOString()] ??= Date.now();
  };
  new MutationObserver(look).observe(document.querySelector('#rows'), { childList: true, subtree: true });
}"""
RAIN = {"rainfall_rate": 0.0, "rain_10min": 0.0, "rain_3h": 0.0, "rain_day": 0.0}


def measure(is_quick: bool) -> tuple[list[Figure], list[str]]:
    """Raise and clear the alarm of one gauge again and again."""
    with private_settings(demo=False) as settings:
        load_bins(settings, ASSETS)
        figures = asyncio.run(_city(settings, seconds=8 if is_quick else 120))
    return figures, [
        "From the moment at which the message is sent over HTTP to the receipt of its alarm on the WebSocket, through "
        "commit, rules and desk; and to the row in the list of `/desk` in headless Chromium. Publisher, browser and "
        "screen run on the same cores as the city."
    ]


async def _city(settings: Settings, seconds: float) -> list[Figure]:
    async with running(settings, "ingest", "web"):
        secrets = settings.secrets()
        url = f"ws://127.0.0.1:{settings.port}/ws/live"
        headers = {"Authorization": f"Bearer {secrets.operator_key}"}
        async with websockets.connect(url, additional_headers=headers, proxy=None) as screen:
            await screen.send(
                orjson.dumps({"type": "subscribe", "layers": ["rain"], "bbox": [126, 35, 127, 36]}).decode()
            )
            heard: dict[str, float] = {}
            driver = await async_playwright().start()
            browser = await driver.chromium.launch(executable_path=BROWSER, args=list(FLAGS))
            page = await browser.new_page()
            await page.context.request.get(console_address(settings), max_redirects=0)
            await page.goto(f"http://127.0.0.1:{settings.port}/desk?tab=alarms", wait_until="commit")
            await page.wait_for_function("() => window.__desk?.loads > 0")
            await page.evaluate(_SEE)
            listener = asyncio.create_task(_listen(screen, heard))
            load = await start("publisher", settings.mqtt_port, secrets.broker_password, ASSETS, OFFERED, seconds)
            sent = await _raise(settings, seconds)
            out, _ = await load.communicate()
            await asyncio.sleep(2)
            listener.cancel()
            seen = await page.evaluate("() => window.__seen")
            await browser.close()
            await driver.stop()
    waits = [1e3 * (heard[at] - begun) for at, (begun, _) in sent.items() if at in heard]
    drawn = {moment[:23]: at for moment, at in seen.items()}
    rows = [drawn[at] - begun for at, (_, begun) in sent.items() if at in drawn]
    return [
        Figure("events/s beside", orjson.loads(out.splitlines()[-1])["rate"], "events/s", at_least=RATE),
        Figure("alarms raised", len(sent), ""),
        Figure("alarms that missed the screen", len(sent) - len(waits), "", at_most=0),
        Figure("from message to screen, p50", float(np.percentile(waits, 50)), "ms"),
        Figure("from message to screen, p99", float(np.percentile(waits, 99)), "ms", at_most=1000),
        Figure("slowest", max(waits), "ms"),
        Figure("rows that missed the list of the desk", len(sent) - len(rows), "", at_most=0),
        Figure("from message to the row on the desk, p50", float(np.percentile(rows, 50)), "ms"),
        Figure("from message to the row on the desk, p99", float(np.percentile(rows, 99)), "ms", at_most=1000),
    ]


async def _listen(screen: Any, heard: dict[str, float]) -> None:
    async for message in screen:
        if isinstance(message, str):
            told = orjson.loads(message)
            if told["type"] == "event" and told["kind"] == "alarm_raised" and told["detail"]["rule"] == "heavy_rain_1h":
                heard.setdefault(told["phenomenon_time"][:23], time.perf_counter())


async def _raise(settings: Settings, seconds: float) -> dict[str, tuple[float, float]]:
    """Send rain and no rain in turn; return when each message that raises was sent, by its time.

    Returns
    -------
    By a counter of this process [s], and by the clock [ms since 1970].
    """
    sent: dict[str, tuple[float, float]] = {}
    url = f"http://127.0.0.1:{settings.port}/api/ingest/rain"
    headers = {"Authorization": f"Bearer {settings.secrets().ingest_key}"}
    end = time.perf_counter() + seconds - 1
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
        while time.perf_counter() < end:
            for mm in (60.0, 0.0):
                at = clock.now().isoformat(timespec="milliseconds")
                if mm:
                    sent[at[:23]] = time.perf_counter(), time.time() * 1e3
                answer = await client.post(
                    url, content=orjson.dumps([{"id": "A-1", "time": at, "rain_1h": mm, **RAIN}])
                )
                assert not answer.json()["rejects"], answer.text
                await asyncio.sleep(PAUSE_S)
    return sent
