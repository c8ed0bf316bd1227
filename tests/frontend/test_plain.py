"""Plain pages: components as HTML, and nothing of what comes from outside as markup."""

from dash import dcc, html

from frontend.components.chart import bars, columns
from frontend.components.outline_map import outline_map
from frontend.plain import Field, Raw, page, render
from frontend.text import texts

EVIL = '"><script>alert(1)</script>'


def test_what_comes_from_outside_is_never_markup() -> None:
    tree = html.Div([EVIL, html.A(EVIL, href=EVIL, title=EVIL), Field(value=EVIL), [html.B(EVIL)]], className=EVIL)
    assert "<script" not in render(tree)
    assert "<script" not in bars([(EVIL, 1.0)], EVIL).children[0].children[0].to_plotly_json()["type"]
    assert "<script" not in columns([(EVIL, 1.0)], EVIL)
    shape = {"type": "MultiPolygon", "coordinates": [[[[126.6, 35.9], [126.7, 35.9], [126.7, 36.0], [126.6, 35.9]]]]}
    unit = {"id": 1, "name_ko": EVIL, "name_en": EVIL}
    assert "<script" not in outline_map([unit], {1: shape}, texts("ko"), "/x/{id}")


def test_a_component_becomes_the_html_that_it_means() -> None:
    tree = html.Div(
        [html.Label(["a", Field(type="range", min=0, value=0, disabled=False)]), None, False, 3, Raw("<hr>")],
        style={"fontSize": "2rem", "--now": "0.5"}, hidden=True, **{"data-x": "1"},
    )  # fmt: skip
    assert render(tree) == (
        '<div hidden style="font-size:2rem;--now:0.5" data-x="1"><label>a<input min="0" type="range" value="0"></label>'
        "3<hr></div>"
    )
    assert render(dcc.Input(id="a", type="range", min=1)) == '<input type="range" min="1" id="a">'


def test_a_page_says_who_may_frame_it_and_runs_no_script_of_others() -> None:
    answer = page(texts("en"), "t", [], styles=[], scripts=[])
    policy = answer.headers["content-security-policy"]
    assert policy.endswith("frame-ancestors 'none'")
    assert "unsafe-eval" not in policy
    assert "script-src" not in policy, "scripts fall under default-src: our own only"
    assert (
        page(texts("en"), "t", [], styles=[], scripts=[], is_embeddable=True)
        .headers["content-security-policy"]
        .endswith("frame-ancestors *")
    )
