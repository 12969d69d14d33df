"""The bounded queue in which passwords are hashed, off the event loop.

A hash costs about 80 ms of one core, so the queue is what a flood of sign-ins and sign-ups fills first. No network may
take more than half of it, and a quarter is kept for known devices, so that a flood keeps few others out and
no owner of a known device.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import anyio
import anyio.to_thread

from app.core.errors import Refusal

T = TypeVar("T")

HASHING = max(1, (os.cpu_count() or 1) // 2)  # at once: the chat needs a core, too
CAPACITY = 32 * HASHING  # attempts under way; the last of them waits some 3 seconds
BUSY_FOR = 3_000  # ms
BUSY = "Too many people are signing in right now"


class HashQueue:
    """Runs what hashes a password, and refuses attempts that would wait too long."""

    def __init__(self) -> None:
        self._limiter = anyio.CapacityLimiter(HASHING)
        self._of_network: Counter[str] = Counter()

    @contextmanager
    def entry(self, network: str, *, known_device: bool = False) -> Iterator[None]:
        """Counts an attempt from a network for the length of the block. Raises Refusal: `unavailable`."""
        room = CAPACITY if known_device else max(1, CAPACITY * 3 // 4)
        if self._of_network.total() >= room or self._of_network[network] >= max(1, CAPACITY // 2):
            raise Refusal("unavailable", BUSY, retry_after=BUSY_FOR)
        self._of_network[network] += 1
        try:
            yield
        finally:
            self._of_network[network] -= 1
            if not self._of_network[network]:
                del self._of_network[network]

    async def run(self, work: Callable[[], T]) -> T:
        """Does the work in a thread, once it is its turn."""
        return await anyio.to_thread.run_sync(work, limiter=self._limiter)
