"""The mayor's office on a running city: twelve menus, 27 districts, indicators, reports, the brief."""

import re
from datetime import UTC, datetime, timedelta
from io import BytesIO

import httpx
import pytest
from openpyxl import Workbook, load_workbook

from backend.indicators import HEAD, read_indicators
from frontend.pages.mayor.frame import MENUS
from frontend.pages.mayor.policy import pledges
from tests.conftest import LiveCity
from twin import clock
from twin.brief import brief
from twin.clock import KST
from twin.errors import BadInput

UNITS = [{"id": n, "name_ko": name} for n, name in enumerate(("옥구읍", "수송동"), start=1)]


@pytest.fixture
async def client(live_city: LiveCity) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {live_city.key}"}
    async with httpx.AsyncClient(base_url=live_city.url, headers=headers, timeout=30) as client:
        yield client


def test_there_are_61_pledges_in_five_goals() -> None:
    counts: dict[str, int] = {}
    for one in pledges():
        counts[one["goal"]["ko"]] = counts.get(one["goal"]["ko"], 0) + 1
        assert one["ko"]
        assert one["en"]
    assert list(counts.values()) == [5, 7, 24, 12, 13]


@pytest.mark.parametrize("language", ["ko", "en"])
async def test_all_twelve_menus_are_there_and_filled(client: httpx.AsyncClient, language: str) -> None:
    assert len(MENUS) == 12
    for menu in MENUS:
        path = "/mayor" if menu == "home" else f"/mayor/{menu}"
        answer = await client.get(f"{path}?lang={language}")
        assert answer.status_code == 200, menu
        assert answer.text.count('<a href="/mayor') >= 12, menu
        assert f'<html lang="{language}"' in answer.text
        main = re.sub(r"<[^>]+>", " ", answer.text.split("<main", 1)[1])
        assert len(" ".join(main.split())) > 60, menu


async def test_a_page_for_each_of_the_27_districts_whose_numbers_make_up_the_city(client: httpx.AsyncClient) -> None:
    units = (await client.get("/api/districts")).json()["districts"]
    assert len(units) == 27
    assert sum(unit["population"] for unit in units) == 262_264
    assert sum(unit["households"] for unit in units) == 123_275
    told = (await client.get("/api/figures")).json()
    for figure in told["figures"]:
        if figure["statistic"] in ("sum", "count") and figure["value"] is not None:
            parts = [part["value"] or 0 for part in figure["districts"].values()]
            assert sum(parts) == figure["value"], figure["id"]
    people = 0
    for unit in units:
        page = (await client.get(f"/mayor/district/{unit['id']}")).text
        assert f">{unit['name_ko']}</h2>" in page
        found = re.search(r"인구</th><td[^>]*>([\d,]+)<", page)
        assert found
        people += int(found[1].replace(",", ""))
    assert people == 262_264
    assert (await client.get("/mayor/district/999")).status_code == 404


async def test_complaints_of_the_districts_make_up_the_total(client: httpx.AsyncClient) -> None:
    told = (await client.get("/api/office/complaints")).json()
    total = sum(told["by_unit"].values())
    assert total > 100
    assert total == sum(row["n"] for row in told["by_day"]) == sum(row["n"] for row in told["by_category"])
    assert told["by_word"]
    parts = 0
    for unit in range(1, 28):
        more = (await client.get(f"/api/office/complaints?unit={unit}&until={told['until']}")).json()
        parts += sum(row["n"] for row in more["by_day"])
    assert parts == total
    assert all(one["kind"] == "urgent_complaint" for one in told["urgent"])


def sheet(*rows: tuple) -> bytes:
    book = Workbook()
    for row in (HEAD, *rows):
        book.active.append(row)
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_wrong_sheet_is_refused_as_a_whole_and_says_where() -> None:
    good = ("옥구읍", "경로당", 12, "개소", "합계", "2026-01")
    assert read_indicators(sheet(good), UNITS)["경로당|1"]["value"] == 12
    for bad, word in (
        (("나라읍", "경로당", 1, "", "합계", ""), "나라읍"), (("수송동", "", 1, "", "합계", ""), "지표"),
        (("수송동", "경로당", "많음", "", "합계", ""), "많음"), (("수송동", "경로당", 1, "", "더하기", ""), "더하기"),
        (good, "twice"),
    ):  # fmt: skip
        with pytest.raises(BadInput, match=word) as told:
            read_indicators(sheet(good, bad), UNITS)
        assert "3행" in str(told.value)
    for body in (b"", b"PK\x03\x04 no zip", b"name,value\n"):
        with pytest.raises(BadInput, match=r"\.xlsx"):
            read_indicators(body, UNITS)
    with pytest.raises(BadInput, match="first row"):
        read_indicators(sheet()[:0] or _empty(), UNITS)


def _empty() -> bytes:
    out = BytesIO()
    Workbook().save(out)
    return out.getvalue()


async def test_indicators_come_from_the_filled_template_and_sum_to_the_city(client: httpx.AsyncClient) -> None:
    book = load_workbook(BytesIO((await client.get("/api/office/indicators.xlsx")).content))
    for n, row in enumerate(book.active.iter_rows(min_row=2), start=1):
        row[1].value, row[2].value, row[3].value = "경로당", n, "개소"
    out = BytesIO()
    book.save(out)
    told = (await client.post("/api/office/indicators", content=out.getvalue())).json()
    assert told == {"values": 27, "indicators": ["경로당"]}
    page = (await client.get("/mayor/indicators")).text
    assert f"<b>{27 * 28 // 2}</b>" in page
    assert "경로당" in (await client.get("/mayor/district/5")).text
    assert (await client.post("/api/office/indicators", content=b"x")).status_code == 422


