"""The commands that everything hangs on."""

import os
import re

from backend.cli import parser
from tests.house.house import ROOT

CI = ".ci/run"


def test_continuous_integration_calls_the_test_command_and_nothing_else():
    lines = [line for line in (ROOT / CI).read_text().splitlines() if line and not line.startswith("#")]
    assert lines == ["set -euo pipefail", 'cd "$(dirname "$0")/.."', "exec ./gunsan test"]


def test_commands_are_executable():
    assert all(os.access(ROOT / name, os.X_OK) for name in (CI, "gunsan"))


def test_the_command_line_knows_what_the_documents_name():
    known = set(next(action.choices for action in parser()._actions if action.choices))
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for line in re.findall(r"\./gunsan ([a-z]+)", path.read_text()):
            assert line in known, f"{path.relative_to(ROOT)}: ./gunsan {line}"
