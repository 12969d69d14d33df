"""What a client has missed, where instances route by interest: in the inboxes of the instances that have served it.

An instance that takes a client over first hears of its rooms itself, from some offset on. What is for the client up to
there is in the inbox of the instance before, which is filled until the client is not awaited any more; and so on, if it
came to that one from yet another.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from msgspec import UnsetType

from protocol.cluster.interest.joined_histories import JoinedHistories, Stretch
from protocol.cluster.missed_events import History, Lost, Missed
from protocol.cluster.record_batches import unfold
from protocol.cluster.saved_sessions import Saved, Trail
from protocol.cluster.stream_positions import Position, position
from protocol.server.bus.bus import Routing
from protocol.server.recovery.delivery_log import MOST_KEPT, DeliveryLog
from protocol.server.recovery.session_state import RecoverableSession

MOST_INBOXES = 4  # of other instances, whose records are kept here; and of one client
ROUNDS = 3  # in which rooms come to light that a client was made to join while it was away
APPEND_BATCH = 64  # records kept before the loop's other tasks get their turn


class _OtherInbox:
    """The records of another instance, as far as they have been read."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.read_to = ""
        self.reading = asyncio.Lock()


class Found(NamedTuple):
    """Where the records for a client are, and the trail that it has from now on."""

    records: JoinedHistories
    trail: Trail


class Trails:
    """Follows clients that come back. `new_history` makes an empty one; `most_size` is in characters."""

    def __init__(self, routing: Routing, new_history: Callable[[], History], most_size: int) -> None:
        self._routing = routing
        self._new_history = new_history
        self._most_size = most_size
        self._others: dict[str, _OtherInbox] = {}  # the one used last at the end

    @property
    def size(self) -> int:
        """The characters of all records of others."""
        return sum(other.history.size for other in self._others.values())

    def clear(self) -> None:
        """Redis may have lost something."""
        self._others.clear()

    def of(self, recoverable: RecoverableSession, latest: str) -> Trail:
        """What is saved of a client. If this instance has another inbox by now, nothing is known of before."""
        trail = recoverable.trail
        if isinstance(trail, UnsetType) or trail[-1][0] != self._routing.inbox:
            trail = recoverable.trail = ((self._routing.inbox, latest),)
        return trail

    async def follow(
        self,
        saved: Saved,
        nsp: str,
        start: Position,
        delivered: DeliveryLog,
        missed_in: Callable[[JoinedHistories], Missed | Lost],
    ) -> Found | Lost:
        """Hear of the rooms of a client, and find what was for it from a position on. Raises `BusUnavailable`."""
        trail = saved.trail
        if isinstance(trail, UnsetType) or not trail:
            return "expired"  # an instance has saved it that reads one stream
        rooms = saved.rooms
        for _ in range(ROUNDS):
            inbox = self._routing.inbox
            held_from = await self._routing.hold(nsp, rooms)
            if inbox != self._routing.inbox:
                return "expired"
            onward = trail if trail[-1][0] == inbox else (*trail, (inbox, held_from))
            records = await self._records(onward, start, delivered.history)
            if records is None:
                return "expired"
            delivered.advance(held_from)
            missed = missed_in(records)
            if isinstance(missed, str):
                return missed
            if missed.rooms <= rooms:
                return Found(records, onward[-MOST_INBOXES:])
            rooms |= missed.rooms
        return "expired"

    async def _records(self, trail: Trail, start: Position, own: History) -> JoinedHistories | None:
        begins = [position(begin) for _, begin in trail]
        stretches = [Stretch(own, begins[-1], None)]
        for (inbox, _), begin, end in reversed(list(zip(trail, begins, trail[1:], strict=False))):
            if position(end[1]) <= start:
                break
            history = await self._read(inbox, end[1])
            if history is None:
                return None
            stretches.insert(0, Stretch(history, begin, position(end[1])))
        return JoinedHistories(stretches)

    async def _read(self, inbox: str, until: str) -> History | None:
        """The records of another instance, at least up to an offset; None where there are none any more."""
        other = self._others.pop(inbox, None) or _OtherInbox(self._new_history())
        self._others[inbox] = other
        while len(self._others) > MOST_INBOXES or (len(self._others) > 1 and self.size > self._most_size):
            del self._others[next(iter(self._others))]
        async with other.reading:
            if position(other.read_to) < position(until) and not await self._read_on(other, inbox, until):
                if self._others.get(inbox) is other:
                    del self._others[inbox]
                return None
        return other.history

    async def _read_on(self, other: _OtherInbox, inbox: str, until: str) -> bool:
        past = await self._routing.read(inbox, other.read_to, MOST_KEPT, self._most_size)
        if not past.floor:
            return False
        history = other.history
        if past.floor != other.read_to:
            history.clear()
            history.prepend([], past.floor)
            history.advance(past.floor)
        for count, (offset, record, size) in enumerate(past.entries, 1):
            for single, own_offset, own_size in unfold(record, offset, size):
                history.append(own_offset, single, own_size)
            if count % APPEND_BATCH == 0:
                await asyncio.sleep(0)
        newest = past.entries[-1][0] if past.entries else past.floor
        other.read_to = max(until, newest, other.read_to, key=position)
        history.advance(other.read_to)
        return True
