"""Connection state recovery, its pure part (docs/protocol.md §2): what a client has missed.

A client tells the offset of the last event that it has handled, or none. Its former session stands in a text that its
instance saved (`protocol.cluster.saved_sessions`); what was sent since stands in the records that every instance
keeps for a while. From these follows, by computing alone, what the client would have received, or that this is not
known any more. A part is never given.
"""

from collections import deque
from collections.abc import Callable, Iterable
from heapq import merge
from itertools import takewhile
from typing import Literal, NamedTuple, Protocol, TypeAlias

from msgspec import Struct, structs

from protocol.cluster.saved_sessions import Saved
from protocol.cluster.stream_positions import NOWHERE, Position, position_of
from protocol.cluster.stream_records import (
    Broadcast,
    DisconnectSockets,
    ForSockets,
    Join,
    Leave,
    ServerSideEmit,
    SingleRecord,
)
from protocol.engineio.packets import Encoded
from protocol.errors import ProtocolError

MOST_MISSED = 1_000  # events that a client gets at its return; one that missed more begins anew
MOST_MISSED_SIZE = 1_048_576  # the same in characters

Pack: TypeAlias = Callable[[Broadcast, str], Encoded]
"""Makes the packet of an event with its offset."""


class Kept(Struct):
    """A record that was delivered, and its size in characters. Of an event, only its target, and the packet that
    they were sent: as Python's objects a client's nested lists would take many times their size."""

    position: Position
    offset: str
    record: ForSockets
    size: int
    packet: Encoded | None = None


class Ring:
    """The last records of a kind, up to `most` and to `most_size` characters in sum, and none that is more than
    `max_age` ms older than the latest. A bus whose offsets are no times has none so old.

    After `floor` none is missing; None: that is not known before the next one comes.
    """

    def __init__(self, most: int, most_size: int, max_age: int) -> None:
        self.floor: Position | None = None
        self._dropped = False  # whether it is full
        self._most = most
        self._most_size = most_size
        self._max_age = max_age
        self.size = 0  # characters
        self._kept: deque[Kept] = deque()

    def __len__(self) -> int:
        return len(self._kept)

    def append(self, kept: Kept) -> None:
        """Keep the latest one."""
        self._kept.append(kept)
        self.size += kept.size
        self._trim()

    def prepend(self, past: list[Kept], floor: Position) -> None:
        """Keep what came before all others, complete after `floor`; unless there is no room even for those."""
        if self._dropped:
            return
        self._kept.extendleft(reversed(past))
        self.size += sum(kept.size for kept in past)
        self.floor = floor
        self._trim()

    def clear(self) -> None:
        """Keep nothing."""
        self._kept.clear()
        self.size = 0
        self.floor = None
        self._dropped = False

    def _trim(self) -> None:
        kept = self._kept
        while kept and (
            len(kept) > self._most
            or self.size > self._most_size
            or kept[0].position[0] + self._max_age < kept[-1].position[0]
        ):
            dropped = kept.popleft()
            self.size -= dropped.size
            self.floor = dropped.position
            self._dropped = True

    def reaches(self, start: Position) -> bool:
        """True if no record after `start` is missing."""
        return self.floor is not None and start >= self.floor

    def after(self, start: Position) -> list[Kept]:
        """Those after a position, in their order."""
        found = list(takewhile(lambda kept: kept.position > start, reversed(self._kept)))
        found.reverse()
        return found


