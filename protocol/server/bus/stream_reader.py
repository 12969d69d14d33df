"""Following Redis streams from the last entry that was delivered, over a connection that may break at any time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeAlias

from protocol.cluster.interest.joined_streams import Entry, joined, may_lack
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
    """Follows a stream, or several whose ids are one order. `failure` is what keeps it from reading at present;
    `on_read` is called with the offset of the last entry each time that some are delivered."""

    def __init__(
        self, connection: RedisConnection, *streams: str, on_read: Callable[[str], None] | None = None
    ) -> None:
        self._connection = connection
        self._streams = streams
        self._cursors = [START for _ in streams]  # the last entry of each that was delivered
        self._first_cursors = [*self._cursors]
        self.failure: Exception | None = None
        self._on_read = on_read
        self._skipped = SkipLog(log)
        self._repetitions = Repetitions()

    def begin_at(self, *offsets: str) -> None:
        """Put the cursor of each stream on an entry, of which it is known that it is there."""
        self._cursors, self._first_cursors = [*offsets], [*offsets]

    async def seek_end(self) -> None:
        """Puts the cursors on the last entries. By their ids: `$` would skip what comes between two reads.

        The last entries are known from then on, so that one of them is not delivered when it is written once more.
        """
        backoff = Backoff()
        while True:
            try:
                ends = []
                for stream in self._streams:
                    newest = await self._newest(stream, PAST_BATCH)
                    ends.append(newest[0][0] if newest else START)
                    self._know(_entry(fields) for _, fields in reversed(newest))
                self.begin_at(*ends)
            except Exception as error:  # noqa: BLE001 - redis-py and the loops raise a mixed bag
                await self._failed(error, backoff)
            else:
                self.failure = None
                return

    async def run(self, deliver: Deliver, on_gap: OnGap) -> None:
        """Delivers what comes after the cursors, until it is cancelled."""
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
                self._on_read(entries[-1][1][0])

    async def _failed(self, error: Exception, backoff: Backoff) -> None:
        if self.failure is None:
            log.warning("the bus cannot read from Redis: %s", described(error))
        self.failure = error
        await self._connection.close(wait=False)
        await asyncio.sleep(backoff.next())

    async def _read(self) -> tuple[list[tuple[int, Entry]], bool]:
        """The entries after the cursors, with the numbers of their streams, and whether none are missing between.

        The entries under the cursors are looked up right behind the read. If one is gone, then so may be some after it:
        trimmed before we came to them, or lost by the server.
        """
        block = () if self.failure else ("BLOCK", str(BLOCK))  # after a failure, see at once what is there
        pages, found = await self._read_pages(*block)
        if may_lack(pages):
            pages, found = await self._read_pages()
        lost = [
            number
            for number, cursor in enumerate(self._cursors)
            if cursor != START and not found[number] and not pages[number]
        ]
        for number in lost:
            # A server that came back with less, or with a clock behind, gives new entries lower ids.
            newest = await self._newest(self._streams[number], 1)
            self._cursors[number] = min(
                self._cursors[number], newest[0][0] if newest else START, key=position
            )
        intact = all(cursor == START or there for cursor, there in zip(self._cursors, found, strict=True))
        return joined(pages, READ_BATCH), intact and not lost

    async def _read_pages(self, *block: str) -> tuple[list[list[Entry]], list[bool]]:
        """What each stream has after its cursor, and whether it has the entry under it."""
        streams, cursors = self._streams, self._cursors
        read = ("XREAD", "COUNT", str(READ_BATCH), *block, "STREAMS", *streams, *cursors)
        looks = [("XRANGE", stream, cursor, cursor) for stream, cursor in zip(streams, cursors, strict=True)]
        await self._connection.send(b"".join(map(pack, (read, *looks))))
        reply = dict(await self._connection.receive() or ())
        found = [bool(await self._connection.receive()) for _ in streams]
        return [reply.get(stream, []) for stream in streams], found

    async def _newest(self, stream: str, count: int) -> list[Entry]:
        """The last entries, the newest first."""
        await self._connection.send(pack(("XREVRANGE", stream, "+", "-", "COUNT", str(count))))
        entries: list[Entry] = await self._connection.receive()
        return entries

    def _know(self, entries: Iterable[Mapping[str, str]]) -> None:
        """Have entries from before the start taken for repetitions when they come again."""
        for entry in entries:
            self._repetitions.is_new(entry)

    def _tell_of_gap(self, on_gap: OnGap) -> None:
        log.error("entries of stream %s were gone before they were read", self._names)
        try:
            on_gap()
        except Exception:
            log.exception("the handler of a gap failed")

    @property
    def _names(self) -> str:
        return " and ".join(map(repr, self._streams))

    async def _deliver_all(self, entries: Iterable[tuple[int, Entry]], deliver: Deliver) -> None:
        for count, (number, (offset, fields)) in enumerate(entries, 1):
            self._cursors[number] = offset
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
            self._skipped.warn("entry %s of stream %s is skipped: %s", offset, self._names, error)
            return None, 0

    async def past(self, ask: AskRedis, limit: int, max_size: int) -> Past:
        """The one stream up to the entry that `seek_end` found, read by `ask`, page by page from its end."""
        found: list[tuple[dict[str, str], tuple[str, Record, int]]] = []
        (stream,), (last,) = self._streams, self._first_cursors
        size, read = 0, 0
        end = last
        while read < limit and size < max_size:
            count = min(PAST_BATCH, limit - read)
            page = await ask("XREVRANGE", stream, end, "-", "COUNT", str(count))
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
        """How many seconds, by the clock of Redis, lie between what was delivered and the last entry of the streams."""
        pages = [await ask("XREVRANGE", stream, "+", "-", "COUNT", "1") for stream in self._streams]
        newest = [position(page[0][0]) for page in pages if page]
        delivered = max(map(position, self._cursors))
        if not newest or delivered == position(START):
            return 0.0
        return max(0, max(newest)[0] - delivered[0]) / 1000

    async def close(self) -> None:
        """Once `run` has ended."""
        await self._connection.close(wait=True)


def _entry(fields: list[str]) -> dict[str, str]:
    """The fields of an entry by their names."""
    return dict(zip(fields[::2], fields[1::2], strict=True))
