"""Following a Redis stream from the last entry that was delivered, over a connection that may break at any time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeAlias

from protocol.cluster.repetitions import Repetitions
from protocol.cluster.stream_positions import position
from protocol.cluster.stream_records import Record, decode
from protocol.errors import ProtocolError
from protocol.server.bus.bus import Deliver, OnGap, Past, hand_over
from protocol.server.bus.skip_log import SkipLog
from protocol.server.redis.connection import Backoff, RedisConnection, described, pack

log = logging.getLogger(__name__)

START = "0-0"  # the cursor of a stream without entries
READ_BATCH = 1_000  # entries
DELIVER_BATCH = 64  # entries delivered before the loop's other tasks get their turn
PAST_BATCH = 100  # entries from before the start; each may have a megabyte
BLOCK = 5_000  # ms that Redis holds a read open
GRACE = 5.0  # s for the answer to come after that; then the connection is taken for dead

AskRedis: TypeAlias = Callable[..., Awaitable[Any]]
"""Sends a command, word by word, and gives its reply."""


class StreamReader:
    """Follows a stream. `failure` is what keeps it from reading at present; `on_read` is called with the offset of the
    last entry each time that some are delivered."""

    def __init__(
        self, connection: RedisConnection, stream: str, on_read: Callable[[str], None] | None = None
    ) -> None:
        self._connection = connection
        self.stream = stream
        self._cursor = START  # the last entry that was delivered
        self._first_cursor = START
        self.failure: Exception | None = None
        self._on_read = on_read
        self._skipped = SkipLog(log)
        self._repetitions = Repetitions()

    def begin_at(self, offset: str) -> None:
        """Put the cursor on an entry, of which it is known that it is there."""
        self._cursor = self._first_cursor = offset

    async def seek_end(self) -> None:
        """Puts the cursor on the last entry. By its id: `$` would skip what comes between two reads.

        The last entries are known from then on, so that one of them is not delivered when it is written once more.
        """
        backoff = Backoff()
        while True:
            try:
                newest = await self._newest(self.stream, PAST_BATCH)
                self._cursor = self._first_cursor = newest[0][0] if newest else START
                self._know(_entry(fields) for _, fields in reversed(newest))
            except Exception as error:  # noqa: BLE001 - redis-py and the loops raise a mixed bag
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
                log.info("the bus reads from Redis again")
                self.failure = None
                backoff = Backoff()
            if not intact:
                self._tell_of_gap(on_gap)
            await self._deliver_all(entries, deliver)
            if entries and self._on_read is not None:
                self._on_read(self._cursor)

    async def _failed(self, error: Exception, backoff: Backoff) -> None:
        if self.failure is None:
            log.warning("the bus cannot read from Redis: %s", described(error))
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
            self._cursor = min(self._cursor, await self._last_id(self.stream), key=position)
        return entries, intact

    async def _last_id(self, stream: str) -> str:
        newest = await self._newest(stream, 1)
        return newest[0][0] if newest else START

    async def _newest(self, stream: str, count: int) -> list[tuple[str, list[str]]]:
        """The last entries, the newest first."""
        await self._connection.send(pack(("XREVRANGE", stream, "+", "-", "COUNT", str(count))))
        entries: list[tuple[str, list[str]]] = await self._connection.receive()
        return entries

    def _know(self, entries: Iterable[Mapping[str, str]]) -> None:
        """Have entries from before the start taken for repetitions when they come again."""
        for entry in entries:
            self._repetitions.is_new(entry)

    def _tell_of_gap(self, on_gap: OnGap) -> None:
        log.error("entries of stream %r were gone before they were read", self.stream)
        try:
            on_gap()
        except Exception:
            log.exception("the handler of a gap failed")

    async def _deliver_all(self, entries: list[Any], deliver: Deliver) -> None:
        for count, (offset, fields) in enumerate(entries, 1):
            self._cursor = offset
            entry = _entry(fields)
            record, size = self._decode(offset, entry)
            if record is not None and self._repetitions.is_new(entry):
                hand_over(deliver, record, offset, size)
            if count % DELIVER_BATCH == 0:
                await asyncio.sleep(0)

    def _decode(self, offset: str, entry: dict[str, str]) -> tuple[Record | None, int]:
        """The record of an entry, if it is one, and its size."""
        try:
            return decode(entry), len(entry.get("data", ""))
        except ProtocolError as error:
            self._skipped.warn("entry %s of stream %r is skipped: %s", offset, self.stream, error)
            return None, 0

    async def past(self, ask: AskRedis, limit: int, max_size: int) -> Past:
        """The stream up to the entry that `seek_end` found, read by `ask`, page by page from its end."""
        found: list[tuple[dict[str, str], tuple[str, Record, int]]] = []
        size, read, last = 0, 0, self._first_cursor
        end = last
        while read < limit and size < max_size:
            count = min(PAST_BATCH, limit - read)
            page = await ask("XREVRANGE", self.stream, end, "-", "COUNT", str(count))
            for last, fields in page:
                entry = _entry(fields)
                record, length = self._decode(last, entry)
                size += length
                if record is not None:
                    found.append((entry, (last, record, length)))
            read += len(page)
            if len(page) < count:
                break
            end = f"({last}"
        self._know(entry for entry, _ in reversed(found))
        # The oldest that was read counts as missing: it is unknown whether there were others before it.
        repetitions = Repetitions()
        return Past([past for entry, past in reversed(found) if repetitions.is_new(entry)], last)

    async def lag(self, ask: AskRedis) -> float:
        """How many seconds of the stream, by the clock of Redis, lie between what was delivered and its last entry."""
        page = await ask("XREVRANGE", self.stream, "+", "-", "COUNT", "1")
        if not page or self._cursor == START:
            return 0.0
        return max(0, position(page[0][0])[0] - position(self._cursor)[0]) / 1000

    async def close(self) -> None:
        """Once `run` has ended."""
        await self._connection.close(wait=True)


def _entry(fields: list[str]) -> dict[str, str]:
    """The fields of an entry by their names."""
    return dict(zip(fields[::2], fields[1::2], strict=True))
