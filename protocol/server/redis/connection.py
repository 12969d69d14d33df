"""Connections to Redis, by redis-py without its repetitions and timeouts. This is the only place that uses it."""

import logging
import random
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, NamedTuple, Protocol, TypeAlias, cast

from hiredis import pack_command
from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import RedisError, ResponseError

from protocol.backoff import delay
from protocol.server.redis.topology import NodeNotFound, Nodes
from protocol.server.redis.url import RedisForm, RedisUrl, ServerAddress, parse_redis_url

log = logging.getLogger(__name__)

Word: TypeAlias = str | bytes | int | float

pack = cast("Callable[[tuple[Word, ...]], bytes]", pack_command)
"""A command in the form of Redis's protocol."""


class RedisRefusal(Exception):
    """Redis refuses a command: it is full, read-only, no longer the master, or the key is not a stream."""


CONNECTION_FAILURES = (RedisError, OSError, TimeoutError, NodeNotFound)
"""The errors that a connection raises, beside `RedisRefusal`."""


class Greeting(NamedTuple):
    """A command that each new connection begins with, so that its server knows what the others rely on."""

    command: bytes
    is_expected: Callable[[str], bool]
    """Whether a refusal of the command, by its text, is none."""


class _RedisPy(Protocol):
    """The part of redis-py's connections that is used here; they are not typed."""

    async def connect(self) -> None: ...
    async def send_packed_command(self, command: bytes, check_health: bool) -> None: ...
    async def read_response(self) -> Any: ...
    async def disconnect(self, nowait: bool) -> None: ...


class RedisConnection:
    """A connection that finds its server each time it opens: at the first write, and at the first one after `close`.

    It goes to the server that has a key: behind sentinels their master, in a cluster the node with the key's slot. Of a
    cluster it goes to the node at `address`, if that is given. Its replies are of `str`, or of `bytes` where they are
    not `text`. It begins with `greeting`.
    """

    def __init__(
        self,
        url: str | RedisUrl,
        key: str = "",
        *,
        text: bool = True,
        address: ServerAddress | None = None,
        greeting: Greeting | None = None,
    ) -> None:
        self._url = parse_redis_url(url) if isinstance(url, str) else url
        self._nodes = nodes_of(self._url)
        self._key = key
        self._text = text
        self._address = address
        self._greeting = greeting
        self._redis: _RedisPy | None = None

    async def open(self) -> None:
        """Open it before the first write, unless that is done.

        Raises one of `CONNECTION_FAILURES`, or `RedisRefusal`.
        """
        if self._redis is None:
            self._redis = await self._connect()

    async def send(self, commands: bytes) -> None:
        """Write commands, and repeat nothing. Raises as `open` does."""
        if self._redis is None:
            self._redis = await self._connect()
        await self._redis.send_packed_command(commands, check_health=False)

    async def receive(self) -> Any:
        """The next reply.

        Raises `RedisRefusal`, after which the connection is in order, or one of `CONNECTION_FAILURES`.
        """
        if self._redis is None:
            raise ConnectionError("the connection to Redis is closed")
        return await _receive(self._redis)

    async def close(self, *, wait: bool) -> None:
        """End the connection; with `wait`, return when it is closed."""
        connection, self._redis = self._redis, None
        if connection is not None:
            await _close(connection, wait=wait)

    async def _connect(self) -> _RedisPy:
        address = self._address or await self._nodes.of(self._key)
        connection = _connection(self._url.options, address, tls=self._url.tls, text=self._text)
        try:
            await connection.connect()
            if self._url.form is RedisForm.SENTINEL:
                # A sentinel may not know yet that its master is none any more.
                await connection.send_packed_command(pack(("ROLE",)), check_health=False)
                role, *_ = await _receive(connection)
                if role not in ("master", b"master"):
                    raise NodeNotFound(f"the master that a sentinel names is {role}")
            if self._greeting is not None:
                await _greet(connection, self._greeting)
        except BaseException:
            await _close(connection, wait=False)
            raise
        return connection


def nodes_of(url: RedisUrl) -> Nodes:
    """The servers behind a URL."""
    options = url.sentinel_options if url.form is RedisForm.SENTINEL else url.options

    async def ask(address: ServerAddress, command: tuple[str, ...]) -> Any:
        connection = _connection(options, address, tls=url.tls)
        try:
            await connection.connect()
            await connection.send_packed_command(pack(command), check_health=False)
            return await _receive(connection)
        finally:
            await _close(connection, wait=False)

    return Nodes(url, ask)


def _connection(
    options: Mapping[str, Any], address: ServerAddress, *, tls: bool, text: bool = True
) -> _RedisPy:
    host, port = address
    arguments: dict[str, Any] = {
        **options,
        "protocol": 2,  # one form of the replies with every server, and no handshake
        "driver_info": None,
        "socket_timeout": None,  # the default of 5 s ends a blocking read
        "decode_responses": text,
        "encoding_errors": "replace",  # as Node does; "strict" fails a whole read for one bad entry
    }
    if not port:
        return cast("_RedisPy", UnixDomainSocketConnection(path=host, **arguments))
    connection_class = SSLConnection if tls else Connection
    return cast("_RedisPy", connection_class(host=host, port=port, **arguments))


async def _receive(connection: _RedisPy) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        # redis-py takes the codes that it knows off the text.
        raise RedisRefusal(f"{error.status_code} {error}" if error.status_code else str(error)) from error


async def _greet(connection: _RedisPy, greeting: Greeting) -> None:
    await connection.send_packed_command(greeting.command, check_health=False)
    try:
        await _receive(connection)
    except RedisRefusal as refusal:
        if not greeting.is_expected(str(refusal)):
            raise


async def _close(connection: _RedisPy, *, wait: bool) -> None:
    try:
        await connection.disconnect(nowait=not wait)
    except RedisError as error:
        log.warning("a connection to Redis is left to close by itself: %s", error)


# --- what the users of connections have in common ---


class Backoff:
    """Delays in seconds: doubling from 50 ms to 1 s, give or take a half, so that instances do not return in step."""

    def __init__(self) -> None:
        self._attempts = count()

    def next(self) -> float:
        """How long to wait before the next attempt."""
        attempt = next(self._attempts)
        return delay(attempt, first=50, most=1_000, jitter=0.5, chance=random.random()) / 1000


def described(error: Exception | None) -> str:
    """An error in words; some have none of their own, and redis-py's `repr` hides them."""
    return f"{type(error).__name__}: {error}"
