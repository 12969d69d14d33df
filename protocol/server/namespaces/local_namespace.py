"""A namespace on this instance: its handlers, its sockets and their rooms, and what the bus brings for them."""

import logging
import weakref
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

from protocol.cluster.stream_records import (
    Broadcast,
    DisconnectSockets,
    Join,
    Leave,
    Record,
    ServerSideEmit,
    Target,
)
from protocol.engineio.packets import Encoded
from protocol.server.namespaces.handlers import Handlers, RoomChange, call, notify
from protocol.socketio.packets import Event
from protocol.socketio.rooms import RoomIndex

if TYPE_CHECKING:
    from protocol.server.namespaces.adapter import Adapter
    from protocol.server.namespaces.local_socket import LocalSocket
    from protocol.server.namespaces.namespace_rule import NamespaceRule

log = logging.getLogger(__name__)


class LocalNamespace:
    """The state behind a `Namespace`.

    `sockets` maps the ids of the clients that are in it to what handlers get of them, `rooms` has them by their rooms,
    `entering` counts the clients whose middleware is running, `plain` the sockets that cannot be recovered.
    """

    def __init__(self, name: str, adapter: "Adapter", rule: "NamespaceRule | None" = None) -> None:
        """`rule` has the handlers of one that was made because a client asked for it."""
        self.name = name
        self.rule = rule
        self.adapter = adapter
        self.hub = adapter.hub
        self.parser = adapter.parser
        self.recovery = adapter.recovery
        self._default_rooms = adapter.default_rooms
        self.handlers = Handlers() if rule is None else rule.handlers
        self.sockets: dict[str, Any] = {}
        self.rooms: RoomIndex[LocalSocket] = RoomIndex()
        self.entering = 0
        self.plain = 0
        self._ack_ids = count()
        self._facade: Callable[[], Any] = lambda: None

    @property
    def facade(self) -> Any:
        """The `Namespace` that applications see; the same one for as long as anything refers to it."""
        facade = self._facade()
        return self.adapter.namespace_facade(self) if facade is None else facade

    def is_seen_as(self, facade: object) -> None:
        """Applications have a `Namespace` of it now. It refers to this object, so it is not kept from here."""
        self._facade = weakref.ref(facade)

    # --- sending ---

    def next_ack_id(self) -> int:
        """Ack ids count up per namespace, so that a broadcast can use one for all its sockets."""
        return next(self._ack_ids)

    def select(self, target: Target) -> list["LocalSocket"]:
        """The sockets of this instance that a target means."""
        return list(self.rooms.select(target.rooms, target.except_))

    def audience(self, target: Target) -> list["LocalSocket"]:
        """The sockets of this instance that get an event for a target: those in the default room where it names none
        and there is one. So no client gets an event before the application has let it into that room."""
        return list(self._audience(target))

    def _audience(self, target: Target) -> Collection["LocalSocket"]:
        """The same, which later joins may change: for a caller that is done with it at once."""
        return self.rooms.select(target.rooms or self._default_rooms, target.except_)

    def send_with_ack(
        self, sockets: Sequence["LocalSocket"], data: list[Any], settle: Callable[[Any], None]
    ) -> int:
        """Send one event to many and have `settle` called with each answer; returns the ack's id."""
        number = self.next_ack_id()
        encoded = self.parser.encode(Event(data, self.name, number))
        for socket in sockets:
            socket.client.expect_ack(self.name, number, settle)
        self.notify_outgoing(sockets, data)
        self.hub.send_all((socket.link for socket in sockets), len(sockets), encoded)
        return number

    def notify_outgoing(self, sockets: Iterable["LocalSocket"], data: list[Any]) -> None:
        """Call the catch-all listeners of what goes out. One that fails is logged; the event goes out all the same."""
        for listener in self.handlers.outgoing:
            for socket in sockets:
                notify((listener,), "outgoing events", socket, socket.facade, *data)

    # --- membership ---

    def add(self, socket: "LocalSocket", rooms: Iterable[str] = ()) -> None:
        """A client is let in, into `rooms` and its own, which is named by its id."""
        socket.connected = True
        self.sockets[socket.id] = socket.facade
        self.plain += socket.recoverable is None
        self.rooms.add(socket)
        self.join(socket, (socket.id, *rooms))
        if self.recovery is not None and socket.recoverable is not None:
            self.recovery.saver.enter(socket, socket.recoverable)

    def remove(self, socket: "LocalSocket") -> bool:
        """A client has left; false if it never was in."""
        if self.sockets.pop(socket.id, None) is None:
            return False
        self.plain -= socket.recoverable is None
        left = self.rooms.of(socket) if self.handlers.rooms else ()
        emptied = self.rooms.remove(socket)
        for room in emptied:
            self.adapter.bus.interest(self.name, room, False)
        for room in left:
            self._tell_left(socket, room, empty=room in emptied)
        self.adapter.drop_if_empty(self)
        return True

    def join(self, socket: "LocalSocket", rooms: Iterable[str]) -> None:
        """Put a socket into rooms."""
        before = self.rooms.count(socket)
        for room in rooms:
            known = bool(self.handlers.rooms) and self.rooms.has(socket, room)
            new = self.rooms.join(socket, room)
            if new:
                self.adapter.bus.interest(self.name, room, True)
            if self.handlers.rooms and not known:
                if new:
                    self._tell("create", self.facade, room)
                self._tell("join", socket.facade, room)
        self._notice_rooms(socket, before)

    def leave(self, socket: "LocalSocket", rooms: Iterable[str]) -> None:
        """Take a socket out of rooms."""
        before = self.rooms.count(socket)
        for room in rooms:
            known = bool(self.handlers.rooms) and self.rooms.has(socket, room)
            empty = self.rooms.leave(socket, room)
            if empty:
                self.adapter.bus.interest(self.name, room, False)
            if known:
                self._tell_left(socket, room, empty=empty)
        self._notice_rooms(socket, before)

    def _tell_left(self, socket: "LocalSocket", room: str, *, empty: bool) -> None:
        self._tell("leave", socket.facade, room)
        if empty:
            self._tell("delete", self.facade, room)

    def _tell(self, change: RoomChange, whose: Any, room: str) -> None:
        """Call the listeners of a change of rooms. One that fails is logged; the change has happened all the same."""
        notify(self.handlers.rooms.get(change, ()), "rooms", room, whose, room)

    def _notice_rooms(self, socket: "LocalSocket", before: int) -> None:
        if (
            self.recovery is not None
            and socket.recoverable is not None
            and self.rooms.count(socket) != before
        ):
            self.recovery.rooms_changed(self.name, socket.recoverable)

    # --- from the bus ---

    def deliver(self, record: Record, offset: str = "", packet: Encoded | None = None) -> None:
        """Do what a record of the bus asks for, for the sockets of this instance. `packet` is that of an event that
        may be sent again."""
        match record:
            case Broadcast():
                if offset:
                    notify(self.handlers.broadcasts, "broadcasts", record.data[0], *record.data)
                self._broadcast(record, offset, packet)
            case Join(target=target, rooms=rooms):
                for socket in self.audience(target):  # in its new rooms it gets events
                    self.join(socket, rooms)
            case Leave(target=target, rooms=rooms):
                for socket in self.select(target):
                    self.leave(socket, rooms)
            case DisconnectSockets(target=target, moved=True):
                self._abandon(target)
            case DisconnectSockets(target=target, close=close):
                for socket in self.select(target):
                    socket.dismiss(close=close)
            case ServerSideEmit():
                self.adapter.handle_server_side(self, record)

    def _abandon(self, target: Target) -> None:
        """Clients, named by their ids, have come back elsewhere."""
        for socket in self.select(target):
            if socket.id in target.rooms:
                socket.abandon()

    def _broadcast(self, record: Broadcast, offset: str, packet: Encoded | None) -> None:
        sockets = self._audience(record.target)
        if record.volatile:
            sockets = [socket for socket in sockets if socket.link.writable]
        if not sockets:
            return
        if self.handlers.outgoing:
            self.notify_outgoing(tuple(sockets), record.data)
        if self.recovery is not None and self.plain:
            sockets = self._send_plain(sockets, record.data)
            if not sockets:
                return
        if self.recovery is not None:
            stamp = self.recovery.stamp(self.name, record.data) if packet is None else offset
            for socket in sockets if stamp else ():
                if socket.recoverable is not None:
                    socket.recoverable.sent = stamp
            if packet is None and stamp:
                packet = self.parser.encode(Event([*record.data, stamp], self.name))
        if packet is None:
            packet = self.parser.encode(Event(record.data, self.name))
        self.hub.send_all((socket.link for socket in sockets), len(sockets), packet)

    def _send_plain(self, sockets: Collection["LocalSocket"], data: list[Any]) -> Collection["LocalSocket"]:
        """Send an event without its offset to those who cannot be recovered; returns the others."""
        plain = [socket for socket in sockets if socket.recoverable is None]
        if plain:
            packet = self.parser.encode(Event(data, self.name))
            self.hub.send_all((socket.link for socket in plain), len(plain), packet)
        if len(plain) == len(sockets):
            return ()
        return [socket for socket in sockets if socket.recoverable is not None]

    async def run_lifecycle(self, name: str, socket: "LocalSocket", *args: Any) -> None:
        """Run the handlers of "connection", "disconnecting" or "disconnect"; one that fails is logged, the
        others still run."""
        for handler in self.handlers.lifecycle[name]:
            try:
                await call(handler, socket.facade, *args)
            except Exception:
                log.exception("a %s handler failed for %r", name, socket)
