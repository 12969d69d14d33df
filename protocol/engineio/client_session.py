"""The Engine.IO session as its client sees it, over a websocket: a machine without I/O or clock.

OPENING → OPEN → CLOSED; what the table does not allow is a protocol error. Times are integer milliseconds of
one clock, given by the caller.
"""

from enum import IntEnum, StrEnum
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta, Struct

from protocol.engineio.engine_packet import EnginePacket, PacketType
from protocol.errors import PacketError


class DisconnectReason(StrEnum):
    """Why a client left a namespace; the words that socket.io-client uses."""

    SERVER_DISCONNECT = "io server disconnect"
    CLIENT_DISCONNECT = "io client disconnect"
    PING_TIMEOUT = "ping timeout"
    TRANSPORT_CLOSE = "transport close"
    TRANSPORT_ERROR = "transport error"
    PARSE_ERROR = "parse error"


class ClientSessionState(IntEnum):
    """Where the session stands."""

    OPENING = 0  # the server's open packet is awaited
    OPEN = 1
    CLOSED = 2  # the server said so


TRANSITIONS: dict[ClientSessionState, dict[PacketType, ClientSessionState]] = {
    ClientSessionState.OPENING: {PacketType.OPEN: ClientSessionState.OPEN},
    ClientSessionState.OPEN: {
        PacketType.PING: ClientSessionState.OPEN,
        PacketType.MESSAGE: ClientSessionState.OPEN,
        PacketType.NOOP: ClientSessionState.OPEN,
        PacketType.CLOSE: ClientSessionState.CLOSED,
    },
    ClientSessionState.CLOSED: {},
}


Milliseconds: TypeAlias = Annotated[int, Meta(gt=0, le=2**31 - 1)]
"""As long as JavaScript's timers take; JSON could name a number that no timer takes."""


class Parameters(Struct, frozen=True, rename="camel"):
    """The open packet, as far as the client of a websocket needs it."""

    sid: str
    ping_interval: Milliseconds
    ping_timeout: Milliseconds


class ClientSession:
    """One session. `id` is None until the open packet is there, and `deadline` is when its server is taken for dead."""

    __slots__ = ("_patience", "deadline", "id", "state")

    def __init__(self) -> None:
        self.state = ClientSessionState.OPENING
        self.id: str | None = None
        self.deadline: int | None = None
        self._patience = 0

    def receive(self, packet: EnginePacket, now: int) -> str | bytes | None:
        """Take a packet; return a message's data. A ping is to be answered with a pong by the caller.

        Raises `PacketError` for a packet that a server does not send in this state.
        """
        after = TRANSITIONS[self.state].get(packet.type)
        if after is None:
            raise PacketError(f"{packet.type.name} is not allowed in a session that is {self.state.name}")
        self.state = after
        match packet:
            case EnginePacket(type=PacketType.MESSAGE, data=data):
                return data
            case EnginePacket(type=PacketType.PING):
                self.deadline = now + self._patience
            case EnginePacket(type=PacketType.OPEN, data=data):
                self._open(data, now)
        return None

    def _open(self, data: str | bytes, now: int) -> None:
        try:
            parameters = msgspec.json.decode(data, type=Parameters)
        except (msgspec.DecodeError, RecursionError) as error:
            raise PacketError("an open packet that is not one") from error
        self.id = parameters.sid
        self._patience = parameters.ping_interval + parameters.ping_timeout
        self.deadline = now + self._patience
