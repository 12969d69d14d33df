"""Writing to Redis: records to the streams of a cluster, and more. How commands are written is in `command_writer`.

Each entry has a serial beside the four fields of a record (see `protocol.cluster.repetitions`). An entry whose answer
got lost is written again with the same serial, by which readers know it.
"""

import asyncio
from collections import Counter
from contextlib import suppress
from secrets import token_hex
from typing import Any

from protocol.cluster.repetitions import serial_of
from protocol.cluster.stream_names import stream_name, stream_names
from protocol.cluster.stream_records import Record, encode
from protocol.errors import BusUnavailable
from protocol.server.bus.bus import NOT_STARTED, BusFailure
from protocol.server.bus.command_writer import CommandWriter
from protocol.server.redis.cancellation import cancel_all
from protocol.server.redis.commands import probe_of
from protocol.server.redis.connection import RedisConnection, pack

STORE_WITHIN = 1.0  # s that what is kept has at the end to be stored


class StreamWriter:
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
            name: CommandWriter(
                RedisConnection(url, name), probe_of(name), timeout=timeout / 1000, max_waiting=max_waiting
            )
            for name in stream_names(stream, stream_count)
        }
        self._other = next(iter(self._writers.values()))  # for what is not for a stream
        self._token = token_hex(8)
        self._written: Counter[str] = Counter()  # by stream: the number of the last record
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    def start(self) -> None:
        """Begin to write."""
        self._tasks = tuple(
            asyncio.create_task(writer.run(), name="bus writer") for writer in self._writers.values()
        )

    def check_started(self) -> None:
        """Raise `BusUnavailable` unless it has begun."""
        if not self._tasks:
            raise BusUnavailable(NOT_STARTED)

    def stream_of(self, nsp: str) -> str:
        """The stream that a namespace's records are in."""
        return stream_name(self._stream, self._stream_count, nsp)

    @property
    def failure(self) -> BusFailure | None:
        """Why records cannot be stored at present."""
        reasons = (writer.reason for writer in self._writers.values())
        return next((reason for reason in reasons if reason is not None), None)

    @property
    def kept(self) -> int:
        """How many records wait to be stored, of those that are kept until they are."""
        return sum(writer.kept for writer in self._writers.values())

    async def publish(self, record: Record) -> str:
        """Store a record; the id of its entry. Raises `BusUnavailable` and `TypeError`."""
        stream, number, text = self._entry(record)
        stored = self._writers[stream].ask(text, stores=True)
        self._written[stream] = number
        offset: str = await stored
        return offset

    def keep(self, record: Record) -> asyncio.Future[str]:
        """Store a record, whenever that is possible; the id of its entry. Raises `BusUnavailable` and `TypeError`."""
        stream, number, text = self._entry(record)
        stored = self._writers[stream].keep(text)
        self._written[stream] = number
        return stored

    def _entry(self, record: Record) -> tuple[str, int, bytes]:
        """The stream, the number in it, and the command that stores a record."""
        fields = encode(record, self._uid)
        stream = self.stream_of(record.nsp)
        self.check_started()
        number = self._written[stream] + 1  # taken once it is accepted: readers expect each number
        words = [text for field in fields.items() for text in field]
        return (
            stream,
            number,
            pack(("XADD", stream, *self._trim, *words, "serial", serial_of(self._token, number))),
        )

    def ask(self, *words: str | bytes, repeat: bool = True) -> asyncio.Future[Any]:
        """The reply to a command; see `CommandWriter.ask`. It, or this, raises `BusUnavailable`."""
        self.check_started()
        return self._other.ask(pack(words), repeat=repeat)

    async def probe(self) -> None:
        """Return if records can be stored. Raises `BusUnavailable`."""
        self.check_started()
        await asyncio.gather(*[writer.probe() for writer in self._writers.values()])

    async def stop(self) -> None:
        """End; callers that still wait get `BusUnavailable`. What is kept is stored before, where Redis takes it."""
        if self._tasks and self.failure is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(STORE_WITHIN):
                    await asyncio.gather(*(writer.all_stored() for writer in self._writers.values()))
        tasks, self._tasks = self._tasks, ()
        await cancel_all(tasks)
        await asyncio.gather(*(writer.close() for writer in self._writers.values()))
