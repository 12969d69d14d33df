"""The way out to many: a record goes to the bus, comes back from it on every instance, and is queued for each
socket."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from protocol.cluster.record_batches import unfold
from protocol.cluster.requests import AskClients, AskServers, ClusterMessage, FetchSockets
from protocol.cluster.stream_records import Join, Record, RecordBatch, ServerSideEmit
from protocol.server.bus.bus import Bus, hand_over
from protocol.server.bus.round_trip_timer import RoundTripTimer
from protocol.server.config.options import Options
from protocol.server.engineio.hub import Hub
from protocol.server.namespaces.cluster_answers import Answerer
from protocol.server.namespaces.cluster_requests import Asker
from protocol.server.namespaces.handlers import notify
from protocol.server.namespaces.local_namespace import LocalNamespace
from protocol.server.namespaces.local_socket import LocalSocket
from protocol.server.namespaces.namespace_rule import NamespaceRule
from protocol.server.recovery.recovery import SessionRecovery

log = logging.getLogger(__name__)


class Adapter:
    """The namespaces of this instance, between the bus and the hub. `gaps` counts how often the bus lost
    records for us.

    `namespace_facade` and `socket_facade` make what applications see of a namespace and of a socket.
    """

    def __init__(
        self,
        bus: Bus,
        hub: Hub,
        options: Options,
        recovery: SessionRecovery | None,
        *,
        namespace_facade: Callable[[LocalNamespace], Any],
        socket_facade: Callable[[LocalSocket], Any],
    ) -> None:
        self.bus = bus
        self.hub = hub
        self.namespace_facade = namespace_facade
        self.socket_facade = socket_facade
        self.parser = options.parser
        self.recovery = recovery
        self.default_rooms = options.default_rooms
        self.gaps = 0
        self.namespaces: dict[str, LocalNamespace] = {}
        self.rules: list[NamespaceRule] = []
        self.on_new_namespace: list[Callable[[Any], object]] = []
        self.observer = hub.options.observer
        self._round_trips = RoundTripTimer()
        self.asker = Asker(bus, options.requests_timeout)
        self._answerer = Answerer(bus, self.asker, self.namespaces, hub.run, options.requests_timeout)

    def namespace(self, name: str) -> LocalNamespace:
        """The namespace of a name, made where there is none: with the handlers of the first pattern that matches it,
        since its middleware may be what keeps strangers out.
        """
        if name not in self.namespaces:
            parent = next((rule for rule in self.rules if rule.matches(name)), None)
            if parent is not None:
                return self.make_child(parent, name)
            self.add(LocalNamespace(name, self))
        return self.namespaces[name]

    def make_child(self, parent: NamespaceRule, name: str) -> LocalNamespace:
        """A namespace with the handlers of `parent`."""
        child = LocalNamespace(name, self, parent)
        parent.children[name] = child
        self.add(child)
        return child

    def add(self, namespace: LocalNamespace) -> None:
        """Deliver to a namespace from now on."""
        self.namespaces[namespace.name] = namespace
        self.bus.listen(namespace.name)
        if self.on_new_namespace:
            notify(self.on_new_namespace, "new namespaces", namespace.name, namespace.facade)

    async def start(self) -> None:
        """Begin to deliver. Raises `BusUnavailable`."""
        if self.recovery is not None:
            self.recovery.reset()
        await self.bus.start(self._deliver, self._fell_behind, self._receive)
        log.info("this instance is %s among those on the bus", self.bus.uid)
        if self.recovery is not None:
            await self.recovery.start()

    async def stop(self) -> None:
        """Deliver no more; what is known of clients that may come back is saved first."""
        if self.recovery is not None:
            await self.recovery.stop()
        await self.bus.stop()

    async def publish(self, record: Record) -> None:
        """Put a record on the bus, which brings it back.

        Raises `BusUnavailable`, and `TypeError` for a value that cannot be sent.
        """
        began = time.perf_counter()
        offset = await self.bus.publish(record)
        seconds = self._round_trips.published(offset, began)
        if seconds is not None:
            self.observer.record_returned(seconds)

    def keep(self, record: Record) -> asyncio.Future[str]:
        """Put a record on the bus, whenever that is possible: see `Bus.keep`."""
        began = time.perf_counter()
        stored = self.bus.keep(record)

        def measure(stored: asyncio.Future[str]) -> None:
            if stored.cancelled():
                return
            if (error := stored.exception()) is not None:
                log.warning("a record that was kept is lost: %s", error)
            elif (seconds := self._round_trips.published(stored.result(), began)) is not None:
                self.observer.record_returned(seconds)

        stored.add_done_callback(measure)
        return stored

    async def announced(self, nsp: str, rooms: Iterable[str]) -> None:
        """Return when what is sent to rooms, which sockets of this instance have just joined, comes here."""
        if self.bus.routing is not None:
            await self.bus.routing.announced(nsp, rooms)

    def deliver_here(self, record: Record) -> None:
        """Do what a record asks for on this instance alone."""
        self._deliver(record, "", 0)

    def handle_server_side(self, namespace: LocalNamespace, event: ServerSideEmit) -> None:
        """Have an event of another server handled."""
        self._answerer.emit(namespace, event)

    def add_details(self, details: Callable[[Any], Mapping[str, Any]]) -> None:
        """Add items to the `data` of this instance's sockets, in answers to other servers."""
        self._answerer.details.append(details)

    def drop_if_empty(self, namespace: LocalNamespace) -> None:
        """Forget a namespace that was made for a client's asking, once no client is in it or about to be."""
        if namespace.sockets or namespace.entering:
            return
        for rule in self.rules:
            if rule.children.pop(namespace.name, None) is not None:
                del self.namespaces[namespace.name]
                self.bus.unlisten(namespace.name)

    def _deliver(self, record: Record, offset: str, size: int) -> None:
        if isinstance(record, RecordBatch):
            for part in unfold(record, offset, size):
                hand_over(self._deliver, *part)
            return
        if isinstance(record, Join) and offset and self.bus.routing is not None:
            self.bus.routing.given(record.nsp, record.rooms, offset)
        packet = None
        if self.recovery is not None and offset:
            packet = self.recovery.took(offset, record, size)
        namespace = self.namespaces.get(record.nsp)
        if namespace is not None:
            if offset:  # a local record has not been away
                seconds = self._round_trips.delivered(offset)
                if seconds is not None:
                    self.observer.record_returned(seconds)
            namespace.deliver(record, offset, packet)

    def _receive(self, uid: str, message: ClusterMessage) -> None:
        match message:
            case FetchSockets() | ServerSideEmit() | AskServers() | AskClients():
                self._answerer.receive(uid, message)
            case _:
                self.asker.take(uid, message)

    def _fell_behind(self) -> None:
        self.gaps += 1
        self.observer.records_lost()
        log.error("the bus has dropped records before this instance could read them")
        if self.recovery is not None:
            self.recovery.fell_behind()
