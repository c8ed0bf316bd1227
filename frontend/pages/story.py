"""A run told as a story: a page to link to and a PDF, with picture, numbers, what was assumed, and the receipt.

What is shown did not happen: page and print bear the frame and the word of a what-if, or of a forecast.
"""

import gzip
from datetime import datetime
from io import BytesIO
from math import asinh, floor, pi, radians, tan
from pathlib import Path
from typing import Any

import numpy as np
from dash import html
from fastapi.responses import HTMLResponse
from PIL import Image, ImageDraw

from frontend.components.run_compare import compared, figures_of, is_same_answer
from frontend.pdf import Part, Report, as_pdf
from frontend.plain import page
from frontend.text import Texts
from frontend.value import aria
from twin.clock import KST

Record = dict[str, Any]
STYLES = ("/component/pretendard.css", "/assets/plain.css", "/assets/clock.css", "/assets/story.css")
SHOWN = 25
ZOOM, TILE = 12, 256
RAMP = ((0.1, (86, 180, 233)), (0.3, (66, 146, 214)), (0.6, (49, 104, 190)), (1.2, (52, 60, 158)), (2.5, (88, 28, 120)))
"""Depth [m] and colour, as the map paints them."""
MARK = (204, 121, 167)
CITY = (126.42, 35.87, 126.92, 36.08)
"""What the picture shows of a run without water [deg, WGS84]."""


def _mode(run: Record) -> str:
    return "forecast" if "issued" in run["result"] else "what-if"


def _lines(run: Record, other: Record | None, t: Texts) -> list[str]:
    def asked(one: Record) -> str:
        at: datetime = one["asked"]
        return t("story.asked", title=one["title"], by=one["asked_by"], at=f"{at.astimezone(KST):%Y-%m-%d %H:%M}")

    lines = [asked(run)] + ([t("story.compared", line=asked(other))] if other else [])
    if run["result"].get("is_synthetic"):
        lines.append(t("planner.synthetic" if run["simulation"] == "flood" else "planner.synthetic_traffic"))
    return lines


def parts(run: Record, other: Record | None, repeats: list[Record], t: Texts) -> list[Part]:
    """Return the story's parts as text: numbers, what was assumed, districts, places, receipt."""
    found: list[Part] = []
    if other is None:
        rows = [(f"{t(name)} {f'({unit})' if unit else ''}".strip(), "–" if value is None else f"{value:,.{decimals}f}")
                for name, value, decimals, unit in figures_of(run)]  # fmt: skip
        found.append((t("planner.result"), (t("planner.what"), run["title"]), rows))
    else:
        found.append((t("planner.compared"), *compared(run, other, t)))
    assumed = [(_measure(one, t),) for one in run["result"]["measures"]]
    found.append((t("planner.measures"), (t("planner.what"),), assumed))
    found += _flood(run["result"], t) if run["simulation"] == "flood" else _traffic(run["result"], t)
    told = run["result"]["receipt"]
    same = [is_same_answer(run, one) for one in repeats]
    state = "bad" if False in same else "good" if True in same else "none"
    said = t(f"planner.verified_{state}", n=same.count(state == "good") if state != "none" else 0)
    receipt = [(t("planner.receipt_inputs"), told["digest"]), (t("planner.receipt_code"), told["version"]),
               (t("planner.receipt_seed"), str(told.get("seed", "–"))), (t("planner.verify"), said),
               (t("planner.receipt_how"), f"./gunsan verify DATA/runs/{run['id']}")]  # fmt: skip
    found.append((t("planner.receipt"), (t("planner.what"), ""), receipt))
    return found


def _measure(one: Record, t: Texts) -> str:
    if "name_ko" in one:
        return f"✕ {t.name(one)}"
    return f"✕ {t('planner.closed')} {', '.join(one['roads'][:6]) or t('planner.nameless')} ({one['links']})"


