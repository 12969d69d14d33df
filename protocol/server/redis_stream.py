"""Writing and following a Redis stream, over connections that may break at any time.

The writer sends what one tick of the loop asks for as one write, and what arrives while that is under way as the
next. The reader follows the stream from the last entry it has delivered.
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any, NamedTuple, Protocol, TypeAlias, cast

from hiredis import pack_command

from protocol.broadcast import Record, decode
from protocol.errors import BusUnavailable, ProtocolError
from protocol.server.bus import Deliver, OnGap, Past, hand_over

logger = logging.getLogger(__name__)

START = "0-0"  # the cursor of a stream without entries
WRITE_BATCH = 1_000  # commands
READ_BATCH = 1_000  # entries
DELIVER_BATCH = 64  # entries delivered before the loop's other tasks get their turn
PAST_BATCH = 100  # entries from before the start; each may have a megabyte
BLOCK = 5_000  # ms that Redis holds a read open
GRACE = 5.0  # s for the answer to come after that; then the connection is taken for dead

Ask: TypeAlias = Callable[..., Awaitable[Any]]
"""Sends a command, word by word, and gives its reply."""

pack = cast("Callable[[tuple[str | bytes, ...]], bytes]", pack_command)
"""A command in the form of Redis's protocol."""


class Refusal(Exception):
    """Redis refuses a command: it is full, read-only, no longer the master, or the key is not a stream."""


class RedisConnection(Protocol):
    """A connection that opens at the first write, and again at the first one after `close`."""

    async def open(self) -> None:
        """Opens it before that. Raises whatever the connection does."""

    async def send(self, commands: bytes) -> None:
        """Writes commands, and repeats nothing. Raises whatever the connection does."""

    async def receive(self) -> Any:
        """The next reply. Raises `Refusal`, after which the connection is in order, and whatever else it does."""

    async def close(self, *, wait: bool) -> None:
        """Ends the connection; with `wait`, returns when it is closed."""


class Backoff:
    """Delays in seconds: doubling from 50 ms to 1 s, less up to a half, so that instances do not return in step."""

    def __init__(self) -> None:
        self._delay = 0.025

    def next(self) -> float:
        self._delay = min(1.0, self._delay * 2)
        return self._delay * random.uniform(0.5, 1)


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
        """Serves those who ask, until it is cancelled."""
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
                    logger.warning("the bus cannot write to Redis: %s", described(error))
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
                    logger.info("the bus writes to Redis again")
                    failure = None
                    backoff = Backoff()

    async def _write_batch(self) -> None:
        """Raises what went wrong; the commands that have no good reply then are waiting still, if they may."""
        await self._connection.open()
        batch = list(islice(self._waiting, WRITE_BATCH))
        unanswered = len(batch)
        refused: list[_Waiting] = []
        refusal: Refusal | None = None
        try:
            await self._connection.send(b"".join([waiting.command for waiting in batch]))
            for waiting in batch:
                try:
                    reply = await self._connection.receive()
                except Refusal as error:
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
        """Once `run` has ended: fails those who still wait."""
        while self._waiting:
            self._fail(self._waiting.popleft(), "the bus has stopped")
        await self._connection.close(wait=True)


