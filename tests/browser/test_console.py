"""The operators' screen in a real browser, on a real city. Nothing here waits on time; all wait on a state."""

from datetime import timedelta
from typing import Any

import pytest

from tests.browser.conftest import Console, do_until
from tests.conftest import LiveCity
from twin import clock

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
FIRST_DATA_MS = 6000
FIRE = "FD-0300"
"""A shop of another market than the one that burns in the demo: an incident is heard once."""

NEIGHBOUR = "FD-0301"
"""The shop next to it."""


def test_first_data_is_there_within_six_seconds_and_nobody_outside_is_asked(console: Console) -> None:
    console.open()
    assert console.twin("firstDataMs") <= FIRST_DATA_MS
    outside = [url for url in console.requests if not url.startswith((console.city.url, "blob:", "data:"))]
    assert outside == []


def test_signed_out_caller_gets_the_form_and_no_data(console: Console) -> None:
    console.page.goto(f"{console.city.url}/console")
    assert console.page.locator("#name").is_visible()
    console.page.click("summary")
    assert not [url for url in console.requests if "_dash" in url and "component-suites" not in url]
    console.page.fill("#key", "wrong")
    console.page.press("#key", "Enter")
    assert console.page.locator("[role=alert]").is_visible()
    console.page.fill("#key", console.city.key)
    console.page.press("#key", "Enter")
    console.wait("document.querySelector('#console') !== null")


def test_every_layer_has_a_switch_a_count_and_an_age(console: Console) -> None:
    console.open()
    console.wait("[...document.querySelectorAll('[data-count]')].every((e) => /[0-9]/.test(e.textContent))")
    console.wait("[...document.querySelectorAll('[data-latest]')].every((e) => e.textContent !== '')")


def test_alarm_appears_in_the_list_its_click_flies_there_and_it_can_be_acknowledged(
    console: Console, raise_alarm: Any
) -> None:
    console.open()
    shop = _shop(console)

    def burn() -> None:
        start = clock.now() - timedelta(seconds=7)  # the sign must last 5 s before it is an alarm
        times = [(start + timedelta(seconds=second)).isoformat() for second in (0, 3, 6)]
        raise_alarm([{"id": FIRE, "time": at, "flame": "detected", "smoke": 60.0, "temperature": 90.0} for at in times])

    rows = "[...document.querySelectorAll('.alarm.is-danger:has([data-acknowledge])')]"
    do_until(console.page, burn, f"{rows}.some((row) => row.textContent.includes('{shop}'))")
    item = console.page.locator(f".alarm.is-danger:has([data-acknowledge]):has-text('{shop}')").first
    item.locator(".alarm-go").click()
    console.wait("window.__twin.engine.map.getZoom() >= 15.9 && !document.querySelector('#card-panel').hidden")
    console.wait("document.querySelectorAll('#card .values tr').length > 0")
    alarm = item.locator("[data-acknowledge]").get_attribute("data-acknowledge")
    console.page.locator(f"[data-acknowledge='{alarm}']").click()
    console.wait("(id) => document.querySelector(`[data-acknowledge='${id}']`) === null", alarm)
    told = console.page.request.get(f"{console.city.url}/api/alarms").json()["alarms"]
    assert alarm not in [str(one["id"]) for one in told if one["state"] == "UNACK"]


def test_chosen_alarm_keeps_the_keys_when_a_worse_one_takes_its_place(console: Console, raise_alarm: Any) -> None:
    """Heat speaks for smoke: the row goes, and with it what had the focus."""
    console.open()
    console.press("Shift+Enter")
    console.wait("document.querySelector('#alarm-said').textContent !== ''")
    shop = _shop(console, NEIGHBOUR)
    row = f"[...document.querySelectorAll('.alarm')].find((row) => row.textContent.includes('{shop}'))"

    def report(**values: float) -> None:
        start = clock.now() - timedelta(seconds=7)
        times = [(start + timedelta(seconds=second)).isoformat() for second in (0, 3, 6)]
        raise_alarm([{"id": NEIGHBOUR, "time": at, "flame": "clear"} | values for at in times])

    do_until(console.page, lambda: report(smoke=40.0, temperature=30.0), f"{row}")
    console.page.locator(f".alarm:has-text('{shop}') .alarm-go").focus()
    console.wait(f"{row}.hasAttribute('data-chosen') && {row}.classList.contains('is-alarm')")
    do_until(
        console.page, lambda: report(smoke=40.0, temperature=95.0),
        f"{row}?.classList.contains('is-danger') && {row}.hasAttribute('data-chosen')",
    )  # fmt: skip
    console.wait(f"document.activeElement?.closest('.alarm') === {row}")
    console.wait(f"{row}.querySelector('.alarm-value').textContent.includes('95')")
    console.press("Enter")
    console.wait("!document.querySelector('#card-panel').hidden && window.__twin.engine.map.getZoom() >= 15.9")
    asset = console.page.locator(f".alarm:has-text('{shop}')").first.get_attribute("data-asset")
    console.page.evaluate("document.activeElement.blur()")
    do_until(console.page, lambda: console.press("Shift+Enter"), f"!{row}?.querySelector('[data-acknowledge]')")
    told = console.page.request.get(f"{console.city.url}/api/assets/{asset}").json()
    assert "alarm_acknowledged" in [event["kind"] for event in told["events"]]


