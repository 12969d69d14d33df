"""One client in one namespace, as applications see it."""

import asyncio
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from protocol.cluster.saved_sessions import RECOVERABLE
from protocol.cluster.stream_records import Broadcast, Target
from protocol.engineio.session import CloseReason
from protocol.errors import AckTimeout, BadValue, Disconnected
from protocol.server.config.event_names import check_name
from protocol.server.engineio.connection_listeners import PacketListener, UpgradeListener
from protocol.server.http.handshake import Handshake
from protocol.server.namespaces.handlers import RegisteredHandler
from protocol.server.namespaces.local_socket import LocalSocket
from protocol.server.socketio.broadcast_operator import BroadcastOperator
from protocol.socketio.acknowledgement import first_value

if TYPE_CHECKING:
    from protocol.server.socketio.namespace import Namespace


class Socket:
    """A client in one namespace. Every handler gets it as its first argument.

        @io.on("say")
        async def say(socket: Socket, text: str) -> None:
            await socket.to("lobby").emit("said", socket.data["name"], text)

    `data` is a dict for the application; with connection state recovery it is saved, as far as msgpack can express it.
    `recovered` is true if the client recovered its session, with its id, rooms and data. `handshake` is what the client
    connected with. `reason` is the `CloseReason` after a disconnect, otherwise None.
    """

    __slots__ = ("_local",)

    def __init__(self, local: LocalSocket) -> None:
        self._local = local

    def __repr__(self) -> str:
        return repr(self._local)

    @property
    def id(self) -> str:
        """Its public id, which is also the name of a room with it alone."""
        return self._local.id

    @property
    def client_id(self) -> str:
        """An id of its connection, the same in all namespaces: a hash of the session's id, which is a secret."""
        session_id = self._local.link.session.id
        return hashlib.blake2s(session_id.encode(), digest_size=8, person=b"clientid").hexdigest()

    @property
    def nsp(self) -> "Namespace":
        """The namespace that it is in."""
        namespace: Namespace = self._local.namespace.facade
        return namespace

    @property
    def data(self) -> dict[str, Any]:
        """The application's own, for as long as the socket lives. Where clients can be recovered it is saved, as far as
        msgpack can express it."""
        return self._local.data

    @data.setter
    def data(self, items: Mapping[str, Any]) -> None:
        """Have these items and no others."""
        kept = dict(items)
        self._local.data.clear()
        self._local.data.update(kept)

    @property
    def handshake(self) -> Handshake:
        """The handshake of the client."""
        return self._local.handshake

    @property
    def recovered(self) -> bool:
        """True if the client was here before, and has its id, rooms and data again."""
        return self._local.recovered

    @property
    def connected(self) -> bool:
        """True while it is in the namespace: from the moment that it is let in until it leaves."""
        return self._local.connected

    @property
    def reason(self) -> CloseReason | None:
        """Why it is not connected any more; None before it has left."""
        return self._local.reason

    @property
    def rooms(self) -> frozenset[str]:
        """The rooms that it is in, including the room of its own id. Before a recovered client is admitted, and during
        `disconnecting`, the rooms it was in."""
        return self._local.rooms

    @property
    def transport(self) -> str:
        """The current transport: "polling" or "websocket"."""
        return self._local.link.session.transport

    @property
    def buffered(self) -> int:
        """The number of bytes queued for the client, in all its namespaces."""
        link = self._local.link
        return link.session.queued + link.transport.buffered

    def use(self, middleware: RegisteredHandler) -> RegisteredHandler:
        """Run `middleware(socket, incoming)` before each event of this socket; an exception refuses the event."""
        self._local.middleware = (*self._local.middleware, middleware)
        return middleware

    def on_packet(self, listener: PacketListener) -> PacketListener:
        """Run `listener(type, data)`, a plain function, for each Engine.IO packet of its client: "message", "pong" and
        so on. The namespaces of a client share its connection. Its exceptions are logged and stop nothing."""
        self._local.link.listen().on_packet.append(listener)
        return listener

    def on_upgrade(self, listener: UpgradeListener) -> UpgradeListener:
        """Run `listener(transport)`, a plain function, when its client's connection is upgraded: "websocket"."""
        self._local.link.listen().on_upgrade.append(listener)
        return listener

    # --- to the client ---

    async def emit(self, event: str, *args: Any, volatile: bool = False, local: bool = False) -> None:
        """Send an event to this client. If the client is not connected, the event is dropped.

        With recovery the event goes over the bus, which may raise `BusUnavailable`, and a disconnected client gets it
        when it recovers. `volatile`: drop it unless it can be sent at once. `local`: send it over this connection only.
        """
        socket = self._local
        if socket.recoverable is None or volatile or local:
            socket.send(event, args, None, volatile=volatile)
            return
        check_name(event)
        if socket.connected or socket.reason in RECOVERABLE:
            record = Broadcast(socket.namespace.name, Target((socket.id,)), [event, *args])
            await socket.namespace.adapter.publish(record)

    async def emit_with_ack(self, event: str, *args: Any, timeout: int | None = None) -> Any:  # noqa: ASYNC109
        """Send an event and return the client's answer: the first value of its ack, None if it has none.

        Raises `AckTimeout` after `timeout` ms (None: never), `Disconnected` if the client leaves before it answers, and
        `BadValue` if its answer breaks a limit.
        """
        socket = self._local
        if not socket.connected:
            raise Disconnected(f"{socket.id} is not connected")
        answer: asyncio.Future[list[Any] | BadValue | None] = asyncio.get_running_loop().create_future()

        def settle(values: list[Any] | BadValue | None) -> None:
            if not answer.done():
                answer.set_result(values)

        number = socket.namespace.next_ack_id()
        socket.client.expect_ack(socket.namespace.name, number, settle)
        try:
            socket.send(event, args, number)
            async with asyncio.timeout(None if timeout is None else timeout / 1000):
                values = await answer
        except TimeoutError as error:
            raise AckTimeout from error
        finally:
            socket.client.connection.take_ack(socket.namespace.name, number)
        if values is None:
            raise Disconnected(f"{socket.id} left before it answered")
        if isinstance(values, BadValue):
            raise values
        return first_value(values)

    # --- rooms ---

    async def join(self, *rooms: str) -> None:
        """Join rooms. Has no effect once it is disconnected."""
        if self._local.connected:
            namespace = self._local.namespace
            namespace.join(self._local, rooms)
            await namespace.adapter.announced(namespace.name, rooms)

    async def leave(self, *rooms: str) -> None:
        """Leave rooms. During recovery, also rooms that it is about to be restored to."""
        socket = self._local
        if socket.connected:
            socket.namespace.leave(socket, rooms)
        elif socket.reason is None:
            socket.rooms_outside -= set(rooms)

    # --- to others ---

    def to(self, *rooms: str) -> BroadcastOperator:
        """All sockets in any of `rooms` except this one."""
        return BroadcastOperator(self._local.namespace, Target(rooms, (self._local.id,)))

    def except_(self, *rooms: str) -> BroadcastOperator:
        """All sockets in the namespace except this one and those in `rooms`."""
        return BroadcastOperator(self._local.namespace, Target((), (self._local.id, *rooms)))

    @property
    def broadcast(self) -> BroadcastOperator:
        """All sockets in the namespace except this one."""
        return BroadcastOperator(self._local.namespace, Target((), (self._local.id,)))

    # --- trust, and the end ---

    def trust(self) -> None:
        """Accept messages of up to `max_payload` bytes and `max_values` values from this client, if
        `max_untrusted_payload` is set.

        Call it once the client is authenticated.
        """
        self._local.client.trust()

    async def disconnect(self, close: bool = False) -> None:
        """Disconnect from the namespace; with `close`, from all, and end the session."""
        self._local.dismiss(close=close)

    async def drop(self) -> None:
        """End the session as if its connection were lost: the client reconnects by itself, as it does not after
        `disconnect`."""
        if self._local.connected:
            self._local.link.finish(CloseReason.FORCED_CLOSE)

    def end_slow(self) -> None:
        """End the session of a client that reads too slowly and drop its queue; the client reconnects by itself."""
        if self._local.connected:
            self._local.link.end_slow()