async def test_what_is_entered_is_shown_with_who_and_when(client: httpx.AsyncClient) -> None:
    today = clock.now().astimezone(KST).date().isoformat()
    for kind, key, value, path in (
        ("placard", "main", {"title": "환영합니다 <b>"}, "/mayor/placard"),
        ("schedule", "a", {"title": "간부회의", "day": today, "time": "09:00"}, "/mayor"),
        ("news", "b", {"title": "소식 하나", "link": "https://example.org/a"}, "/mayor/news"),
        ("video", "c", {"title": "홍보 하나"}, "/mayor/videos"),
        ("pledge", "61", {"progress_percent": 40, "department": "교통행정과"}, "/mayor/manifesto/61"),
    ):
        assert (await client.put(f"/api/office/entries/{kind}/{key}", json=value)).status_code == 200
        text = (await client.get(path)).text
        assert str(value.get("department", value.get("title"))).replace("<b>", "&lt;b&gt;") in text, kind
    assert "40 %" in (await client.get("/mayor/manifesto")).text
    for kind, key, value in (
        ("news", "x", {"title": "x", "link": "javascript:alert(1)"}), ("pledge", "62", {"progress_percent": 1}),
        ("pledge", "1", {"progress_percent": 101}), ("wall_shown", "main", {}), ("news", "x", {"titel": "x"}),
    ):  # fmt: skip
        assert (await client.put(f"/api/office/entries/{kind}/{key}", json=value)).status_code == 422, value
    for kind, key in (("placard", "main"), ("schedule", "a"), ("news", "b"), ("video", "c"), ("pledge", "61")):
        assert (await client.delete(f"/api/office/entries/{kind}/{key}")).status_code == 200


async def test_the_daily_report_is_a_page_and_a_pdf(client: httpx.AsyncClient) -> None:
    day = clock.now().astimezone(KST).date()
    page = await client.get(f"/mayor/report/{day}")
    pdf = await client.get(f"/mayor/report/{day}.pdf")
    assert page.status_code == pdf.status_code == 200
    assert pdf.content.startswith(b"%PDF-")
    assert "조위" in page.text
    assert (await client.get(f"/mayor/report/{day + timedelta(days=2)}")).status_code == 404


async def test_each_sentence_of_the_brief_leads_to_a_page(client: httpx.AsyncClient) -> None:
    since = (clock.now() - timedelta(hours=2)).isoformat()
    body = {"topic": "fire", "title": "요약 시험", "severity": "caution"}
    opened = (await client.post("/api/incidents", json=body)).json()
    told = (await client.get("/api/office/brief", params={"since": since})).json()
    assert any("요약 시험" in one["ko"] for one in told["sentences"])
    for one in told["sentences"]:
        assert one["ko"]
        assert one["en"]
        assert (await client.get(one["link"])).status_code == 200, one
    await client.post(f"/api/incidents/{opened['id']}/close", json={"reason": "시험"})


async def test_the_office_is_for_signed_in_callers_only(live_city: LiveCity) -> None:
    async with httpx.AsyncClient(base_url=live_city.url, timeout=30) as nobody:
        for menu in (*MENUS, "complaints", "district/1", "manifesto/1"):
            text = (await nobody.get("/mayor" if menu == "home" else f"/mayor/{menu}")).text
            assert 'action="/sign-in"' in text, menu
        for path in ("/api/office/complaints", "/api/office/entries/news", "/api/office/indicators.xlsx", "/api/wall"):
            assert (await nobody.get(path)).status_code == 403, path
        for path in ("/api/office/entries/news/x", "/api/wall/layouts/x"):
            assert (await nobody.put(path, json={"title": "x"} if "news" in path else {})).status_code == 403, path


def figure(name: str, value: float | None) -> dict:
    text = "–" if value is None else f"{value:g}"
    return {"id": name, "title": {"ko": name, "en": name}, "unit": "m", "value": value, "text": text}


def test_the_brief_tells_what_moved_and_nothing_else() -> None:
    since = datetime(2026, 5, 1, tzinfo=UTC)
    then = [figure("same", 5), figure("little", 100), figure("much", 1), figure("gone", 3), figure("new", None)]
    now = [figure("same", 5), figure("little", 105), figure("much", 2), figure("gone", None), figure("new", 3)]
    told = brief(since, [], [], {}, then, now)
    assert [(one["kind"], one["link"].split("?")[0].rsplit("/", 1)[1]) for one in told] == [
        ("silent", "gone"), ("figure", "much"),
    ]  # fmt: skip
    assert brief(since, [], [], {}, then, then) == []
    old = {"id": 1, "title_ko": "가", "title_en": "a", "severity": "danger", "opened": since - timedelta(days=1)}
    incidents = [old | {"closed": None}, old | {"id": 2, "closed": since + timedelta(hours=1)}]
    assert [one["link"].rsplit("#", 1)[1] for one in brief(since, incidents, [], {}, [], [])] == ["incident-2"]
    minor = [old | {"id": n, "severity": "info", "opened": since, "closed": None} for n in range(9)]
    assert [one["en"] for one in brief(since, minor, [], {}, [], [])] == ["9 minor events began, 0 ended."]
