"""The job runner: takes runs from the queue, one at a time, each in a process of its own that may be killed.

The process is `python -m simulations`: it reads one JSON object on its standard input and prints one a line. One always
waits with everything loaded, so that a run begins at once:
`{"progress": 0.4, "note": "..."}` as it goes, `{"result": {...}}` or `{"error": "..."}` at its end.
"""

import asyncio
import logging
import shutil
import sys
from collections.abc import Sequence
from typing import Any

import orjson

from twin import clock
from twin.runs import ASKED, Record, Runs
from twin.settings import ROOT, Settings

log = logging.getLogger(__name__)

POLL_S = 1.0
IDLE_S = 0.25
"""How long the queue is left alone when it was empty."""
LINE_LIMIT = 2**22
KEPT = ("nice", "-n", "10", "setpriv", "--pdeathsig=KILL", "--")
"""Goes before a command of ours: behind all others, and gone when we are."""
WAIT = "wait"
"""Argument: load everything before the job comes."""
SIMULATE = (sys.executable, "-m", "simulations")


class Jobs:
    """Runs what is queued, until cancelled.

    Parameters
    ----------
    runs
        The queue.
    command
        What is started for a run.
    lane
        The lane of the queue that is worked off.
    """

    def __init__(
        self, settings: Settings, runs: Runs, command: Sequence[str] = SIMULATE, lane: str = ASKED
    ) -> None:  # fmt: skip
        self._settings, self._runs, self._command, self._lane = settings, runs, command, lane
        self._waiting: asyncio.subprocess.Process | None = None

    @staticmethod
    async def warm() -> None:
        """Let the simulations compile what they compile, so that no run waits for it."""
        await (await asyncio.create_subprocess_exec(*KEPT, *SIMULATE, "warm", cwd=ROOT)).wait()

    async def run(self) -> None:
        """Take runs for ever."""
        await self._runs.requeue(self._lane)
        try:
            while True:
                if self._waiting is None or self._waiting.returncode is not None:
                    self._waiting = await self._start(WAIT)
                if not await self.next():
                    await asyncio.sleep(IDLE_S)
        finally:
            if self._waiting is not None and self._waiting.returncode is None:
                self._waiting.kill()

    async def next(self) -> bool:
        """Carry out the run that waits longest; return whether there was one."""
        run = await self._runs.take(clock.now(), self._lane)
        if run is None:
            return False
        try:
            state, note, result = await self._carry_out(run)
        except (ValueError, OSError) as error:  # it says no JSON, or there is no disk for it
            state, note, result = "failed", f"{type(error).__name__}: {error}", {}
        log.info("run %s: %s %s", run["id"], state, note)
        await self._runs.finish(run["id"], state, note, result, clock.now())
        return True

    async def _carry_out(self, run: Record) -> tuple[str, str, Record]:
        """Return state, note and result of a run that has ended."""
        folder = self._settings.runs_dir / run["id"]
        folder.mkdir(parents=True, exist_ok=True)
        job = {"simulation": run["simulation"], "scenario": run["scenario"], "out": str(folder),
               "dsn": self._settings.dsn(), "data_dir": str(self._settings.data_dir)}  # fmt: skip
        process, self._waiting = self._waiting, None
        if process is None or process.returncode is not None:
            process = await self._start()
        try:
            assert process.stdin is not None
            process.stdin.write(orjson.dumps(job))
            process.stdin.close()
            ended = await self._listen(run["id"], process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if ended is None:
            shutil.rmtree(folder, ignore_errors=True)
            return "cancelled", "", {}
        if "result" in ended:
            return "done", "", ended["result"]
        why = f"the simulation ended with {process.returncode}; the log of run {run['id']} tells more"
        log.warning("run %s: see %s", run["id"], folder / "log")
        return "failed", ended.get("error", why), {}

    async def _start(self, *more: str) -> asyncio.subprocess.Process:
        """Start a process that waits for its job; the job names where its errors go."""
        return await asyncio.create_subprocess_exec(
            *KEPT, *self._command, *more,
            cwd=ROOT, limit=LINE_LIMIT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def _listen(self, run_id: str, process: asyncio.subprocess.Process) -> dict[str, Any] | None:
        """Return the last line of a simulation, or None when nobody wants it any more."""
        last: dict[str, Any] = {}
        progress, note = 0.0, ""
        assert process.stdout is not None
        while True:
            try:
                async with asyncio.timeout(POLL_S):
                    line = await process.stdout.readline()
            except TimeoutError:
                line = b"{}"
            if not line:
                break
            last = orjson.loads(line) or last  # an empty one only says that nothing came in time
            progress, note = last.get("progress", progress), last.get("note", note)
            if not await self._runs.report(run_id, progress, note):
                return None
        await process.wait()
        return last
