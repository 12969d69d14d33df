"""The Redis of data that may be lost: online users, rate limits.

What instances must decide together is a Lua script, so that it happens at once. All keys begin with `{parley}`, which
keeps them in one slot of a cluster.
"""

from collections.abc import Sequence
from typing import Any

from app.core.errors import Unavailable
from protocol import RedisClient, StoreUnavailable

PREFIX = "{parley}:"


class SoftStateUnavailable(Unavailable):
    """Redis could not be reached or did not answer in time; what was asked may have happened or not."""


class SoftState:
    """The connections to Redis. `url` is as that of `protocol.RedisBus`."""

    def __init__(self, url: str) -> None:
        self._redis = RedisClient(url)

    def script(self, text: str) -> "Script":
        """A Lua script to be run here."""
        return Script(self._redis, text)

    async def close(self) -> None:
        """Closes the connections."""
        await self._redis.close()


class Script:
    """One Lua script."""

    def __init__(self, client: RedisClient, text: str) -> None:
        self._redis = client
        self._text = text

    async def __call__(self, keys: Sequence[str], *args: str | bytes | float) -> Any:
        """Runs the script; `keys`, at least one, are given without the prefix. Raises SoftStateUnavailable."""
        try:
            return await self._redis.run(self._text, [PREFIX + key for key in keys], *args)
        except StoreUnavailable as error:
            raise SoftStateUnavailable(str(error)) from error
