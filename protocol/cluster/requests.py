"""Requests and answers between the servers of a cluster, over Pub/Sub, in the format that is shared with
`@socket.io/redis-streams-adapter`.

A message is a msgpack map `{type, data, uid, nsp}`; `uid` names the sender. Requests go to the public channel of a
namespace, which all its servers listen to; answers to the channel of the server that asked. They carry the request's
id.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias

import msgpack
import msgspec
from msgspec import Meta, Struct

from protocol.cluster.payloads import pack
from protocol.cluster.stream_records import (
    AnyRoom,
    Broadcast,
    BroadcastForm,
    ServerSideEmit,
    ServerSideEmitForm,
    Target,
    TargetForm,
    broadcast_payload,
    options,
    refuse_extension,
)
from protocol.errors import ProtocolError


class FetchSockets(Struct, frozen=True):
    """Which sockets of yours are meant? Answered by `Sockets`."""

    nsp: str
    id: str
    target: Target


class AskServers(Struct, frozen=True):
    """An event for the other servers that wants answers. Answered by `ServerAnswer`."""

    nsp: str
    id: str
    data: list[Any]


class AskClients(Struct, frozen=True):
    """A broadcast that wants answers. Answered by one `ClientCount`, and one `ClientAnswer` for each client that
    answers within `timeout` ms (None: the sender does not say)."""

    id: str
    broadcast: Broadcast
    timeout: int | None = None

    @property
    def nsp(self) -> str:
        """The namespace."""
        return self.broadcast.nsp


class HandshakeDetails(Struct, frozen=True, kw_only=True):
    """The handshake of another server's client; see `Handshake`."""

    headers: dict[str, Any] = {}
    query: dict[str, Any] = {}
    auth: Any = None
    address: str | None = None
    secure: bool = False
    xdomain: bool = False
    url: str = ""
    issued: int | float = 0


class SocketDetails(Struct, frozen=True):
    """A socket, for another server."""

    id: str
    handshake: HandshakeDetails
    rooms: tuple[AnyRoom, ...]
    data: Any = None


class Sockets(Struct, frozen=True):
    """The sockets of one server."""

    nsp: str
    id: str
    sockets: tuple[SocketDetails, ...]


class ServerAnswer(Struct, frozen=True):
    """The answer of one server to an event."""

    nsp: str
    id: str
    value: Any


class ClientCount(Struct, frozen=True):
    """How many clients of one server a broadcast has gone to."""

    nsp: str
    id: str
    count: int


class ClientAnswer(Struct, frozen=True):
    """The first value of one client's acknowledgement."""

    nsp: str
    id: str
    value: Any


ClusterRequest: TypeAlias = FetchSockets | ServerSideEmit | AskServers | AskClients
ClusterAnswer: TypeAlias = Sockets | ServerAnswer | ClientCount | ClientAnswer
ClusterMessage: TypeAlias = ClusterRequest | ClusterAnswer

BROADCAST = 3
FETCH_SOCKETS = 7
FETCH_SOCKETS_RESPONSE = 8
SERVER_SIDE_EMIT = 9
SERVER_SIDE_EMIT_RESPONSE = 10
BROADCAST_CLIENT_COUNT = 11
BROADCAST_ACK = 12


def encode(message: ClusterMessage, uid: str) -> bytes:
    """A message as it is published by the server `uid`. Raises `TypeError` for a value that cannot be sent."""
    data: dict[str, Any]
    match message:
        case FetchSockets(id=id, target=target):
            kind, data = FETCH_SOCKETS, {"opts": options(target), "requestId": id}
        case ServerSideEmit(data=event):
            kind, data = SERVER_SIDE_EMIT, {"packet": event}
        case AskServers(id=id, data=event):
            kind, data = SERVER_SIDE_EMIT, {"requestId": id, "packet": event}
        case AskClients(id=id, broadcast=broadcast, timeout=timeout):
            flags = {} if timeout is None else {"timeout": timeout}
            kind, data = BROADCAST, broadcast_payload(broadcast, **flags) | {"requestId": id}
        case Sockets(id=id, sockets=sockets):
            listed = [_listed(socket) for socket in sockets]
            kind, data = FETCH_SOCKETS_RESPONSE, {"requestId": id, "sockets": listed}
        case ServerAnswer(id=id, value=value):
            kind, data = SERVER_SIDE_EMIT_RESPONSE, {"requestId": id, "packet": value}
        case ClientCount(id=id, count=count):
            kind, data = BROADCAST_CLIENT_COUNT, {"requestId": id, "clientCount": count}
        case _:
            kind, data = BROADCAST_ACK, {"requestId": message.id, "packet": message.value}
    return pack({"type": kind, "data": data, "uid": uid, "nsp": message.nsp})


