"""Several orders and events that leave as one record of the bus."""

from types import TracebackType
from typing import Self

from protocol.cluster.stream_records import MOST_IN_BATCH, ForSockets, Record, RecordBatch, ServerSideEmit
from protocol.server.socketio.selection import Destination, Selection


class BroadcastBatch:
    """What is sent in the block leaves at its end, at most 100 orders and events, or not at all when the block raises.

    One round trip stores all or none, on every instance they are done one after the other, and no other record comes
    between them. Servers of Node do the first alone, so an order to join or leave belongs before the events.

        async with io.batch() as batch:
            await batch.in_("user 1").sockets_join("room 1")
            await batch.to("room 1").emit("joined", "user 1")

    The end of the block raises `BusUnavailable`, and `TypeError` for a value that cannot be sent.
    """

    def __init__(self, namespace: Destination) -> None:
        self.name = namespace.name
        self._namespace = namespace
        self._records: list[ForSockets] = []

    def to(self, *rooms: str) -> Selection:
        """Sockets in any of `rooms`."""
        return Selection(self).to(*rooms)

    in_ = to

    def except_(self, *rooms: str) -> Selection:
        """All sockets but those in `rooms`."""
        return Selection(self).except_(*rooms)

    async def publish(self, record: Record, *, local: bool) -> None:
        """Add a record. Raises `ValueError` for one too many."""
        assert not local
        assert not isinstance(record, ServerSideEmit | RecordBatch)
        if len(self._records) >= MOST_IN_BATCH:
            raise ValueError(f"a batch has at most {MOST_IN_BATCH} records")
        self._records.append(record)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        records, self._records = self._records, []
        if kind is not None or not records:
            return
        record = records[0] if len(records) == 1 else RecordBatch(self.name, tuple(records))
        await self._namespace.publish(record, local=False)
