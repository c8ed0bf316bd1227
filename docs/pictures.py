"""Take the pictures of docs/screens.md anew: `python -m docs.pictures URL KEY [word ...]` on a running demo city.

Words choose pictures whose file names hold one of them. Each picture is what a person would see; what has to happen
before it (a run, a drill, an incident, another moment) is done here. Look at what came out.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).parent / "images"
PAGE = FOLDER.parent / "screens.md"
LEAD = (
    "Taken from the demo city by `python -m docs.pictures`: each screen at its sizes, in both languages, and in the "
    "modes it has. A screen that is not live bears a frame and a word."
)
MOST_BYTES, MOST_WIDTH = 390_000, 2880
LIMIT_MS = 180_000
FLAGS = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist",
         "--no-sandbox")  # fmt: skip
FULL, PHONE = (1920, 1080), (390, 844)
READY = "() => window.__twin?.state === 'ready' && window.__twin.layers && Object.keys(window.__twin.layers).length > 2"
WALL = "() => window.__wall?.looks > 1 && window.__twin?.state === 'ready'"
LOADED = "() => document.readyState === 'complete'"
SETTLE_MS = 6000
"""Tiles and labels come after everything that can be waited for."""
Prepare = Callable[["Tour", Page], None]


@dataclass(frozen=True)
class Picture:
    """One picture.

    Parameters
    ----------
    name, title
        Name of the file without its end; caption. Its first word is the screen.
    path
        Address; `{flood}`, `{other}`, `{district}` stand for what `Tour` has made.
    until
        JavaScript that holds when the page is there.
    then
        What is done on the page.
    """

    name: str
    title: str
    path: str
    size: tuple[int, int] = FULL
    until: str = READY
    then: Prepare | None = None


class Tour:
    """A running city, and what the pictures need of it."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)
        self._key = key
        self._made: dict[str, str] = {}

    def cookie(self, page: Page) -> None:
        """Sign the page in."""
        page.request.get(f"{self.url}/sign-in?key={self._key}", max_redirects=0)

    def ask(self, path: str, body: Any = None, method: str = "") -> Any:
        """Ask the service."""
        answer = self._http.request(method or ("GET" if body is None else "POST"), path, json=body)
        answer.raise_for_status()
        return answer.json()

    def fill(self, path: str) -> str:
        """Return an address with the ids of the runs that it names, which are made the first time."""
        for name, failed in (("flood", ["PUMP-1"]), ("other", [])):
            if f"{{{name}}}" in path:
                path = path.replace(f"{{{name}}}", self._run(name, failed))
        return path

    def _run(self, name: str, failed: list[str]) -> str:
        title = "내항 펌프장 정지 · pumps stopped" if failed else "모두 가동 · all pumps run"
        if name not in self._made:
            runs = self.ask("/api/runs")["runs"]
            run = next((one for one in runs if one["title"] == title and one["state"] == "done"), None)
            scenario = {"preset": "cloudburst", "duration_h": 2, "failed_pumps": failed}
            run = run or self.ask("/api/runs", {"simulation": "flood", "title": title, "scenario": scenario})
            while (run := self.ask(f"/api/runs/{run['id']}"))["state"] != "done":
                if run["state"] in ("failed", "cancelled"):
                    raise SystemExit(f"the run for the pictures is {run['state']}: {run['note']}")
                time.sleep(2)
            self._made[name] = run["id"]
        return self._made[name]


def _moment(minutes: int) -> Prepare:
    def then(_tour: Tour, page: Page) -> None:
        page.evaluate(f"() => gunsan_clock.show(Date.now() + {minutes} * 60000)")
        page.wait_for_function("() => !window.gunsan_clock.isBusy?.()", timeout=LIMIT_MS)

    return then


def _branch(tour: Tour, page: Page) -> None:
    tour.fill("{flood}")
    page.click(".clock-branches summary")
    page.locator("#clock-branches button").first.click()
    page.evaluate("() => gunsan_clock.show(gunsan_clock.run.start + 110 * 60000, gunsan_clock.run)")


