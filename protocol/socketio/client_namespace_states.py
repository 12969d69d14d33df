"""The Socket.IO side of one session as its client sees it: which namespaces it has asked for and is in.

The mirror of `namespace_states`: a table says what may happen to a namespace in which state; what is not in it
breaks the protocol and ends the connection. A new connection starts with a new object.
"""

from enum import IntEnum
from typing import Any, TypeAlias

from protocol.engineio.packets import Encoded
from protocol.errors import PacketError
from protocol.socketio.json_parser import Decoder
from protocol.socketio.packet_limits import OF_SERVERS
from protocol.socketio.packets import Ack, Connect, ConnectError, Disconnect, Event, Packet, Parser, Rejected


class ClientNamespaceState(IntEnum):
    """Where this client stands with one namespace."""

    ABSENT = 0
    JOINING = 1  # asked; the server decides
    JOINED = 2


class ClientDecision(IntEnum):
    """A decision of the client about a namespace."""

    JOIN = 0
    LEAVE = 1


ClientNamespaceInput: TypeAlias = (
    type[Packet] | ClientDecision
)  # a packet of the server, or a decision of the client

# What a server sent before it heard that we left still comes afterwards, also while we ask to be let in again.
TRANSITIONS: dict[ClientNamespaceState, dict[ClientNamespaceInput, ClientNamespaceState]] = {
    ClientNamespaceState.ABSENT: {
        ClientDecision.JOIN: ClientNamespaceState.JOINING,
        Event: ClientNamespaceState.ABSENT,
        Ack: ClientNamespaceState.ABSENT,
        Disconnect: ClientNamespaceState.ABSENT,
    },
    ClientNamespaceState.JOINING: {
        Connect: ClientNamespaceState.JOINED,
        ConnectError: ClientNamespaceState.ABSENT,
        Event: ClientNamespaceState.JOINING,
        Ack: ClientNamespaceState.JOINING,
        Disconnect: ClientNamespaceState.JOINING,
    },
    ClientNamespaceState.JOINED: {
        ClientDecision.LEAVE: ClientNamespaceState.ABSENT,
        Event: ClientNamespaceState.JOINED,
        Ack: ClientNamespaceState.JOINED,
        Disconnect: ClientNamespaceState.ABSENT,
    },
}


class ClientNamespaceStates:
    """The namespaces of this client over one connection."""

    __slots__ = ("_decoder", "_left", "_parser", "_states")

    def __init__(self, parser: Parser) -> None:
        self._parser = parser
        self._decoder = Decoder(parser, OF_SERVERS)
        self._states: dict[str, ClientNamespaceState] = {}
        self._left: set[str] = set()  # over this connection

    def state(self, nsp: str) -> ClientNamespaceState:
        """Where this client stands with a namespace."""
        return self._states.get(nsp, ClientNamespaceState.ABSENT)

    def join(self, nsp: str, auth: dict[str, Any] | None) -> Encoded:
        """Ask to be let in: the CONNECT packet to send. Raises `PacketError` unless absent."""
        self._move(nsp, ClientDecision.JOIN)
        return self._parser.encode(Connect(nsp, auth))

    def leave(self, nsp: str) -> Encoded:
        """Leave: the DISCONNECT packet to send. Raises `PacketError` unless joined: a server takes it for a fault
        of the client while it has not answered yet."""
        self._move(nsp, ClientDecision.LEAVE)
        self._left.add(nsp)
        return self._parser.encode(Disconnect(nsp))

    def receive(self, message: str | bytes) -> Packet | Rejected | None:
        """Take one Engine.IO message; return the packet that it completes, unless it is too late for that one.

        Events that come before the server's answer are those that were missed before this connection, unless we were
        in the namespace over this one.
        Raises `PacketError` for a message that does not decode and for a packet that the namespace's state
        does not allow.
        """
        packet = self._decoder.receive(message)
        if packet is None:
            return None
        before = self.state(packet.nsp)
        kind = type(packet.packet if isinstance(packet, Rejected) else packet)
        self._move(packet.nsp, kind)
        if isinstance(packet, Connect):
            if packet.data is None or not isinstance(packet.data.get("sid"), str):
                raise PacketError("a connect packet without an id, as from a server of Socket.IO 2")
        elif kind is Connect:
            raise PacketError("a connect packet whose payload cannot be carried")
        elif before is ClientNamespaceState.JOINING and kind is Event:
            return None if packet.nsp in self._left else packet
        elif before is not ClientNamespaceState.JOINED and not isinstance(packet, ConnectError):
            return None
        return packet

    def _move(self, nsp: str, input: ClientNamespaceInput) -> None:
        before = self.state(nsp)
        after = TRANSITIONS[before].get(input)
        if after is None:
            name = input.name if isinstance(input, ClientDecision) else input.__name__
            raise PacketError(f"{name} is not allowed in a namespace that is {before.name}")
        if after is before:
            return
        if after is ClientNamespaceState.ABSENT:
            del self._states[nsp]
        else:
            self._states[nsp] = after
