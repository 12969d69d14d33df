"""The Socket.IO side of one session: its namespaces, the attachments in flight, and the acks it owes us.

A table says which packet is allowed in which state of a namespace; what is not in the table breaks the
protocol and ends the whole connection (docs/protocol.md §2, "Namespaces").
"""

from enum import IntEnum
from typing import Any, TypeAlias

from protocol.engineio.packets import Encoded
from protocol.errors import PacketError
from protocol.socketio.json_parser import Decoder
from protocol.socketio.packet_limits import OF_CLIENTS, PacketLimits
from protocol.socketio.packets import Ack, Connect, ConnectError, Disconnect, Event, Packet, Parser, Rejected


class NamespaceState(IntEnum):
    """Where the client stands with one namespace."""

    ABSENT = 0  # never asked, was refused, or has left
    CONNECTING = 1  # asked; the middleware decides
    CONNECTED = 2
    DISMISSED = 3  # disconnected by the server: what was in flight is dropped


_ABSENT, _CONNECTED = (
    NamespaceState.ABSENT,
    NamespaceState.CONNECTED,
)  # looking a member up in its class is slow


class ServerDecision(IntEnum):
    """A decision of the server about a client and a namespace."""

    ACCEPT = 0
    REFUSE = 1
    DISMISS = 2


NamespaceInput: TypeAlias = (
    type[Packet] | ServerDecision
)  # a packet of the client, or a decision of the server

TRANSITIONS: dict[NamespaceState, dict[NamespaceInput, NamespaceState]] = {
    NamespaceState.ABSENT: {Connect: NamespaceState.CONNECTING},
    NamespaceState.CONNECTING: {
        ServerDecision.ACCEPT: NamespaceState.CONNECTED,
        ServerDecision.REFUSE: NamespaceState.ABSENT,
    },
    NamespaceState.CONNECTED: {
        Event: NamespaceState.CONNECTED,
        Ack: NamespaceState.CONNECTED,
        Disconnect: NamespaceState.ABSENT,
        ServerDecision.DISMISS: NamespaceState.DISMISSED,
    },
    NamespaceState.DISMISSED: {
        Connect: NamespaceState.CONNECTING,
        Event: NamespaceState.DISMISSED,
        Ack: NamespaceState.DISMISSED,
        Disconnect: NamespaceState.ABSENT,
    },
}


class NamespaceStates:
    """The namespaces of one client. `deadline` is when it must have joined one, in ms; None once it has."""

    __slots__ = (
        "_acks",
        "_decoder",
        "_max_namespaces",
        "_parser",
        "_states",
        "deadline",
    )

    def __init__(
        self, parser: Parser, *, deadline: int, limits: PacketLimits = OF_CLIENTS, max_namespaces: int = 64
    ) -> None:
        self._parser = parser
        self._decoder = Decoder(parser, limits)
        self._max_namespaces = max_namespaces
        self._states: dict[str, NamespaceState] = {}
        self._acks: dict[tuple[str, int], Any] | None = None
        self.deadline: int | None = deadline

    def allow(self, limits: PacketLimits) -> None:
        """Hold the packets that are still to come to these limits."""
        self._decoder.limits = limits

    def state(self, nsp: str) -> NamespaceState:
        """Where the client stands with a namespace."""
        return self._states.get(nsp, NamespaceState.ABSENT)

    def receive(self, message: str | bytes) -> Packet | Rejected | None:
        """Take one Engine.IO message; return the packet that it completes, if the server has anything to do with it.

        A packet that is rejected for its payload is allowed where it would be with any other one. Raises `PacketError`
        for a message that does not decode and for a packet that the namespace's state does not allow.
        """
        packet = self._decoder.receive(message)
        if packet is None:
            return None
        before = self._states.get(packet.nsp, _ABSENT)
        if before is _CONNECTED and type(packet) is Event:  # the most frequent pair of the table, by far
            return packet
        kind = type(packet.packet if isinstance(packet, Rejected) else packet)
        self._move(packet.nsp, before, kind)
        if before is NamespaceState.DISMISSED and kind is not Connect:
            return None
        return packet

    def accept(self, nsp: str, sid: str, pid: str | None = None) -> Encoded:
        """The client is in: the CONNECT packet to answer with. `pid` is what it may come back with."""
        self._decide(nsp, ServerDecision.ACCEPT)
        self.deadline = None
        return self._parser.encode(Connect(nsp, {"sid": sid} if pid is None else {"sid": sid, "pid": pid}))

    def refuse(self, nsp: str, message: str, data: Any = None) -> Encoded:
        """The client is not let in: the CONNECT_ERROR packet to answer with.

        Raises `TypeError` for `data` that cannot be sent; the client is still to be answered then.
        """
        error = {"message": message} if data is None else {"message": message, "data": data}
        answer = self._parser.encode(ConnectError(error, nsp))
        self._decide(nsp, ServerDecision.REFUSE)
        return answer

    def dismiss(self, nsp: str) -> Encoded:
        """The server disconnects the client from a namespace: the DISCONNECT packet to send."""
        self._decide(nsp, ServerDecision.DISMISS)
        return self._parser.encode(Disconnect(nsp))

    @property
    def owes_acks(self) -> bool:
        """True while an ack is awaited."""
        return bool(self._acks)

    def expect_ack(self, nsp: str, id: int, waiter: Any) -> None:
        """Remember the waiter for the ack `id`."""
        if self._acks is None:
            self._acks = {}
        self._acks[nsp, id] = waiter

    def take_ack(self, nsp: str, id: int) -> Any:
        """The waiter for the ack `id`, once; None if there is none (any more)."""
        return self._acks.pop((nsp, id), None) if self._acks else None

    def take_acks(self, nsp: str) -> list[Any]:
        """All waiters for acks from a namespace that the client has left."""
        keys = [key for key in self._acks or () if key[0] == nsp]
        return [self.take_ack(*key) for key in keys]

    def _decide(self, nsp: str, decision: ServerDecision) -> None:
        self._move(nsp, self.state(nsp), decision)

    def _move(self, nsp: str, before: NamespaceState, input: NamespaceInput) -> None:
        after = TRANSITIONS[before].get(input)
        if after is None:
            name = input.name if isinstance(input, ServerDecision) else input.__name__
            raise PacketError(f"{name} is not allowed in a namespace that is {before.name}")
        if after is before:
            return
        if after is NamespaceState.ABSENT:
            del self._states[nsp]
            return
        if nsp not in self._states and len(self._states) >= self._max_namespaces:
            raise PacketError(f"more than {self._max_namespaces} namespaces")
        self._states[nsp] = after
