"""Reads that callers share: what is asked for while one read is under way is the next read.

When thousands of clients come back at once, each asks the same of PostgreSQL for itself. One statement with all of
their keys costs little more than one with a single key, and takes one connection of the pool instead of all.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Generic, TypeVar

from app.core.batcher import Batcher, BatcherClosed

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MAX_BATCH = 500  # keys


class SharedRead(Generic[K, V]):
    """Gives each caller the value of a key, as it is at some moment after the call.

    `read` gets at most `max_batch` different keys, and returns a value for each; one call of it is under way at a time.
    What it raises, all callers of the batch get.
    """

    def __init__(
        self, read: Callable[[list[K]], Awaitable[Mapping[K, V]]], *, max_batch: int = MAX_BATCH
    ) -> None:
        self._read = read
        self._asked: dict[K, asyncio.Future[V]] = {}  # of the next batch
        self._batcher: Batcher[K] = Batcher(self._work, max_batch=max_batch)

    async def of(self, key: K) -> V:
        """The value of a key. Raises what `read` does."""
        value = self._asked.get(key)
        if value is None:
            value = self._asked[key] = asyncio.get_running_loop().create_future()
            self._batcher.add(key)
        return await asyncio.shield(value)  # which others may wait for

    async def _work(self, keys: list[K]) -> None:
        asked = {key: self._asked.pop(key) for key in keys if key in self._asked}
        try:
            found = await self._read(keys)
        except BaseException as error:
            failure = (
                error if isinstance(error, Exception) else BatcherClosed("it was not read before the end")
            )
            for value in asked.values():
                value.set_exception(failure)
                value.exception()  # seen, so that asyncio does not warn where the callers have gone
            if failure is not error:
                raise
            return
        for key, value in asked.items():
            value.set_result(found[key])