def _swipe(tour: Tour, page: Page) -> None:
    page.click("#run-minus")
    title = tour.ask(tour.fill("/api/runs/{other}"))["title"]
    page.get_by_role("option", name=title).first.click()
    page.wait_for_function("() => window.__twin.beside", timeout=LIMIT_MS)


def _analysis(name: str) -> Prepare:
    def then(_tour: Tour, page: Page) -> None:
        page.click(f"[data-analysis={name}]")
        page.wait_for_function("() => document.querySelector('#analysis-found table')", timeout=LIMIT_MS)

    return then


def _first_incident(_tour: Tour, page: Page) -> None:
    page.keyboard.press("j")
    page.wait_for_function("() => document.querySelector('#detail h2')", timeout=LIMIT_MS)


def _drill(tour: Tour, page: Page) -> None:
    told = tour.ask("/api/drills")
    open_ = [one for one in told["drills"] if one["ended"] is None]
    first = open_[0] if open_ else tour.ask("/api/drills", {"scenario": told["scenarios"][0]["id"]})
    layout = {"arrangement": "balanced", "figures": [], "follows": True, "branch": f"drill:{first['id']}"}
    tour.ask("/api/wall/layouts/pictures", layout, "PUT")
    tour.ask("/api/wall/layouts/pictures/show", {})
    page.reload()
    page.wait_for_function(WALL, timeout=LIMIT_MS)


RUN = "() => window.__twin?.state === 'ready' && window.__twin.run"
PICTURES = (
    Picture("console-1920", "운영 · console, live", "/console?lang=ko"),
    Picture("console-replay-en", "Console, replay, half an hour ago", "/console?lang=en", then=_moment(-30)),
    Picture("console-forecast-ko", "운영 · 예측, 두 시간 뒤", "/console?lang=ko", then=_moment(120)),
    Picture("console-what-if-ko", "운영 · 가정, 침수 실행", "/console?lang=ko", then=_branch),
    Picture("console-2d-en", "Console, flat map", "/console?view=2d&lang=en",
            until="() => document.querySelector('.leaflet-tile-loaded')"),
    Picture("console-phone", "휴대전화의 운영 화면", "/console?lang=ko", PHONE),
    Picture("desk-1920", "사건 데스크 · incident desk", "/desk?lang=ko", until="() => window.__desk?.loads > 0",
            then=_first_incident),
    Picture("desk-en-phone", "The desk on a phone", "/desk?lang=en", PHONE, "() => window.__desk?.loads > 0"),
    Picture("planner-1920", "가정 실험 · the planner", "/planner?lang=ko&run={flood}", until=RUN),
    Picture("planner-swipe-en", "Planner, two runs beside each other", "/planner?lang=en&run={flood}", until=RUN,
            then=_swipe),
    Picture("planner-blind-ko", "가정 실험 · 카메라 사각", "/planner?lang=ko", then=_analysis("blind")),
    Picture("planner-water-en", "Planner, places in the water", "/planner?lang=en&run={flood}", until=RUN,
            then=_analysis("water")),
    Picture("planner-phone", "휴대전화의 가정 실험", "/planner?lang=ko&run={flood}", PHONE, RUN),
    Picture("story-ko", "실행 이야기 · a run as a story", "/planner/story/{flood}?with={other}&lang=ko", until=LOADED),
    Picture("wall-1920", "상황판 1920x1080 · wall", "/wall?lang=ko&mode=light", until=WALL),
    Picture("wall-3840x1080", "Wall 3840x1080", "/wall?lang=en&mode=light", (3840, 1080), WALL),
    Picture("wall-3840x2160", "상황판 3840x2160", "/wall?lang=ko&mode=light", (3840, 2160), WALL),
    Picture("wall-7680x2160", "Wall 7680x2160", "/wall?lang=en&mode=light", (7680, 2160), WALL),
    Picture("wall-desk-en", "Layouts of the wall", "/wall/desk?lang=en", until=LOADED),
    Picture("mayor-1920", "시장실 홈 · mayor's office", "/mayor?lang=ko", until=LOADED),
    Picture("mayor-map-en", "Mayor's office, smart map", "/mayor/map?lang=en&mode=light"),
    Picture("mayor-replay-ko", "시장실 스마트지도, 재생", "/mayor/map?lang=ko&mode=light", then=_moment(-30)),
    Picture("mayor-indicators-ko", "시장실 정책지표", "/mayor/indicators?lang=ko", until=LOADED),
    Picture("mayor-complaints-en", "Mayor's office, complaints", "/mayor/complaints?lang=en", until=LOADED),
    Picture("mayor-manifesto-en", "Mayor's office, the 61 pledges", "/mayor/manifesto?lang=en", until=LOADED),
    Picture("mayor-phone", "휴대전화의 시장실", "/mayor?lang=ko", PHONE, LOADED),
    Picture("public-1920", "시민 화면 · public screen", "/public?lang=ko", until=LOADED),
    Picture("public-replay-en", "Public screen, replay", "/public?lang=en", until=LOADED, then=_moment(-30)),
    Picture("public-phone", "The public screen on a phone", "/public?lang=en", PHONE, LOADED),
    Picture("sign-in-ko", "들어가기 · sign-in", "/console?lang=ko", until="() => document.querySelector('form')"),
    Picture("wall-drill", "상황판, 훈련 · wall in a drill", "/wall?lang=ko&mode=light", until=WALL, then=_drill),
)  # fmt: skip
SCREENS = {"console": "/console, operators", "desk": "/desk, operators", "wall": "/wall, video wall",
           "planner": "/planner, planners", "story": "/planner/story, planners", "mayor": "/mayor, mayor's office",
           "public": "/public, citizens", "sign": "Sign-in"}  # fmt: skip


