"""The store of instances that share a Redis."""

from collections.abc import Mapping

from protocol.errors import StoreUnavailable
from protocol.server.redis_connection import RedisFailure, open_client

ANSWER_WITHIN = 2.0  # seconds


class RedisStore:
    """The store in Redis; `url` is as that of `RedisBus`."""

    def __init__(self, url: str) -> None:
        self._redis = open_client(url, ANSWER_WITHIN)

    async def put(self, values: Mapping[str, str], ttl: int, *, only_known: bool = False) -> None:
        """See `Store.put`."""
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for key, value in values.items():
                    pipeline.set(key, value, px=ttl, xx=only_known)
                await pipeline.execute()
        except (RedisFailure, OSError, TimeoutError) as error:
            raise StoreUnavailable(f"Redis does not answer: {error!r}") from error

    async def get(self, key: str) -> str | None:
        """See `Store.get`."""
        return (await self._ask(key, delete=False))[0]

    async def take(self, key: str) -> str | None:
        """See `Store.take`."""
        return (await self._ask(key, delete=True))[0]

    async def _ask(self, key: str, *, delete: bool) -> list[str | None]:
        try:
            async with self._redis.pipeline(transaction=delete) as pipeline:
                pipeline.get(key)
                if delete:
                    pipeline.delete(key)
                answers: list[str | None] = await pipeline.execute()
        except (RedisFailure, OSError, TimeoutError) as error:
            raise StoreUnavailable(f"Redis does not answer: {error!r}") from error
        return answers

    async def close(self) -> None:
        """See `Store.close`."""
        await self._redis.aclose()
