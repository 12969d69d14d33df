"""From a client's packet to the application's handlers, and back with the ack."""

import logging
import time
from collections.abc import Awaitable
from typing import Any

from protocol.engineio.session import CloseReason
from protocol.errors import BadValue, Refused
from protocol.server.dispatch.connect import ConnectHandler, waits
from protocol.server.namespaces.adapter import Adapter
from protocol.server.namespaces.client import ConnectedClient
from protocol.server.namespaces.handlers import BadArguments, Incoming, call
from protocol.server.namespaces.jobs import Arrival, Departure, Job, Misfit
from protocol.server.namespaces.local_namespace import LocalNamespace
from protocol.server.namespaces.local_socket import LocalSocket
from protocol.socketio.acknowledgement import ack_values
from protocol.socketio.packets import Ack, Connect, Event, Rejected

log = logging.getLogger(__name__)


class Dispatch:
    """Runs one job of one client at a time; what a handler raises ends there."""

    def __init__(self, adapter: Adapter, *, skip_middlewares: bool) -> None:
        self._adapter = adapter
        self._connect_handler = ConnectHandler(adapter, skip_middlewares=skip_middlewares)

    def dispatch(self, client: ConnectedClient, job: Job) -> Awaitable[None]:
        """Handle an EVENT, a CONNECT, or the departure of a socket."""
        if isinstance(job, Arrival):
            return self._event(job.socket, job.event)
        if type(job) is Connect:
            return self._connect(client, job)
        if type(job) is Misfit:
            return self._misfit(job)
        if type(job) is Rejected:
            return self._reject(client, job)
        assert type(job) is Departure
        return self._depart(job.socket, job.reason)

    async def _depart(self, socket: LocalSocket, reason: CloseReason) -> None:
        try:
            await socket.namespace.run_lifecycle("disconnecting", socket, reason.value)
            socket.forget_rooms()
            await socket.namespace.run_lifecycle("disconnect", socket, reason.value)
        finally:
            if self._adapter.recovery is not None:
                self._adapter.recovery.has_left(socket)
            socket.release()

    # --- connect ---

    async def _connect(self, client: ConnectedClient, packet: Connect) -> None:
        try:
            namespace = await self._namespace(packet.nsp, packet.data or {})
            if namespace is None:
                raise Refused("Invalid namespace")
            socket = await self._connect_handler.enter(client, namespace, packet.data or {})
        except Refused as refused:
            self._refuse(client, packet.nsp, refused)
        except Exception:
            log.exception("a middleware failed")
            self._refuse(client, packet.nsp, Refused("Internal error"))
        else:
            if socket is not None:
                await namespace.run_lifecycle("connection", socket)

    async def _reject(self, client: ConnectedClient, rejected: Rejected) -> None:
        log.info("a client is not let in: %s", rejected.error)
        self._refuse(
            client, rejected.nsp, Refused(f"The payload of CONNECT cannot be taken: {rejected.error}")
        )

    def _refuse(self, client: ConnectedClient, nsp: str, refused: Refused) -> None:
        if not waits(client, nsp):
            return
        try:
            packet = client.connection.refuse(nsp, refused.message, refused.data)
        except TypeError:
            log.exception("the data of a refusal cannot be sent")
            packet = client.connection.refuse(nsp, refused.message)
        client.link.send(packet)

    async def _namespace(self, name: str, auth: dict[str, Any]) -> LocalNamespace | None:
        namespace = self._adapter.namespaces.get(name)
        if namespace is not None:
            return namespace
        for rule in self._adapter.rules:
            if await rule.accepts(name, auth):
                return self._adapter.namespaces.get(name) or self._adapter.make_child(rule, name)
        return None

    # --- event ---

    async def _event(self, socket: LocalSocket, event: Event) -> None:
        if not socket.connected and socket.dropped:
            return
        handlers = socket.namespace.handlers
        name, *args = event.data
        began, failed = time.perf_counter(), False
        try:
            if handlers.event_middleware or socket.middleware or handlers.incoming:
                await handlers.run_middleware(socket, event)
                if socket.dropped:
                    return
            entry = handlers.events.get(name)
            if entry is None:
                return
            if not entry.least <= len(args) <= entry.most:
                raise BadArguments(f"{name!r} does not take {len(args)} arguments")
            value = entry.call(socket.facade, *args)
            if entry.is_coroutine or isinstance(value, Awaitable):
                value = await value
            if event.id is not None:
                self._ack(socket, event.id, value)
        except Exception as error:  # noqa: BLE001 - the application's error handler judges it
            failed = True
            await self._fail(socket, event, error)
        if name in handlers.events:  # what a middleware refuses may be anything
            took = time.perf_counter() - began
            self._adapter.observer.event_handled(socket.namespace.name, name, took, failed=failed)

    async def _misfit(self, job: Misfit) -> None:
        """An event that cannot be carried reaches no middleware and no handler: its arguments are not there."""
        socket, name = job.socket, job.event.data[0]
        if not socket.connected and socket.dropped:
            return
        began = time.perf_counter()
        await self._fail(socket, job.event, job.error)
        if name in socket.namespace.handlers.events:
            took = time.perf_counter() - began
            self._adapter.observer.event_handled(socket.namespace.name, name, took, failed=True)

    async def _fail(self, socket: LocalSocket, event: Event, error: Exception) -> None:
        handler = socket.namespace.handlers.error
        if handler is None:
            if isinstance(error, Refused | BadArguments | BadValue):
                log.info("an event was refused: %s", error)
            else:
                log.error("a handler of %r failed", event.data[0], exc_info=error)
            return
        try:
            value = await call(handler, socket.facade, Incoming.of(event), error)
            if event.id is not None:
                self._ack(socket, event.id, value)
        except Exception:
            log.exception("the error handler failed")

    def _ack(self, socket: LocalSocket, number: int, value: Any) -> None:
        """Answer an event with what its handler returned, see `ack_values`."""
        values = ack_values(value)
        if values is None:
            return
        encoded = self._adapter.parser.encode(Ack(values, number, socket.namespace.name))
        if socket.connected:
            socket.link.send(encoded)
