"""A public alert is let out by two people with accounts of their own, in two browsers; the log has both."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Browser, Page

from backend.account_command import INSTALLER
from tests.browser.conftest import SIZE, TIMEOUT_MS, Console, wait_for
from tests.browser.test_wall import ask
from tests.conftest import LiveCity
from twin import clock
from twin.accounts import Accounts
from twin.db import connect

PASSWORD = "two persons, one alert"
KIM, LEE = "kim.draft", "lee.second"
INCIDENT = {"topic": "flood", "title": "두 사람 승인 시험", "lon": 126.7136, "lat": 35.9676}


async def make(city: LiveCity, name: str, role: str = "operator") -> None:
    """Make an account whose first password is changed already."""
    db = await connect(city.settings.dsn())
    try:
        first = await Accounts(db).add(INSTALLER, name, "", role, clock.now())
        await Accounts(db).set_password(name, first, PASSWORD, clock.now())
    finally:
        await db.close()


def sign_in(page: Page, city: LiveCity, name: str) -> None:
    """Sign in by the form's own route: its way leads over the map of the console, which is not what is tested here."""
    answer = page.request.post(f"{city.url}/sign-in", form={"name": name, "password": PASSWORD}, max_redirects=0)
    assert answer.headers["location"] == "/console"


@pytest.fixture
def second(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=SIZE)
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    yield page
    context.close()


def test_the_drafter_cannot_let_an_alert_out_alone(console: Console, second: Page) -> None:
    city, first = console.city, console.page
    for page, name in ((first, KIM), (second, LEE)):
        with ThreadPoolExecutor(1) as beside:  # this thread is the browser's
            beside.submit(asyncio.run, make(city, name)).result()
        sign_in(page, city, name)
    number = ask(city, "/api/incidents", INCIDENT)["id"]
    start = ask(city, "/api/log/head")["seq"]
    first.goto(f"{city.url}/desk?incident={number}", wait_until="commit")
    console.wait(f"() => window.__desk?.told?.id === {number}")
    assert first.locator("header a", has_text=KIM).count() == 1, "who works here"
    assert first.locator("a[href^='/desk/review']").count() == 0, "an operator may not audit"
    console.press("b")
    console.wait(
        "() => document.activeElement.name === 'event.ko' && document.querySelector('.alert-form svg .is-alert')"
    )
    console.press("Enter")
    console.wait("() => window.__desk.alert !== null && document.querySelector('#detail [data-do=approve]')")
    name = first.evaluate("() => window.__desk.alert")
    stands = f"window.__desk?.lists.alerts?.find((one) => one.identifier === '{name}')?.state"
    console.press("a")
    console.wait(f"() => {stands} === 'approved'")
    console.press("a")
    console.wait("() => document.querySelector('#said').textContent.includes('다른 사람')")
    second.goto(f"{city.url}/desk?tab=alerts", wait_until="commit")
    wait_for(second, f"() => {stands} === 'approved'")
    second.locator(f"#rows [data-alert='{name}']").press("Enter")
    wait_for(second, "() => document.querySelector('#detail [data-do=approve]')")
    second.keyboard.press("a")
    wait_for(second, f"() => {stands} === 'issued'")
    month = f"{clock.now().astimezone(clock.KST):%Y-%m}"
    rows = ask(city, f"/api/log?month={month}&work=alerts.")["rows"]
    told = [(row["account"], row["work"], row["outcome"]) for row in reversed(rows) if row["seq"] > start]
    assert told == [
        (KIM, "alerts.draft", "done"), (KIM, "alerts.approve", "done"), (KIM, "alerts.approve", "refused"),
        (LEE, "alerts.approve", "done"),
    ]  # fmt: skip
    second.goto(f"{city.url}/desk/review?lang=en", wait_until="commit")
    assert "Reviewing the log" in second.locator("main").inner_text(), "what right is missing, in words"
