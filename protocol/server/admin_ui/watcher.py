"""What happens to the sockets of this instance, told to the pages: in development mode alone.

It listens where any application can: rooms, catch-all listeners, departures, upgrades. That a socket has come is seen
by its joining the room of its id, before any handler of the application has run.
"""

from functools import partial
from typing import Any

from protocol.server.admin_ui.descriptions import description, iso_time, shown_data
from protocol.server.admin_ui.feed import Feed
from protocol.server.admin_ui.redaction import shown
from protocol.server.socketio.handler_registry import HandlerRegistry
from protocol.server.socketio.namespace import Namespace
from protocol.server.socketio.socket import Socket

MAX_LOOKED_AT = 5_000  # sockets whose `data` is compared with what the pages have


class Watcher:
    """Listens to the namespaces of an instance. `admin` is the one of the pages: its events are not shown."""

    def __init__(self, feed: Feed, admin: Namespace) -> None:
        self._feed = feed
        self._admin = admin
        self._watched: set[HandlerRegistry] = set()
        self._data: dict[tuple[str, str], Any] = {}  # of namespace and id, as the pages have it

    def watch(self, namespace: Namespace) -> None:
        """Hear of what happens in a namespace. Those that clients ask for share their handlers, so one is enough."""
        registry: HandlerRegistry = namespace if namespace.parent is None else namespace.parent
        if registry in self._watched:
            return
        self._watched.add(registry)
        registry.on_room("join")(self._joined)
        registry.on_room("leave")(self._left)
        registry.on("disconnect")(self._disconnected)
        if namespace is not self._admin:
            registry.on_any(self._received)
            registry.on_any_outgoing(self._sent)

    def look_at_data(self, namespaces: "list[Namespace]") -> None:
        """Tell which sockets' `data` has changed; the application may change it in any way, so it is compared."""
        before, self._data = self._data, {}
        for namespace in namespaces:
            for socket in list(namespace.sockets.values()):
                if len(self._data) >= MAX_LOOKED_AT:
                    return
                key = (namespace.name, socket.id)
                data = self._data[key] = shown_data(socket.data)
                if data != before.get(key, {}):
                    self._feed.tell("socket_updated", {"id": socket.id, "nsp": namespace.name, "data": data})

    def _joined(self, socket: Socket, room: str) -> None:
        self._feed.tell("room_joined", socket.nsp.name, room, socket.id, iso_time())
        if room == socket.id:
            self._connected(socket)

    def _connected(self, socket: Socket) -> None:
        described = description(socket)
        self._data[socket.nsp.name, socket.id] = described["data"]
        self._feed.tell("socket_connected", described, iso_time())
        if socket.transport == "polling":
            socket.on_upgrade(partial(self._upgraded, socket.nsp.name, socket.id))

    def _upgraded(self, nsp: str, id: str, transport: str) -> None:
        self._feed.tell("socket_updated", {"id": id, "nsp": nsp, "transport": transport})

    def _left(self, socket: Socket, room: str) -> None:
        self._feed.tell("room_left", socket.nsp.name, room, socket.id, iso_time())

    def _disconnected(self, socket: Socket, reason: str) -> None:
        if socket.reason is not None:  # else it has never been let in
            self._data.pop((socket.nsp.name, socket.id), None)
            self._feed.tell("socket_disconnected", socket.nsp.name, socket.id, reason, iso_time())

    def _received(self, socket: Socket, *event: Any) -> None:
        if self._feed.takes_details:
            self._feed.tell("event_received", socket.nsp.name, socket.id, shown(event), iso_time())

    def _sent(self, socket: Socket, *event: Any) -> None:
        if self._feed.takes_details:
            self._feed.tell("event_sent", socket.nsp.name, socket.id, shown(event), iso_time())
