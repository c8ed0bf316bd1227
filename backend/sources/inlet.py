"""Messages of other processes (HTTP, WebSocket, file replay) over a Unix socket that only this user may open.

A request is one JSON line `{"layer", "source", "length"}` and `length` bytes of payload; the answer, after the
commit, is one JSON line `{"accepted", "rejects"}`. The line `{}` asks how the process is.
"""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from backend.intake import Message, Outcome
from backend.pipeline import Pipeline
from twin import clock
from twin.errors import Unavailable

PAYLOAD_LIMIT = 4 * 2**20
CONNECTIONS = 16
ANSWER_S = 30.0
RETRY_S = 0.2


async def serve(path: Path, pipeline: Pipeline, status: Callable[[], dict[str, Any]]) -> None:
    """Serve the inlet for ever; `status` says how the process is."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readline():
                ask = orjson.loads(head)
                found = await _through(pipeline, ask, await reader.readexactly(ask["length"])) if ask else status()
                writer.write(orjson.dumps(found) + b"\n")
                await writer.drain()
        writer.close()

    path.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(answer, path)
    path.chmod(0o600)
    await server.serve_forever()


async def _through(pipeline: Pipeline, ask: dict[str, Any], payload: bytes) -> dict[str, Any]:
    done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def acknowledge(outcome: Outcome) -> None:
        if not done.done():
            done.set_result(outcome)

    await pipeline.put(Message(ask["layer"], payload, ask["source"], clock.now(), acknowledge))
    outcome = await done
    return {"accepted": outcome.accepted, "rejects": outcome.rejects}


class Inlet:
    """The other end: a few connections, each of which asks one thing at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._slots = asyncio.Semaphore(CONNECTIONS)

    async def status(self) -> dict[str, Any] | None:
        """Ask how the ingest process is; None when it does not answer."""
        try:
            async with asyncio.timeout(2):
                found: dict[str, Any] = orjson.loads(await self._ask(b"{}\n"))
                return found
        except (OSError, TimeoutError):
            return None

    async def send(self, layer: str, payload: bytes, source: str) -> Outcome:
        """Hand a payload to the pipeline and wait until it is committed.

        A process that falls meanwhile is asked again when it is back: the store takes every observation once.

        Raises
        ------
        Unavailable
            The ingest process does not answer; nothing was acknowledged, send it again.
        """
        head = orjson.dumps({"layer": layer, "source": source, "length": len(payload)})
        try:
            async with self._slots, asyncio.timeout(ANSWER_S):
                while True:
                    try:
                        answer = orjson.loads(await self._ask(head + b"\n" + payload))
                        return Outcome(answer["accepted"], tuple(map(tuple, answer["rejects"])))
                    except OSError:
                        await asyncio.sleep(RETRY_S)
        except TimeoutError as error:
            raise Unavailable(f"the ingest process did not answer within {ANSWER_S:.0f} s; send it again") from error

    async def _ask(self, request: bytes) -> bytes:
        reader, writer = self._free.pop() if self._free else await asyncio.open_unix_connection(self._path)
        try:
            writer.write(request)
            line = await reader.readline()
        except BaseException:
            writer.close()
            raise
        if not line:
            writer.close()
            self._free.clear()  # the others lead to the same fallen process
            raise ConnectionResetError("closed")
        self._free.append((reader, writer))
        return line
