"""The planner in a real browser: from the form to water on the map."""

import pytest

from tests.browser.conftest import Console, wait_for
from tests.browser.test_wall import ask

TIMEOUT_MS = 120_000


def test_a_planner_runs_a_flood_and_sees_the_water_come_and_the_traffic_in_it(console: Console) -> None:
    page = console.page
    console.sign_in()
    page.goto(f"{console.city.url}/planner?lang=en&mode=light", wait_until="commit")
    console.wait("window.__twin?.state === 'ready'")
    assert page.locator(".mode-word").inner_text() == "가정 · WHAT-IF"
    page.locator("#run-hours").fill("1")
    page.locator("#run-hours").press("Tab")
    page.get_by_text("Naehang pump station").click()
    page.click("#run-start")
    wait_for(page, "window.__twin.run", timeout_ms=TIMEOUT_MS)
    assert page.locator("#run-result .trust.is-trusted").count() == 1
    assert page.locator("#frame-time").inner_text() == "1:00"
    page.keyboard.press("ArrowLeft")
    wait_for(page, "document.querySelector('#frame-time').textContent === '0:50'", timeout_ms=TIMEOUT_MS)
    page.mouse.click(480, 300)
    wait_for(page, "document.querySelector('#water-curve svg') !== null", timeout_ms=TIMEOUT_MS)
    page.click(".is-cascade")
    wait_for(page, "window.__twin.engine.roads?.planes", timeout_ms=TIMEOUT_MS)
    assert "Water closes up to" in page.locator("#run-result").inner_text()
    assert page.evaluate("Boolean(window.__twin.engine.depth.codes)"), "the water stays on the map under its traffic"
    page.click("#run-minus")  # the same water alone, right of the line
    page.get_by_role("option").first.click()
    wait_for(page, "window.__twin.beside", timeout_ms=TIMEOUT_MS)
    assert [page.locator(f"#swipe-{side}").inner_text()[0] for side in ("left", "right")] == ["A", "B"]
    assert page.evaluate("() => window.__twin.engine.beside.codes !== null && window.__twin.engine.roads.other.n === 0")
    outside = [url for url in console.requests if not url.startswith((console.city.url, "blob:", "data:"))]
    assert outside == []


@pytest.mark.benchmark  # two floods and their browser: minutes
def test_a_planner_runs_a_flood_again_gets_the_same_answer_and_swipes_between_the_two(console: Console) -> None:
    page = console.page
    scenario = {"preset": "cloudburst", "duration_h": 0.5, "threads": 1}
    first = ask(console.city, "/api/runs", {"simulation": "flood", "title": "one", "scenario": scenario})
    console.sign_in()
    page.goto(f"{console.city.url}/planner?lang=en&mode=light&run={first['id']}", wait_until="commit")
    shown = "(id) => window.__twin?.run === id"
    wait_for(page, shown, first["id"], 2 * TIMEOUT_MS)
    assert page.locator(".verified.is-none").count() == 1
    page.click(".is-verify")
    page.locator(".alarm:has-text('Run again and verify') .state:has-text('done')").wait_for(timeout=2 * TIMEOUT_MS)
    page.locator(".verified.is-good").wait_for(timeout=TIMEOUT_MS)
    page.click("#run-minus")
    page.get_by_role("option", name="one", exact=True).click()
    wait_for(page, "window.__twin.beside", timeout_ms=TIMEOUT_MS)
    assert page.locator(".is-compared tbody tr").count() >= 7
    assert page.locator(".is-compared tr:has-text('People') td").last.inner_text() == "+0"
    assert page.locator(".is-compared tr:has-text('Cost') td").first.inner_text() == "–"
    page.locator("#run-swipe").focus()
    page.keyboard.press("Home")
    wait_for(page, "window.__twin.engine.props.swipe === 0 && window.__twin.engine.depth.cut")
    seen = "(part) => window.__twin.engine[part].image.data.some((byte) => byte)"
    wait_for(page, f"() => !({seen})('depth') && ({seen})('beside')", timeout_ms=TIMEOUT_MS)
    page.click("[data-analysis=response]")
    wait_for(page, "document.querySelectorAll('#analysis-found tbody tr').length === 27", timeout_ms=TIMEOUT_MS)
    page.click("[data-analysis=water]")
    wait_for(page, "document.querySelectorAll('#analysis-found th[scope=row]').length > 0", timeout_ms=TIMEOUT_MS)


