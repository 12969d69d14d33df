"""Waiting for a condition, never for a time; a test fails when its patience ends."""

import asyncio
import inspect
import time
from collections.abc import Callable

PATIENCE = 60.0  # seconds that a test waits for what must come: far more than it takes, for a busy machine


async def until(condition: Callable[[], object], *, patience: float = PATIENCE) -> None:
    """Return once a condition holds; it is asked again and again, and may be asynchronous.

    Raises `TimeoutError` when it has not held for `patience` seconds.
    """
    async with asyncio.timeout(patience):
        while True:
            found = condition()
            asked_outside = inspect.isawaitable(found)
            if await found if asked_outside else found:
                return
            await asyncio.sleep(0.01 if asked_outside else 0.002)


def wait_until(condition: Callable[[], object], *, patience: float = PATIENCE) -> None:
    """Return once a condition holds that other processes or threads bring about. Blocks this thread meanwhile."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


async def sleep_until(moment: float) -> None:
    """Sleep until the loop's clock shows a time: for what must last, as an outage does."""
    await asyncio.sleep(max(0.0, moment - asyncio.get_running_loop().time()))
