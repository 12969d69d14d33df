"""Following what is for an instance: its inbox, and the stream that all instances read, in one order of ids."""

from collections.abc import Callable, Sequence

from protocol.cluster.interest.joined_streams import Entry, joined, may_lack
from protocol.cluster.interest.routing_keys import RoutingKeys
from protocol.cluster.stream_positions import position
from protocol.server.bus.stream_reader import BLOCK, READ_BATCH, START, AskRedis, StreamReader
from protocol.server.redis.connection import RedisConnection, pack


class InboxReader(StreamReader):
    """Follows both streams; each has a cursor of its own, that of `StreamReader` is on the later one."""

    def __init__(
        self, connection: RedisConnection, keys: RoutingKeys, inbox: str, on_read: Callable[[str], None]
    ) -> None:
        super().__init__(connection, keys.inbox(inbox), on_read)
        self._streams = (keys.inbox(inbox), keys.common)
        self._cursors = [START, START]

    def begin_behind(self, own: str, common: str) -> None:
        """Put the cursors on entries of the inbox and of the common stream that are known to be there."""
        self.begin_at(own)
        self._cursors = [own, common]

    async def _read(self) -> tuple[list[Entry], bool]:
        """The entries after the cursors, in the order of their ids, and whether none are missing before them."""
        block = () if self.failure else ("BLOCK", str(BLOCK))
        pages, found = await self._read_pages(block)
        if may_lack(pages):
            pages, found = await self._read_pages(())
        for number, page in enumerate(pages):
            if not (page or found[number]):
                # The stream may have come back with less, and gives new entries lower ids.
                newest = await self._last_id(self._streams[number])
                self._cursors[number] = min(self._cursors[number], newest, key=position)
        entries = joined(pages, READ_BATCH)
        for number, (offset, _) in entries:
            self._cursors[number] = offset
        return [entry for _, entry in entries], all(found)

    async def _read_pages(self, block: Sequence[str]) -> tuple[list[list[Entry]], list[bool]]:
        """What each stream has after its cursor, and whether it has the entry under it, or never had one."""
        streams, cursors = self._streams, self._cursors
        read = ("XREAD", "COUNT", str(READ_BATCH), *block, "STREAMS", *streams, *cursors)
        looks = [("XRANGE", stream, cursor, cursor) for stream, cursor in zip(streams, cursors, strict=True)]
        await self._connection.send(b"".join(map(pack, (read, *looks))))
        pages = dict(await self._connection.receive() or ())
        found = [bool(await self._connection.receive()) or cursor == START for cursor in cursors]
        return [pages.get(stream, []) for stream in streams], found

    async def lag(self, ask: AskRedis) -> float:
        """See `StreamReader.lag`; of the stream that goes on further."""
        pages = [await ask("XREVRANGE", stream, "+", "-", "COUNT", "1") for stream in self._streams]
        newest = max(position(page[0][0] if page else START) for page in pages)
        return max(0, newest[0] - max(map(position, self._cursors))[0]) / 1000
