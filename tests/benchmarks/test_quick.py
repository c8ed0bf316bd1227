"""Every benchmark runs and finds what it must, whatever the speed; not part of the default suite (`-m benchmark`)."""

import pytest

from tests.benchmarks.__main__ import NAMES, run

EXACT = ("lost", "behind", "missed", "twice", "lacks", "newest")
"""Words of the figures that hold on any machine at any speed."""


@pytest.mark.benchmark
@pytest.mark.parametrize("name", NAMES)
def test_benchmark_runs(name: str) -> None:
    report = run(name, is_quick=True)
    assert report.figures
    broken = [one for one in report.figures if one.is_met is False and any(word in one.what for word in EXACT)]
    assert not broken
