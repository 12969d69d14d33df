"""Freed memory goes back to the system, also from below what is still in use."""

import ctypes

import psutil
import pytest

from app.runtime.memory_return import GROWTH, MemoryReturn

glibc = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library has no malloc_trim"
)


def size() -> int:
    return psutil.Process().memory_info().rss


@glibc
async def test_what_was_freed_is_given_back() -> None:
    memory = MemoryReturn()
    held = [bytes(100_000) for _ in range(1_000)]  # each too small to be a mapping of its own
    most = size()
    last = held.pop()
    del held
    await memory.look()
    assert size() < most - 2 * GROWTH
    del last


async def test_nothing_is_done_while_the_process_has_not_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, asked = MemoryReturn(), list[int]()
    monkeypatch.setattr(memory, "_trim", asked.append)
    await memory.look()
    assert asked == []
