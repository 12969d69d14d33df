"""One client in one namespace, as the application sees it."""

import asyncio
from typing import TYPE_CHECKING, Any

from protocol.cluster.session_recovery import RECOVERABLE
from protocol.cluster.stream_records import Broadcast, Target
from protocol.engineio.session import CloseReason
from protocol.errors import AckTimeout, BadValue, Disconnected
from protocol.server.http.handshake import Handshake
from protocol.server.recovery.session_state import RecoverableSession
from protocol.server.socketio.client import ConnectedClient, Departure
from protocol.server.socketio.handlers import RegisteredHandler
from protocol.socketio.packets import Event

if TYPE_CHECKING:
    from protocol.server.socketio.broadcast_operator import BroadcastOperator
    from protocol.server.socketio.namespace import Namespace


def first(values: list[Any]) -> Any:
    """The value of an ack as callers get it: the first, or None if it has none."""
    return values[0] if values else None


class Socket:
    """A client in one namespace. Every handler gets it as its first argument.

        @io.on("say")
        async def say(socket: Socket, text: str) -> None:
            await socket.to("lobby").emit("said", socket.data["name"], text)

    `data` is a dict for the application; with connection state recovery it is saved, as far as msgpack can express it.
    `recovered` is true if the client recovered its session, with its id, rooms and data. `handshake` is what the client
    connected with. `reason` is the `CloseReason` after a disconnect, otherwise None.
    """

    __slots__ = (
        "_namespace",
        "_rooms_outside",
        "client",
        "connected",
        "data",
        "handshake",
        "id",
        "link",
        "middleware",
        "reason",
        "recoverable",
        "recovered",
    )

    def __init__(
        self,
        id: str,
        namespace: "Namespace",
        client: ConnectedClient,
        handshake: Handshake,
        *,
        rooms: frozenset[str] | None = None,
    ) -> None:
        """`rooms` are those of a client that recovers its session."""
        self.id = id
        self.data: dict[str, Any] = {}
        self.handshake = handshake
        self.client = client
        self.link = client.link
        self.middleware: tuple[Any, ...] = ()
        self.connected = False  # from the moment that its namespace lets it in until it leaves
        self.reason: CloseReason | None = None
        self._namespace = namespace
        self.recovered = rooms is not None
        self.recoverable: RecoverableSession | None = None  # where clients can be recovered
        self._rooms_outside = rooms or frozenset()  # while it is not in the namespace yet, or any more

    def __repr__(self) -> str:
        return f"<Socket {self.id} of {self._namespace.name}>"

    @property
    def nsp(self) -> "Namespace":
        """The namespace that it is in."""
        return self._namespace

    @property
    def rooms(self) -> frozenset[str]:
        """The rooms that it is in, including the room of its own id. Before a recovered client is admitted, and during
        `disconnecting`, the rooms it was in."""
        return self._namespace.rooms.of(self) or self._rooms_outside

    @property
    def transport(self) -> str:
        """The current transport: "polling" or "websocket"."""
        return self.link.session.transport

    @property
    def buffered(self) -> int:
        """The number of bytes queued for the client, in all its namespaces."""
        return self.link.session.queued + self.link.transport.buffered

    def use(self, middleware: RegisteredHandler) -> RegisteredHandler:
        """Run `middleware(socket, incoming)` before each event of this socket; an exception refuses the event."""
        self.middleware = (*self.middleware, middleware)
        return middleware

    # --- to the client ---

    async def emit(self, event: str, *args: Any, volatile: bool = False, local: bool = False) -> None:
        """Send an event to this client. If the client is not connected, the event is dropped.

        With recovery the event goes over the bus, which may raise `BusUnavailable`, and a disconnected client gets it
        when it recovers. `volatile`: drop it unless it can be sent at once. `local`: send it over this connection only.
        """
        if self.recoverable is None or volatile or local:
            self._send(event, args, None, volatile=volatile)
            return
        self._namespace.check_name(event)
        if self.connected or self.reason in RECOVERABLE:
            record = Broadcast(self._namespace.name, Target((self.id,)), [event, *args])
            await self._namespace.publish(record, local=False)

    async def emit_with_ack(self, event: str, *args: Any, timeout: int | None = None) -> Any:  # noqa: ASYNC109
        """Send an event and return the client's answer: the first value of its ack, None if it has none.

        Raises `AckTimeout` after `timeout` ms (None: never), `Disconnected` if the client leaves before it answers, and
        `BadValue` if its answer breaks a limit.
        """
        if not self.connected:
            raise Disconnected(f"{self.id} is not connected")
        answer: asyncio.Future[list[Any] | BadValue | None] = asyncio.get_running_loop().create_future()

        def settle(values: list[Any] | BadValue | None) -> None:
            if not answer.done():
                answer.set_result(values)

        number = self._namespace.next_ack_id()
        self.client.expect_ack(self._namespace.name, number, settle)
        try:
            self._send(event, args, number)
            async with asyncio.timeout(None if timeout is None else timeout / 1000):
                values = await answer
        except TimeoutError as error:
            raise AckTimeout from error
        finally:
            self.client.connection.take_ack(self._namespace.name, number)
        if values is None:
            raise Disconnected(f"{self.id} left before it answered")
        if isinstance(values, BadValue):
            raise values
        return first(values)

    def _send(self, event: str, args: tuple[Any, ...], ack: int | None, *, volatile: bool = False) -> None:
        self._namespace.check_name(event)
        data = [event, *args]
        stamp = ""
        if self._namespace.recovery is not None and ack is None:
            stamp = self._namespace.recovery.stamp(self._namespace.name, data)
        packet = Event([*data, stamp] if stamp else data, self._namespace.name, ack)
        encoded = self._namespace.parser.encode(packet)
        if not self.connected or (volatile and not self.link.writable):
            return
        if stamp and self.recoverable is not None:
            self.recoverable.sent = stamp
        self._namespace.notify_outgoing((self,), data)
        self.link.send(encoded)

    # --- rooms ---

    async def join(self, *rooms: str) -> None:
        """Join rooms. Has no effect once it is disconnected."""
        if self.connected:
            self._namespace.join(self, rooms)

    async def leave(self, *rooms: str) -> None:
        """Leave rooms. During recovery, also rooms that it is about to be restored to."""
        if self.connected:
            self._namespace.leave(self, rooms)
        elif self.reason is None:
            self._rooms_outside -= set(rooms)

    # --- to others ---

    def to(self, *rooms: str) -> "BroadcastOperator":
        """All sockets in any of `rooms` except this one."""
        return self.broadcast.to(*rooms)

    def except_(self, *rooms: str) -> "BroadcastOperator":
        """All sockets in the namespace except this one and those in `rooms`."""
        return self.broadcast.except_(*rooms)

    @property
    def broadcast(self) -> "BroadcastOperator":
        """All sockets in the namespace except this one."""
        return self._namespace.except_(self.id)

    # --- the end ---

    def trust(self) -> None:
        """Accept messages of up to `max_payload` bytes and `max_values` values from this client, if
        `max_untrusted_payload` is set.

        Call it once the client is authenticated.
        """
        self.client.trust()

    async def disconnect(self, close: bool = False) -> None:
        """Disconnect from the namespace; with `close`, from all, and end the session."""
        self.dismiss(close=close)

    def dismiss(self, *, close: bool) -> None:
        """`disconnect`, for callers that cannot wait."""
        if not self.connected:
            return
        if not close:
            self.link.send(self.client.connection.dismiss(self._namespace.name))
            self.depart(CloseReason.SERVER_DISCONNECT)
            return
        for socket in list(self.client.sockets.values()):
            socket.dismiss(close=False)
        self.link.finish(CloseReason.FORCED_SERVER_CLOSE)

    def end_slow(self) -> None:
        """End the session of a client that reads too slowly and drop its queue; the client reconnects by itself."""
        if self.connected:
            self.link.end_slow()

    def depart(self, reason: CloseReason) -> None:
        """The socket has left, whoever wanted it: out of its rooms at once, then its handlers, in turn, are told."""
        if self.reason is not None:
            return
        self.connected = False
        self.reason = reason
        self._rooms_outside = self._namespace.rooms.of(self)
        self.client.sockets.pop(self._namespace.name, None)
        for settle in self.client.connection.take_acks(self._namespace.name):
            settle(None)
        if self._namespace.remove(self):
            if self._namespace.recovery is not None and self.recoverable is not None:
                self._namespace.recovery.departed(self, self.recoverable)
            self.client.enqueue(Departure(self, reason))

    def abandon(self) -> None:
        """The client has come back over another connection, and taken its session along.

        The connection ends as if it were lost: should its client be there still, since of two CONNECTs the one that it
        had given up came last, it comes back once more, in its other namespaces too. A DISCONNECT would be final to it.
        """
        if not self.connected:
            return
        if self._namespace.recovery is not None and self.recoverable is not None:
            self._namespace.recovery.saver.forget(self.recoverable)
        self.depart(CloseReason.TRANSPORT_CLOSE)
        self.link.finish(CloseReason.FORCED_CLOSE)

    def forget_rooms(self) -> None:
        """`disconnecting` has run; from now on it was in no room."""
        self._rooms_outside = frozenset()

    @property
    def dropped(self) -> bool:
        """Whether the server sent it away: what it had sent before is not handled any more."""
        return self.reason in (CloseReason.SERVER_DISCONNECT, CloseReason.FORCED_SERVER_CLOSE)
