"""Recipients of events: the chain behind `to("room").except_("other").volatile.emit(...)`, on servers and emitters."""

from collections.abc import Awaitable
from typing import Any, Protocol, Self

from protocol.cluster.stream_records import Broadcast, DisconnectSockets, Join, Leave, Record, Target
from protocol.server.config.event_names import check_name

EVERYBODY = Target()


class Publisher(Protocol):
    """An object that puts records on the bus."""

    def publish(self, record: Record) -> Awaitable[object]:
        """Store a record for all instances. Raises `BusUnavailable` and `TypeError`."""
        ...


class Selection:
    """A selection of sockets in one namespace. Each step of the chain returns a new one, so any can be kept and
    reused."""

    __slots__ = ("_nsp", "_publisher", "_target", "_volatile")

    def __init__(
        self, publisher: Publisher, nsp: str, target: Target = EVERYBODY, *, volatile: bool = False
    ) -> None:
        self._publisher = publisher
        self._nsp = nsp
        self._target = target
        self._volatile = volatile

    def _with(self, target: Target, *, volatile: bool) -> Self:
        """The same of another target."""
        return type(self)(self._publisher, self._nsp, target, volatile=volatile)

    def to(self, *rooms: str) -> Self:
        """Add rooms: selects the sockets in any of them. Without rooms, selects all sockets in the namespace."""
        target = self._target
        return self._with(Target((*target.rooms, *rooms), target.except_), volatile=self._volatile)

    in_ = to

    def except_(self, *rooms: str) -> Self:
        """Exclude the sockets in any of these rooms. A socket's id is a room with only that socket."""
        target = self._target
        return self._with(Target(target.rooms, (*target.except_, *rooms)), volatile=self._volatile)

    @property
    def volatile(self) -> Self:
        """Drop the event for clients that cannot take it at once."""
        return self._with(self._target, volatile=True)

    async def emit(self, event: str, *args: Any) -> None:
        """Send an event. Returns once the bus has stored it. Raises `BusUnavailable`."""
        await self._publish(self._broadcast(event, args))

    async def sockets_join(self, *rooms: str) -> None:
        """Make the sockets join rooms. Raises `BusUnavailable`."""
        await self._publish(Join(self._nsp, self._target, rooms))

    async def sockets_leave(self, *rooms: str) -> None:
        """Make the sockets leave rooms. Raises `BusUnavailable`."""
        await self._publish(Leave(self._nsp, self._target, rooms))

    async def disconnect_sockets(self, close: bool = False) -> None:
        """Disconnect the sockets; with `close`, end their sessions. Raises `BusUnavailable`."""
        await self._publish(DisconnectSockets(self._nsp, self._target, close))

    def _broadcast(self, event: str, args: tuple[Any, ...]) -> Broadcast:
        check_name(event)
        return Broadcast(self._nsp, self._target, [event, *args], volatile=self._volatile)

    def _publish(self, record: Record) -> Awaitable[object]:
        return self._publisher.publish(record)
