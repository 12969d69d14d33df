"""Requests of other servers, and this instance's answers."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from protocol.cluster.payloads import pack
from protocol.cluster.requests import (
    AskClients,
    AskServers,
    ClientAnswer,
    ClientCount,
    ClusterAnswer,
    ClusterRequest,
    FetchSockets,
    HandshakeDetails,
    ServerAnswer,
    SocketDetails,
    Sockets,
)
from protocol.cluster.stream_records import ServerSideEmit
from protocol.errors import BadValue, BusUnavailable
from protocol.server.bus.bus import Bus
from protocol.server.namespaces.cluster_requests import Asker, ClientLeft, Own
from protocol.server.namespaces.handlers import call
from protocol.socketio.acknowledgement import first_value

if TYPE_CHECKING:
    from protocol.server.namespaces.local_namespace import LocalNamespace
    from protocol.server.namespaces.local_socket import LocalSocket

log = logging.getLogger(__name__)

LONGEST = 3_600_000  # ms that clients are given to answer, whatever the asking server says


class Answerer:
    """Answers each request that reaches this instance, its own ones too: the asking server counts on it.

    `run` starts a task; `timeout` (ms) is for servers that ask clients and do not say how long they wait.
    """

    def __init__(
        self,
        bus: Bus,
        asker: Asker,
        namespaces: Mapping[str, "LocalNamespace"],
        run: Callable[[Coroutine[Any, Any, None]], object],
        timeout: int,
    ) -> None:
        self._bus = bus
        self._asker = asker
        self._namespaces = namespaces
        self._run = run
        self._timeout = timeout
        self.details: list[
            Callable[[Any], Mapping[str, Any]]
        ] = []  # what else is said of a socket, in its `data`

    def receive(self, uid: str, request: ClusterRequest) -> None:
        """Take a request of the server `uid`."""
        namespace = self._namespaces.get(request.nsp)
        own = uid == self._bus.uid
        match request:
            case FetchSockets():
                sockets = namespace.select(request.target) if namespace else []
                if own:
                    self._asker.take(uid, Own(request.id, [socket.facade for socket in sockets]))
                else:
                    self._answer_sockets(uid, request, sockets)
            case AskClients():
                self._ask_clients(uid, request, namespace)
            case AskServers() if own:
                self._asker.take(uid, Own(request.id))  # an event for servers is for the others
            case AskServers():
                self._run(self._answer_event(uid, request, namespace))
            case ServerSideEmit() if namespace is not None and not own:
                self.emit(namespace, request)

    def emit(self, namespace: "LocalNamespace", event: ServerSideEmit) -> None:
        """Have an event of another server handled that wants no answer."""
        self._run(self._handle(namespace, event.data, lambda _: None))

    def _answer_sockets(self, uid: str, request: FetchSockets, sockets: Iterable["LocalSocket"]) -> None:
        details = tuple(self._details(socket) for socket in sockets)
        try:
            self._send(uid, Sockets(request.nsp, request.id, details))
        except TypeError:
            # Of one socket maybe, by its client's own doing; the others are not to be missed for it.
            self._answer(uid, Sockets(request.nsp, request.id, tuple(map(_sendable, details))))

    def _details(self, socket: "LocalSocket") -> SocketDetails:
        came = socket.handshake
        handshake = HandshakeDetails(
            headers=dict(came.headers),
            query=dict(came.query),
            auth=dict(came.auth),
            address=came.address,
            secure=came.secure,
            xdomain=came.xdomain,
            url=came.url,
            issued=came.issued,
        )
        data = socket.data
        for details in self.details:
            data = {**data, **details(socket.facade)}
        return SocketDetails(socket.id, handshake, tuple(socket.rooms), data)

    async def _answer_event(self, uid: str, request: AskServers, namespace: "LocalNamespace | None") -> None:
        def answer(value: Any) -> None:
            self._answer(uid, ServerAnswer(request.nsp, request.id, value))

        if namespace is None:
            answer(None)  # it has just gone with its last client; the asking server has counted on it
        else:
            await self._handle(namespace, request.data, answer)

    async def _handle(
        self, namespace: "LocalNamespace", data: list[Any], answer: Callable[[Any], None]
    ) -> None:
        handler = namespace.handlers.server_side.get(data[0])
        if handler is None:
            log.warning("nobody handles %r of another server in %r", data[0], namespace.name)
            return
        try:
            value = await call(handler, *data[1:])
        except Exception:
            log.exception("the handler of %r of another server failed", data[0])
        else:
            answer(value)

    def _ask_clients(self, uid: str, request: AskClients, namespace: "LocalNamespace | None") -> None:
        broadcast = request.broadcast
        sockets = namespace.audience(broadcast.target) if namespace else []
        if broadcast.volatile:
            sockets = [socket for socket in sockets if socket.link.writable]
        self._answer(uid, ClientCount(broadcast.nsp, request.id, len(sockets)))
        if namespace is None or not sockets:
            return

        awaited = len(sockets)

        def settle(values: list[Any] | BadValue | None) -> None:
            nonlocal awaited
            awaited -= 1
            if not awaited:
                forgetting.cancel()
            if isinstance(values, list):
                self._answer(uid, ClientAnswer(broadcast.nsp, request.id, first_value(values)))
            elif uid == self._bus.uid:
                self._asker.take(uid, ClientLeft(request.id))

        number = namespace.send_with_ack(sockets, broadcast.data, settle)

        def forget() -> None:
            for socket in sockets:
                socket.client.connection.take_ack(broadcast.nsp, number)

        limit = min(request.timeout or self._timeout, LONGEST)
        forgetting = asyncio.get_running_loop().call_later(limit / 1000, forget)

    def _answer(self, uid: str, answer: ClusterAnswer) -> None:
        if uid == self._bus.uid:
            self._asker.take(uid, answer)
            return
        try:
            self._send(uid, answer)
        except TypeError as error:
            _log_lost(uid, error)

    def _send(self, uid: str, answer: ClusterAnswer) -> None:
        """Raises `TypeError`."""
        try:
            self._bus.answer(uid, answer)
        except BusUnavailable as error:
            _log_lost(uid, error)


def _log_lost(uid: str, error: Exception) -> None:
    log.warning("a request of the server %s is not answered: %s", uid, error)


def _sendable(socket: SocketDetails) -> SocketDetails:
    """A socket without what cannot be sent: of its `data`, which is the application's, and of `auth`, in which clients
    may nest deeper than JSON is written here, or have names that are no text."""
    data, auth = _sendable_of(socket.data), _sendable_of(socket.handshake.auth)
    if data.keys() != socket.data.keys():
        left_out = sorted(map(repr, socket.data.keys() - data.keys()))
        log.warning("of the data of %s is not sent to another server: %s", socket.id, ", ".join(left_out))
    return replace(socket, handshake=replace(socket.handshake, auth=auth), data=data)


def _sendable_of(items: dict[Any, Any]) -> dict[Any, Any]:
    return {key: value for key, value in items.items() if _is_sendable({key: value})}


def _is_sendable(value: Any) -> bool:
    try:
        pack(value)
    except TypeError:
        return False
    return True
