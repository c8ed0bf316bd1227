"""axe-core at every page of every screen, in both languages; and the main actions by keyboard alone."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from frontend.pages.mayor.frame import MENUS, path_of
from tests.browser.conftest import Console

GRAVE = ("serious", "critical")
MAP = "window.__twin?.state === 'ready'"
PAGES = (
    ("/console", f"() => {MAP} && document.querySelector('#alarms .skeleton') === null"),
    ("/console?view=2d", "() => document.querySelector('.leaflet-tile-loaded') !== null"),
    ("/planner", f"() => {MAP} && document.querySelector('#runs .skeleton') === null"),
    ("/public", "() => document.querySelector('#version').textContent > ''"),
    ("/desk", "() => window.__desk?.loads > 0"),
    ("/wall", f"() => window.__wall?.looks > 0 && {MAP}"),
    ("/wall/desk", "() => document.querySelector('#layouts') !== null"),
)
LOADED = "() => document.readyState === 'complete'"
OFFICE = (*(path_of(menu) for menu in MENUS), "/mayor/manifesto/3", "/mayor/district/1", "/mayor/complaints",
          "/mayor/figure/tide")  # fmt: skip


def grave(console: Console) -> list[str]:
    """What axe calls serious or critical on the page as it stands."""
    told = Axe().run(console.page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{one['id']}: {node['target']} {node['html'][:120]}"
        for one in told
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]


def look(console: Console, path: str, language: str, until: str) -> list[str]:
    glue = "&" if "?" in path else "?"
    console.page.goto(f"{console.city.url}{path}{glue}lang={language}&mode=light", wait_until="commit")
    console.wait(until)
    return [f"{language} {path}: {what}" for what in grave(console)]


@pytest.mark.parametrize("language", ["ko", "en"])
def test_no_page_has_a_serious_barrier_or_loads_what_it_may_not(console: Console, language: str) -> None:
    refused: list[str] = []
    console.page.on(
        "console", lambda told: refused.append(told.text) if "Content Security Policy" in told.text else None
    )
    found = look(console, "/console", language, "() => document.querySelector('form') !== null")
    assert found == [], "the sign-in form"
    console.sign_in()
    for path, until in PAGES:
        found += look(console, path, language, until)
    for path in OFFICE:
        found += look(console, path, language, f"() => {MAP}" if path == "/mayor/map" else LOADED)
    assert found == []
    assert refused == []


def tab_to(console: Console, goal: str, most: int = 150) -> None:
    """Press Tab until what has the focus matches a selector."""
    for _ in range(most):
        console.press("Tab")
        if console.page.evaluate("(goal) => document.activeElement.matches(goal)", goal):
            return
    raise AssertionError(f"{most} presses of Tab do not lead to {goal}")


def test_the_console_is_worked_by_tab_and_keys(console: Console) -> None:
    page = console.open("mode=light&lang=en").page
    console.wait("document.querySelector('.layer-row input')")
    tab_to(console, "#search")
    tab_to(console, ".layer-row input")
    page.keyboard.press("Space")
    console.wait("document.querySelector('.layer-row input:not(:checked)') !== null")
    page.keyboard.press("Space")
    tab_to(console, ".twin-map canvas")
    before = page.evaluate("window.__twin.engine.map.getCenter().lng")
    page.keyboard.press("ArrowRight")
    console.wait("(before) => window.__twin.engine.map.getCenter().lng !== before", before)
    tab_to(console, "#clock-play")
    tab_to(console, "#clock-slider, #clock-slider input")
    tab_to(console, "#clock-now")


def test_the_planner_is_worked_by_tab_and_keys(console: Console) -> None:
    page = console.page
    console.sign_in()
    page.goto(f"{console.city.url}/planner?lang=en&mode=light", wait_until="commit")
    console.wait(f"{MAP} && document.querySelector('#runs .skeleton') === null")
    tab_to(console, "#run-simulation input")
    tab_to(console, "#run-preset input")
    page.keyboard.press("ArrowDown")
    console.wait("document.querySelectorAll('#run-preset input')[1].checked")
    tab_to(console, "#run-pumps input")
    page.keyboard.press("Space")
    console.wait("document.querySelector('#run-pumps input').checked")
    tab_to(console, "#run-start")
    tab_to(console, "#run-start-all")
    tab_to(console, "[data-analysis=response]")
    page.keyboard.press("Enter")
    console.wait("document.querySelectorAll('#analysis-found tbody tr').length === 27")
    tab_to(console, "#run-way input")
    tab_to(console, "#run-result")


def test_the_public_page_weighs_little_with_its_fonts(console: Console) -> None:
    session = console.page.context.new_cdp_session(console.page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    weights: list[float] = []
    session.on("Network.loadingFinished", lambda told: weights.append(told["encodedDataLength"]))
    console.page.goto(f"{console.city.url}/public", wait_until="networkidle")
    assert 20_000 < sum(weights) < 1_500_000
