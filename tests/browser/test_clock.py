"""The one clock in a real browser: replay, the next hours, and back; the mode is always in sight."""

from tests.browser.conftest import READY, Console

WORD = "document.querySelector('#mode-word').textContent"


def test_the_console_replays_and_comes_back(console: Console) -> None:
    page = console.open("mode=light").page
    assert page.evaluate(WORD) == ""
    page.evaluate("gunsan_clock.show(Date.now() - 40 * 1000)")
    console.wait("window.__twin.moment && window.__twin.layers.rain && !window.gunsan_clock.isBusy()")
    at = page.evaluate("gunsan_clock.at")
    console.wait("(at) => Math.abs(window.__twin.layers.rain.at - at) < 1000", at)
    assert page.evaluate(WORD) == "재생 · REPLAY"
    border = page.evaluate("getComputedStyle(document.body, '::after').borderTopWidth")
    assert border == "5px"
    assert page.evaluate("getComputedStyle(document.body, '::after').position") == "fixed"
    console.press("n")
    console.wait(f"{WORD} === '' && !window.__twin.moment && {READY}")
    shown = page.evaluate("window.__twin.layers.rain.gen")
    console.wait("(gen) => window.__twin.layers.rain.gen > gen", shown)


def test_the_next_hours_are_called_forecast_by_keyboard(console: Console) -> None:
    page = console.open("mode=light&lang=en").page
    console.press("t")
    console.wait("document.activeElement.closest('#clock-bar')")
    for _ in range(3):
        console.press("ArrowRight")
    console.wait(f"{WORD} === '예측 · FORECAST' && document.documentElement.dataset.mode === 'forecast'")
    assert page.evaluate("gunsan_clock.query").startswith("valid_at=")
    for _ in range(13):
        console.press("ArrowLeft")
    console.wait(f"{WORD} === '재생 · REPLAY'")
    page.click("#clock-play")
    start = page.evaluate("gunsan_clock.at")
    console.wait("(start) => gunsan_clock.at > start + 20000 || gunsan_clock.mode === 'live'", start)
    page.click("#clock-now")
    console.wait(f"{WORD} === ''")


def test_the_planners_map_has_the_citys_past_and_next_hours_while_no_run_is_shown(console: Console) -> None:
    page = console.page
    console.sign_in()
    page.goto(f"{console.city.url}/planner?lang=en&mode=light", wait_until="commit")
    console.wait("window.__twin?.state === 'ready' && document.querySelector('#clock-time').textContent > ''")
    assert page.evaluate(WORD) == "가정 · WHAT-IF"
    for key, word in (("ArrowRight", "예측 · FORECAST"), ("ArrowLeft", "재생 · REPLAY")):
        console.press("n")
        console.press("t")
        console.wait("document.activeElement.closest('#clock-bar')")
        for _ in range(3):
            console.press(key)
        console.wait(f"(word) => {WORD} === word", word)
    console.press("n")
    console.wait(f"{WORD} === '가정 · WHAT-IF'")