def _flood(found: Record, t: Texts) -> list[Part]:
    people = [(t.name(one), f"{one['people']:,}", f"{one['buildings']:,}", f"{one['roads_closed']:,}")
              for one in found["districts"] if one["buildings"] or one["roads_closed"]]  # fmt: skip
    head = (t("planner.unit"), t("planner.people"), t("planner.buildings"), t("planner.roads"))
    places = [(t.name(one), "–" if one["arrival_s"] is None else f"{one['arrival_s'] / 60:.0f} min",
               f"{one['deepest_m']:.2f} m") for one in found["places"][:SHOWN]]  # fmt: skip
    return [(t("planner.districts"), head, people[:SHOWN]),
            (t("planner.places"), (t("planner.place"), t("planner.arrival"), t("planner.depth")), places)]  # fmt: skip


def _traffic(found: Record, t: Texts) -> list[Part]:
    worst = sorted(found["districts"], key=lambda one: -abs(one["delay_h"]))[:SHOWN]
    rows = [(t.name(one), f"{one['delay_h']:+,.0f}", "–" if one.get("minutes") is None else f"{one['minutes']:+.1f}",
             f"{one.get('isolated') or 0:,.0f}") for one in worst]  # fmt: skip
    head = (t("planner.unit"), t("planner.delay_short"), t("planner.help_short"), t("planner.isolated_short"))
    cut = found["totals"]["cut_off"]
    lost = [(name,) for kind in cut.values() for name in kind]
    return [(t("planner.districts"), head, rows), (t("planner.cut_off"), (t("planner.place"),), lost)]


def story_page(
    run: Record, other: Record | None, repeats: list[Record], t: Texts, *, is_demo: bool
) -> HTMLResponse:  # fmt: skip
    """Return the story as a page."""
    mode = _mode(run)
    query = f"lang={t.language}" + (f"&with={other['id']}" if other else "")
    to = "en" if t.language == "ko" else "ko"
    flip = f"lang={to}" + (f"&with={other['id']}" if other else "")
    here = f"/planner/story/{run['id']}"
    tables = [
        html.Section(
            [html.H2(title), _table(title, head, rows) if rows else html.P(t("planner.none"))], className="card is-main"
        )
        for title, head, rows in parts(run, other, repeats, t)
    ]
    pictures = [_picture(one, t) for one in (run, other) if one]
    body = [
        html.Div(t(f"mode.{mode}"), id="mode-word", className="mode-word", role="status"),
        html.Header(
            [
                html.H1([t("app.title"), " ", html.Small(run["title"])]),
                html.Span(t("app.synthetic"), className="badge") if is_demo else None,
                html.A("PDF", href=f"{here}.pdf?{query}"),
                html.A(t("app.planner"), href=f"/planner?run={run['id']}&lang={t.language}"),
                html.A(t("app.language"), href=f"{here}?{flip}", hrefLang=to, lang=to),
            ],
            className="top",
        ),
        html.Main(
            [html.Section([html.P(line) for line in _lines(run, other, t)], className="card is-main"),
             html.Section(pictures, className="card is-main pictures"), *tables],
            className="page",
        ),
    ]  # fmt: skip
    return page(t, f"{run['title']} · {t('app.title')}", body, styles=STYLES, scripts=(), classes="story", mode=mode)


def _picture(run: Record, t: Texts) -> Any:
    image = html.Img(src=f"/planner/story/{run['id']}.png", alt=t("story.picture", title=run["title"]))
    return html.Figure([image, html.Figcaption(run["title"])])


def _table(title: str, head: tuple[str, ...], rows: Any) -> Any:
    top = html.Tr([html.Th(name, scope="col", className="number" if n else "") for n, name in enumerate(head)])
    body = [html.Tr([html.Th(row[0], scope="row"), *(html.Td(cell, className="number") for cell in row[1:])])
            for row in rows]  # fmt: skip
    return html.Div(html.Table([html.Thead(top), html.Tbody(body)]), className="table-box", tabIndex=0, role="region",
                    **aria(title))  # fmt: skip


