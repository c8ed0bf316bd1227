"""The desk in a real browser: a market fire from the first sensor to the closed case, by keyboard alone."""

from datetime import timedelta
from typing import Any

import pytest

from tests.browser.conftest import Console, do_until
from tests.browser.test_wall import ask
from twin import clock
from twin.cap import faults

SHOP, MARKET = "FD-0400", "신영시장"
"""A shop of another market than the one that burns in the demo."""


@pytest.fixture
def desk(console: Console) -> Console:
    console.sign_in()
    console.page.goto(f"{console.city.url}/desk", wait_until="commit")
    console.wait("() => window.__desk?.loads > 0 && document.documentElement.dataset.link === 'live'")
    return console


def burn(raise_alarm: Any, *, out: bool = False) -> None:
    start = clock.now() - timedelta(seconds=7)
    sign = {"flame": "clear", "smoke": 0.0, "temperature": 20.0} if out else {
        "flame": "detected", "smoke": 60.0, "temperature": 90.0
    }  # fmt: skip
    for second in (0, 3, 6) if not out else (7,):
        raise_alarm([{"id": SHOP, "time": (start + timedelta(seconds=second)).isoformat(), **sign}])


def until(desk: Console, what: str) -> None:
    desk.wait(f"() => {what}")


def fill(desk: Console, name: str, text: str) -> None:
    desk.page.locator(f"dialog [name={name}]").fill(text)
    desk.press("Enter")
    until(desk, f"document.querySelector('dialog[open] [name={name}]') === null")  # keys go to it until then


def test_a_market_fire_is_worked_by_keyboard_from_first_sign_to_pack(desk: Console, raise_alarm: Any) -> None:
    assert desk.page.locator("[data-bell]").inner_text()
    desk.press("1")  # browsers make no sound before somebody has touched the page
    until(desk, "window.gunsan_bell.state === 'on'")
    mine = (
        f"[...document.querySelectorAll('#rows .row.is-danger.is-new')].some((r) => r.textContent.includes('{MARKET}'))"
    )
    do_until(desk.page, lambda: burn(raise_alarm), mine)
    for _ in range(desk.page.locator("#rows .row").count()):
        desk.press("j")
        until(desk, "window.__desk.told?.id === window.__desk.incident")
        if MARKET in desk.page.evaluate("() => window.__desk.told.title_ko"):
            break
    assert desk.page.evaluate("() => window.__desk.told.topic") == "fire"
    assert desk.page.evaluate("() => window.gunsan_bell.rung.some((one) => one.severity === 'danger')")
    desk.press("v")
    until(desk, "document.querySelector('[data-bell]').dataset.state === 'off'")
    number = desk.page.evaluate("() => window.__desk.incident")
    desk.press("a")
    until(desk, "window.__desk.told.state === 'acknowledged'")
    desk.press("d")
    fill(desk, "who", "중앙119안전센터")
    until(desk, "window.__desk.told.state === 'dispatched'")
    desk.press("n")
    until(desk, "document.querySelector('dialog[open] [type=submit]') !== null")  # nobody is told by one key alone
    desk.press("Enter")
    until(desk, "document.querySelectorAll('#detail .notice.is-not_configured').length >= 4")
    until(desk, "window.__desk.around.isThere")
    desk.press("i")
    fill(desk, "purpose", "불꽃 확인")
    until(desk, "window.gunsan_desk_look.pictures > 0 && document.querySelector('#look img').naturalWidth > 0")
    desk.press("i")
    until(desk, "document.querySelector('#look').hidden")
    desk.page.locator("#detail [data-do=done]").first.press("Enter")
    until(desk, "document.querySelectorAll('#detail .task.is-done').length === 1")
    burn(raise_alarm, out=True)
    until(desk, "window.__desk.told.standing === 0")
    for alarm in desk.page.evaluate("() => window.__desk.told.alarm_list.map((one) => one.id)"):
        ask(desk.city, f"/api/alarms/{alarm}/acknowledge", {})
    desk.press("c")
    fill(desk, "reason", "진화 완료")
    until(desk, "window.__desk.told.state === 'closed'")
    assert "null" not in desk.page.locator("#detail").inner_text()
    told = ask(desk.city, f"/api/incidents/{number}")
    marks = {row["mark"] for row in told["ledger"] if row["at"]}
    assert {"sign", "alarm", "acknowledged", "action", "closed"} <= marks
    for kind, head in (("pdf", b"%PDF"), ("csv", b"\xef\xbb\xbf"), ("html", b"<!DOCTYPE")):
        answer = desk.page.request.get(f"{desk.city.url}/api/incidents/{number}/pack.{kind}?reason=report")
        assert answer.body().startswith(head)


