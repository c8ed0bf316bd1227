"""The wall in a real browser: the city's numbers, the incident's cameras, and coming back after failures."""

import json
import os
import signal
import urllib.request
from typing import Any

import pytest

from tests.backend.test_supervisor import pid_of
from tests.browser.conftest import Console
from tests.conftest import LiveCity

LIVE = "document.documentElement.dataset.link === 'live'"
READY = f"window.__wall?.looks > 0 && window.__twin?.state === 'ready' && {LIVE}"


def ask(city: LiveCity, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {city.key}", "Content-Type": "application/json"}
    request = urllib.request.Request(city.url + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@pytest.fixture
def wall(console: Console) -> Console:
    console.sign_in()
    console.page.goto(f"{console.city.url}/wall?mode=light", wait_until="commit")
    console.wait(f"() => {READY}")
    return console


def numbers(console: Console, path: str) -> tuple[int, dict[str, str]]:
    """Version and figures as a page shows them."""
    page = console.page
    if path:
        page.goto(console.city.url + path, wait_until="domcontentloaded")
    some = "[...document.querySelectorAll('[data-figure]:not([data-district])')]"
    shown = f"{some}.map((b) => [b.dataset.figure, b.textContent])"
    version, figures = page.evaluate(f"() => [Number(document.querySelector('#version').textContent), {shown}]")
    return version, dict(figures)


def test_wall_public_and_mayor_show_the_same_numbers_at_the_same_version(wall: Console) -> None:
    for path, least in (("", 10), ("/public", 10), ("/mayor", 6), ("/mayor/indicators", 10)):
        version, shown = numbers(wall, path)
        told = {one["id"]: one["text"] for one in ask(wall.city, f"/api/figures?version={version}")["figures"]}
        assert len(shown) >= least, path
        assert shown == {name: told[name] for name in shown}, path


def test_the_wall_looks_through_the_cameras_of_the_first_incident(wall: Console) -> None:
    place = {"lon": 126.7203, "lat": 35.9832}
    opened = ask(wall.city, "/api/incidents", {"topic": "fire", "title": "시험 화재", "severity": "danger", **place})
    wall.wait("() => document.querySelector('#incidents li:not(.none)')")  # what does not fit is counted, not shown
    wall.wait("() => window.__wall.pictures >= 4 && window.__wall.focus && window.__wall.cameras")
    first = _first(wall)
    while (told := wall.page.evaluate("() => window.__wall.cameras") or {}).get("incident") != first["id"]:
        wall.wait("(was) => (window.__wall.cameras?.incident ?? null) !== was", told.get("incident"))
        first = _first(wall)  # the demo may have opened a graver one meanwhile
    assert told["source"] == "demo"
    assert 1 <= len(told["cameras"]) <= 4
    assert wall.page.inner_text("#map-place")
    entries = [one["kind"] for one in ask(wall.city, f"/api/incidents/{first['id']}")["timeline"]]
    assert "cameras" in entries
    ask(wall.city, f"/api/incidents/{opened['id']}/close", {"reason": "시험"})


def _first(wall: Console) -> dict[str, Any]:
    incidents = ask(wall.city, "/api/incidents")["incidents"]
    return next(one for one in incidents if one["severity"] != "info")


def test_the_wall_comes_back_after_a_lost_context(wall: Console) -> None:
    lose = "document.querySelector('#map canvas').getContext('webgl2').getExtension('WEBGL_lose_context').loseContext()"
    wall.page.evaluate(f"() => {lose}")
    wall.wait("() => window.__twin.rebuilds === 1 && window.__twin.state === 'ready' && window.__twin.layers.rain")


def test_the_wall_comes_back_after_the_service_was_killed(wall: Console) -> None:
    before = wall.page.evaluate("() => window.__wall.looks")
    victim = pid_of(wall.city, "web")
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    wall.wait("() => window.__twin.link === 'lost'")
    wall.wait(f"(before) => {READY} && window.__wall.looks > before + 1 && window.__twin.link === 'live'", before)


def test_a_wall_that_hears_nothing_says_so_and_keeps_what_it_had(wall: Console) -> None:
    rows = wall.page.inner_text("#wall-figures")
    wall.page.route("**/api/wall", lambda route: route.abort())
    wall.wait("() => document.documentElement.dataset.link === 'lost'")
    assert "끊김" in wall.page.inner_text("#wall-link")
    assert len(wall.page.inner_text("#wall-figures")) >= len(rows) // 2
    wall.page.unroute("**/api/wall")
    wall.wait(f"() => {READY}")


def test_a_pushed_layout_arrives_by_itself(wall: Console) -> None:
    layout = {"arrangement": "figures", "figures": ["tide", "parking_free"], "follows": False, "language": "en"}
    ask(wall.city, "/api/wall/layouts/night", layout, "PUT")
    ask(wall.city, "/api/wall/layouts/night/show", {}, "POST")
    wall.wait(f"() => document.querySelector('#wall')?.classList.contains('is-figures') && {READY}")
    assert wall.page.evaluate("() => document.documentElement.lang") == "en"
    assert wall.page.locator(".figure").count() == 2
    ask(wall.city, "/api/wall/layouts/night", {}, "PUT")
    ask(wall.city, "/api/wall/layouts/night/show", {}, "POST")
    ask(wall.city, "/api/wall/layouts/night", method="DELETE")


def test_nothing_on_the_wall_needs_a_hand(wall: Console) -> None:
    page = wall.page
    assert page.locator("#wall button, #wall a, #wall input, #wall [title]:visible").count() == 0
    assert page.evaluate("() => document.documentElement.scrollHeight <= window.innerHeight")
    small = page.evaluate(
        "() => [...document.querySelectorAll('.figure-number, #incidents b, #clock')]"
        ".map((one) => parseFloat(getComputedStyle(one).fontSize)).filter((size) => size < 52)"
    )
    assert small == []


def test_the_wall_is_for_signed_in_callers_only(console: Console) -> None:
    console.page.goto(f"{console.city.url}/wall")
    assert console.page.locator("form[action='/sign-in']").first.is_visible()
