"""What runs beside the requests for as long as an instance lives."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

log = logging.getLogger(__name__)

AGAIN_AFTER = 1.0  # seconds


@asynccontextmanager
async def running(*works: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Runs what never ends by itself, until the block ends."""
    tasks = [asyncio.create_task(kept_up(work)) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def kept_up(work: Callable[[], Awaitable[None]]) -> None:
    """Runs something for ever: when it fails that is logged, and it begins again."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("%s has failed and begins again", getattr(work, "__qualname__", work))
        await asyncio.sleep(AGAIN_AFTER)
