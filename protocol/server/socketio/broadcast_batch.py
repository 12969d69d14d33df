"""Several commands and events that leave as one record of the bus."""

import asyncio
from types import TracebackType
from typing import Protocol, Self

from protocol.cluster.stream_records import MOST_IN_BATCH, ForSockets, Record, RecordBatch, ServerSideEmit
from protocol.server.socketio.selection import Publisher, Selection


class Keeper(Publisher, Protocol):
    """An object that can also keep records until they are stored."""

    def keep(self, record: Record) -> asyncio.Future[str]:
        """Store a record whenever that is possible. Raises `BusUnavailable` and `TypeError`."""
        ...


class CollectedRecords:
    """Takes the records of a batch, in place of the bus."""

    def __init__(self) -> None:
        self.records: list[ForSockets] = []

    async def publish(self, record: Record) -> None:
        """Add a record. Raises `ValueError` for one too many."""
        assert not isinstance(record, ServerSideEmit | RecordBatch)
        if len(self.records) >= MOST_IN_BATCH:
            raise ValueError(f"a batch has at most {MOST_IN_BATCH} records")
        self.records.append(record)


class BroadcastBatch:
    """At most 100 commands and events that are sent as one record at the end of the block, or not at all if it raises.

    Redis stores all or none in one round trip, and every instance carries them out in order with nothing between. Node
    servers carry out only the first, so a command to join or leave belongs before the events.

        async with io.batch() as batch:
            await batch.in_("user 1").sockets_join("room 1")
            await batch.to("room 1").emit("joined", "user 1")

    The end of the block raises `BusUnavailable`, and `TypeError` for a value that cannot be sent.

    One that is `kept` waits for nothing: the record is kept in memory until the bus stores it, in its place among the
    others. `stored` is done then, with the offset, or raises `BusUnavailable` if the bus stopped before. The end of the
    block raises `BusUnavailable` only where too much is kept already.
    """

    def __init__(self, publisher: Keeper, nsp: str, *, kept: bool = False) -> None:
        self._publisher = publisher
        self._nsp = nsp
        self._kept = kept
        self.stored: asyncio.Future[str] | None = None
        self._collected = CollectedRecords()

    @property
    def name(self) -> str:
        """The namespace."""
        return self._nsp

    def to(self, *rooms: str) -> Selection:
        """Sockets in any of `rooms`."""
        return Selection(self._collected, self._nsp).to(*rooms)

    in_ = to

    def except_(self, *rooms: str) -> Selection:
        """All sockets except those in `rooms`."""
        return Selection(self._collected, self._nsp).except_(*rooms)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        collected, self._collected = self._collected, CollectedRecords()
        records = collected.records
        if kind is not None or not records:
            return
        record = records[0] if len(records) == 1 else RecordBatch(self._nsp, tuple(records))
        if self._kept:
            self.stored = self._publisher.keep(record)
        else:
            await self._publisher.publish(record)
