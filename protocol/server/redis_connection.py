"""The way to Redis: what a URL names, as one lone connection or as a client with a pool of them.

This is the only place of `protocol` that uses redis-py.
"""

import logging
from typing import Any, Protocol, cast

import redis.asyncio
from redis.asyncio.connection import Connection, parse_url
from redis.exceptions import RedisError, ResponseError

from protocol.server.redis_stream import Refusal

logger = logging.getLogger(__name__)

RedisFailure = RedisError
"""What a client's commands raise, beside `OSError` and `TimeoutError`."""


class _RedisPy(Protocol):
    """What is used of redis-py's connections, which are not typed."""

    async def connect(self) -> None: ...
    async def send_packed_command(self, command: bytes, check_health: bool) -> None: ...
    async def read_response(self) -> Any: ...
    async def disconnect(self, nowait: bool) -> None: ...


class LoneConnection:
    """A connection by redis-py without its repetitions and timeouts; see `redis_stream.RedisConnection`."""

    def __init__(self, url: str) -> None:
        options: dict[str, Any] = {**parse_url(url)}
        connection_class = options.pop("connection_class", Connection)
        for name in ("max_connections", "timeout", "retry_on_timeout"):  # a pool's, and a repetition
            options.pop(name, None)
        options |= {
            "protocol": 2,  # one form of the replies with every server, and no handshake
            "driver_info": None,
            "socket_timeout": None,  # the default of 5 s ends a blocking read
            "decode_responses": True,
            "encoding_errors": "replace",  # as Node does; "strict" fails a whole read for one bad entry
        }
        self._connection = cast("_RedisPy", connection_class(**options))

    async def send(self, commands: bytes) -> None:
        await self._connection.connect()
        await self._connection.send_packed_command(commands, check_health=False)

    async def receive(self) -> Any:
        try:
            return await self._connection.read_response()
        except ResponseError as error:
            raise Refusal(str(error)) from error

    async def close(self, *, wait: bool) -> None:
        try:
            await self._connection.disconnect(nowait=not wait)
        except RedisError as error:
            logger.warning("a connection to Redis is left to close by itself: %s", error)


class RedisClient(Protocol):
    """What is used of redis-py's client."""

    def pipeline(self, transaction: bool) -> Any: ...
    async def aclose(self) -> None: ...


def open_client(url: str, answer_within: float) -> RedisClient:
    """A client with a pool of connections; what takes longer than `answer_within` seconds raises `TimeoutError`."""
    client = redis.asyncio.Redis.from_url(
        url, decode_responses=True, socket_timeout=answer_within, socket_connect_timeout=answer_within
    )
    return cast("RedisClient", client)
