"""`python -m backend ROLE`: one process of the city; the settings come from the environment."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import import_module

import uvloop

from twin.settings import Settings

CANCEL_AGAIN_S = 0.5


def _setup(settings: Settings) -> None:
    """Prepare what the others need, and end: secrets, schema, city."""
    from backend.supervisor import ensure_city
    from twin.migrate import migrate

    settings.run_dir.mkdir(parents=True, exist_ok=True)
    settings.secrets()
    migrate(settings.dsn())
    ensure_city(settings)


def _broker(settings: Settings) -> None:
    """Become the MQTT broker."""
    from backend.broker import Broker

    broker = Broker(settings)
    broker.make()
    command = broker.command()
    os.execvp(command[0], command)


def _web(settings: Settings) -> None:
    from backend.app import serve

    serve(settings)


def _run(role: str, settings: Settings) -> None:
    run = import_module(f"backend.{role}").run
    uvloop.run(_until_signal(run(settings)))


def _run_until_killed(role: str, settings: Settings) -> None:
    """Run a role that computes so long at a time that it would hear of a signal late; a signal just ends it."""
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, signal.SIG_DFL)
    uvloop.run(import_module(f"backend.{role}").run(settings))


async def _until_signal(work: Awaitable[None]) -> None:
    """Let work go on until a signal; then cancel it until it ends.

    Once is not enough: a cancel that meets a database going down may come out of asyncpg as a lost connection, and a
    loop that waits for the database would go on for ever. A task group passes on only the first, so all tasks get it.
    """
    task, told = asyncio.ensure_future(work), asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, told.set)
    waiting = asyncio.ensure_future(told.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    while not task.done():
        for one in asyncio.all_tasks() - {asyncio.current_task()}:
            one.cancel()
        await asyncio.wait({task}, timeout=CANCEL_AGAIN_S)
    waiting.cancel()
    if not task.cancelled():
        task.result()


ROLES: dict[str, Callable[[Settings], None]] = {
    "setup": _setup,
    "broker": _broker,
    "ingest": partial(_run, "ingest"),
    "web": _web,
    "worker": partial(_run, "worker"),
    "traffic": partial(_run_until_killed, "traffic"),
    "feed": partial(_run, "feed"),
}
"""`./gunsan up` starts the last five; containers run each of them."""


def main(role: str) -> None:
    """Run one role, until it is done or until a signal."""
    if role not in ROLES:
        sys.exit(f"unknown role {role!r}: {', '.join(ROLES)}")
    ROLES[role](Settings())


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
