"""What other servers ask of this instance."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from protocol.broadcast import ServerSideEmit, pack
from protocol.errors import BusUnavailable
from protocol.requests import (
    Answer,
    AskClients,
    AskServers,
    ClientAnswer,
    ClientCount,
    FetchSockets,
    HandshakeDetails,
    Request,
    ServerAnswer,
    SocketDetails,
    Sockets,
)
from protocol.server.asking import Asker, ClientLeft, Own
from protocol.server.bus import Bus
from protocol.server.handlers import call
from protocol.server.socket import first

if TYPE_CHECKING:
    from protocol.server.namespace import Namespace
    from protocol.server.socket import Socket

log = logging.getLogger("protocol.answering")

LONGEST = 3_600_000  # ms that clients are given to answer, whatever the one who asked says


class Answerer:
    """Answers each request that reaches this instance, its own ones too: the one who asked counts on it.

    `run` starts a task; `timeout` (ms) is for those who ask clients and do not say how long they wait.
    """

    def __init__(
        self,
        bus: Bus,
        asker: Asker,
        namespaces: Mapping[str, "Namespace"],
        run: Callable[[Coroutine[Any, Any, None]], object],
        timeout: int,
    ) -> None:
        self._bus = bus
        self._asker = asker
        self._namespaces = namespaces
        self._run = run
        self._timeout = timeout

    def receive(self, uid: str, request: Request) -> None:
        """Take a request of the server `uid`."""
        namespace = self._namespaces.get(request.nsp)
        own = uid == self._bus.uid
        match request:
            case FetchSockets():
                sockets = namespace.select(request.target) if namespace else []
                if own:
                    self._asker.take(uid, Own(request.id, sockets))
                else:
                    details = tuple(_details(socket) for socket in sockets)
                    self._answer(uid, Sockets(request.nsp, request.id, details))
            case AskClients():
                self._ask_clients(uid, request, namespace)
            case AskServers() if own:
                self._asker.take(uid, Own(request.id))  # an event for servers is for the others
            case AskServers():
                self._run(self._answer_event(uid, request, namespace))
            case ServerSideEmit() if namespace is not None and not own:
                self.emit(namespace, request)

    def emit(self, namespace: "Namespace", event: ServerSideEmit) -> None:
        """Have an event of another server handled that wants no answer."""
        self._run(self._handle(namespace, event.data, lambda _: None))

    async def _answer_event(self, uid: str, request: AskServers, namespace: "Namespace | None") -> None:
        def answer(value: Any) -> None:
            self._answer(uid, ServerAnswer(request.nsp, request.id, value))

        if namespace is None:
            answer(None)  # it has just gone with its last client; the one who asks has counted on it
        else:
            await self._handle(namespace, request.data, answer)

    async def _handle(self, namespace: "Namespace", data: list[Any], answer: Callable[[Any], None]) -> None:
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

    def _ask_clients(self, uid: str, request: AskClients, namespace: "Namespace | None") -> None:
        broadcast = request.broadcast
        sockets = namespace.select(broadcast.target) if namespace else []
        if broadcast.volatile:
            sockets = [socket for socket in sockets if socket.link.writable]
        self._answer(uid, ClientCount(broadcast.nsp, request.id, len(sockets)))
        if namespace is None or not sockets:
            return

        def settle(values: list[Any] | None) -> None:
            if values is not None:
                self._answer(uid, ClientAnswer(broadcast.nsp, request.id, first(values)))
            elif uid == self._bus.uid:
                self._asker.take(uid, ClientLeft(request.id))

        number = namespace.send_with_ack(sockets, broadcast.data, settle)

        def forget() -> None:
            for socket in sockets:
                socket.peer.connection.take_ack(broadcast.nsp, number)

        limit = min(request.timeout or self._timeout, LONGEST)
        asyncio.get_running_loop().call_later(limit / 1000, forget)

    def _answer(self, uid: str, answer: Answer) -> None:
        if uid == self._bus.uid:
            self._asker.take(uid, answer)
            return
        try:
            self._bus.answer(uid, answer)
        except (BusUnavailable, TypeError) as error:
            log.warning("a request of the server %s is not answered: %s", uid, error)


def _details(socket: "Socket") -> SocketDetails:
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
    return SocketDetails(socket.id, handshake, tuple(socket.rooms), _sendable(socket))


def _sendable(socket: "Socket") -> dict[str, Any]:
    """The data of a socket, without what cannot be sent."""
    found = {}
    for key, value in socket.data.items():
        try:
            pack({key: value})
            found[key] = value
        except TypeError as error:
            log.warning("%r of the data of %r is not sent to another server: %s", key, socket, error)
    return found