class Reader:
    """Follows a stream. `failure` is what keeps it from reading at present."""

    def __init__(self, connection: RedisConnection, stream: str) -> None:
        self._connection = connection
        self.stream = stream
        self._cursor = START  # the last entry that was delivered
        self._first_cursor = START
        self.failure: Exception | None = None

    async def seek_end(self) -> None:
        """Puts the cursor on the last entry. By its id: `$` would skip what comes between two reads."""
        backoff = Backoff()
        while True:
            try:
                self._cursor = self._first_cursor = await self._last_id()
            except Exception as error:  # noqa: BLE001 - see above
                await self._failed(error, backoff)
            else:
                self.failure = None
                return

    async def run(self, deliver: Deliver, on_gap: OnGap) -> None:
        """Delivers what comes after the cursor, until it is cancelled."""
        backoff = Backoff()
        while True:
            try:
                async with asyncio.timeout(BLOCK / 1000 + GRACE):
                    entries, intact = await self._read()
            except Exception as error:  # noqa: BLE001 - see above
                await self._failed(error, backoff)
                continue
            if self.failure is not None:
                logger.info("the bus reads from Redis again")
                self.failure = None
                backoff = Backoff()
            if not intact:
                self._tell_of_gap(on_gap)
            await self._deliver_all(entries, deliver)

    async def _failed(self, error: Exception, backoff: Backoff) -> None:
        if self.failure is None:
            logger.warning("the bus cannot read from Redis: %s", described(error))
        self.failure = error
        await self._connection.close(wait=False)
        await asyncio.sleep(backoff.next())

    async def _read(self) -> tuple[list[Any], bool]:
        """The entries after the cursor, and whether none are missing between them and it.

        The entry under the cursor is looked up right behind the read. If it is gone, then so may be some after it:
        trimmed before we came to them, or lost by the server.
        """
        block = () if self.failure else ("BLOCK", str(BLOCK))  # after a failure, see at once what is there
        read = ("XREAD", "COUNT", str(READ_BATCH), *block, "STREAMS", self.stream, self._cursor)
        look = ("XRANGE", self.stream, self._cursor, self._cursor)
        await self._connection.send(pack(read) + pack(look))
        reply = await self._connection.receive()
        found = await self._connection.receive()
        entries: list[Any] = reply[0][1] if reply else []
        intact = self._cursor == START or bool(found)
        if not intact and not entries:
            # A server that came back with less, or with a clock behind, gives new entries lower ids.
            self._cursor = min(self._cursor, await self._last_id(), key=position)
        return entries, intact

    async def _last_id(self) -> str:
        await self._connection.send(pack(("XREVRANGE", self.stream, "+", "-", "COUNT", "1")))
        entries = await self._connection.receive()
        return str(entries[0][0]) if entries else START

    def _tell_of_gap(self, on_gap: OnGap) -> None:
        logger.error("entries of stream %r were gone before they were read", self.stream)
        try:
            on_gap()
        except Exception:
            logger.exception("the handler of a gap failed")

    async def _deliver_all(self, entries: list[Any], deliver: Deliver) -> None:
        for count, (offset, fields) in enumerate(entries, 1):
            self._cursor = offset
            record, size = self._decode(offset, fields)
            if record is not None:
                hand_over(deliver, record, offset, size)
            if count % DELIVER_BATCH == 0:
                await asyncio.sleep(0)

    def _decode(self, offset: str, fields: list[str]) -> tuple[Record | None, int]:
        """The record of an entry, if it is one, and its size."""
        entry = dict(zip(fields[::2], fields[1::2], strict=True))
        try:
            return decode(entry), len(entry.get("data", ""))
        except ProtocolError as error:
            logger.warning("entry %s of stream %r is skipped: %s", offset, self.stream, error)
            return None, 0

    async def past(self, ask: Ask, limit: int, max_size: int) -> Past:
        """What the stream holds up to the entry that `seek_end` found, read by `ask`, page by page from its end."""
        found: list[tuple[str, Record, int]] = []
        size, read, last = 0, 0, self._first_cursor
        end = last
        while read < limit and size < max_size:
            count = min(PAST_BATCH, limit - read)
            page = await ask("XREVRANGE", self.stream, end, "-", "COUNT", str(count))
            for last, fields in page:
                record, length = self._decode(last, fields)
                size += length
                if record is not None:
                    found.append((last, record, length))
            read += len(page)
            if len(page) < count:
                break
            end = f"({last}"
        # The oldest that was read counts as missing: nobody knows whether there were others before it.
        return Past(found[::-1], last)

    async def lag(self, ask: Ask) -> float:
        """How many seconds of the stream, by the clock of Redis, lie between what was delivered and its last entry."""
        page = await ask("XREVRANGE", self.stream, "+", "-", "COUNT", "1")
        if not page or self._cursor == START:
            return 0.0
        return max(0, position(page[0][0])[0] - position(self._cursor)[0]) / 1000

    async def close(self) -> None:
        """Once `run` has ended."""
        await self._connection.close(wait=True)


def position(entry_id: str) -> tuple[int, ...]:
    """The place of an entry; ids are compared by it."""
    return tuple(map(int, entry_id.split("-")))


def described(error: Exception | None) -> str:
    """An error in words; some have none of their own, and redis-py's `repr` hides them."""
    return f"{type(error).__name__}: {error}"
