"""Tasks that run beside the requests for as long as an instance lives."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any

from app.core.errors import Unavailable

log = logging.getLogger(__name__)

AGAIN_AFTER = 1.0  # seconds
FIRST_WITHIN = 1.0  # seconds
CANCEL_AGAIN_AFTER = 0.5  # seconds


@asynccontextmanager
async def running(*works: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Runs what never ends by itself, until the block ends."""
    tasks = [asyncio.create_task(kept_up(work)) for work in works]
    try:
        yield
    finally:
        await asyncio.gather(*map(ended, tasks))


async def kept_up(work: Callable[[], Awaitable[None]]) -> None:
    """Runs something for ever: when it fails that is logged, and it begins again."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("%s has failed and begins again", getattr(work, "__qualname__", work))
        await asyncio.sleep(AGAIN_AFTER)


def every(seconds: float, work: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[None]]:
    """A function that does `work` every so many seconds for ever; a failure is logged, and tried again next time.

    The first time is within `FIRST_WITHIN` or the time between two: of many works that begin together, and of instances
    that start together, each would else need a connection to PostgreSQL of its own.
    """

    @wraps(work)
    async def repeat() -> None:
        await asyncio.sleep(random.uniform(0, min(seconds, FIRST_WITHIN)))
        while True:
            try:
                await work()
            except Unavailable as error:
                log.warning("%s has to wait for its next time: %s", work.__qualname__, error)
            except Exception:
                log.exception("%s has failed", work.__qualname__)
            await asyncio.sleep(seconds)

    return repeat


async def ended(task: "asyncio.Task[None]") -> None:
    """Cancels a task until it ends: a cancellation is lost where what the task waits for is done at that moment."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_AGAIN_AFTER)
    if not task.cancelled():
        task.result()
