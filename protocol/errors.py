"""The exceptions of this package. Each one that ends a connection carries the code that the remote end gets.

ProtocolError                 the remote end broke a rule; its connection is closed
├── FrameError                a WebSocket frame (RFC 6455); carries the close code
├── PacketError               an Engine.IO or Socket.IO packet; close reason "parse error"
├── SessionError              an input that the session's state does not allow; HTTP 400
└── HandshakeError            a refused handshake; carries Engine.IO's code and the HTTP status
BadValue                      a JSON value that breaks a limit; its packet or request is refused
Refused                       the application refuses a connection or an event, with a message for the client
AckTimeout                    an acknowledgement did not arrive in time
Disconnected                  the remote end is not connected, so the call cannot be carried out
└── Unreachable               a client could not connect to its server
BusUnavailable                the bus could not store a record
└── OtherBusMode              instances of another mode use this Redis, so this one does not start
StoreUnavailable              the store did not answer
"""

from enum import IntEnum
from typing import Any


class CloseCode(IntEnum):
    """WebSocket close codes (RFC 6455 §7.4.1)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    NO_STATUS = 1005
    INVALID_PAYLOAD = 1007
    POLICY_VIOLATION = 1008
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011


class HandshakeCode(IntEnum):
    """Engine.IO's codes for a refused request (reference: `Server.errors`)."""

    TRANSPORT_UNKNOWN = 0
    SESSION_UNKNOWN = 1
    BAD_HANDSHAKE_METHOD = 2
    BAD_REQUEST = 3
    FORBIDDEN = 4
    UNSUPPORTED_PROTOCOL_VERSION = 5


HANDSHAKE_MESSAGES = {
    HandshakeCode.TRANSPORT_UNKNOWN: "Transport unknown",
    HandshakeCode.SESSION_UNKNOWN: "Session ID unknown",
    HandshakeCode.BAD_HANDSHAKE_METHOD: "Bad handshake method",
    HandshakeCode.BAD_REQUEST: "Bad request",
    HandshakeCode.FORBIDDEN: "Forbidden",
    HandshakeCode.UNSUPPORTED_PROTOCOL_VERSION: "Unsupported protocol version",
}


class ProtocolError(Exception):
    """The remote end sent data that the protocol does not allow. Its connection or session ends."""


class FrameError(ProtocolError):
    """A WebSocket frame that breaks RFC 6455; `close_code` goes into the close frame."""

    def __init__(self, message: str, close_code: CloseCode = CloseCode.PROTOCOL_ERROR) -> None:
        super().__init__(message)
        self.close_code = close_code


class PacketError(ProtocolError):
    """An Engine.IO or Socket.IO packet that does not decode, or is not allowed here."""


class SessionError(ProtocolError):
    """An input that the state of an Engine.IO session does not allow; answered with HTTP 400."""


class HandshakeError(ProtocolError):
    """A refused Engine.IO request (docs/protocol.md §1, "Refusals").

    `status` is the HTTP status: 403 for `FORBIDDEN`, otherwise 400 unless given. The body is `{"code", "message"}`. On
    a websocket the status is 400, as in the reference, or 431 for a head that is too large; the body is the message.
    """

    def __init__(self, code: HandshakeCode, message: str | None = None, status: int | None = None) -> None:
        self.code = code
        self.message = message or HANDSHAKE_MESSAGES[code]
        self.status = status or (403 if code is HandshakeCode.FORBIDDEN else 400)
        self.websocket_status = 431 if status == 431 else 400
        super().__init__(self.message)


class BadValue(Exception):
    """A JSON value that breaks a limit: nested too deep, too large, or a number out of range. The message says which.

    Only the packet, request or acknowledgement with the value is refused; the session continues. `on_error` gets it for
    an event, and `emit_with_ack` raises it for an acknowledgement.
    """


class Refused(Exception):
    """Raise it in a middleware or a handler to refuse a client or an event. The client may see `message` and `data`.

    In a connection middleware the client gets `connect_error` with both. On the client, `connect` raises it.

        @io.use
        async def authenticate(socket: Socket) -> None:
            if socket.handshake.auth.get("token") != "secret":
                raise Refused("not authorised", {"retry": False})
    """

    def __init__(self, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.data = data


class AckTimeout(Exception):
    """An acknowledgement did not arrive in time. For a broadcast, `responses` has those that did."""

    def __init__(self, message: str = "operation has timed out", responses: list[Any] | None = None) -> None:
        super().__init__(message)
        self.responses = responses or []


class Disconnected(Exception):
    """The remote end is not connected, or disconnected before it answered."""


class Unreachable(Disconnected):
    """The client could not connect: the server does not listen, refused the handshake, or took too long."""


class BusUnavailable(Exception):
    """The bus does not answer, or did not confirm that it stored a record, which may be delivered all the same."""


class OtherBusMode(BusUnavailable):
    """The instances that are there route by interest and this one does not, or the other way about."""


class StoreUnavailable(Exception):
    """Shared state (sessions, instance addresses) could not be read or written. A write may have happened or not."""
