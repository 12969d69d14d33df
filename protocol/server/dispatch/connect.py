"""How a client enters a namespace: with the session that it had before its connection was lost, or with a new one."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from protocol.engineio.packets import Encoded
from protocol.engineio.session import CloseReason
from protocol.errors import Refused
from protocol.server.engineio.hub import new_id
from protocol.server.http.handshake import Handshake
from protocol.server.namespaces.adapter import Adapter
from protocol.server.namespaces.client import ConnectedClient
from protocol.server.namespaces.handlers import call
from protocol.server.namespaces.local_namespace import LocalNamespace
from protocol.server.namespaces.local_socket import LocalSocket
from protocol.server.recovery.recovery import Return, SessionRecovery
from protocol.socketio.namespace_states import NamespaceState

log = logging.getLogger(__name__)


def waits(client: ConnectedClient, nsp: str) -> bool:
    """True while a client waits to be let into a namespace."""
    return client.link.session.open and client.connection.state(nsp) is NamespaceState.CONNECTING


@contextmanager
def released_unless_let_in(socket: LocalSocket) -> Iterator[None]:
    """Let go what the middleware got of a socket, unless it is in its namespace at the end."""
    try:
        yield
    finally:
        if not socket.connected:
            socket.release()


class ConnectHandler:
    """Lets clients into the namespaces of this instance."""

    def __init__(self, adapter: Adapter, *, skip_middlewares: bool) -> None:
        """With `skip_middlewares`, a client that gets its session back passes no middleware."""
        self._adapter = adapter
        self._skips = skip_middlewares

    async def enter(
        self, client: ConnectedClient, namespace: LocalNamespace, auth: dict[str, Any]
    ) -> LocalSocket | None:
        """Run the middleware and let a client in; None if it went away meanwhile. Raises what the middleware does."""
        recovery = self._adapter.recovery
        namespace.entering += 1
        try:
            if recovery is None:
                return await self._enter_new(client, namespace, auth, may_return=False)
            back = await recovery.find(namespace.name, auth)
            may_return, auth = recovery.is_for(auth), recovery.without_own(auth)
            if back is not None:
                socket = await self._enter_again(recovery, back, client, namespace, auth)
                if socket is not None:
                    return socket
            return await self._enter_new(client, namespace, auth, may_return=may_return)
        finally:
            namespace.entering -= 1
            self._adapter.drop_if_empty(namespace)

    async def _enter_new(
        self, client: ConnectedClient, namespace: LocalNamespace, auth: dict[str, Any], *, may_return: bool
    ) -> LocalSocket | None:
        socket = LocalSocket(
            new_id(), namespace, client, Handshake(client.link.request, client.link.issued, auth)
        )
        with released_unless_let_in(socket):
            if self._adapter.recovery is not None and may_return:
                self._adapter.recovery.begin(socket)
            if not waits(client, namespace.name) or not await self._pass(socket):
                return None
            self._let_in(socket)
        return socket

    async def _enter_again(
        self,
        recovery: SessionRecovery,
        back: Return,
        client: ConnectedClient,
        namespace: LocalNamespace,
        auth: dict[str, Any],
    ) -> LocalSocket | None:
        """Let a client in with its session; None where that cannot be, or it went away again."""
        handshake = Handshake(client.link.request, client.link.issued, auth)
        socket = LocalSocket(back.saved.sid, namespace, client, handshake, rooms=back.saved.rooms)
        with released_unless_let_in(socket):
            return await self._let_in_again(recovery, back, socket)

    async def _let_in_again(
        self, recovery: SessionRecovery, back: Return, socket: LocalSocket
    ) -> LocalSocket | None:
        recoverable = recovery.resume(socket, back)
        if not await self._may_return(socket):
            recovery.failed("refused")
            return None
        try:
            if self._skips:
                passed = waits(socket.client, socket.namespace.name)
            else:
                passed = await self._pass(socket)
        except Exception:
            await self._turn_away(socket)
            recovery.give_back(back)
            raise
        if not passed:
            await self._turn_away(socket)
            recovery.give_back(back)
            return None
        # From here to the CONNECT nothing may wait: what is delivered meanwhile would be missed, or come twice.
        missed = recovery.missed(back, socket.namespace.name, socket.rooms)
        if isinstance(missed, str):
            recovery.failed(missed)
            await self._turn_away(socket)
            return None
        events = [kept.packet for kept in missed.events if kept.packet is not None]
        self._let_in(socket, missed.rooms, events)
        recovery.resumed(socket.namespace.name, back, recoverable, missed)
        return socket

    async def _turn_away(self, socket: LocalSocket) -> None:
        """A client is not let in after all, though the application expects it back."""
        await socket.namespace.run_lifecycle("disconnect", socket, CloseReason.TRANSPORT_CLOSE.value)

    async def _may_return(self, socket: LocalSocket) -> bool:
        """True if the application lets a client have its session back."""
        try:
            for hook in socket.namespace.handlers.recovery:
                await call(hook, socket.facade)
        except Refused as refused:
            log.info("a client is not recovered: %s", refused)
            return False
        except Exception:
            log.exception("a hook of recovery failed")
            return False
        return True

    async def _pass(self, socket: LocalSocket) -> bool:
        """Run the middleware; false if the client went away meanwhile."""
        for middleware in socket.namespace.handlers.middleware:
            await call(middleware, socket.facade)
        return waits(socket.client, socket.namespace.name)

    def _let_in(self, socket: LocalSocket, rooms: Iterable[str] = (), missed: Iterable[Encoded] = ()) -> None:
        client, namespace = socket.client, socket.namespace
        client.sockets[namespace.name] = socket
        namespace.add(socket, rooms)
        for packet in missed:
            client.link.send(packet)
        pid = socket.recoverable.pid if socket.recoverable is not None else None
        client.link.send(client.connection.accept(namespace.name, socket.id, pid))
