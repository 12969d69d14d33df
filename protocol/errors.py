"""The exceptions of this package. Each one that ends a connection carries the code the peer is told.

ProtocolError                 the peer broke a rule; its connection is closed
├── FrameError                a WebSocket frame (RFC 6455); carries the close code
├── PacketError               an Engine.IO or Socket.IO packet; close reason "parse error"
├── SessionError              an input that the session's state does not allow; HTTP 400
└── HandshakeError            a refused handshake; carries Engine.IO's code and the HTTP status
BadValue                      a value that is JSON and cannot be carried; what it came in is refused
Refused                       the application refuses a connection or an event, with words for the client
AckTimeout                    nobody acknowledged in time
Disconnected                  the peer is gone, so what was asked of it cannot happen
└── Unreachable               a client could not connect to its server
BusUnavailable                the bus could not store a record
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
    """The peer sent what the protocol does not allow."""


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
    """A refused Engine.IO request: `status` is 403 for FORBIDDEN and else 400 unless given; body `{"code",
    "message"}`. On a websocket it is 400, as with the reference, unless the head is too large, and the body is the
    message."""

    def __init__(self, code: HandshakeCode, message: str | None = None, status: int | None = None) -> None:
        self.code = code
        self.message = message or HANDSHAKE_MESSAGES[code]
        self.status = status or (403 if code is HandshakeCode.FORBIDDEN else 400)
        self.websocket_status = 431 if status == 431 else 400
        super().__init__(self.message)


class BadValue(Exception):
    """JSON that JavaScript reads and that cannot be carried: nested too deep, too large, a number out of range.

    The message says which. It ends nothing but the one packet, request or acknowledgement that held the value.
    """


class Refused(Exception):
    """Raised by a middleware or a handler to refuse, with a message and data that the client may see.

    In a connection middleware it becomes the client's `connect_error` with `message` and `data`.
    """

    def __init__(self, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.data = data


class AckTimeout(Exception):
    """No acknowledgement came in time. For a broadcast, `responses` holds the ones that came."""

    def __init__(self, message: str = "operation has timed out", responses: list[Any] | None = None) -> None:
        super().__init__(message)
        self.responses = responses or []


class Disconnected(Exception):
    """The peer is not connected (any more)."""


class Unreachable(Disconnected):
    """No connection to the server came about: nobody listens, it refused the handshake, it took too long, …"""


class BusUnavailable(Exception):
    """The bus did not store a record, or does not answer."""


class StoreUnavailable(Exception):
    """What instances keep for each other could not be read or written; what was asked may have happened or not."""