STREET = """() => {
  const { map } = window.__twin.engine;
  const box = map.getCanvas().getBoundingClientRect();
  const seen = map.queryRenderedFeatures({ layers: ['road'] }).filter((one) => one.properties.rank <= 105 && one.geometry.type === 'LineString');
  const places = seen.map((one) => ({ id: one.id, at: map.project(one.geometry.coordinates[Math.floor(one.geometry.coordinates.length / 2)]) }));
  const inside = places.filter(({ at }) => at.x > 60 && at.x < box.width - 60 && at.y > 60 && at.y < box.height - 230);
  const one = inside[0];
  return one && { id: one.id, x: box.x + one.at.x, y: box.y + one.at.y };
}"""  # noqa: E501


def test_a_planner_closes_a_road_on_the_map_and_sees_the_detours_fill(console: Console) -> None:
    page = console.page
    console.sign_in()
    page.goto(f"{console.city.url}/planner?lang=en&mode=light", wait_until="commit")
    console.wait("window.__twin?.state === 'ready'")
    page.get_by_text("Traffic", exact=True).click()
    page.get_by_text("Two hours of the morning peak").click()
    for name, value in (("close-from", "5"), ("close-minutes", "20"), ("traffic-hours", "0.5")):
        page.locator(f"#{name}").fill(value)
        page.locator(f"#{name}").press("Tab")
    page.locator("#traffic-seeds label").first.click()
    page.get_by_text("draw an area", exact=True).click()
    points = "(n) => document.querySelector('#closures').innerText.includes(`${n} points`)"
    for n, (x, y) in enumerate(((400, 180), (450, 180), (450, 230)), start=1):
        page.mouse.click(x, y)
        wait_for(page, points, n, TIMEOUT_MS)
    page.click("#close-finish")
    wait_for(page, "document.querySelector('#closures').innerText.includes('area 1 (3)')")
    page.click("#close-clear")
    wait_for(page, "document.querySelector('#closures').innerText.startsWith('Nothing closed')")
    page.get_by_text("click roads", exact=True).click()
    street = wait_for(page, STREET, timeout_ms=TIMEOUT_MS).json_value()
    page.mouse.click(street["x"], street["y"])
    wait_for(page, "document.querySelector('#closures li')", timeout_ms=TIMEOUT_MS)
    page.click("#traffic-start")
    wait_for(page, "window.__twin.run", timeout_ms=TIMEOUT_MS)
    assert page.locator("#run-result .measures li").count() == 1
    assert page.locator("#frame-time").inner_text() == "7:30"
    closed = "(bin) => { const { roads } = window.__twin.engine; const n = roads.ids.length; return roads.planes[0].slice(bin * n, bin * n + n).filter((code) => code === 255).length; }"  # noqa: E501
    assert page.evaluate(closed, 0) == 0 < page.evaluate(closed, 2) <= 8
    page.get_by_text("change of flow", exact=True).click()
    wait_for(page, "window.__twin.engine.roads.view === 'flow'")
    page.mouse.click(street["x"], street["y"])
    wait_for(page, "document.querySelector('#water-curve svg') !== null", timeout_ms=TIMEOUT_MS)
    outside = [url for url in console.requests if not url.startswith((console.city.url, "blob:", "data:"))]
    assert outside == []


def test_the_planner_is_for_signed_in_callers_only(console: Console) -> None:
    console.page.goto(f"{console.city.url}/planner")
    assert console.page.locator("#name").is_visible()
