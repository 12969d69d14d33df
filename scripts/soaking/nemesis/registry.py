"""Every fault by its name, and what they all work on."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TypeAlias

import psutil

from scripts.soaking.audit import Audit
from scripts.soaking.stack import Stack

MENDED_WITHIN = 60.0  # seconds


class Field:
    """What the faults work on. What one of them has hit is locked until it is mended."""

    def __init__(self, stack: Stack, audit: Audit) -> None:
        self.stack = stack
        self.audit = audit
        self.locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)


Strike: TypeAlias = Callable[[Field, random.Random, float], Awaitable[str]]
FAULTS: dict[str, Strike] = {}


def fault(name: str) -> Callable[[Strike], Strike]:
    """Decorator: a fault by this name. It strikes for some seconds, mends, and returns what it has hit."""

    def register(strike: Strike) -> Strike:
        FAULTS[name] = strike
        return strike

    return register


async def frozen(processes: Sequence[psutil.Process], seconds: float) -> None:
    for process in processes:
        process.suspend()
    try:
        await asyncio.sleep(seconds)
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()


async def away(end: Callable[[], None], start: Callable[[], None], seconds: float) -> None:
    """A server is ended, and started after a while: in this thread, whose life it is tied to."""
    await asyncio.to_thread(end)
    await asyncio.sleep(seconds)
    start()
