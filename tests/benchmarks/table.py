"""Figures as a table on the terminal, as JSON in `bench-results/`, and as the page `docs/reference/benchmarks.md`."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from tests.benchmarks.machine import facts
from twin import clock
from twin.settings import ROOT

RESULTS = ROOT / "bench-results"
PAGE = ROOT / "docs" / "reference" / "benchmarks.md"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    Parameters
    ----------
    at_least, at_most
        The target; None for a number that only explains others.
    """

    what: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def target(self) -> str:
        """The target in words."""
        if self.at_least is not None:
            return f"≥ {_number(self.at_least)}"
        return "" if self.at_most is None else f"≤ {_number(self.at_most)}"

    @property
    def is_met(self) -> bool | None:
        """Tell whether the target is met; None without one."""
        if self.at_least is not None:
            return self.value >= self.at_least
        return None if self.at_most is None else self.value <= self.at_most

    @property
    def verdict(self) -> str:
        """The outcome as a word."""
        return {True: "met", False: "MISSED", None: ""}[self.is_met]


@dataclass(frozen=True, slots=True)
class Report:
    """What one benchmark found."""

    name: str
    title: str
    is_quick: bool
    others: float
    """Share of the machine that other processes used meanwhile [0..1]."""
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()

    def show(self) -> None:
        """Print the table."""
        width = max(len(figure.what) for figure in self.figures)
        print(f"\n{self.name}: {self.title}{' (quick: too short to judge)' if self.is_quick else ''}")
        for figure in self.figures:
            value = f"{_number(figure.value):>12} {figure.unit}"
            print(f"  {figure.what:{width}} {value:28} {figure.target:>10} {figure.verdict}")
        for note in self.notes:
            print(f"  {note}")
        print(f"  other processes used {self.others:.0%} of the machine", flush=True)

    def write(self) -> Path:
        """Write `bench-results/NAME.json`."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.name}.json"
        body = {**asdict(self), "at": clock.now(), "machine": facts()}
        path.write_bytes(orjson.dumps(body, option=orjson.OPT_INDENT_2))
        return path


def write_page(order: tuple[str, ...]) -> None:
    """Write the reference page from the JSON files that are there; of the others the page keeps what it says."""
    found = [orjson.loads(path.read_bytes()) for name in order if (path := RESULTS / f"{name}.json").exists()]
    if not found:
        raise SystemExit("there are no results yet; run a benchmark first")
    lines = [
        "# Benchmarks",
        "",
        "Written by `./gunsan bench NAME --docs` from `bench-results/`; do not edit. Each ratio is the median of its",
        "repetitions, each measured beside its peer in the same run and in rotated order.",
        "",
        "| machine | |",
        "|---|---|",
        *(f"| {what} | {value} |" for what, value in found[0]["machine"].items() if what != "CPU"),
    ]
    old = PAGE.read_text().split("\n## ")[1:] if PAGE.exists() else []
    sections = {one.split(":")[0]: ["", *f"## {one}".rstrip().splitlines()] for one in old}
    sections |= {report["name"]: _section(report) for report in found}
    for name in order:
        lines += sections.get(name, [])
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text("\n".join(lines) + "\n")


def _section(report: dict[str, Any]) -> list[str]:
    names = Figure.__dataclass_fields__
    figures = [Figure(**{key: value for key, value in one.items() if key in names}) for one in report["figures"]]
    quick = " A quick run, too short to judge." if report["is_quick"] else ""
    return [
        "",
        f"## {report['name']}: {report['title']}",
        "",
        f"{report['at'][:10]}, {report['machine']['CPU']}; other processes used {report['others']:.0%} of the machine."
        f"{quick}",
        "",
        "| figure | value | target | |",
        "|---|---:|---:|---|",
        *(f"| {one.what} | {_number(one.value)} {one.unit} | {one.target} | {one.verdict} |" for one in figures),
        *(["", *report["notes"]] if report["notes"] else []),
    ]


def _number(value: float) -> str:
    if value != value:
        return "none"
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
