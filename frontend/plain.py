"""Pages without Dash: the same components written as HTML at once, for screens nobody operates or everybody opens.

A wall that runs for weeks, a page that has to fit on a slow phone and a page that is embedded elsewhere want no
framework in between: they are text from the server, a small script, and where there is a map our engine.
"""

from collections.abc import Iterable
from html import escape
from typing import Any

from dash.development.base_component import Component
from fastapi.responses import HTMLResponse

from frontend.text import Texts

VOID = {"img", "input", "br", "hr", "link", "meta"}
NAMES = {"className": "class", "htmlFor": "for", "dateTime": "datetime", "hrefLang": "hreflang", "tabIndex": "tabindex",
         "colSpan": "colspan", "rowSpan": "rowspan", "srcSet": "srcset", "autoComplete": "autocomplete",
         "encType": "enctype"}  # fmt: skip
POLICY = (
    "default-src 'self'; {scripts}img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}"
)


def policy(scripts: str = "", *, is_embeddable: bool = False) -> str:
    """Return the Content-Security-Policy of a page: nothing from elsewhere, no script in the text.

    Parameters
    ----------
    scripts
        Hashes of the inline scripts that may run all the same.
    """
    more = f"script-src 'self' {scripts}; " if scripts else ""
    return POLICY.format(scripts=more, ancestors="*" if is_embeddable else "'none'")


class Raw(str):
    """Text that is HTML already and is written as it is; made by our own code only, never of what came from outside."""


def render(part: Any) -> str:
    """Return a component tree as HTML; everything but `Raw` is escaped.

    Parameters
    ----------
    part
        A Dash component, a list of parts, text, a number, or nothing.
    """
    if part is None or part is False:
        return ""
    if isinstance(part, Raw):
        return str(part)
    if isinstance(part, str | int | float):
        return escape(str(part), quote=False)
    if isinstance(part, Component):
        return _element(part)
    return "".join(render(one) for one in part)


def _element(component: Component) -> str:
    told: Any = component
    props = dict(told.to_plotly_json()["props"])
    tag = component._type.lower()
    children = props.pop("children", None)
    attributes = "".join(_attribute(name, value) for name, value in props.items())
    return f"<{tag}{attributes}>" if tag in VOID else f"<{tag}{attributes}>{render(children)}</{tag}>"


def _attribute(name: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return f" {NAMES.get(name, name)}"
    if isinstance(value, dict):
        style = {"".join(f"-{c.lower()}" if c.isupper() else c for c in key): one for key, one in value.items()}
        value = ";".join(f"{key}:{one}" for key, one in style.items())
    return f' {NAMES.get(name, name)}="{escape(str(value))}"'


class Field(Component):
    """An `<input>`: Dash's HTML components have none, and its own input is a script."""

    _type = "input"
    _namespace = "plain"
    _prop_names: list[str] = []  # noqa: RUF012
    _valid_wildcard_attributes: list[str] = ["data-", "aria-"]  # noqa: RUF012
    _children_props: list[str] = []  # noqa: RUF012
    _base_nodes: list[str] = ["children"]  # noqa: RUF012

    def __init__(self, **props: Any) -> None:
        self._prop_names = sorted(props)
        self.available_properties = self._prop_names
        self.available_wildcard_properties = self._valid_wildcard_attributes
        init: Any = super().__init__
        init(**props)


def page(
    t: Texts,
    title: str,
    body: Any,
    *,
    styles: Iterable[str],
    scripts: Iterable[str],
    is_embeddable: bool = False,
    classes: str = "",
    mode: str = "live",
) -> HTMLResponse:
    """Return a whole page.

    Parameters
    ----------
    styles, scripts
        Paths on this server; scripts run once the page is read.
    is_embeddable
        Other sites may show it in a frame.
    mode
        What it shows, one of `twin.moment.MODES`.
    """
    head = "".join(f'<link rel="stylesheet" href="{path}">' for path in styles)
    head += "".join(f'<script src="{path}" defer></script>' for path in scripts)
    text = f"""<!DOCTYPE html>
<html lang="{t.language}" data-mode="{mode}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
{head}
</head>
<body class="{classes}">
{render(body)}
</body>
</html>
"""
    headers = {
        "Content-Security-Policy": policy(is_embeddable=is_embeddable),
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(text, headers=headers)
