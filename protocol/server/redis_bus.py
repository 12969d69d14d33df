"""The bus over a Redis stream, in the format of `@socket.io/redis-streams-adapter`, so that Node can share it.

How the stream is written and followed is in `redis_stream`; here are the entries and the connections.
"""

import asyncio
import secrets
from typing import Any

from protocol.broadcast import Record, encode
from protocol.errors import BusUnavailable
from protocol.server.bus import Deliver, OnGap, Past
from protocol.server.redis_connection import LoneConnection
from protocol.server.redis_stream import Reader, Writer, described, pack

PING_TIMEOUT = 1.0  # s


class RedisBus:
    """Joins all instances, of ours and of Node, that name the same stream of the same Redis.

    `redis_url` has the forms of `url`. The stream keeps at least `max_len` entries. While Redis is away a
    publisher waits up to `publish_timeout` ms, and at most `max_waiting` of them do.

    An entry is stored at least once: when a connection breaks between a write and its answer, the write is
    repeated, and may then be there twice; a publisher that got `BusUnavailable`, or was cancelled, may
    find its record delivered all the same.
    """

    def __init__(
        self,
        url: str,
        *,
        stream: str = "socket.io",
        max_len: int = 10_000,
        publish_timeout: int = 5_000,
        max_waiting: int = 10_000,
    ) -> None:
        self._uid = secrets.token_hex(8)
        self._timeout = publish_timeout / 1000
        self._writer = Writer(LoneConnection(url, stream), self._timeout, max_waiting)
        self._reader = Reader(LoneConnection(url, stream), stream)
        self._xadd = ("XADD", stream, "MAXLEN", "~", str(max_len), "*")
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    async def start(self, deliver: Deliver, on_gap: OnGap) -> None:
        """See `Bus.start`. Waits up to `publish_timeout` for Redis."""
        if self._tasks:
            raise RuntimeError("the bus is started already")
        try:
            async with asyncio.timeout(self._timeout):
                await self._reader.seek_end()
        except TimeoutError:
            await self._reader.close()
            failure = self._reader.failure
            raise BusUnavailable(f"Redis does not answer: {described(failure)}") from failure
        self._tasks = (
            asyncio.create_task(self._reader.run(deliver, on_gap), name="bus reader"),
            asyncio.create_task(self._writer.run(), name="bus writer"),
        )

    async def publish(self, record: Record) -> str:
        """See `Bus.publish`. The offset is the id of the stream's entry."""
        fields = encode(record, self._uid)
        offset: str = await self._ask((*self._xadd, *(text for field in fields.items() for text in field)))
        return offset

    def interest(self, nsp: str, room: str, present: bool) -> None:
        """See `Bus.interest`: every instance reads the whole stream."""

    async def recent(self, limit: int, max_size: int) -> Past:
        """See `Bus.recent`."""
        return await self._reader.past(self._ask, limit, max_size)

    async def ping(self) -> None:
        """See `Bus.ping`. Goes the way of the entries; fails at once while the stream cannot be read."""
        if self._reader.failure is not None:
            raise BusUnavailable(described(self._reader.failure)) from self._reader.failure
        try:
            async with asyncio.timeout(PING_TIMEOUT):
                await self._ask(("PING",))
        except TimeoutError:
            raise BusUnavailable(f"no answer within {PING_TIMEOUT:g} s") from None

    async def _ask(self, command: tuple[str, ...]) -> Any:
        if not self._tasks:
            raise BusUnavailable("the bus is not started")
        return await self._writer.ask(pack(command))

    async def stop(self) -> None:
        """See `Bus.stop`."""
        tasks, self._tasks = self._tasks, ()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._writer.close()
        await self._reader.close()
