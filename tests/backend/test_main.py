"""A process ends when it is told to, and with what its work ended with."""

import asyncio
import os
import signal

import pytest

from backend.__main__ import _until_signal


async def in_a_group(work) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(work)


async def test_a_process_ends_though_its_first_cancel_was_swallowed() -> None:
    swallowed = 0

    async def waits_for_the_store() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:  # as asyncpg does when the connection is lost in that moment
                swallowed += 1
                if swallowed > 1:
                    raise

    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(10):
        await _until_signal(in_a_group(waits_for_the_store()))
    assert swallowed == 2


async def test_work_that_fails_ends_the_process_with_its_error() -> None:
    async def fails() -> None:
        raise ValueError("port taken")

    async with asyncio.timeout(10):
        with pytest.raises(ValueError, match="port taken"):
            await _until_signal(fails())
