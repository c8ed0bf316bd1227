"""The lead-time ledger of an incident: what came when, counted from the first sign."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

Record = dict[str, Any]
LEDGER = {
    "sign": ("opened",),
    "forecast": ("forecast",),
    "alarm": ("announced",),
    "acknowledged": ("acknowledged",),
    "shared": ("shared",),
    "share_opened": ("share_opened",),
    "action": ("dispatched", "notice", "task"),
    "closed": ("closed",),
}
"""Lead-time ledger: mark -> the kinds of entry whose first one sets it."""


def ledger_of(timeline: Iterable[Record], onsets: Iterable[datetime] = ()) -> list[Record]:
    """Return the lead-time ledger: when each mark was first reached, and how long after the first sign [s].

    Parameters
    ----------
    onsets
        Since when the conditions of its alarms stood; the earliest is the first sign.
    """
    first: dict[str, datetime] = {}
    for entry in timeline:
        if entry["kind"] == "alarm" and entry["detail"].get("is_forecast"):
            first.setdefault("forecast", entry["at"])
        for mark, kinds in LEDGER.items():
            if entry["kind"] in kinds:
                first.setdefault(mark, entry["at"])
    first["sign"] = min([*onsets, *filter(None, [first.get("sign")])])
    return [
        {"mark": mark, "at": at, "after_s": None if at is None else (at - first["sign"]).total_seconds()}
        for mark in LEDGER
        for at in (first.get(mark),)
    ]
