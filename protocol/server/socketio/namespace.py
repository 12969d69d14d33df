"""A namespace: its handlers, its sockets on this instance and their rooms."""

import logging
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from protocol.cluster.stream_records import (
    Broadcast,
    DisconnectSockets,
    Join,
    Leave,
    Record,
    ServerSideEmit,
    SingleRecord,
    Target,
)
from protocol.engineio.packets import Encoded
from protocol.server.socketio import selection
from protocol.server.socketio.broadcast_batch import BroadcastBatch
from protocol.server.socketio.broadcast_operator import BroadcastOperator
from protocol.server.socketio.cluster_requests import Asker
from protocol.server.socketio.handler_registry import HandlerRegistry
from protocol.server.socketio.handlers import Handlers, call
from protocol.server.socketio.remote_socket import RemoteSocket
from protocol.socketio.packets import Event, Parser
from protocol.socketio.rooms import RoomIndex

if TYPE_CHECKING:
    from protocol.server.recovery.recovery import SessionRecovery
    from protocol.server.socketio.socket import Socket

log = logging.getLogger("protocol.namespace")

Accepts: TypeAlias = Callable[[str, Any], bool | Awaitable[bool]]


class Outlet(Protocol):
    """What a namespace needs of the server it belongs to."""

    parser: Parser
    recovery: "SessionRecovery | None"
    asker: Asker

    def publish(self, record: Record, *, local: bool) -> Awaitable[None]:
        """Put a record on the bus; with `local`, deliver it here alone."""

    def tell_servers(self, event: ServerSideEmit) -> Awaitable[None]:
        """Send an event to the other servers."""

    def handle_server_side(self, namespace: "Namespace", event: ServerSideEmit) -> None:
        """Have an event of another server handled."""

    def send_all(self, sockets: Iterable["Socket"], item: Encoded) -> None:
        """Queue one packet for many sockets."""

    def interest(self, nsp: str, room: str, *, present: bool) -> None:
        """Say that a room has its first member here, or has lost its last."""

    def drop_if_empty(self, namespace: "Namespace") -> None:
        """Forget a dynamic namespace in which nobody is."""


