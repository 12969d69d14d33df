"""The bus: how every fan-out reaches every instance, the one that sent it included."""

import logging
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

from protocol.broadcast import Record, decode, encode
from protocol.errors import BusUnavailable

logger = logging.getLogger(__name__)

Deliver: TypeAlias = Callable[[Record, str, int], None]
"""Gets each record, its offset, and its size: the characters of its text on the way, about the bytes it takes here.
What it raises is logged and stops nothing."""

OnGap: TypeAlias = Callable[[], None]
"""Told that records were lost before this instance could read them; what is delivered next comes after the gap."""


class Past(NamedTuple):
    """Records from before the start, the oldest first. `floor` is the offset after which none is missing."""

    entries: list[tuple[str, Record, int]]  # offset, record, size
    floor: str


class Bus(Protocol):
    """Takes records, and delivers each to every started instance, in one order for all.

    A delivered record is the receiver's own: it shares nothing with what the publisher still holds. It has come
    the way of the wire, so tuples are lists, and structs and dataclasses are dicts.
    """

    async def start(self, deliver: Deliver, on_gap: OnGap) -> None:
        """Delivers what is published from now on. Raises `BusUnavailable`; `RuntimeError` when it is started.

        Both callbacks run on the event loop and must not block. A stopped bus may be started again; it does
        not deliver what came in between.
        """

    async def publish(self, record: Record) -> str:
        """Stores a record and returns its offset, which grows with each record.

        Raises `BusUnavailable` when it could not be stored, or that is not known, and `TypeError` for a value
        that cannot be sent. The records of one task, and those that are published one after the other without
        an await between, keep their order.
        """

    def interest(self, nsp: str, room: str, present: bool) -> None:
        """Tells that this instance has members in a room, or no longer any.

        The hook for a bus that routes by interest: one that gives each instance all records ignores it.
        """

    async def recent(self, limit: int, max_size: int) -> Past:
        """The newest records that were there at the start, up to `limit` and about `max_size` in sum: what comes
        after them is delivered. Raises `BusUnavailable`.
        """

    async def ping(self) -> None:
        """Raises `BusUnavailable` unless records can be stored and read right now."""

    async def stop(self) -> None:
        """Ends the delivery and frees what the bus holds; publishers that still wait get `BusUnavailable`."""


class MemoryBus:
    """The bus of one instance alone. Delivers within `publish`; offsets are `1-0`, `2-0`, …"""

    def __init__(self) -> None:
        self._deliver: Deliver | None = None
        self._count = 0
        self._started_at = 0

    async def start(self, deliver: Deliver, on_gap: OnGap) -> None:  # noqa: ARG002 - nothing is ever lost
        """See `Bus.start`. A second server cannot share a bus that keeps its records in memory."""
        if self._deliver is not None:
            raise RuntimeError("the bus is started already")
        self._deliver = deliver
        self._started_at = self._count

    async def publish(self, record: Record) -> str:
        """See `Bus.publish`. The record goes through the wire format, so it is held to the same rules as on Redis."""
        fields = encode(record, "")
        copy = decode(fields)
        assert copy is not None  # only what others write is not for us
        if self._deliver is None:
            raise BusUnavailable("the bus is not started")
        self._count += 1
        offset = f"{self._count}-0"
        hand_over(self._deliver, copy, offset, len(fields["data"]))
        return offset

    def interest(self, nsp: str, room: str, present: bool) -> None:
        """See `Bus.interest`: there is one instance, and it gets everything."""

    async def recent(self, limit: int, max_size: int) -> Past:  # noqa: ARG002 - there never is one
        """See `Bus.recent`: nothing of it is kept."""
        if self._deliver is None:
            raise BusUnavailable("the bus is not started")
        return Past([], f"{self._started_at}-0")

    async def ping(self) -> None:
        """See `Bus.ping`."""
        if self._deliver is None:
            raise BusUnavailable("the bus is not started")

    async def stop(self) -> None:
        """See `Bus.stop`."""
        self._deliver = None


def hand_over(deliver: Deliver, record: Record, offset: str, size: int) -> None:
    """Delivers one record. One that cannot be delivered is logged: the next ones are not to suffer for it."""
    try:
        deliver(record, offset, size)
    except Exception:
        logger.exception("record %s of namespace %r was not delivered", offset, record.nsp)
