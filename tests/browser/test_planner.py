"""The planner in a real browser: from the form to water on the map."""

from tests.browser.conftest import Console

TIMEOUT_MS = 120_000


def test_a_planner_runs_a_flood_and_sees_the_water_come(console: Console) -> None:
    page = console.page
    page.goto(console.city.console_url, wait_until="commit")
    page.goto(f"{console.city.url}/planner?lang=en&mode=light", wait_until="commit")
    console.wait("window.__twin?.state === 'ready'")
    assert page.locator(".mode-word").inner_text() == "가정 · WHAT-IF"
    page.locator("#run-hours").fill("1")
    page.locator("#run-hours").press("Tab")
    page.get_by_text("Naehang pump station").click()
    page.click("#run-start")
    page.wait_for_function("window.__twin.run", timeout=TIMEOUT_MS)
    assert page.locator("#run-result .trust.is-trusted").count() == 1
    assert page.locator("#frame-time").inner_text() == "1:00"
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("document.querySelector('#frame-time').textContent === '0:50'", timeout=TIMEOUT_MS)
    page.mouse.click(480, 300)
    page.wait_for_function("document.querySelector('#water-curve svg') !== null", timeout=TIMEOUT_MS)
    outside = [url for url in console.requests if not url.startswith((console.city.url, "blob:", "data:"))]
    assert outside == []


def test_the_planner_is_for_signed_in_callers_only(console: Console) -> None:
    console.page.goto(f"{console.city.url}/planner")
    assert console.page.locator("#key").is_visible()
