"""What a `FrameReader` gives beside texts and binary messages: control frames, and errors."""

from typing import TypeAlias

from msgspec import Struct

from protocol.errors import FrameError


class Ping(Struct, frozen=True):
    """A ping; answer it with a pong that carries the same data (§5.5.2)."""

    data: bytes


class Pong(Struct, frozen=True):
    """An answer to a ping, or an unsolicited one-way heartbeat (§5.5.3)."""

    data: bytes


class Close(Struct, frozen=True):
    """The remote end closes (§5.5.1). `code` is NO_STATUS where its frame was empty."""

    code: int
    reason: str


WebSocketMessage: TypeAlias = str | bytes | Ping | Pong | Close | FrameError
