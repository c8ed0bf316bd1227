"""CAP 1.2 (OASIS, 1 July 2010): drafts in Korean and English as XML, and whether a message keeps to the standard.

We draft and two people approve; others broadcast. The structure below follows sections 3.2 and 3.4 of the standard: the
order of elements, how often each may stand, which words they take. It was written down from what is commonly known of
it; the official schema is not part of this project.
"""

import re
from datetime import datetime
from typing import Annotated, Literal, Self
from xml.etree import ElementTree as ET

from defusedxml.ElementTree import fromstring
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from shapely.geometry import Polygon

from twin.clock import KST
from twin.layer import Text

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
LANGUAGES = (("ko", "ko-KR"), ("en", "en-US"))
CATEGORIES = ("Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE",
              "Other")  # fmt: skip
RESPONSES = ("Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None")
URGENCIES = ("Immediate", "Expected", "Future", "Past", "Unknown")
SEVERITIES = ("Extreme", "Severe", "Moderate", "Minor", "Unknown")
CERTAINTIES = ("Observed", "Likely", "Possible", "Unlikely", "Unknown")
STATUSES = ("Actual", "Exercise", "System", "Test", "Draft")
TYPES = ("Alert", "Update", "Cancel", "Ack", "Error")
SCOPES = ("Public", "Restricted", "Private")

