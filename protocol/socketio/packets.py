"""Socket.IO v5 packets (socket.io-protocol, revision 5), and what an encoding of them is: two functions.

`encode` gives Engine.IO messages, `decode` takes one. The encodings are in `json_parser` and `msgpack_parser`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from msgspec import Struct

from protocol.engineio.packets import Encoded
from protocol.errors import BadValue
from protocol.socketio.packet_limits import PacketLimits

# Event names that socket.io's own lifecycle uses; a remote end that sends one breaks the protocol.
RESERVED_EVENTS = frozenset(
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)
MAX_SAFE_INTEGER = 2**53 - 1  # ack ids are JavaScript numbers


class Connect(Struct, frozen=True):
    """Client: asks to join a namespace, `data` is its auth payload. Server: joined, `data` holds `sid`."""

    nsp: str = "/"
    data: dict[str, Any] | None = None


class Disconnect(Struct, frozen=True):
    """Leaves a namespace."""

    nsp: str = "/"


class Event(Struct, frozen=True, gc=False):
    """An event: `data` is its name and arguments. With an `id` the remote end acknowledges it."""

    data: list[Any]
    nsp: str = "/"
    id: int | None = None


class Ack(Struct, frozen=True, gc=False):
    """The answer to the event with this `id`; `data` is a list of values."""

    data: list[Any]
    id: int
    nsp: str = "/"


class ConnectError(Struct, frozen=True):
    """The server refuses a namespace: `data` holds `message` and perhaps `data`."""

    data: dict[str, Any]
    nsp: str = "/"


Packet: TypeAlias = Connect | Disconnect | Event | Ack | ConnectError

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = range(7)


class Rejected(Struct, frozen=True):
    """A packet whose payload is JSON and cannot be carried: `error` says why, `packet` is what is left without it.

    An event keeps its name, an ack has no values, a CONNECT no auth.
    """

    packet: Connect | Event | Ack
    error: BadValue

    @property
    def nsp(self) -> str:
        """The namespace."""
        return self.packet.nsp


class Partial(Struct, frozen=True):
    """A packet whose `attachments` binary messages are still to come."""

    packet: Event | Ack | Rejected
    attachments: int


class Parser(NamedTuple):
    """An encoding of packets. `decode` gets one Engine.IO message and the limits of a packet."""

    encode: Callable[[Packet], Encoded]
    decode: Callable[[str | bytes, PacketLimits], Packet | Partial | Rejected]