def _listed(socket: SocketDetails) -> dict[str, Any]:
    handshake = msgspec.structs.asdict(socket.handshake)
    # What JavaScript's `new Date() + ""` says in a zone without summer time.
    issued = datetime.fromtimestamp(socket.handshake.issued / 1000, UTC)
    handshake["time"] = issued.strftime("%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)")
    return {"id": socket.id, "handshake": handshake, "rooms": socket.rooms, "data": socket.data}


class _Envelope(Struct, frozen=True):
    type: int
    uid: str
    nsp: str
    data: Any = None


class _FetchForm(TargetForm, frozen=True):
    requestId: str  # noqa: N815 - the name on the wire


class _SocketsForm(Struct, frozen=True):
    requestId: str  # noqa: N815
    sockets: tuple[SocketDetails, ...]


class _ValueForm(Struct, frozen=True):
    requestId: str  # noqa: N815
    packet: Any = None


class _CountForm(Struct, frozen=True):
    requestId: str  # noqa: N815
    clientCount: Annotated[int, Meta(ge=0)]  # noqa: N815


_FORMS: dict[int, type[Struct]] = {
    BROADCAST: BroadcastForm,
    FETCH_SOCKETS: _FetchForm,
    FETCH_SOCKETS_RESPONSE: _SocketsForm,
    SERVER_SIDE_EMIT: ServerSideEmitForm,
    SERVER_SIDE_EMIT_RESPONSE: _ValueForm,
    BROADCAST_CLIENT_COUNT: _CountForm,
    BROADCAST_ACK: _ValueForm,
}


class ClassicAdapterMessage(ProtocolError):
    """A broadcast of `@socket.io/redis-adapter` or `@socket.io/redis-emitter`: they use the same channel, and a list of
    the sender, the packet and the options."""


def decode(payload: bytes) -> tuple[str, ClusterMessage] | None:
    """The sender and the message of a payload; None for a type that is not for us. Raises `ProtocolError`, and of it
    `ClassicAdapterMessage`."""
    try:
        # Not by msgspec: JavaScript writes half an emoji as bytes that are no UTF-8.
        fields = msgpack.unpackb(payload, ext_hook=refuse_extension, timestamp=3, unicode_errors="replace")
        if isinstance(fields, list) and [type(field) for field in fields] == [str, dict, dict]:
            raise ClassicAdapterMessage("it is of a classic adapter")
        envelope = msgspec.convert(fields, _Envelope)
        form = _FORMS.get(envelope.type)
        if form is None:
            return None
        message = _message(envelope.type, envelope.nsp, msgspec.convert(envelope.data, form))
    except ClassicAdapterMessage:
        raise
    except Exception as error:  # a mixed bag: ValueError, UnpackException, OverflowError, TypeError
        raise ProtocolError(f"a message of another server does not decode: {error}") from error
    return None if message is None else (envelope.uid, message)


def _message(kind: int, nsp: str, body: Struct) -> ClusterMessage | None:
    match body:
        case BroadcastForm(requestId=id, opts=opts):
            timeout = opts.flags.timeout if opts.flags else None
            limit = timeout if type(timeout) is int and timeout > 0 else None
            # Without an id it belongs in the stream, and its readers have had it.
            return None if id is None else AskClients(id, body.record(nsp), limit)
        case _FetchForm(requestId=id):
            return FetchSockets(nsp, id, body.target)
        case ServerSideEmitForm(requestId=id):
            event = body.record(nsp)
            return event if id is None else AskServers(nsp, id, event.data)
        case _SocketsForm(requestId=id, sockets=sockets):
            return Sockets(nsp, id, sockets)
        case _CountForm(requestId=id, clientCount=count):
            return ClientCount(nsp, id, count)
        case _:
            assert isinstance(body, _ValueForm)
            return (ServerAnswer if kind == SERVER_SIDE_EMIT_RESPONSE else ClientAnswer)(
                nsp, body.requestId, body.packet
            )
