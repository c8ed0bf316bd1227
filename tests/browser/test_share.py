"""A share in real browsers: made at the desk by keyboard, opened on a phone, and dark when it is ended."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import TIMEOUT_MS, Console
from tests.browser.test_wall import ask

PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
FIRE = {"topic": "fire", "title": "신영시장 화재 의심", "severity": "danger", "lon": 126.7187, "lat": 35.9837}
MOST_BYTES = 1_500_000
COLOURS = """() => {
  const map = document.querySelector('#map');
  const { data } = map.getContext('2d').getImageData(0, 0, map.width, map.height);
  const found = new Set();
  for (let i = 0; i < data.length; i += 400) found.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
  return found.size;
}"""


@pytest.fixture
def desk(console: Console) -> Console:
    console.sign_in()
    return console


def wire_bytes(page: Page) -> dict[str, int]:
    """Return what each request of a page's first view took on the wire [byte], from now on."""
    sizes: dict[str, int] = {}
    session = page.context.new_cdp_session(page)
    names: dict[str, str] = {}
    session.send("Network.enable")
    session.on("Network.requestWillBeSent", lambda told: names.update({told["requestId"]: told["request"]["url"]}))
    session.on(
        "Network.loadingFinished",
        lambda told: sizes.update({names.get(told["requestId"], "?"): int(told["encodedDataLength"])}),
    )
    return sizes


def test_an_agency_sees_its_incident_on_a_phone_until_the_share_ends(desk: Console, browser: Browser) -> None:
    number = ask(desk.city, "/api/incidents", FIRE)["id"]
    desk.page.goto(f"{desk.city.url}/desk?incident={number}", wait_until="commit")
    desk.wait(f"() => window.__desk?.told?.id === {number}")
    desk.press("l")
    form = desk.page.locator("#ask form")
    form.locator("[name=agency]").fill("군산소방서")
    form.locator("[name=purpose]").fill("시장 화재 출동")
    form.locator("[name=contact]").fill("관제센터 063-450-0000")
    form.locator("[name=cameras]").first.check()
    assert "1 km" in form.locator("[name=area] option:checked").inner_text()
    form.locator("[name=area]").select_option(index=0)
    form.locator("[name=agency]").press("Enter")
    link = desk.page.locator("#share-url").input_value()
    assert desk.page.locator("#ask img").get_attribute("src").startswith("data:image/svg+xml")
    context = browser.new_context(**PHONE)
    phone = context.new_page()
    phone.set_default_timeout(TIMEOUT_MS)
    errors: list[Any] = []
    phone.on("pageerror", lambda error: errors.append(str(error)))
    sizes = wire_bytes(phone)
    phone.goto(link, wait_until="commit")
    phone.wait_for_function("() => window.__share?.link === 'live' && window.__share.map?.drawn > 0 && __share.hasMap")
    west, south, east, north = phone.evaluate("() => __share.told.share.area")
    assert (east - west, north - south) == (pytest.approx(0.00668, rel=0.01), pytest.approx(0.0054, rel=0.01)), (
        "300 m each way"
    )
    assert "null" not in phone.locator("#case").inner_text()
    first_view = sum(sizes.values())
    print(f"first view: {first_view / 1000:.0f} kB in {len(sizes)} requests")
    assert 10_000 < first_view <= MOST_BYTES, sizes
    assert all(one.startswith((desk.city.url, "data:")) for one in sizes), "nothing from outside"
    assert "신영시장 화재 의심" in phone.locator("h1").first.inner_text()
    assert phone.locator("a[href='tel:063-450-0000'], a[href='tel:0634500000']").count() == 1
    assert phone.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"), "nothing sticks out"
    colours = phone.evaluate(COLOURS)
    assert colours > 8, "the map is drawn"
    phone.locator("#from-agency").select_option(index=1)
    phone.wait_for_function("() => window.__share.map.way.length > 1")
    phone.locator("details", has_text="영상 보기").locator("summary").click()
    phone.wait_for_function("() => document.querySelector('figure img')?.naturalWidth > 0")
    phone.locator("#seen").click()
    phone.wait_for_function("() => document.querySelector('#seen').disabled")
    desk.press("Escape")
    desk.wait("() => document.querySelector('.share.is-live')?.textContent.includes('확인함')")
    desk.page.locator("[data-do=revoke]").press("Enter")
    phone.wait_for_function("() => window.__share.isOver")  # how soon: tests/backend/test_share.py
    assert phone.locator("#over").is_visible()
    assert phone.locator("#case").inner_text() == ""
    assert "신영시장" not in phone.content()
    phone.reload(wait_until="commit")
    assert phone.locator("#over").is_visible()
    desk.wait("() => document.querySelector('.share.is-revoked')")
    context.close()
    assert errors == []
    kinds = [one["kind"] for one in ask(desk.city, f"/api/incidents/{number}")["timeline"]]
    assert {"shared", "share_opened", "seen", "share_revoked"} <= set(kinds)