def test_a_drill_bears_its_frame_and_leaves_the_real_board_alone(desk: Console) -> None:
    desk.press("6")
    desk.page.locator("[data-start=market_fire]").click()
    until(desk, "document.documentElement.dataset.mode === 'drill' && document.querySelector('#rows .row.is-alarm')")
    assert "훈련" in desk.page.locator("#mode-word").inner_text()
    frame = "const f = getComputedStyle(document.body, '::after'); return [f.borderTopColor, f.borderTopWidth]"
    colour, width = desk.page.evaluate(f"() => {{ {frame} }}")
    assert (colour, width) == ("rgb(232, 238, 243)", "5px"), "the whole screen is framed"
    drilled = {one["id"] for one in desk.page.evaluate("() => window.__desk.lists.incidents")}
    assert drilled
    assert drilled.isdisjoint(one["id"] for one in ask(desk.city, "/api/incidents")["incidents"])
    shown = "async () => (await (await fetch('/api/wall')).json()).shown.layout.branch"
    desk.press("w")  # the wall takes part
    desk.wait(f"{shown} === window.__desk.branch")
    desk.press("6")
    desk.page.locator("[data-do=end_drill]").first.click()
    until(desk, "document.querySelectorAll('#detail tr.is-missed').length > 0")
    desk.wait(f"{shown} === 'live'")
    desk.press("g")
    until(desk, "document.documentElement.dataset.mode === 'live' && !document.querySelector('#mode-word').textContent")


def test_an_alarm_is_shelved_with_a_reason_and_found_one_key_away(desk: Console) -> None:
    gauge = ask(desk.city, "/api/layers/rain/items?limit=1")["features"][0]["properties"]["key"]
    key = desk.city.settings.secrets().ingest_key
    rain = {"rainfall_rate": 90.0, "rain_10min": 15.0, "rain_1h": 80.0, "rain_3h": 85.0, "rain_day": 90.0}
    desk.page.request.post(
        f"{desk.city.url}/api/ingest/rain",
        data=[{"id": gauge, "time": clock.now().isoformat(), **rain}],
        headers={"Authorization": f"Bearer {key}"},
    )
    desk.press("2")
    mine = "row.textContent.includes('극한호우') && row.querySelector('[data-do=shelve]')"
    until(desk, f"[...document.querySelectorAll('#rows .row')].some((row) => {mine})")
    desk.page.locator("#rows .row", has_text="극한호우").locator("[data-do=shelve]").first.click()
    fill(desk, "reason", "수거 차량 출발")
    desk.press("3")
    until(desk, "document.querySelector('#rows .sign-shelved')?.textContent.includes('수거 차량 출발')")
    mine = desk.page.locator("#rows .row", has_text="수거 차량 출발")
    mine.locator("button").first.focus()
    desk.press("Enter")
    desk.press("s")
    until(desk, "![...document.querySelectorAll('#rows .row')].some((row) => row.textContent.includes('수거 차량'))")
    desk.press("2")
    desk.page.locator("#rows .row", has_text="극한호우").locator("[data-do=out]").first.click()
    fill(desk, "reason", "우량계 교체")
    desk.press("3")
    until(
        desk, "[...document.querySelectorAll('.sign-crossed')].some((row) => row.textContent.includes('우량계 교체'))"
    )
    desk.page.locator("#rows .row", has_text="우량계 교체").locator("button").first.focus()
    desk.press("Enter")
    desk.press("x")
    until(desk, "![...document.querySelectorAll('#rows .row')].some((row) => row.textContent.includes('우량계 교체'))")
    desk.press("?")
    assert desk.page.locator("#keys").is_visible()


def test_a_public_alert_is_drafted_from_an_incident_and_let_out_by_no_key(desk: Console) -> None:
    made = ask(desk.city, "/api/incidents", {"topic": "flood", "title": "침수 시험", "lon": 126.7136, "lat": 35.9676})
    until(desk, f"window.__desk.lists.incidents.some((one) => one.id === {made['id']})")
    desk.page.locator(f"#rows [data-incident='{made['id']}']").click()
    until(desk, f"window.__desk.told?.id === {made['id']}")
    desk.press("b")
    until(desk, "document.activeElement.name === 'event.ko' && document.querySelector('.alert-form svg .is-alert')")
    desk.page.locator("[name='headline.ko']").fill("수송동 침수 위험")
    desk.press("Enter")
    until(desk, "document.querySelector('#detail h2')?.textContent === '수송동 침수 위험'")
    name = desk.page.evaluate("() => window.__desk.alert")
    xml = desk.page.request.get(f"{desk.city.url}/api/alerts/{name}.xml").body()
    assert faults(xml) == []
    assert b"<status>Draft</status>" in xml
    desk.press("a")  # the installation's own key is no person
    until(desk, "document.querySelector('#said').textContent.includes('권한')")
    desk.press("w")
    fill(desk, "reason", "시험이었음")
    until(desk, "document.querySelector('.row.is-chosen').textContent.includes('철회')")


def test_the_console_shows_the_budget_what_is_put_aside_and_whether_it_sounds(console: Console) -> None:
    console.open("view=2d", until="document.querySelector('#console-budget')")
    console.wait("() => / \\/ /.test(document.querySelector('#console-budget b')?.textContent)")
    console.wait("() => document.querySelector('#console-shelved b').textContent !== '–'")
    assert console.page.locator("[data-bell]").is_visible()
    console.press("v")
    console.wait("() => window.gunsan_bell.state === 'off'")
    console.press("s")
    console.wait("() => window.__desk?.tab === 'shelved'")
