"""The event message of the integrated smart-city platform, in and out.

Field names follow one open interworking code base. The platform's operator has to confirm them, and the code lists that
are marked below, before anything is connected; nothing outside this file knows the format.
"""

from datetime import datetime
from math import isfinite
from typing import Any

import orjson

from twin.clock import KST
from twin.crs import is_in_city
from twin.errors import BadInput
from twin.foreign import ForeignEvent, Meaning
from twin.moment import LIVE

Record = dict[str, Any]
SERVICE, SYSTEM, PLATFORM = "EVT", "GUNSAN_TWIN", "PLATFORM"
"""To be confirmed."""
STATUS = {"new": "10", "acknowledged": "40", "dispatched": "40", "closed": "91", "merged": "90"}
"""10 occurred, 40 changed, 50 cleared, 90 cancelled, 91 ended; see `status_of`."""
UNFOUNDED = "unconfirmed"
DRILL_MARK = "[훈련] "
MEANING: dict[str, Meaning] = {"10": "occurred", "40": "changed", "50": "cleared", "90": "cancelled",
                               "91": "ended"}  # fmt: skip
GRADE = {"caution": "1", "alarm": "2", "danger": "3"}
"""To be confirmed."""
SEVERITY = {grade: severity for severity, grade in GRADE.items()}
TOPICS = (("화재", "fire"), ("지하차도", "underpass"), ("침수", "flood"), ("호우", "flood"), ("하천", "flood"))
"""Word in the event's name -> topic; the rest is `object`."""
TIME = "%Y%m%d%H%M%S"


def status_of(incident: Record) -> str:
    """Return the code of how an incident stands: cleared once no condition stands, cancelled when it was none."""
    if incident["state"] == "closed" and incident["reason"] == UNFOUNDED:
        return "90"
    if incident["state"] in ("new", "acknowledged", "dispatched") and incident["calm_since"] is not None:
        return "50"
    return STATUS[incident["state"]]


def encode(incident: Record, at: datetime) -> bytes:
    """Return an incident as the platform's message; one of a drill says so in its name."""
    status = status_of(incident)
    name = incident["title_ko"] if incident["branch"] == LIVE else DRILL_MARK + incident["title_ko"]
    body = {
        "evtId": f"{SYSTEM}-{incident['id']}",
        "evtNm": name,
        "evtGrad": GRADE.get(incident["severity"], "1"),
        "ocrNbr": str(incident["id"]),
        "ocrSts": status,
        "ocrLc": {"crdntX": _number(incident["lon"]), "crdntY": _number(incident["lat"]), "crdntZ": ""},
        "ocrPlc": incident["unit_ko"] or "",
        "ocrEvtCn": name,
        "ocrEvtTime": _time(incident["opened"]),
        "ocrEvtSts": {"ocrEvtStsCd": status, "ocrEvtStsDtl": incident["reason"] or ""},
        "ocrEvtStsUsr": "",
        "ocrEvtStsTime": _time(incident["changed"]),
        "ocrEvtEndTime": _time(incident["closed"]),
        "ocrEvtItem": [{"key": "branch", "val": incident["branch"]}],
        "ocrEvtDtl": "",
    }
    header = {
        "svcTy": SERVICE, "hdCnt": "1", "dtCnt": "1", "cmnMtd": "POST", "sendCd": SYSTEM, "rcvCd": PLATFORM,
        "encAt": "N", "tranTy": "REQ", "rrKey": f"{incident['id']}-{_time(at)}", "reqDate": _time(at),
        "bodyLen": str(len(orjson.dumps(body))), "sysCd": SYSTEM,
    }  # fmt: skip
    return orjson.dumps({"header": header, "body": body})


def decode(message: bytes) -> ForeignEvent:
    """Read a message of the platform.

    Raises
    ------
    BadInput
        What is missing or cannot be, and in which field.
    """
    try:
        body = orjson.loads(message)["body"]
        status = body["ocrEvtSts"]["ocrEvtStsCd"]
        name, number = (str(body[field]).replace("\0", "").strip() for field in ("evtNm", "evtId"))
        at = _read_time(body["ocrEvtTime"])
        told = _read_time(body["ocrEvtStsTime"]) if body.get("ocrEvtStsTime") else at
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise BadInput(f"platform event: {type(error).__name__}: {error}"[:300]) from error
    if status not in MEANING:
        raise BadInput(f"platform event: ocrEvtStsCd {str(status)[:20]!r} is not one of {', '.join(MEANING)}")
    if not name or not number or len(number) > 80:
        raise BadInput("platform event: evtNm and evtId (up to 80 characters) must not be empty")
    topic = next((topic for word, topic in TOPICS if word in name), "object")
    severity = SEVERITY.get(str(body.get("evtGrad")), "caution")
    return ForeignEvent(
        number, name[:200], topic, severity, MEANING[status], at, told, _place(body.get("ocrLc")),
        str(body.get("ocrEvtCn") or "").replace("\0", "")[:1000], _own(number),
    )  # fmt: skip


def _own(number: str) -> int | None:
    """Return the number of our own incident that an event's id stands for."""
    given = number.removeprefix(f"{SYSTEM}-")
    return int(given) if given != number and given.isdecimal() and len(given) < 16 else None


def _place(given: Any) -> tuple[float, float] | None:
    try:
        lon, lat = float(given["crdntX"]), float(given["crdntY"])
    except (KeyError, TypeError, ValueError):
        return None
    return (lon, lat) if isfinite(lon) and isfinite(lat) and is_in_city(lon, lat) else None


def _read_time(text: Any) -> datetime:
    return datetime.strptime(str(text), TIME).replace(tzinfo=KST)


def _time(time: datetime | None) -> str:
    return "" if time is None else time.astimezone(KST).strftime(TIME)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.7f}"
