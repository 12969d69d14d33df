"""The receivers of an event: the chain `to("room").except_("other").volatile.emit(...)`, for servers and emitters."""

from collections.abc import Awaitable
from typing import Any, Protocol, Self

import msgspec
from msgspec import Struct

from protocol.cluster.stream_records import Broadcast, DisconnectSockets, Join, Leave, Record, Target
from protocol.socketio.packets import RESERVED_EVENTS


class Destination(Protocol):
    """A namespace, as far as records can be sent to it."""

    name: str

    def publish(self, record: Record, *, local: bool) -> Awaitable[None]:
        """Put a record on the bus; with `local`, deliver it here alone."""
        ...


def check_name(event: str) -> None:
    """Raise `ValueError` for an event name that clients reserve."""
    if event in RESERVED_EVENTS:
        raise ValueError(f"{event!r} is a reserved event name")


SERVERS_OWN = frozenset({"connect", "connection", "new_namespace"})  # Node's handlers of these expect no data


def check_server_side_name(event: str) -> None:
    """Raise `ValueError` for an event name that servers reserve."""
    if event in SERVERS_OWN:
        raise ValueError(f"{event!r} is a reserved event name of servers")


class Selection(Struct, frozen=True):
    """A selection of sockets in one namespace. Each step of the chain returns a new one, so any can be kept and
    reused."""

    namespace: Destination
    target: Target = Target()
    is_volatile: bool = False
    is_local: bool = False

    def to(self, *rooms: str) -> Self:
        """Add rooms: selects the sockets in any of them. Without rooms, selects all sockets in the namespace."""
        return msgspec.structs.replace(self, target=Target((*self.target.rooms, *rooms), self.target.except_))

    in_ = to

    def except_(self, *rooms: str) -> Self:
        """Exclude the sockets in any of these rooms. A socket's id is a room with only that socket."""
        return msgspec.structs.replace(self, target=Target(self.target.rooms, (*self.target.except_, *rooms)))

    @property
    def volatile(self) -> Self:
        """Drop the event for clients that cannot take it at once."""
        return msgspec.structs.replace(self, is_volatile=True)

    async def emit(self, event: str, *args: Any) -> None:
        """Send an event. Returns once the bus has stored it. Raises `BusUnavailable`."""
        await self._publish(self._broadcast(event, args))

    async def sockets_join(self, *rooms: str) -> None:
        """Make the sockets join rooms. Raises `BusUnavailable`."""
        await self._publish(Join(self.namespace.name, self.target, rooms))

    async def sockets_leave(self, *rooms: str) -> None:
        """Make the sockets leave rooms. Raises `BusUnavailable`."""
        await self._publish(Leave(self.namespace.name, self.target, rooms))

    async def disconnect_sockets(self, close: bool = False) -> None:
        """Disconnect the sockets; with `close`, end their sessions. Raises `BusUnavailable`."""
        await self._publish(DisconnectSockets(self.namespace.name, self.target, close))

    def _broadcast(self, event: str, args: tuple[Any, ...]) -> Broadcast:
        check_name(event)
        return Broadcast(self.namespace.name, self.target, [event, *args], volatile=self.is_volatile)

    def _publish(self, record: Record) -> Awaitable[None]:
        return self.namespace.publish(record, local=self.is_local)
