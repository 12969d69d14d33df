"""Connection state recovery, its pure part (protocol.md §2): what is saved of a client, and what it has missed.

A client tells the offset of the last event that it has handled, or none. Who it was stands in a text that its
instance saved; what was sent since stands in the records that every instance keeps for a while. From these follows, by
computing alone, what the client would have received, or that nobody can tell any more. A part is never given.
"""

import re
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from heapq import merge
from itertools import takewhile
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct, structs

from protocol.cluster.stream_records import (
    Broadcast,
    Disconnect,
    ForSockets,
    Join,
    Leave,
    Record,
    ServerSideEmit,
    Target,
)
from protocol.engineio.packets import Encoded
from protocol.engineio.session import CloseReason
from protocol.errors import ProtocolError

RECOVERABLE = frozenset(
    {
        CloseReason.TRANSPORT_ERROR,
        CloseReason.TRANSPORT_CLOSE,
        CloseReason.FORCED_CLOSE,
        CloseReason.PING_TIMEOUT,
        CloseReason.SERVER_SHUTTING_DOWN,
        CloseReason.FORCED_SERVER_CLOSE,
    }
)
MOST_MISSED = 1_000  # events that a client gets at its return; who missed more begins anew
MOST_MISSED_SIZE = 1_048_576  # the same in characters

Position: TypeAlias = tuple[int, int]
"""An offset, `<ms>-<count>`, in a form that can be compared."""

NOWHERE: Position = (-1, -1)  # before every record

_OFFSET = re.compile(r"(\d{1,20})-(\d{1,20})", re.ASCII)


def position_of(offset: object) -> Position | None:
    """The position that an offset names; None for what is no offset."""
    match = _OFFSET.fullmatch(offset) if isinstance(offset, str) else None
    return (int(match[1]), int(match[2])) if match else None


# --- what is saved of a client ---


class Saved(Struct, frozen=True, kw_only=True):
    """A client in one namespace, as its instance knew it when it had delivered all records up to `offset`.

    `since` is the position at which its rooms last changed; `sent` the offset of the last event that was sent to it,
    and `before` of the last one up to `since`. From `since` to `offset` it was in `rooms`, so what was for it can be
    computed; before, it cannot be. The other two are for clients to whom little is sent, whose last event may be older
    than all records that are kept: one that has `sent` lacks nothing up to `offset`, one that has `before` nothing up
    to `since`.

    The fields from `nsp` on are ours: what Node has saved lacks them, and may thus be asked for in any namespace.
    """

    sid: str
    pid: str
    rooms: frozenset[str]
    data: dict[Any, Any]
    nsp: str | None = None
    live: bool = False  # it was connected when it was saved
    offset: str | None = None
    since: str | None = None
    sent: str | None = None
    before: str | None = None


def encode(saved: Saved) -> str:
    """The text to save. Raises `TypeError` for a value of `data` that msgpack cannot express."""
    return b64encode(msgspec.msgpack.encode(saved)).decode()


def packable(data: Mapping[Any, Any]) -> dict[Any, Any]:
    """The items of `data` that `encode` takes."""
    kept: dict[Any, Any] = {}
    for key, value in data.items():
        try:
            msgspec.msgpack.encode({key: value})
        except (TypeError, ValueError, OverflowError, RecursionError):
            continue
        kept[key] = value
    return kept


def _refuse_extension(code: int, _: memoryview) -> Any:
    raise ProtocolError(f"msgpack extension {code} is unknown")


_SAVED = msgspec.msgpack.Decoder(Saved, ext_hook=_refuse_extension)


def decode(text: str) -> Saved:
    """What was saved, by us or by Node. Raises `ProtocolError`."""
    try:
        return _SAVED.decode(b64decode(text, validate=True))
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a saved session does not decode: {error}") from error


def start_of(saved: Saved, offset: object) -> Position | None:
    """The position up to which a client has got everything, if `offset` (or None) is the last that it has handled.

    None where that cannot be told: it lacks an event from before its rooms changed, so nobody knows any more in which
    rooms it was when that was sent; or its offset is none.
    """
    claimed = NOWHERE if offset is None else position_of(offset)
    if claimed is None or saved.offset is None:
        return claimed if offset is not None else None
    since = position_of(saved.since) or NOWHERE
    if claimed >= (position_of(saved.sent) or NOWHERE):
        return max(claimed, position_of(saved.offset) or NOWHERE)
    if claimed >= since:
        return claimed
    return since if claimed >= (position_of(saved.before) or NOWHERE) else None


# --- what was sent ---


Pack: TypeAlias = Callable[[Broadcast, str], Encoded]
"""Makes the packet of an event with its offset."""


