"""The delta brief: what changed since somebody last looked, in two languages, each sentence with its rows.

A sentence is made only of what the store says; nothing is judged and nothing is left to taste. Rules, in this order:
incidents that were opened or closed (those without a severity as one number), alarms that were raised, complaints,
figures that moved by more than a share.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

Record = dict[str, Any]
MOVED = 0.1
"""A figure that moved by more than this share of what it was is told [-]."""
MOST_FIGURES = 6
SEVERITY = {"danger": ("위험", "danger"), "alarm": ("경보", "alarm"), "caution": ("주의", "caution")}


def sentence(kind: str, ko: str, en: str, link: str) -> Record:
    """Return one sentence with where its rows are."""
    return {"kind": kind, "ko": ko, "en": en, "link": link}


def brief(
    since: datetime, incidents: list[Record], raised: list[Record], complaints: Mapping[str, int],
    then: list[Record], now: list[Record],
) -> list[Record]:  # fmt: skip
    """Return the sentences.

    Parameters
    ----------
    incidents
        Open and closed ones.
    raised
        Alarms raised since (see `twin.tally.raised`).
    complaints
        `all` and `urgent`, how many since.
    then, now
        The figures at both moments.
    """
    mark = since.isoformat().replace("+", "%2B")
    told = [*_incidents(since, incidents, mark), *_alarms(raised, mark)]
    if complaints.get("all"):
        n, urgent = complaints["all"], complaints.get("urgent", 0)
        told.append(sentence("citizens", f"민원 {n:,}건이 들어왔고, 그중 긴급 단어가 든 것은 {urgent:,}건입니다.",
                             f"{n:,} complaints came in, {urgent:,} of them with urgent words.",
                             f"/mayor/complaints?since={mark}"))  # fmt: skip
    return told + _figures(then, now, mark)


def _incidents(since: datetime, incidents: list[Record], mark: str) -> list[Record]:
    told = []
    quiet = [one for one in incidents if one["severity"] not in SEVERITY]
    for incident in (one for one in incidents if one["severity"] in SEVERITY):
        link = f"/mayor/incidents?since={mark}#incident-{incident['id']}"
        ko, en = incident["title_ko"], incident["title_en"] or incident["title_ko"]
        level = SEVERITY[incident["severity"]]
        if incident["opened"] >= since:
            told.append(sentence("incident", f"새 사건: {ko} ({level[0]}).", f"New incident: {en} ({level[1]}).", link))
        if incident["closed"] is not None and incident["closed"] >= since:
            told.append(sentence("incident", f"끝난 사건: {ko}.", f"Closed incident: {en}.", link))
    opened = sum(one["opened"] >= since for one in quiet)
    closed = sum(one["closed"] is not None and one["closed"] >= since for one in quiet)
    if opened or closed:
        told.append(sentence("incident", f"알림으로만 남은 일 {opened:,}건이 생기고 {closed:,}건이 끝났습니다.",
                             f"{opened:,} minor events began, {closed:,} ended.",
                             f"/mayor/incidents?since={mark}#incidents"))  # fmt: skip
    return told


def _alarms(raised: list[Record], mark: str) -> list[Record]:
    counts = {level: sum(row["n"] for row in raised if row["severity"] == level) for level in SEVERITY}
    if not any(counts.values()):
        return []
    ko = ", ".join(f"{SEVERITY[level][0]} {n}건" for level, n in counts.items() if n)
    en = ", ".join(f"{n} {SEVERITY[level][1]}" for level, n in counts.items() if n)
    return [sentence("alarm", f"경보가 새로 발생했습니다: {ko}.", f"Alarms were raised: {en}.",
                     f"/mayor/incidents?since={mark}#alarms")]  # fmt: skip


def _figures(then: list[Record], now: list[Record], mark: str) -> list[Record]:
    before = {figure["id"]: figure for figure in then}
    moved = []
    for figure in now:
        old = before.get(figure["id"])
        if old is None or old["text"] == figure["text"]:
            continue
        a, b = old["value"], figure["value"]
        if a is None:  # nobody saw anything else before
            continue
        if b is None:
            share = float("inf")
        elif a == 0:
            share = float("inf") if b else 0.0
        else:
            share = abs(b - a) / abs(a)
        if share > MOVED:
            moved.append((share, old, figure))
    told = []
    for _, old, figure in sorted(moved, key=lambda one: -one[0])[:MOST_FIGURES]:
        unit = figure["unit"]
        if figure["value"] is None:
            told.append(sentence(
                "silent", f"{figure['title']['ko']}: 새 값이 끊겼습니다. 그때는 {old['text']}{unit}였습니다.",
                f"{figure['title']['en']}: no fresh value any more; it was {old['text']} {unit}".rstrip() + ".",
                f"/mayor/figure/{figure['id']}?since={mark}",
            ))  # fmt: skip
            continue
        told.append(sentence(
            "figure", f"{figure['title']['ko']}: {old['text']}{unit}에서 {figure['text']}{unit}(으)로 바뀌었습니다.",
            f"{figure['title']['en']} went from {old['text']} to {figure['text']} {unit}".rstrip() + ".",
            f"/mayor/figure/{figure['id']}?since={mark}",
        ))  # fmt: skip
    return told
