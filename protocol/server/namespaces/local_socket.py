"""One client in one namespace of this instance: the state behind the `Socket` that applications see."""

from typing import TYPE_CHECKING, Any

from protocol.engineio.session import CloseReason
from protocol.server.config.event_names import check_name
from protocol.server.http.handshake import Handshake
from protocol.server.namespaces.client import ConnectedClient
from protocol.server.namespaces.jobs import Departure
from protocol.server.recovery.session_state import RecoverableSession
from protocol.socketio.packets import Event

if TYPE_CHECKING:
    from protocol.server.namespaces.local_namespace import LocalNamespace


class LocalSocket:
    """A client that is in a namespace, or on its way into it.

    `facade` is what handlers get. It is above this folder, and refers to this object; it is let go by `release`, so
    that a client that left is freed at once.
    """

    __slots__ = (
        "client",
        "connected",
        "data",
        "facade",
        "handshake",
        "id",
        "link",
        "middleware",
        "namespace",
        "reason",
        "recoverable",
        "recovered",
        "rooms_outside",
    )

    def __init__(
        self,
        id: str,
        namespace: "LocalNamespace",
        client: ConnectedClient,
        handshake: Handshake,
        *,
        rooms: frozenset[str] | None = None,
    ) -> None:
        """`rooms` are those that a client was in which comes back."""
        self.id = id
        self.data: dict[str, Any] = {}
        self.handshake = handshake
        self.client = client
        self.link = client.link
        self.middleware: tuple[Any, ...] = ()
        self.connected = False  # from the moment that its namespace lets it in until it leaves
        self.reason: CloseReason | None = None
        self.namespace = namespace
        self.recovered = rooms is not None
        self.recoverable: RecoverableSession | None = None  # where clients can be recovered
        self.rooms_outside = rooms or frozenset()  # while it is not in the namespace yet, or any more
        self.facade: Any = namespace.adapter.socket_facade(self)

    def __repr__(self) -> str:
        return f"<Socket {self.id} of {self.namespace.name}>"

    @property
    def rooms(self) -> frozenset[str]:
        """The rooms that it is in. Before it is let in again, and while `disconnecting` runs: those it was in."""
        return self.namespace.rooms.of(self) or self.rooms_outside

    @property
    def dropped(self) -> bool:
        """True once the server disconnected it: its earlier events are not handled any more."""
        return self.reason in (CloseReason.SERVER_DISCONNECT, CloseReason.FORCED_SERVER_CLOSE)

    def send(self, event: str, args: tuple[Any, ...], ack: int | None, *, volatile: bool = False) -> None:
        """Send an event over this connection; it is dropped where the client is gone. Raises `ValueError` for a
        reserved name and `TypeError` for a value that cannot be sent."""
        check_name(event)
        namespace = self.namespace
        data = [event, *args]
        stamp = ""
        if namespace.recovery is not None and self.recoverable is not None and ack is None:
            stamp = namespace.recovery.stamp(namespace.name, data)
        packet = Event([*data, stamp] if stamp else data, namespace.name, ack)
        encoded = namespace.parser.encode(packet)
        if not self.connected or (volatile and not self.link.writable):
            return
        if stamp and self.recoverable is not None:
            self.recoverable.sent = stamp
        namespace.notify_outgoing((self,), data)
        self.link.send(encoded)

    # --- the end ---

    def dismiss(self, *, close: bool) -> None:
        """Disconnect it from the namespace; with `close`, from all, and end the session."""
        if not self.connected:
            return
        if not close:
            self.link.send(self.client.connection.dismiss(self.namespace.name))
            self.depart(CloseReason.SERVER_DISCONNECT)
            return
        for socket in list(self.client.sockets.values()):
            socket.dismiss(close=False)
        self.link.finish(CloseReason.FORCED_SERVER_CLOSE)

    def depart(self, reason: CloseReason) -> None:
        """It has left, for any reason: out of its rooms at once, then its handlers, in turn, are told."""
        if self.reason is not None:
            return
        self.connected = False
        self.reason = reason
        self.rooms_outside = self.namespace.rooms.of(self)
        self.client.sockets.pop(self.namespace.name, None)
        for settle in self.client.connection.take_acks(self.namespace.name):
            settle(None)
        if self.namespace.remove(self):
            if self.namespace.recovery is not None and self.recoverable is not None:
                self.namespace.recovery.departed(self, self.recoverable)
            self.client.enqueue(Departure(self, reason))

    def abandon(self) -> None:
        """The client has come back over another connection, and taken its session along.

        The connection ends as if it were lost: should its client be there still, since of two CONNECTs the one that it
        had given up came last, it comes back once more, in its other namespaces too. A DISCONNECT would be final to it.
        """
        if not self.connected:
            return
        if self.namespace.recovery is not None and self.recoverable is not None:
            self.namespace.recovery.saver.forget(self.recoverable)
        self.depart(CloseReason.TRANSPORT_CLOSE)
        self.link.finish(CloseReason.FORCED_CLOSE)

    def forget_rooms(self) -> None:
        """`disconnecting` has run; from now on it was in no room."""
        self.rooms_outside = frozenset()

    def release(self) -> None:
        """No handler will be given this socket any more."""
        self.facade = None
