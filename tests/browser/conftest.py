"""A headless browser at the console of a running city; software rendering, so small pages in `mode=light`."""

import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, TimeoutError, sync_playwright

from tests.conftest import LiveCity

SIZE = {"width": 960, "height": 540}
ARGUMENTS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]
TIMEOUT_MS = 120_000
READY = "window.__twin?.state === 'ready' && window.__twin.link === 'live' && window.__twin.firstDataMs"


def wait_for(page: Page, condition: str, arg: Any = None, timeout_ms: int = TIMEOUT_MS) -> Any:
    """Wait for a condition; as a function, since no page of ours lets a text be evaluated (CSP)."""
    function = condition if re.match(r"\(\w*\) =>", condition) else f"() => ({condition})"
    return page.wait_for_function(function, arg=arg, timeout=timeout_ms)


def do_until(page: Page, act: Callable[[], None], condition: str) -> None:
    """Do something, again every ten seconds, until a condition holds.

    The demo's own report of a detector, between those of a test, says that nothing burns and begins the delay anew.
    """
    for _ in range(TIMEOUT_MS // 10_000):
        act()
        with suppress(TimeoutError):
            wait_for(page, condition, timeout_ms=10_000)
            return
    raise AssertionError(condition)


@dataclass
class Console:
    """One page of the console, and what it asked the network for."""

    page: Page
    city: LiveCity
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def sign_in(self) -> None:
        """Get the operator's cookie."""
        self.page.request.get(self.city.console_url, max_redirects=0)

    def open(self, query: str = "mode=light", until: str = READY) -> "Console":
        """Sign in, open the console and wait until it is ready."""
        self.sign_in()
        self.page.goto(f"{self.city.url}/console?{query}", wait_until="commit")
        self.wait(until)
        return self

    def wait(self, condition: str, arg: Any = None) -> None:
        """Wait until a JavaScript condition holds: an expression, or a function of `arg`."""
        wait_for(self.page, condition, arg, TIMEOUT_MS)

    def twin(self, path: str) -> Any:
        """Return a part of the map's test window."""
        return self.page.evaluate(f"window.__twin.{path}")

    def press(self, key: str) -> None:
        """Press a key."""
        self.page.keyboard.press(key)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; gone after these tests, since no event loop can run beside it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium-headless-shell", args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def contexts(browser: Browser) -> Iterator[dict[str, BrowserContext]]:
    """Contexts by their settings: tests share what is compiled and cached, and nothing else."""
    contexts: dict[str, BrowserContext] = {}
    yield contexts
    for context in contexts.values():
        context.close()


@pytest.fixture
def console(
    browser: Browser, contexts: dict[str, BrowserContext], live_city: LiveCity, request: pytest.FixtureRequest
) -> Iterator[Console]:
    """A page of somebody new; `@pytest.mark.parametrize("console", [{...}], indirect=True)` changes its settings."""
    settings = {"viewport": SIZE} | getattr(request, "param", {})
    context = contexts.get(str(settings)) or contexts.setdefault(str(settings), browser.new_context(**settings))
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    console = Console(page, live_city)
    page.on("request", lambda request: console.requests.append(request.url))
    page.on("pageerror", lambda error: console.errors.append(str(error)))
    yield console
    kept = {"origin": live_city.url, "storageTypes": "cookies,local_storage,indexeddb,service_workers"}
    context.new_cdp_session(page).send("Storage.clearDataForOrigin", kept)
    page.close()
    assert not console.errors


@pytest.fixture
def raise_alarm(live_city: LiveCity) -> Any:
    """Return a function that makes a market's detector see a fire, by the open door of every source: HTTP."""

    def post(messages: list[dict[str, Any]]) -> None:
        secrets = live_city.settings.secrets()
        request = urllib.request.Request(
            f"{live_city.url}/api/ingest/market_fire",
            data=json.dumps(messages).encode(),
            headers={"Authorization": f"Bearer {secrets.ingest_key}", "Content-Type": "application/json"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert not json.load(answer)["rejects"]

    return post
