"""The Redis of what may be forgotten: who is online, how much somebody may still do.

What instances must decide together is a Lua script, so that it happens at once. All keys begin with `{parley}`, which
keeps them in one slot of a cluster.
"""

from collections.abc import Sequence
from typing import Any, Protocol, cast

import redis.asyncio
from redis.exceptions import RedisError

PREFIX = "{parley}:"
ANSWER_WITHIN = 2.0  # seconds


class SoftStateUnavailable(Exception):
    """Redis could not be reached or did not answer in time; what was asked may have happened or not."""


class _RedisPy(Protocol):
    """What is used of redis-py's client, which is not typed as strictly as we are."""

    async def script_load(self, script: str) -> str: ...
    async def evalsha(self, sha: str, numkeys: int, *keys_and_args: str | bytes | float) -> Any: ...
    async def ping(self) -> Any: ...
    async def aclose(self) -> None: ...


class SoftState:
    """A pool of connections to Redis. `url` is as that of `protocol.RedisBus`."""

    def __init__(self, url: str) -> None:
        client = redis.asyncio.Redis.from_url(
            url, decode_responses=True, socket_timeout=ANSWER_WITHIN, socket_connect_timeout=ANSWER_WITHIN
        )
        self._redis = cast("_RedisPy", client)

    def script(self, text: str) -> "Script":
        """A Lua script to be run here."""
        return Script(self._redis, text)

    async def close(self) -> None:
        """Closes the connections."""
        await self._redis.aclose()


class Script:
    """One Lua script, sent to Redis as a whole only where it does not know it yet."""

    def __init__(self, client: _RedisPy, text: str) -> None:
        self._redis = client
        self._text = text
        self._sha = ""

    async def __call__(self, keys: Sequence[str], *args: str | bytes | float) -> Any:
        """Runs the script; `keys` are given without the prefix. Raises SoftStateUnavailable."""
        named = [PREFIX + key for key in keys]
        try:
            if not self._sha:
                self._sha = await self._redis.script_load(self._text)
            try:
                return await self._redis.evalsha(self._sha, len(named), *named, *args)
            except redis.exceptions.NoScriptError:  # Redis was restarted
                await self._redis.script_load(self._text)
                return await self._redis.evalsha(self._sha, len(named), *named, *args)
        except (RedisError, OSError, TimeoutError) as error:
            raise SoftStateUnavailable(f"Redis does not answer: {error!r}") from error
