"""Who gets it, and how: the chain behind `io.to("room").except_("other").volatile.emit(...)`."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from protocol.broadcast import Broadcast, Disconnect, Join, Leave, Target
from protocol.errors import AckTimeout
from protocol.server.socket import first

if TYPE_CHECKING:
    from protocol.server.namespace import Namespace
    from protocol.server.socket import Socket


class Operator(Struct, frozen=True):
    """A choice of sockets in one namespace. Each step of the chain gives a new one, so any may be kept and
    used again."""

    namespace: "Namespace"
    target: Target = Target()
    is_volatile: bool = False
    is_local: bool = False
    ack_timeout: int | None = None

    def to(self, *rooms: str) -> "Operator":
        """Add rooms: those in any of them are meant. With none, everybody in the namespace is."""
        return msgspec.structs.replace(self, target=Target((*self.target.rooms, *rooms), self.target.except_))

    in_ = to

    def except_(self, *rooms: str) -> "Operator":
        """Leave out those in any of these rooms; a socket's id is a room of its own."""
        return msgspec.structs.replace(self, target=Target(self.target.rooms, (*self.target.except_, *rooms)))

    @property
    def volatile(self) -> "Operator":
        """Drop the event for clients to whom it cannot leave at once."""
        return msgspec.structs.replace(self, is_volatile=True)

    @property
    def local(self) -> "Operator":
        """Only sockets of this instance."""
        return msgspec.structs.replace(self, is_local=True)

    def timeout(self, milliseconds: int) -> "Operator":
        """How long `emit_with_ack` waits."""
        return msgspec.structs.replace(self, ack_timeout=milliseconds)

    async def emit(self, event: str, *args: Any) -> None:
        """Send an event. Returns once the bus has stored it. Raises `BusUnavailable`."""
        self.namespace.check_name(event)
        record = Broadcast(self.namespace.name, self.target, [event, *args], volatile=self.is_volatile)
        await self.namespace.publish(record, local=self.is_local)

    async def emit_with_ack(self, event: str, *args: Any) -> list[Any]:
        """Send an event to the sockets of this instance and wait for the answer of each: a list of their first values.

        Raises `AckTimeout`, with the answers that came, when some did not in time, or left before they answered.
        """
        self.namespace.check_name(event)
        sockets = self.namespace.select(self.target)
        answers: asyncio.Queue[list[Any] | None] = asyncio.Queue()
        number = self.namespace.send_with_ack(sockets, [event, *args], answers.put_nowait)
        responses: list[Any] = []
        missing = 0
        try:
            async with asyncio.timeout(None if self.ack_timeout is None else self.ack_timeout / 1000):
                for _ in sockets:
                    values = await answers.get()
                    if values is None:
                        missing += 1
                    else:
                        responses.append(first(values))
        except TimeoutError as error:
            raise AckTimeout(responses=responses) from error
        finally:
            for socket in sockets:
                socket.peer.connection.take_ack(self.namespace.name, number)
        if missing:
            raise AckTimeout(f"{missing} clients left before they answered", responses)
        return responses

    async def fetch_sockets(self) -> Sequence["Socket"]:
        """The sockets of this instance that are meant."""
        return self.namespace.select(self.target)

    async def sockets_join(self, *rooms: str) -> None:
        """Make them enter rooms. Raises `BusUnavailable`."""
        await self.namespace.publish(Join(self.namespace.name, self.target, rooms), local=self.is_local)

    async def sockets_leave(self, *rooms: str) -> None:
        """Make them leave rooms. Raises `BusUnavailable`."""
        await self.namespace.publish(Leave(self.namespace.name, self.target, rooms), local=self.is_local)

    async def disconnect_sockets(self, *, close: bool = False) -> None:
        """Disconnect them; with `close`, end their sessions. Raises `BusUnavailable`."""
        await self.namespace.publish(Disconnect(self.namespace.name, self.target, close), local=self.is_local)
