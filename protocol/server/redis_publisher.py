"""Writing records to the streams of a cluster."""

import asyncio
from typing import Any

from protocol.broadcast import Record, encode, stream_name, stream_names
from protocol.errors import BusUnavailable
from protocol.server.redis_connection import LoneConnection
from protocol.server.redis_stream import Writer, pack


class Publisher:
    """Writes records, and other commands, to Redis; see `RedisBus` for the options. `timeout` is in ms."""

    def __init__(
        self,
        url: str,
        uid: str,
        *,
        stream: str,
        stream_count: int,
        max_len: int,
        timeout: int,
        max_waiting: int,
    ) -> None:
        if stream_count < 1:
            raise ValueError(f"stream_count must be at least 1, not {stream_count}")
        self._uid = uid
        self._stream, self._stream_count = stream, stream_count
        self._trim = ("MAXLEN", "~", str(max_len), "*")
        # A writer connects when it is first used.
        self._writers = {
            name: Writer(LoneConnection(url, name), timeout / 1000, max_waiting)
            for name in stream_names(stream, stream_count)
        }
        self._other = next(iter(self._writers.values()))  # for what is not for a stream
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    def start(self) -> None:
        """Begin to write."""
        self._tasks = tuple(
            asyncio.create_task(writer.run(), name="bus writer") for writer in self._writers.values()
        )

    def check_started(self) -> None:
        """Raise `BusUnavailable` unless it has begun."""
        if not self._tasks:
            raise BusUnavailable("the bus is not started")

    def stream_of(self, nsp: str) -> str:
        """The stream that a namespace's records are in."""
        return stream_name(self._stream, self._stream_count, nsp)

    async def publish(self, record: Record) -> str:
        """Store a record; the id of its entry. Raises `BusUnavailable` and `TypeError`."""
        fields = encode(record, self._uid)
        stream = self.stream_of(record.nsp)
        self.check_started()
        words = [text for field in fields.items() for text in field]
        offset: str = await self._writers[stream].ask(pack(("XADD", stream, *self._trim, *words)))
        return offset

    def ask(self, *words: str | bytes, repeat: bool = True) -> asyncio.Future[Any]:
        """The reply to a command; see `Writer.ask`. It, or this, raises `BusUnavailable`."""
        self.check_started()
        return self._other.ask(pack(words), repeat=repeat)

    async def stop(self) -> None:
        """End; who still waits gets `BusUnavailable`."""
        tasks, self._tasks = self._tasks, ()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(writer.close() for writer in self._writers.values()))
