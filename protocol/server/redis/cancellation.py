"""How tasks that run beside others are ended."""

import asyncio
from collections.abc import Iterable
from typing import Any

_AGAIN = 0.1  # seconds


async def cancel_all(tasks: Iterable[asyncio.Task[Any]]) -> list[Any]:
    """Cancels tasks; returns, once all have ended, what each has returned or raised.

    A cancellation can get lost: where a task waits for a group of which one fails in the same turn of the loop, Python
    up to 3.12 raises that failure alone. So each is cancelled until it has ended.
    """
    ending = list(tasks)
    left = {task for task in ending if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN)
    return await asyncio.gather(*ending, return_exceptions=True)
