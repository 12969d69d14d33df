"""Writing to Redis, over connections that may break at any time: records to the streams of a cluster, and more.

What one tick of the loop asks for goes as one write, and what arrives while that is under way as the next.
"""

import asyncio
import logging
from collections import deque
from itertools import islice
from typing import Any, NamedTuple

from protocol.cluster.stream_names import stream_name, stream_names
from protocol.cluster.stream_records import Record, encode
from protocol.errors import BusUnavailable
from protocol.server.bus.bus import NOT_STARTED
from protocol.server.redis.cancellation import cancel_all
from protocol.server.redis.connection import Backoff, RedisConnection, RedisRefusal, described, pack

log = logging.getLogger(__name__)

WRITE_BATCH = 1_000  # commands


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
            name: Writer(RedisConnection(url, name), timeout / 1000, max_waiting)
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
            raise BusUnavailable(NOT_STARTED)

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
        """End; callers that still wait get `BusUnavailable`."""
        tasks, self._tasks = self._tasks, ()
        await cancel_all(tasks)
        await asyncio.gather(*(writer.close() for writer in self._writers.values()))


class _Waiting(NamedTuple):
    command: bytes
    reply: asyncio.Future[Any]
    deadline: float  # on the loop's clock
    repeat: bool


class Writer:
    """Sends commands in the order they come, many in one write, again until each has its reply or is too late.

    One write is under way at a time: of several, one that fails would be repeated after a later one.
    """

    def __init__(self, connection: RedisConnection, timeout: float, max_waiting: int) -> None:
        self._connection = connection
        self._timeout = timeout
        self._max_waiting = max_waiting
        self._waiting: deque[_Waiting] = deque()
        self._wake = asyncio.Event()

    def ask(self, command: bytes, *, repeat: bool = True) -> asyncio.Future[Any]:
        """The reply to a command. It raises `BusUnavailable` after `timeout` seconds; when too many wait, this does.

        One that is not to be `repeat`ed is written at most once, and fails when its reply gets lost.
        """
        if len(self._waiting) >= self._max_waiting:
            raise BusUnavailable(f"{len(self._waiting)} others wait for Redis")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(command, loop.create_future(), loop.time() + self._timeout, repeat)
        self._waiting.append(waiting)
        self._wake.set()
        return waiting.reply

    async def run(self) -> None:
        """Serves callers, until it is cancelled."""
        loop = asyncio.get_running_loop()
        failure: Exception | None = None
        backoff = Backoff()
        while True:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            try:
                async with asyncio.timeout_at(self._waiting[0].deadline):
                    await self._write_batch()
            except Exception as error:  # noqa: BLE001 - redis-py and the loops raise a mixed bag
                if failure is None:
                    log.warning("the bus cannot write to Redis: %s", described(error))
                if failure is None or not isinstance(
                    error, TimeoutError
                ):  # which says less than what led to it
                    failure = error
                await self._connection.close(wait=False)
                self._drop_late(loop.time(), failure)
                if self._waiting:
                    await asyncio.sleep(min(backoff.next(), self._waiting[0].deadline - loop.time()))
            else:
                if failure is not None:
                    log.info("the bus writes to Redis again")
                    failure = None
                    backoff = Backoff()

    async def _write_batch(self) -> None:
        """Raises what went wrong; the commands that have no good reply then are waiting still, if they may."""
        await self._connection.open()
        batch = list(islice(self._waiting, WRITE_BATCH))
        unanswered = len(batch)
        refused: list[_Waiting] = []
        refusal: RedisRefusal | None = None
        try:
            await self._connection.send(b"".join([waiting.command for waiting in batch]))
            for waiting in batch:
                try:
                    reply = await self._connection.receive()
                except RedisRefusal as error:
                    refusal = error
                    refused.append(waiting)
                else:
                    if not waiting.reply.done():  # its publisher may have been cancelled
                        waiting.reply.set_result(reply)
                self._waiting.popleft()
                unanswered -= 1
        finally:
            self._put_back(refused, unanswered)
        if refusal is not None:
            raise refusal

    def _put_back(self, refused: list[_Waiting], unanswered: int) -> None:
        """Let those wait that were refused, and of the first, whose replies are lost, all that may be repeated."""
        lost = [self._waiting.popleft() for _ in range(unanswered)]
        for waiting in lost:
            if not waiting.repeat:
                self._fail(waiting, "the connection to Redis broke before the reply")
        self._waiting.extendleft(reversed([*refused, *(waiting for waiting in lost if waiting.repeat)]))

    def _drop_late(self, now: float, reason: Exception) -> None:
        while self._waiting and (self._waiting[0].deadline <= now or self._waiting[0].reply.done()):
            self._fail(self._waiting.popleft(), f"not stored within {self._timeout:g} s: {described(reason)}")

    def _fail(self, waiting: _Waiting, message: str) -> None:
        if not waiting.reply.done():
            waiting.reply.set_exception(BusUnavailable(message))

    async def close(self) -> None:
        """Once `run` has ended: fails the callers that still wait."""
        while self._waiting:
            self._fail(self._waiting.popleft(), "the bus has stopped")
        await self._connection.close(wait=True)