def _shop(console: Console, key: str = FIRE) -> str:
    told = console.page.request.get(f"{console.city.url}/api/search?q={key}").json()
    return str(told["results"][0]["name_ko"])


def test_switching_a_layer_off_takes_it_from_the_map(console: Console) -> None:
    console.open()
    console.wait("'parking' in window.__twin.layers")
    console.page.locator(".switch:has-text('주차장') input").click()
    console.wait("!('parking' in window.__twin.layers)")
    console.page.locator(".switch:has-text('주차장') input").click()
    console.wait("window.__twin.layers.parking?.rows > 0")


def test_language_switch_changes_the_words(console: Console) -> None:
    console.open()
    console.page.click("#language-switch")
    console.wait("document.querySelector('#console')?.lang === 'en'")
    assert console.page.locator(".pane-alarms h2").inner_text().startswith("Alarms")


def test_choosing_on_the_map_opens_the_card_with_values_and_ages(console: Console) -> None:
    console.open()
    console.wait("window.__twin.layers.water_level?.rows > 0")
    asset = console.twin("engine.scene.tables.get('water_level').asset[0]")
    console.page.evaluate("(asset) => window.__twin.pick('water_level', asset)", asset)
    console.wait("document.querySelectorAll('#card .values time, #card .values .is-never').length > 0")
    console.wait("document.querySelector('#chart .js-plotly-plot, #chart p') !== null")
    console.press("Escape")
    console.wait("document.querySelector('#card-panel').hidden")


def test_keyboard_reaches_search_help_and_list(console: Console) -> None:
    console.open()
    console.press("?")
    assert console.page.locator("[role=dialog]").is_visible()
    console.press("Escape")
    assert not console.page.locator("[role=dialog]").is_visible()
    console.press("/")
    console.page.keyboard.type("FD-0001")
    console.wait("document.querySelectorAll('#search-results button').length > 0")
    assert console.page.locator("#search").input_value() == "FD-0001"
    console.press("Enter")
    console.wait("!document.querySelector('#card-panel').hidden")
    console.press("Escape")
    console.press("l")
    console.wait("document.querySelectorAll('.list-body tbody tr').length > 0")


def test_list_shows_the_same_count_as_the_service(console: Console) -> None:
    console.open()
    console.press("l")
    console.page.locator(".tabs label:has-text('강우')").click()
    told = console.page.request.get(f"{console.city.url}/api/layers/rain/items?limit=1").json()
    console.wait("(n) => document.querySelector('#list-range').textContent.startsWith(`${n}개`)", told["numberMatched"])
    assert console.page.locator(".list-body tbody tr").count() == min(50, told["numberMatched"])


def test_cut_connection_is_told_and_the_map_comes_back(console: Console) -> None:
    console.open()
    console.page.evaluate("const { live } = window.__twin; live.kept = live.url; live.url = 'ws://127.0.0.1:1/'")
    console.page.evaluate("window.__twin.live.socket.close()")
    console.wait("document.querySelector('#notice').classList.contains('is-lost')")
    assert "is-lost" in (console.page.locator("#link").get_attribute("class") or "")
    console.page.evaluate(
        "const { live } = window.__twin; live.url = live.kept; window.dispatchEvent(new Event('online'))"
    )
    console.wait("window.__twin.link === 'live'")
    console.wait("document.querySelector('#notice').classList.contains('is-quiet')")


def test_lost_graphics_context_is_rebuilt(console: Console) -> None:
    console.open()
    console.page.evaluate(
        "window.__twin.engine.map.getCanvas().getContext('webgl2').getExtension('WEBGL_lose_context').loseContext()"
    )
    console.wait("window.__twin.state === 'ready' && window.__twin.engine.rebuilds === 1")


def test_flat_map_draws_tiles_and_marks(console: Console) -> None:
    console.open("view=2d", until="document.querySelector('.leaflet-tile-loaded') !== null")
    console.wait("document.querySelector('.flat-map canvas') !== null")
    assert console.page.locator("#console.is-2d").is_visible()


@pytest.mark.parametrize("console", [PHONE], indirect=True)
def test_phone_has_panes_and_no_sideways_scroll(console: Console, live_city: LiveCity) -> None:
    console.open()
    for pane, selector in (("alarms", "#alarms"), ("layers", ".layers"), ("list", ".list-body")):
        console.page.evaluate("(pane) => document.querySelector(`.pane-tab[data-pane=${pane}]`).click()", pane)
        console.page.locator(selector).wait_for(state="visible")
        assert console.page.evaluate("document.documentElement.scrollWidth") <= 390