class Kept(Struct):
    """A record that was delivered, and its size in characters. Of an event, only whom it was for, and the packet that
    they were sent: as Python's objects a client's nested lists would take many times their size."""

    position: Position
    offset: str
    record: ForSockets
    size: int
    packet: Encoded | None = None


class Ring:
    """The last records of a kind, up to `most` and to `most_size` characters in sum.

    After `floor` none is missing; None: that is not known before the next one comes.
    """

    def __init__(self, most: int, most_size: int) -> None:
        self.floor: Position | None = None
        self._dropped = False  # whether it is full
        self._most = most
        self._most_size = most_size
        self._size = 0
        self._kept: deque[Kept] = deque()

    def __len__(self) -> int:
        return len(self._kept)

    def append(self, kept: Kept) -> None:
        """Keep the latest one."""
        self._kept.append(kept)
        self._size += kept.size
        self._trim()

    def prepend(self, past: list[Kept], floor: Position) -> None:
        """Keep what came before all others, complete after `floor`; unless there is no room even for those."""
        if self._dropped:
            return
        self._kept.extendleft(reversed(past))
        self._size += sum(kept.size for kept in past)
        self.floor = floor
        self._trim()

    def clear(self) -> None:
        """Keep nothing."""
        self._kept.clear()
        self._size = 0
        self.floor = None
        self._dropped = False

    def _trim(self) -> None:
        while len(self._kept) > self._most or self._size > self._most_size:
            dropped = self._kept.popleft()
            self._size -= dropped.size
            self.floor = dropped.position
            self._dropped = True

    def reaches(self, start: Position) -> bool:
        """Whether none is missing after `start`."""
        return self.floor is not None and start >= self.floor

    def after(self, start: Position) -> list[Kept]:
        """Those after a position, in their order."""
        found = list(takewhile(lambda kept: kept.position > start, reversed(self._kept)))
        found.reverse()
        return found


class History:
    """What the bus has delivered here: the last events, and the last orders to join, leave and disconnect apart from
    them, since they are fewer and wanted for longer. `latest` is the offset of the last record, `position` the same.
    """

    def __init__(self, most: int, most_size: int, pack: Pack) -> None:
        self.latest = ""
        self.position: Position = NOWHERE
        self.events = Ring(most, most_size)
        self.orders = Ring(most, most_size)
        self._pack = pack

    def append(self, offset: str, record: Record, size: int) -> Encoded | None:
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

    def _kept(self, position: Position, offset: str, record: Record, size: int) -> Kept | None:
        # Somebody has come back: nobody misses that, and thousands do at once where an instance has died.
        if isinstance(record, Disconnect) and record.moved:
            return None
        if isinstance(record, ServerSideEmit):
            return None
        if not isinstance(record, Broadcast):
            return Kept(position, offset, record, size)
        if record.volatile:  # for who is there
            return None
        return Kept(position, offset, structs.replace(record, data=[]), size, self._pack(record, offset))

    def prepend(self, entries: Iterable[tuple[str, Record, int]], floor: str) -> None:
        """What came before the first record that was delivered, the oldest first; complete after `floor`."""
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

    def clear(self) -> None:
        """Records were lost: whoever lacks any from before has a gap."""
        self.events.clear()
        self.orders.clear()


# --- what a client has missed ---


class Missed(NamedTuple):
    """The events that a client has missed, the rooms that it is in by now, and whether these changed on the way, be it
    to and fro."""

    events: list[Kept]
    rooms: frozenset[str]
    moved: bool


Lost: TypeAlias = Literal["gone", "expired"]
"""Why a client cannot go on where it was: it was disconnected while away; or too much was sent since, or it is not
known any more what."""


def missed_by(
    saved: Saved,
    rooms: Iterable[str],
    nsp: str,
    start: Position,
    history: History,
    most_size: int = MOST_MISSED_SIZE,
) -> Missed | Lost:
    """What a client would have received after `start` in a namespace, that was in `rooms` when it was saved.

    Joins, leaves and disconnections count from their place on.
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
        if record.nsp != nsp or not _is_meant(record.target, inside):
            continue
        match record:
            case Broadcast():
                events.append(kept)
                size += kept.size
                if len(events) > MOST_MISSED or size > most_size:
                    return "expired"
            case Join(rooms=more):
                moved = moved or not inside.issuperset(more)
                inside.update(more)
            case Leave(rooms=fewer):
                moved = moved or not inside.isdisjoint(fewer)
                inside.difference_update(fewer)
            case _:
                return "gone"
    return Missed(events, frozenset(inside), moved)


def _is_meant(target: Target, rooms: set[str]) -> bool:
    return (not target.rooms or not rooms.isdisjoint(target.rooms)) and rooms.isdisjoint(target.except_)