def take(tour: Tour, browser: Browser, one: Picture) -> None:
    """Take one picture."""
    width, height = one.size
    phone: dict[str, Any] = (
        {"is_mobile": True, "has_touch": True, "device_scale_factor": 2} if one.size == PHONE else {}
    )
    context = browser.new_context(viewport={"width": width, "height": height}, **phone)
    page = context.new_page()
    if not one.name.startswith("sign"):
        tour.cookie(page)
    page.goto(tour.url + tour.fill(one.path), wait_until="commit", timeout=LIMIT_MS)
    page.wait_for_function(one.until, timeout=LIMIT_MS)
    if one.then is not None:
        one.then(tour, page)
    page.wait_for_timeout(SETTLE_MS)
    image = Image.open(BytesIO(page.screenshot(timeout=LIMIT_MS))).convert("RGB")
    context.close()
    if image.width > MOST_WIDTH:
        image = image.resize((MOST_WIDTH, image.height * MOST_WIDTH // image.width), Image.Resampling.LANCZOS)
    for quality in (88, 82, 74, 66, 58, 50):
        out = BytesIO()
        image.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
        if out.tell() < MOST_BYTES:
            break
    (FOLDER / f"{one.name}.jpg").write_bytes(out.getvalue())
    print(f"{one.name}.jpg {out.tell() // 1000} kB", flush=True)


def write_page() -> None:
    """Write docs/screens.md of the pictures that are there."""
    lines = ["# The screens", "", LEAD, ""]
    for screen, title in SCREENS.items():
        mine = [one for one in PICTURES if one.name.split("-")[0] == screen and (FOLDER / f"{one.name}.jpg").is_file()]
        if mine:
            lines += [f"## {title}", ""]
            for one in mine:
                lines += [f"{one.title} ({one.size[0]}x{one.size[1]})", "",
                          f"![{one.title}](images/{one.name}.jpg)", ""]  # fmt: skip
    PAGE.write_text("\n".join(lines), "utf-8")


def main() -> None:
    """Take the pictures that were asked for, and write the page."""
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    url, key, *words = sys.argv[1:]
    tour = Tour(url.rstrip("/"), key)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium-headless-shell", args=list(FLAGS))
        for one in PICTURES:
            if not words or any(word in one.name for word in words):
                try:
                    take(tour, browser, one)
                except Exception as error:  # the others are still worth taking
                    print(f"{one.name}: {str(error)[:300]}", file=sys.stderr, flush=True)
        browser.close()
    write_page()


if __name__ == "__main__":
    main()
