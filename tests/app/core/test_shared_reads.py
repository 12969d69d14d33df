"""Reads that callers share: each gets its value, read after the call, with as few reads as can be."""

import asyncio
from collections.abc import Mapping

import pytest

from app.core.batcher import BatcherClosed
from app.core.shared_reads import SharedRead


class Source:
    """Values that change, and what was read of them. A read takes until `go` is set."""

    def __init__(self) -> None:
        self.reads: list[list[str]] = []
        self.version = 1
        self.error: Exception | None = None
        self.go = asyncio.Event()

    async def read(self, keys: list[str]) -> Mapping[str, str]:
        self.reads.append(keys)
        found = {key: f"{key}{self.version}" for key in keys}
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return found


async def asked(read: SharedRead[str, str], *keys: str) -> list["asyncio.Task[str]"]:
    """Callers that wait."""
    tasks = [asyncio.create_task(read.of(key)) for key in keys]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_callers_that_come_while_one_read_is_under_way_share_the_next() -> None:
    source = Source()
    read = SharedRead(source.read)
    first = await asked(read, "a")
    others = await asked(read, "b", "c", "b")
    source.go.set()
    assert await asyncio.gather(*first, *others) == ["a1", "b1", "c1", "b1"]
    assert source.reads == [["a"], ["b", "c"]]


async def test_what_has_changed_before_a_call_is_seen_by_it() -> None:
    source = Source()
    read = SharedRead(source.read)
    early = await asked(read, "a")
    source.version = 2
    late = await asked(read, "a")
    source.go.set()
    assert await asyncio.gather(*early, *late) == ["a1", "a2"]


async def test_a_batch_is_bounded() -> None:
    source = Source()
    source.go.set()
    read = SharedRead(source.read, max_batch=2)
    assert await asyncio.gather(*await asked(read, "a", "b", "c")) == ["a1", "b1", "c1"]
    assert source.reads == [["a", "b"], ["c"]]


async def test_a_failure_is_that_of_all_who_share_the_read_and_of_nobody_else() -> None:
    source = Source()
    read = SharedRead(source.read)
    source.error = OSError("away")
    failing = await asked(read, "a", "a", "b")
    source.go.set()
    for task in failing:
        with pytest.raises(OSError, match="away"):
            await task
    source.error = None
    assert await read.of("a") == "a1"


async def test_a_read_that_is_cancelled_leaves_nobody_waiting() -> None:
    cancelled = [True]

    async def read(keys: list[str]) -> Mapping[str, str]:
        if cancelled.pop():
            raise asyncio.CancelledError
        return dict.fromkeys(keys, "read")

    shared = SharedRead(read)
    with pytest.raises(BatcherClosed):
        await shared.of("a")
    cancelled.append(False)
    assert await asyncio.gather(shared.of("a"), shared.of("b")) == ["read", "read"]


async def test_a_caller_who_goes_away_takes_nobody_along() -> None:
    source = Source()
    read = SharedRead(source.read)
    leaving, staying = await asked(read, "a", "a")
    leaving.cancel()
    source.go.set()
    assert await staying == "a1"
    assert leaving.cancelled()
