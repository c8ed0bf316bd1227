"""How values, times and attributes are written on the screen."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dash import html
from dash.development.base_component import Component

from frontend.text import Texts
from twin.clock import KST
from twin.layer import Layer, Property
from twin.units import UNITS

SUFFIX_UNITS = {"_deg": "°", "_m": "m", "_kmh": "km/h", "_m3s": "㎥/s"}


def aria(label: str) -> dict[str, Any]:
    """Return the accessible name of an element as its properties."""
    return {"aria-label": label}


def goto(layer: str | None, asset: int | None, lon: float | None, lat: float | None) -> dict[str, Any]:
    """Return what makes an element lead to an asset or a place; the page itself acts on a click.

    Parameters
    ----------
    layer, asset
        The asset; None for a bare place.
    lon, lat
        Where it is [deg, WGS84]; None when that is not known.
    """
    facts = {"layer": layer, "asset": asset, "lon": lon, "lat": lat}
    return {"data-goto": "1"} | {f"data-{name}": str(value) for name, value in facts.items() if value is not None}


def is_share(prop: Property) -> bool:
    """Tell whether a property is a share of one, which the screen writes in percent."""
    return prop.kind == "number" and prop.unit == "1" and prop.range is not None and prop.range == (0, 1)


def format_result(prop: Property, result: Any, texts: Texts) -> tuple[str, str]:
    """Return a result as number and unit sign.

    Parameters
    ----------
    prop
        What was observed.
    result
        Number in the property's unit (index for enum, epoch seconds for time) or None.
    """
    if result is None:
        return "–", ""
    if prop.kind == "enum":
        index = prop.values.index(result) if isinstance(result, str) else int(result)
        if not 0 <= index < len(prop.values):
            return "–", ""
        return (texts.of(prop.labels[index]) if prop.labels else prop.values[index]), ""
    if prop.kind == "time":
        moment = datetime.fromtimestamp(float(result), KST) if not isinstance(result, datetime) else result
        return moment.astimezone(KST).strftime("%m-%d %H:%M"), ""
    if is_share(prop):
        return f"{100 * float(result):.0f}", "%"
    sign = UNITS[prop.unit]
    return f"{float(result):,.{prop.decimals}f}", "min" if sign == "분" and texts.language == "en" else sign


def format_alarm_result(layer: Layer | None, alarm: Mapping[str, Any], texts: Texts) -> str:
    """Return the newest value of what an alarm watches, else the one that raised it, with its unit."""
    rule = next((rule for rule in layer.alarms if rule.rule == alarm["rule"]), None) if layer else None
    prop = next((prop for prop in layer.properties if rule and prop.id == rule.property), None) if layer else None
    result = alarm["result"] if alarm["latest"] is None else alarm["latest"]
    if prop is None or result is None:
        return ""
    number, unit = format_result(prop, result, texts)
    return f"{texts.of(prop.title)} {number}{thin(unit)}"


def thin(unit: str) -> str:
    """Return a unit sign with the space it needs before it."""
    return unit if unit in {"", "%", "°"} else f"\u2009{unit}"


def moment_of(value: Any) -> datetime | None:
    """Return an aware datetime from what a record holds: datetime, ISO text or nothing."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromisoformat(str(value))


def age(value: Any, *, stale_after_s: float | None = None, empty: str = "–") -> Component:
    """Return an element whose text is kept by the page itself: how long ago a time was.

    Parameters
    ----------
    value
        datetime or ISO text; None writes `empty`.
    stale_after_s
        From this age [s] on it is drawn as stale.
    """
    moment = moment_of(value)
    if moment is None:
        return html.Span(empty, className="age is-never")
    more: dict[str, Any] = {"data-stale": f"{stale_after_s:g}"} if stale_after_s else {}
    title = moment.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S KST")
    return html.Time(className="age", dateTime=moment.isoformat(), title=title, **more)


def format_attribute(name: str, value: Any, texts: Texts) -> str:
    """Return an attribute's value with the unit that its name ends in."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return texts("attribute.yes" if value else "attribute.no")
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    if isinstance(value, float | int):
        unit = next((sign for suffix, sign in SUFFIX_UNITS.items() if name.endswith(suffix)), "")
        is_plain = name.endswith("year") or name.endswith("link")
        return (str(value) if is_plain else f"{value:,.2f}".rstrip("0").rstrip(".")) + thin(unit)
    return str(value)