class Namespace(HandlerRegistry):
    """One namespace on this instance. `name` starts with a slash; `sockets` maps ids to sockets."""

    def __init__(self, name: str, outlet: Outlet, handlers: Handlers | None = None) -> None:
        self.name = name
        self.handlers = handlers or Handlers()
        self.sockets: dict[str, Socket] = {}
        self.rooms: RoomIndex[Socket] = RoomIndex()
        self.entering = 0  # clients whose middleware is running
        self._outlet = outlet
        self._ack_ids = count()

    # --- to whom ---

    def to(self, *rooms: str) -> BroadcastOperator:
        """Sockets in any of `rooms`."""
        return BroadcastOperator(self).to(*rooms)

    in_ = to

    def except_(self, *rooms: str) -> BroadcastOperator:
        """All sockets but those in `rooms`."""
        return BroadcastOperator(self).except_(*rooms)

    @property
    def volatile(self) -> BroadcastOperator:
        """All sockets, dropping the event for those to whom it cannot leave at once."""
        return BroadcastOperator(self).volatile

    @property
    def local(self) -> BroadcastOperator:
        """All sockets of this instance."""
        return BroadcastOperator(self).local

    def timeout(self, milliseconds: int) -> BroadcastOperator:
        """All sockets, with this long to answer."""
        return BroadcastOperator(self).timeout(milliseconds)

    def batch(self) -> BroadcastBatch:
        """What is sent within `async with` leaves as one record at its end."""
        return BroadcastBatch(self)

    async def emit(self, event: str, *args: Any) -> None:
        """Send an event to everybody in the namespace, on every instance."""
        await BroadcastOperator(self).emit(event, *args)

    async def emit_with_ack(self, event: str, *args: Any) -> list[Any]:
        """Send an event to everybody and wait for their answers."""
        return await BroadcastOperator(self).emit_with_ack(event, *args)

    async def fetch_sockets(self) -> Sequence["Socket | RemoteSocket"]:
        """All sockets, on every instance."""
        return await BroadcastOperator(self).fetch_sockets()

    async def server_side_emit(self, event: str, *args: Any) -> None:
        """Send an event to the other servers that have this namespace. Raises `BusUnavailable`."""
        selection.check_server_side_name(event)
        await self._outlet.tell_servers(ServerSideEmit(self.name, [event, *args]))

    async def server_side_emit_with_ack(
        self,
        event: str,
        *args: Any,
        timeout: int | None = None,  # noqa: ASYNC109
    ) -> list[Any]:
        """Send an event to the other servers that have this namespace and return the answer of each.

        Raises `AckTimeout`, with the answers that came, when a server did not answer within `timeout` ms (None: the
        option `requests_timeout`), and `BusUnavailable`.
        """
        selection.check_server_side_name(event)
        return await self.asker.ask_servers(self.name, [event, *args], timeout)

    async def sockets_join(self, *rooms: str) -> None:
        """Make everybody enter rooms."""
        await BroadcastOperator(self).sockets_join(*rooms)

    async def sockets_leave(self, *rooms: str) -> None:
        """Make everybody leave rooms."""
        await BroadcastOperator(self).sockets_leave(*rooms)

    async def disconnect_sockets(self, close: bool = False) -> None:
        """Disconnect everybody."""
        await BroadcastOperator(self).disconnect_sockets(close=close)

    # --- what the operator, the sockets and the server use ---

    @property
    def parser(self) -> Parser:
        """The encoding of packets."""
        return self._outlet.parser

    @property
    def recovery(self) -> "SessionRecovery | None":
        """What lets clients come back, where that is on."""
        return self._outlet.recovery

    @property
    def asker(self) -> Asker:
        """What asks the other instances."""
        return self._outlet.asker

    check_name = staticmethod(selection.check_name)

    def next_ack_id(self) -> int:
        """Ack ids count up per namespace, so that a broadcast can use one for all its sockets."""
        return next(self._ack_ids)

    def publish(self, record: Record, *, local: bool) -> Awaitable[None]:
        """Put a record on the bus."""
        return self._outlet.publish(record, local=local)

    def select(self, target: Target) -> list["Socket"]:
        """The sockets of this instance that a target means."""
        return list(self.rooms.select(target.rooms, target.except_))

    def send_with_ack(
        self, sockets: Sequence["Socket"], data: list[Any], settle: Callable[[Any], None]
    ) -> int:
        """Send one event to many and have `settle` called with each answer; returns the ack's id."""
        number = self.next_ack_id()
        encoded = self.parser.encode(Event(data, self.name, number))
        for socket in sockets:
            socket.client.expect_ack(self.name, number, settle)
        self.notify_outgoing(sockets, data)
        self._outlet.send_all(sockets, encoded)
        return number

    def notify_outgoing(self, sockets: Iterable["Socket"], data: list[Any]) -> None:
        """Call the catch-all listeners of what goes out. One that fails is logged; the event goes out all the same."""
        for listener in self.handlers.outgoing:
            for socket in sockets:
                try:
                    listener(socket, *data)
                except Exception:
                    log.exception("a listener of outgoing events failed for %r", socket)

    # --- membership ---

    def add(self, socket: "Socket", rooms: Iterable[str] = ()) -> None:
        """A client is let in, into `rooms` and its own, which is named by its id."""
        socket.connected = True
        self.sockets[socket.id] = socket
        self.rooms.add(socket)
        self.join(socket, (socket.id, *rooms))
        if self.recovery is not None and socket.recoverable is not None:
            self.recovery.saver.enter(socket, socket.recoverable)

    def remove(self, socket: "Socket") -> bool:
        """A client has left; false if it never was in."""
        if self.sockets.pop(socket.id, None) is None:
            return False
        for room in self.rooms.remove(socket):
            self._outlet.interest(self.name, room, present=False)
        self._outlet.drop_if_empty(self)
        return True

    def join(self, socket: "Socket", rooms: Iterable[str]) -> None:
        """Put a socket into rooms."""
        before = self.rooms.count(socket)
        for room in rooms:
            if self.rooms.join(socket, room):
                self._outlet.interest(self.name, room, present=True)
        self._notice_rooms(socket, before)

    def leave(self, socket: "Socket", rooms: Iterable[str]) -> None:
        """Take a socket out of rooms."""
        before = self.rooms.count(socket)
        for room in rooms:
            if self.rooms.leave(socket, room):
                self._outlet.interest(self.name, room, present=False)
        self._notice_rooms(socket, before)

    def _notice_rooms(self, socket: "Socket", before: int) -> None:
        if (
            self.recovery is not None
            and socket.recoverable is not None
            and self.rooms.count(socket) != before
        ):
            self.recovery.rooms_changed(self.name, socket.recoverable)

    # --- from the bus ---

    def deliver(self, record: SingleRecord, offset: str = "", packet: Encoded | None = None) -> None:
        """Do for the sockets of this instance what a record asks for. `packet` is that of an event that is kept."""
        match record:
            case Broadcast():
                if offset:
                    self._notify_broadcast(record.data)
                self._broadcast(record, offset, packet)
            case Join(target=target, rooms=rooms):
                for socket in self.select(target):
                    self.join(socket, rooms)
            case Leave(target=target, rooms=rooms):
                for socket in self.select(target):
                    self.leave(socket, rooms)
            case DisconnectSockets(target=target, moved=True):
                for socket in [self.sockets[sid] for sid in target.rooms if sid in self.sockets]:
                    socket.abandon()
            case DisconnectSockets(target=target, close=close):
                for socket in self.select(target):
                    socket.dismiss(close=close)
            case ServerSideEmit():
                self._outlet.handle_server_side(self, record)

    def _notify_broadcast(self, data: list[Any]) -> None:
        for listener in self.handlers.broadcasts:
            try:
                listener(*data)
            except Exception:
                log.exception("a listener of broadcasts failed for %r", data[0])

    def _broadcast(self, record: Broadcast, offset: str, packet: Encoded | None) -> None:
        sockets: Collection[Socket] = self.rooms.select(record.target.rooms, record.target.except_)
        if record.volatile:
            sockets = [socket for socket in sockets if socket.link.writable]
        if not sockets:
            return
        if self.handlers.outgoing:
            self.notify_outgoing(tuple(sockets), record.data)
        if self.recovery is not None:
            stamp = self.recovery.stamp(self.name, record.data) if packet is None else offset
            for socket in sockets if stamp else ():
                if socket.recoverable is not None:
                    socket.recoverable.sent = stamp
            if packet is None and stamp:
                packet = self.parser.encode(Event([*record.data, stamp], self.name))
        if packet is None:
            packet = self.parser.encode(Event(record.data, self.name))
        self._outlet.send_all(sockets, packet)

    async def run_lifecycle(self, name: str, socket: "Socket", *args: Any) -> None:
        """Run the handlers of "connection", "disconnecting" or "disconnect"; one that fails is logged."""
        for handler in self.handlers.lifecycle[name]:
            try:
                await call(handler, socket, *args)
            except Exception:
                log.exception("a %s handler failed for %r", name, socket)


class DynamicNamespace(HandlerRegistry):
    """Namespaces that come to be when a client asks for them, and go when their last client leaves.

    All share the handlers registered here. Whether a name may be asked for is said by a pattern, which the whole of it
    must match, or by a function of it and the client's `auth`.
    """

    def __init__(self, rule: re.Pattern[str] | Accepts) -> None:
        self.handlers = Handlers()
        self.children: dict[str, Namespace] = {}
        self._rule = rule

    def matches(self, name: str) -> bool:
        """Whether the rule is a pattern, and the name is one of its names."""
        return isinstance(self._rule, re.Pattern) and self._rule.fullmatch(name) is not None

    async def accepts(self, name: str, auth: dict[str, Any]) -> bool:
        """Whether a client that comes with `auth` may ask for a name."""
        if isinstance(self._rule, re.Pattern):
            return self.matches(name)
        return bool(await call(self._rule, name, auth))
