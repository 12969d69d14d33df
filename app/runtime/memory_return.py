"""Gives back to the system what an instance has freed.

glibc keeps freed memory below whatever is still in use, for ever if nothing asks for it: after an attack, or a rush of
uploads, an instance would stay as large as it has ever been. Other C libraries do so by themselves, or not at all.
"""

import asyncio
import ctypes
from collections.abc import Callable

import psutil

LOOK_EVERY = 20.0  # seconds
GROWTH = 16 * 2**20  # bytes; with less there is nothing worth the time


class MemoryReturn:
    """Asks glibc to give back memory when the process has grown since the last time."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
        self._least = self._process.memory_info().rss  # bytes, after the last time

    async def look(self) -> None:
        """Look once. It takes some milliseconds, in a thread: no request waits but for memory."""
        size = self._process.memory_info().rss
        if self._trim is None or size < self._least + GROWTH:
            self._least = min(self._least, size)
            return
        await asyncio.to_thread(self._trim, 0)
        self._least = self._process.memory_info().rss