def story_pdf(
    run: Record, other: Record | None, repeats: list[Record], picture: Image.Image, t: Texts, *, is_demo: bool
) -> bytes:
    """Return the story as PDF."""
    out = BytesIO()
    picture.save(out, "PNG")
    badge = f" · {t('app.synthetic')}" if is_demo else ""
    mode = _mode(run)
    return as_pdf(Report(
        f"{run['title']} · {t('app.title')}{badge}", _lines(run, other, t), parts(run, other, repeats, t),
        t("planner.none"), t(f"mode.{mode}"), "#009e73" if mode == "forecast" else "#cc79a7", out.getvalue(),
        picture.size,
    ))  # fmt: skip


def box_of(run: Record) -> tuple[float, float, float, float]:
    """Return what the picture of a run shows: west, south, east, north [deg, WGS84]."""
    depth = run["result"].get("depth")
    if depth is None:
        return CITY
    lon, lat = zip(*depth["corners"], strict=True)
    return min(lon), min(lat), max(lon), max(lat)


def tiles_of(box: tuple[float, float, float, float]) -> list[tuple[int, int]]:
    """Return x and y of the raster tiles that a picture is made of."""
    (x0, y0), (x1, y1) = _at(box[0], box[3]), _at(box[2], box[1])
    return [(x, y) for y in range(floor(y0), floor(y1) + 1) for x in range(floor(x0), floor(x1) + 1)]


def _at(lon: float, lat: float) -> tuple[float, float]:
    n = 2**ZOOM
    return (lon + 180) / 360 * n, (1 - asinh(tan(radians(lat))) / pi) / 2 * n


def picture_of(run: Record, folder: Path, tiles: dict[tuple[int, int], bytes]) -> Image.Image:
    """Draw the greatest depth of a run, or its closed roads, over the base, with its measures.

    Parameters
    ----------
    folder
        Where the files of the run lie.
    tiles
        Raster tiles (PNG) by x and y at `ZOOM`.
    """
    box = box_of(run)
    (x0, y0), (x1, y1) = _at(box[0], box[3]), _at(box[2], box[1])
    left, top = min(x for x, _ in tiles), min(y for _, y in tiles)
    wide, high = (max(one[axis] for one in tiles) + 1 - (left, top)[axis] for axis in (0, 1))
    image = Image.new("RGB", (wide * TILE, high * TILE))
    for (x, y), png in tiles.items():
        image.paste(Image.open(BytesIO(png)), ((x - left) * TILE, (y - top) * TILE))

    def pixel(place: Any) -> tuple[float, float]:
        x, y = _at(*place[:2])
        return (x - left) * TILE, (y - top) * TILE

    if (depth := run["result"].get("depth")) is not None:
        water = _water(depth, folder / depth["file"])
        nw, ne, _, sw = (np.array(pixel(corner)) for corner in depth["corners"])
        back = np.linalg.inv(np.column_stack([(ne - nw) / depth["nx"], (sw - nw) / depth["ny"]]))
        shift = back @ -nw
        warp = (*back[0].tolist(), float(shift[0]), *back[1].tolist(), float(shift[1]))
        laid = water.transform(image.size, Image.Transform.AFFINE, warp)
        image.paste(laid, (0, 0), laid)
    draw = ImageDraw.Draw(image)
    for one in run["result"]["measures"]:
        if "at" in one:
            u, v = pixel(one["at"])
            draw.ellipse((u - 7, v - 7, u + 7, v + 7), fill=MARK, outline="white", width=2)
        for line in (one.get("geometry") or {}).get("coordinates", ()):
            draw.line([pixel(place) for place in line], fill=MARK, width=4)
    return image.crop(
        (int((x0 - left) * TILE), int((y0 - top) * TILE), int((x1 - left) * TILE), int((y1 - top) * TILE))
    )


def _water(depth: Record, path: Path) -> Image.Image:
    shape = (len(depth["times_s"]), depth["ny"], depth["nx"])
    deepest = np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8).reshape(shape).max(0) * depth["step_m"]
    out = np.zeros((*deepest.shape, 4), np.uint8)
    for least, colour in RAMP:
        out[deepest >= least] = (*colour, 215)
    return Image.fromarray(out)
