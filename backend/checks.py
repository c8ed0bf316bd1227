"""`./gunsan test`: the checks, and the whole suite in two processes side by side."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from backend.supervisor import environment
from twin.settings import ROOT, Settings

RUNNING = ("tests/backend", "tests/browser")
"""Tests that wait for running cities; the others compute meanwhile, behind them: a browser is not kept waiting."""


def check(arguments: list[str]) -> int:
    """Run the checks and the tests; return their exit status.

    Parameters
    ----------
    arguments
        Go to pytest, which then runs alone.
    """
    env = environment(Settings())
    python = [sys.executable, "-m"]
    steps = [
        [*python, "ruff", "check", "."],
        [*python, "ruff", "format", "--check", "."],
        [*python, "mypy"],
        [str(Path(sys.executable).parent / "lint-imports")],
    ]
    if arguments:
        return subprocess.run([*python, "pytest", *arguments], cwd=ROOT, env=env, check=False).returncode
    for step in steps:
        if code := subprocess.run(step, cwd=ROOT, env=env, check=False).returncode:
            return code
    others = [f"--ignore={folder}" for folder in RUNNING]
    behind = ["nice", "-n", "15", *python, "pytest", *others]
    with tempfile.TemporaryFile() as told, subprocess.Popen(behind, cwd=ROOT, env=env, stdout=told) as beside:
        code = subprocess.run([*python, "pytest", *RUNNING], cwd=ROOT, env=env, check=False).returncode
        other = beside.wait()
        told.seek(0)
        shutil.copyfileobj(told, sys.stdout.buffer)
    return code or other
