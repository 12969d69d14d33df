"""How tasks that run beside others are ended."""

import asyncio
from collections.abc import Iterable
from typing import Any


async def cancel_all(tasks: Iterable[asyncio.Task[Any]]) -> list[Any]:
    """Cancels tasks; returns, once all have ended, what each has returned or raised."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    return await asyncio.gather(*ending, return_exceptions=True)