class History:
    """The records that the bus delivered: the last events, and the last orders to join, leave and disconnect apart from
    them, since they are fewer and wanted for longer. `latest` is the offset of the last record, `position` the same.
    """

    def __init__(self, most: int, most_size: int, max_age: int, pack: Pack) -> None:
        self.latest = ""
        self.position: Position = NOWHERE
        self.events = Ring(most, most_size, max_age)
        self.orders = Ring(most, most_size, max_age)
        self._pack = pack

    @property
    def size(self) -> int:
        """The characters of all that is kept."""
        return self.events.size + self.orders.size

    def append(self, offset: str, record: SingleRecord, size: int) -> Encoded | None:
        """A record is about to be delivered; returns its packet, if it is an event that is kept. One whose offset is no
        higher than the last one's is the first of another history."""
        position = position_of(offset)
        if position is None:
            raise ProtocolError(f"{offset!r} is no offset")
        kept = self._kept(position, offset, record, size)
        if position <= self.position:
            self.clear()
        for ring in (self.events, self.orders):
            if ring.floor is None:
                ring.floor = position
        self.latest, self.position = offset, position
        if kept is None:
            return None
        (self.orders if kept.packet is None else self.events).append(kept)
        return kept.packet

    def _kept(self, position: Position, offset: str, record: SingleRecord, size: int) -> Kept | None:
        # A client has come back: no other misses that, and thousands do at once where an instance has died.
        if isinstance(record, DisconnectSockets) and record.moved:
            return None
        if isinstance(record, ServerSideEmit):
            return None
        if not isinstance(record, Broadcast):
            return Kept(position, offset, record, size)
        if record.volatile:  # for connected sockets only
            return None
        return Kept(position, offset, structs.replace(record, data=[]), size, self._pack(record, offset))

    def prepend(self, entries: Iterable[tuple[str, SingleRecord, int]], floor: str) -> None:
        """Add records before the first delivered one, oldest first; complete after `floor`."""
        bottom = last = position_of(floor) or NOWHERE
        latest, events, orders = floor, list[Kept](), list[Kept]()
        for latest, record, size in entries:
            last = position_of(latest) or NOWHERE
            kept = self._kept(last, latest, record, size)
            if kept is not None:
                (orders if kept.packet is None else events).append(kept)
        self.events.prepend(events, bottom)
        self.orders.prepend(orders, bottom)
        if self.position == NOWHERE:
            self.latest, self.position = latest, last

    def advance(self, offset: str) -> None:
        """All up to an offset is delivered, whether there was a record there or not."""
        reached = position_of(offset) or NOWHERE
        if reached > self.position:
            self.latest, self.position = offset, reached
            for ring in (self.events, self.orders):
                if ring.floor is None:
                    ring.floor = reached

    def clear(self) -> None:
        """Records were lost: a client that lacks earlier ones has a gap."""
        self.events.clear()
        self.orders.clear()


# --- what a client has missed ---


class Missed(NamedTuple):
    """The events that a client has missed, the rooms that it is in by now, and whether these changed on the way, be it
    to and fro."""

    events: list[Kept]
    rooms: frozenset[str]
    moved: bool


class RecordsOfAKind(Protocol):
    """Events, or orders to join, leave and disconnect."""

    def reaches(self, start: Position) -> bool:
        """True if no record after `start` is missing."""
        ...

    def after(self, start: Position) -> list[Kept]:
        """Those after a position, in their order."""
        ...


class Records(Protocol):
    """What was for clients: a `History`, or several, one after the other."""

    @property
    def events(self) -> RecordsOfAKind:
        """The events."""
        ...

    @property
    def orders(self) -> RecordsOfAKind:
        """The others."""
        ...


Lost: TypeAlias = Literal["gone", "expired"]
"""Why a client cannot go on where it was: it was disconnected while away; or too much was sent since, or it is not
known any more what."""


def missed_by(
    saved: Saved,
    rooms: Iterable[str],
    nsp: str,
    start: Position,
    history: Records,
    most_size: int = MOST_MISSED_SIZE,
    default_rooms: tuple[str, ...] = (),
) -> Missed | Lost:
    """The events after `start` in a namespace for a client that was in `rooms` when it was saved.

    Joins, leaves and disconnections count from their place on. `default_rooms` are those of events and joins that name
    none.
    """
    saved_at = start if saved.offset is None else position_of(saved.offset) or NOWHERE
    if not history.events.reaches(start) or not history.orders.reaches(saved_at):
        return "expired"
    inside, events, size, moved = set(rooms), list[Kept](), 0, False
    records = merge(
        history.orders.after(saved_at), history.events.after(start), key=lambda kept: kept.position
    )
    for kept in records:
        record = kept.record
        if record.nsp != nsp or not _is_meant(record, inside, default_rooms):
            continue
        match record:
            case Broadcast():
                events.append(kept)
                size += kept.size
            case Join(rooms=more):
                moved = moved or not inside.issuperset(more)
                inside.update(more)
            case Leave(rooms=fewer):
                moved = moved or not inside.isdisjoint(fewer)
                inside.difference_update(fewer)
            case _:
                return "gone"
        if len(events) > MOST_MISSED or size > most_size:
            return "expired"
    return Missed(events, frozenset(inside), moved)


def _is_meant(record: ForSockets, inside: set[str], default_rooms: tuple[str, ...]) -> bool:
    target = record.target
    rooms = target.rooms or (default_rooms if isinstance(record, Broadcast | Join) else ())
    return (not rooms or not inside.isdisjoint(rooms)) and inside.isdisjoint(target.except_)
