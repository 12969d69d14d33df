"""The event loop of the targets that need one: to make one for every input would be most of their time."""

import asyncio
import atexit
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end."""
    return event_loop().run_until_complete(coroutine)


@cache
def event_loop() -> asyncio.AbstractEventLoop:
    """The loop, which is closed at the end of the process."""
    loop = asyncio.new_event_loop()
    atexit.register(loop.close)
    return loop
