"""A client of another server, as `fetch_sockets` returns it."""

from typing import TYPE_CHECKING, Any

from protocol.cluster.requests import HandshakeDetails, SocketDetails
from protocol.errors import Disconnected

if TYPE_CHECKING:
    from protocol.server.socketio.namespace import Namespace


class RemoteSocket:
    """A client of another server, as `fetch_sockets` returns it. `rooms` and `data` have their values at that time.

    Its methods go over the bus, raise `BusUnavailable`, and have no effect if the client has left meanwhile.
    """

    __slots__ = ("_namespace", "data", "handshake", "id", "rooms")

    def __init__(self, namespace: "Namespace", details: SocketDetails) -> None:
        self.id = details.id
        self.handshake: HandshakeDetails = details.handshake
        self.rooms = frozenset(details.rooms)
        self.data = details.data
        self._namespace = namespace

    def __repr__(self) -> str:
        return f"<RemoteSocket {self.id} of {self._namespace.name}>"

    @property
    def nsp(self) -> "Namespace":
        """The namespace that it is in."""
        return self._namespace

    async def emit(self, event: str, *args: Any, volatile: bool = False) -> None:
        """Send an event to this client. Raises `BusUnavailable`."""
        operator = self._namespace.to(self.id)
        await (operator.volatile if volatile else operator).emit(event, *args)

    async def emit_with_ack(self, event: str, *args: Any, timeout: int | None = None) -> Any:  # noqa: ASYNC109
        """Send an event and return the client's answer: the first value of its ack.

        Raises `AckTimeout` after `timeout` ms (None: the option `requests_timeout`), `Disconnected` if the client
        has left, and `BusUnavailable`.
        """
        operator = self._namespace.to(self.id)
        asking = operator if timeout is None else operator.timeout(timeout)
        responses = await asking.emit_with_ack(event, *args)
        if not responses:
            raise Disconnected(f"{self.id} is not connected")
        return responses[0]

    async def join(self, *rooms: str) -> None:
        """Make it join rooms. Raises `BusUnavailable`."""
        await self._namespace.to(self.id).sockets_join(*rooms)

    async def leave(self, *rooms: str) -> None:
        """Make it leave rooms. Raises `BusUnavailable`."""
        await self._namespace.to(self.id).sockets_leave(*rooms)

    async def disconnect(self, close: bool = False) -> None:
        """Disconnect it from the namespace; with `close`, from all, and end the session. Raises `BusUnavailable`."""
        await self._namespace.to(self.id).disconnect_sockets(close=close)