_TIME = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d[-+]\d\d:\d\d")
_TAG = re.compile(r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*")
_NAME = re.compile(r"[^\s,<&]+")
_REFERENCES = re.compile(r"[^\s,]+,[^\s,]+,[^\s,]+( [^\s,]+,[^\s,]+,[^\s,]+)*")
_POLYGON = re.compile(r"-?\d+(\.\d+)?,-?\d+(\.\d+)?( -?\d+(\.\d+)?,-?\d+(\.\d+)?){3,}")
_ANY = re.compile(r"(?s).+")
Rule = tuple[str, int, int | None, object]
"""Element, least and most times, and what it holds: a pattern, words, or the rules of its parts."""

_VALUE: tuple[Rule, ...] = (("valueName", 1, 1, _ANY), ("value", 1, 1, _ANY))
_AREA: tuple[Rule, ...] = (
    ("areaDesc", 1, 1, _ANY), ("polygon", 0, None, _POLYGON), ("circle", 0, None, _ANY), ("geocode", 0, None, _VALUE),
    ("altitude", 0, 1, _ANY), ("ceiling", 0, 1, _ANY),
)  # fmt: skip
_INFO: tuple[Rule, ...] = (
    ("language", 0, 1, _TAG), ("category", 1, None, CATEGORIES), ("event", 1, 1, _ANY),
    ("responseType", 0, None, RESPONSES), ("urgency", 1, 1, URGENCIES), ("severity", 1, 1, SEVERITIES),
    ("certainty", 1, 1, CERTAINTIES), ("audience", 0, 1, _ANY), ("eventCode", 0, None, _VALUE),
    ("effective", 0, 1, _TIME), ("onset", 0, 1, _TIME), ("expires", 0, 1, _TIME), ("senderName", 0, 1, _ANY),
    ("headline", 0, 1, _ANY), ("description", 0, 1, _ANY), ("instruction", 0, 1, _ANY), ("web", 0, 1, _ANY),
    ("contact", 0, 1, _ANY), ("parameter", 0, None, _VALUE), ("area", 0, None, _AREA),
)  # fmt: skip
STRUCTURE: tuple[Rule, ...] = (
    ("identifier", 1, 1, _NAME), ("sender", 1, 1, _NAME), ("sent", 1, 1, _TIME), ("status", 1, 1, STATUSES),
    ("msgType", 1, 1, TYPES), ("source", 0, 1, _ANY), ("scope", 1, 1, SCOPES), ("restriction", 0, 1, _ANY),
    ("addresses", 0, 1, _ANY), ("code", 0, None, _ANY), ("note", 0, 1, _ANY), ("references", 0, 1, _REFERENCES),
    ("incidents", 0, 1, _ANY), ("info", 0, None, _INFO),
)  # fmt: skip

Point = tuple[Annotated[float, Field(ge=-180, le=180)], Annotated[float, Field(ge=-90, le=90)]]


class Draft(BaseModel):
    """What people write of an alert; identifier, sender and times of sending are added when it goes out."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["Actual", "Exercise", "Test"] = "Actual"
    msg_type: Literal["Alert", "Update", "Cancel"] = "Alert"
    scope: Literal["Public", "Restricted", "Private"] = "Public"
    category: Literal[CATEGORIES] = "Safety"  # type: ignore[valid-type]
    response: Literal[RESPONSES] = "Monitor"  # type: ignore[valid-type]
    urgency: Literal[URGENCIES] = "Expected"  # type: ignore[valid-type]
    severity: Literal[SEVERITIES] = "Severe"  # type: ignore[valid-type]
    certainty: Literal[CERTAINTIES] = "Observed"  # type: ignore[valid-type]
    event: Text
    headline: Text
    description: Text | None = None
    instruction: Text
    onset: AwareDatetime | None = None
    expires: AwareDatetime
    """Every message ends; one that is over before is cancelled."""
    area: Text
    polygon: tuple[Point, ...] = ()
    """lon, lat [deg, WGS84]; the first point again at the end."""
    geocode: str | None = Field(default=None, max_length=40)
    """Administrative code of the district."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.polygon and (len(self.polygon) < 4 or self.polygon[0] != self.polygon[-1]):
            raise ValueError("a polygon has at least four points, and ends where it begins")
        if self.polygon and not Polygon(self.polygon).is_valid:
            raise ValueError("the polygon crosses itself")
        if not self.polygon and not self.geocode:
            raise ValueError("an alert needs a polygon or a geocode")
        if self.onset is not None and self.expires <= self.onset:
            raise ValueError("an alert ends after its onset")
        return self


def stamp(time: datetime) -> str:
    """Return a time as CAP writes it: with an offset, never with Z."""
    return time.astimezone(KST).isoformat(timespec="seconds")


def to_xml(
    draft: Draft, identifier: str, sender: str, sent: datetime, *, references: str = "", is_draft: bool = False
) -> bytes:
    """Return a message as XML.

    Parameters
    ----------
    references
        `sender,identifier,sent` of the messages that it updates or cancels, separated by spaces.
    is_draft
        Not approved yet: bears the status `Draft`, on which nobody may act.
    """
    alert = ET.Element("alert", {"xmlns": NAMESPACE})

    def add(parent: ET.Element, name: str, text: str | None) -> None:
        if text:
            ET.SubElement(parent, name).text = text

    add(alert, "identifier", identifier)
    add(alert, "sender", sender)
    add(alert, "sent", stamp(sent))
    add(alert, "status", "Draft" if is_draft else draft.status)
    add(alert, "msgType", draft.msg_type)
    add(alert, "scope", draft.scope)
    add(alert, "restriction", "operational" if draft.scope == "Restricted" else None)
    add(alert, "note", "EXERCISE EXERCISE EXERCISE" if draft.status == "Exercise" else None)
    add(alert, "references", references)
    for language, tag in LANGUAGES:
        info = ET.SubElement(alert, "info")
        add(info, "language", tag)
        add(info, "category", str(draft.category))
        add(info, "event", getattr(draft.event, language))
        add(info, "responseType", str(draft.response))
        for name in ("urgency", "severity", "certainty"):
            add(info, name, str(getattr(draft, name)))
        add(info, "onset", stamp(draft.onset) if draft.onset else None)
        add(info, "expires", stamp(draft.expires))
        mark = {"ko": "[훈련] ", "en": "[EXERCISE] "}[language] if draft.status == "Exercise" else ""
        add(info, "headline", mark + getattr(draft.headline, language))
        add(info, "description", getattr(draft.description, language) if draft.description else None)
        add(info, "instruction", getattr(draft.instruction, language))
        area = ET.SubElement(info, "area")
        add(area, "areaDesc", getattr(draft.area, language))
        add(area, "polygon", " ".join(f"{lat:.5f},{lon:.5f}" for lon, lat in draft.polygon))
        if draft.geocode:
            code = ET.SubElement(area, "geocode")
            add(code, "valueName", "KOR-ADM")
            add(code, "value", draft.geocode)
    return bytes(ET.tostring(alert, encoding="utf-8", xml_declaration=True))


def faults(xml: bytes) -> list[str]:
    """Return where a message leaves the standard; empty for a valid one."""
    try:
        alert = fromstring(xml)
    except ET.ParseError as error:
        return [f"no XML: {error}"]
    if alert.tag != f"{{{NAMESPACE}}}alert":
        return [f"the root is {alert.tag!r}, not the alert of {NAMESPACE}"]
    found = _faults(alert, STRUCTURE, "alert")
    kind = alert.findtext(f"{{{NAMESPACE}}}msgType")
    has_references = alert.find(f"{{{NAMESPACE}}}references") is not None
    if kind in ("Update", "Cancel", "Ack", "Error") and not has_references:
        found.append(f"alert/references: a message of type {kind} refers to an earlier one")
    if alert.findtext(f"{{{NAMESPACE}}}scope") == "Restricted" and alert.find(f"{{{NAMESPACE}}}restriction") is None:
        found.append("alert/restriction: scope Restricted says for whom")
    for polygon in alert.iter(f"{{{NAMESPACE}}}polygon"):
        points = (polygon.text or "").split()
        if points and points[0] != points[-1]:
            found.append("alert/info/area/polygon: does not end where it begins")
    return found


def _faults(element: ET.Element, rules: tuple[Rule, ...], where: str) -> list[str]:
    found: list[str] = []
    names = [child.tag.removeprefix(f"{{{NAMESPACE}}}") for child in element]
    known = [name for name, *_ in rules]
    found += [f"{where}/{name}: unknown" for name in names if name not in known]
    order = [known.index(name) for name in names if name in known]
    if order != sorted(order):
        found.append(f"{where}: its elements are out of order")
    for name, least, most, holds in rules:
        children = [child for child in element if child.tag == f"{{{NAMESPACE}}}{name}"]
        if len(children) < least or (most is not None and len(children) > most):
            found.append(f"{where}/{name}: stands {len(children)} times, {least} to {most or 'many'} are allowed")
        for child in children:
            text = (child.text or "").strip()
            if isinstance(holds, re.Pattern):
                if not holds.fullmatch(text):
                    found.append(f"{where}/{name}: {text[:60]!r} is not as it has to be")
            elif holds and isinstance(holds, tuple) and isinstance(holds[0], str):
                if text not in holds:
                    found.append(f"{where}/{name}: {text[:60]!r} is not one of {', '.join(holds)}")
            else:
                assert isinstance(holds, tuple)
                found += _faults(child, holds, f"{where}/{name}")
    return found
