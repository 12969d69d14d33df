"""Shared state of instances, beside the records of the bus: values by key, each with its own expiry."""

import time
from collections.abc import Collection, Mapping
from typing import Protocol

SWEEP_EVERY = 1_000  # values put into memory from one look for expired ones to the next


class Store(Protocol):
    """Shared state of all instances: short strings by key, with an expiry. Every method may raise `StoreUnavailable`.

    io = Server(bus=RedisBus(url), store=RedisStore(url))
    """

    async def put(self, values: Mapping[str, str], ttl: int, *, only_known: bool = False) -> set[str]:
        """Store values for `ttl` ms, in one round trip; with `only_known`, only those whose key exists. Returns the
        keys that were not stored."""

    async def get(self, key: str) -> str | None:
        """The value of a key, None if it does not exist or has expired."""

    async def take(self, key: str) -> str | None:
        """Get and delete a value: of several concurrent callers, one gets it."""

    async def drop(self, keys: Collection[str]) -> None:
        """Delete keys, in one round trip."""

    async def close(self) -> None:
        """Free the resources of the store."""


class MemoryStore:
    """The store of a single instance, the default of `Server`: values in its own memory."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[str, float]] = {}  # with the time of their end
        self._puts = 0

    def __len__(self) -> int:
        return len(self._values)

    async def put(self, values: Mapping[str, str], ttl: int, *, only_known: bool = False) -> set[str]:
        """See `Store.put`."""
        now = time.monotonic()
        missing = {key for key in values if only_known and await self.get(key) is None}
        for key in values.keys() - missing:
            self._values[key] = (values[key], now + ttl / 1000)
        self._puts += len(values)
        if self._puts >= SWEEP_EVERY:
            self._puts = 0
            self._values = {key: kept for key, kept in self._values.items() if kept[1] > now}
        return missing

    async def get(self, key: str) -> str | None:
        """See `Store.get`."""
        value, end = self._values.get(key, ("", 0.0))
        return value if end > time.monotonic() else None

    async def take(self, key: str) -> str | None:
        """See `Store.take`."""
        value = await self.get(key)
        self._values.pop(key, None)
        return value

    async def drop(self, keys: Collection[str]) -> None:
        """See `Store.drop`."""
        for key in keys:
            self._values.pop(key, None)

    async def close(self) -> None:
        """See `Store.close`."""
        self._values.clear()
