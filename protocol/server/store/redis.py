"""The store of instances that share a Redis."""

import asyncio
from collections.abc import Collection, Mapping

from protocol.server.redis.client import RedisClient


class RedisStore:
    """The store of all instances that use the same Redis. `url` is as for `RedisBus`; a bad one raises `ValueError`."""

    def __init__(self, url: str) -> None:
        self._redis = RedisClient(url)

    async def put(self, values: Mapping[str, str], ttl: int, *, only_known: bool = False) -> set[str]:
        """See `Store.put`."""
        condition = ("XX",) if only_known else ()
        replies = await asyncio.gather(
            *(self._redis.ask(key, "SET", key, value, "PX", ttl, *condition) for key, value in values.items())
        )
        return {key for key, reply in zip(values, replies, strict=True) if reply is None}

    async def get(self, key: str) -> str | None:
        """See `Store.get`."""
        value: str | None = await self._redis.ask(key, "GET", key)
        return value

    async def take(self, key: str) -> str | None:
        """See `Store.take`."""
        value: str | None = await self._redis.ask(key, "GETDEL", key)
        return value

    async def drop(self, keys: Collection[str]) -> None:
        """See `Store.drop`."""
        await asyncio.gather(*(self._redis.ask(key, "DEL", key) for key in keys))

    async def close(self) -> None:
        """See `Store.close`."""
        await self._redis.close()
