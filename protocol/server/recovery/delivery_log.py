"""The records of one order that the bus delivered here, and the waiters for more of them."""

import asyncio
import heapq
from itertools import count

from protocol.cluster.missed_events import History, Pack
from protocol.cluster.stream_positions import Position
from protocol.cluster.stream_records import SingleRecord
from protocol.engineio.packets import Encoded

MOST_KEPT = 10_000  # records, as many as a stream has
MOST_IN_VAIN = 100  # that waited in vain, and are not forgotten yet


class DeliveryLog:
    """A history that can be waited for."""

    def __init__(self, most_size: int, max_age: int, pack: Pack) -> None:
        """`most_size` is in characters, `max_age` in ms."""
        self.history = History(MOST_KEPT, most_size, max_age, pack)
        self._waiting: list[tuple[Position, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._in_vain = 0

    @property
    def waiting(self) -> int:
        """How many wait, some in vain."""
        return len(self._waiting)

    def append(self, offset: str, record: SingleRecord, size: int) -> Encoded | None:
        """See `History.append`."""
        packet = self.history.append(offset, record, size)
        if self._waiting:
            self._wake()
        return packet

    def advance(self, offset: str) -> None:
        """See `History.advance`."""
        self.history.advance(offset)
        self._wake()

    def _wake(self) -> None:
        waiting = self._waiting
        while waiting and waiting[0][0] <= self.history.position:
            _, _, reached = heapq.heappop(waiting)
            if not reached.done():
                reached.set_result(None)

    async def reach(self, position: Position) -> None:
        """Wait until all records up to a position have been delivered here."""
        if position <= self.history.position:
            return
        reached = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (position, next(self._numbers), reached))
        try:
            await reached
        finally:
            self._sort_out(reached)

    def _sort_out(self, reached: asyncio.Future[None]) -> None:
        """Forget waiters that have given up before they are many: what a client waits for may never come."""
        self._in_vain += reached.cancelled()
        if self._in_vain > MOST_IN_VAIN:
            self._in_vain = 0
            self._waiting = [entry for entry in self._waiting if not entry[2].done()]
            heapq.heapify(self._waiting)
