"""WebSocket bytes ⇄ frames (RFC 6455), for both roles.

`encode` makes one frame. `FrameReader` takes bytes as they come from the socket, cut anywhere, and gives
whole messages: `str` for text, `bytes` for binary, and `Ping`, `Pong`, `Close` for the control frames.
Extensions are never negotiated, so a set RSV bit is an error (§5.2).
"""

import struct
from enum import IntEnum

from protocol.errors import CloseCode, FrameError
from protocol.websocket.messages import Close, Ping, Pong, WebSocketMessage


class Opcode(IntEnum):
    """Frame opcodes (RFC 6455 §5.2)."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


# Codes that the remote end may put into a close frame (§7.4.1, §7.4.2 and the IANA registry).
_CLOSE_CODES = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})
_MAX_CONTROL = 125
_ALL = 1 << 62  # frames: as many as there are
SMALL_FRAGMENT = 1024  # bytes; a sender that has a reason to cut a message cuts it into larger parts
_WHOLE_TEXT = 0x81
_TEXT_HEADS = [bytes((_WHOLE_TEXT, size)) for size in range(126)]
_WHOLE = frozenset(
    {_WHOLE_TEXT, 0x82}
)  # first bytes of a message in one frame, the most frequent case by far


def apply_mask(data: bytes, mask: bytes) -> bytes:
    """XOR `data` with the four bytes of `mask`, repeated (§5.3). Its own inverse."""
    size = len(data)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "little") ^ int.from_bytes(key, "little")).to_bytes(size, "little")


def encode(opcode: int, payload: bytes, *, mask: bytes | None = None, fin: bool = True) -> bytes:
    """One frame as bytes. A client gives `mask`, four unpredictable bytes; a server gives none (§5.1)."""
    size = len(payload)
    first = opcode | 0x80 if fin else opcode
    masked = 0 if mask is None else 0x80
    if size < 126:
        head = bytes((first, masked | size))
    elif size < 65536:
        head = struct.pack("!BBH", first, masked | 126, size)
    else:
        head = struct.pack("!BBQ", first, masked | 127, size)
    if mask is None:
        return head + payload
    return head + mask + apply_mask(payload, mask)


def encode_text(payload: bytes) -> bytes:
    """A message as one text frame of a server, as `encode` makes it; most of what a server sends is this."""
    size = len(payload)
    return _TEXT_HEADS[size] + payload if size < 126 else encode(Opcode.TEXT, payload)


def encode_close(code: int, reason: str = "", *, mask: bytes | None = None) -> bytes:
    """A close frame with a code and a reason of at most 123 bytes of UTF-8 (longer ones are cut)."""
    text = reason.encode()[: _MAX_CONTROL - 2].decode(errors="ignore").encode()
    return encode(Opcode.CLOSE, struct.pack("!H", code) + text, mask=mask)


def _close_message(payload: bytes) -> Close:
    if not payload:
        return Close(CloseCode.NO_STATUS, "")
    if len(payload) == 1:
        raise FrameError("a close frame holds no code or two bytes of it")
    code = int.from_bytes(payload[:2], "big")
    if code not in _CLOSE_CODES and not 3000 <= code <= 4999:
        raise FrameError(f"close code {code} is not allowed")
    return Close(code, _text(payload[2:]))


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        pass  # not the context of the other, of which it would keep the frames
    raise FrameError("text is not UTF-8", CloseCode.INVALID_PAYLOAD)


class FrameReader:
    """Reads the frames of one remote end.

    `masked` tells whether the remote end must mask: true where it is a client. `max_payload` bounds a message
    in bytes over all its fragments; it is checked on a frame's header, before the payload is waited for.
    Fragments are joined into one buffer as they come, so a message of many tiny ones costs no more memory
    than its bytes. `small_fragments` counts them; the caller may set it back.

    A caller that must not work for long at a time says how many frames it wants read at `most`. What is left then is
    `unread`: `proceed` reads it.
    """

    __slots__ = (
        "_buffer",
        "_fragments",
        "_masked",
        "_opcode",
        "_position",
        "_wanted",
        "max_payload",
        "small_fragments",
        "unread",
    )

    def __init__(self, *, masked: bool, max_payload: int) -> None:
        self.max_payload = max_payload
        self.small_fragments = 0
        self.unread = b""  # from `_position` on
        self._position = 0
        self._masked = 0x80 if masked else 0
        self._buffer = bytearray()
        self._wanted = 2  # bytes that the buffer must hold before reading on makes sense
        self._opcode = Opcode.TEXT  # of the message being joined
        self._fragments: bytearray | None = None

    def receive(self, data: bytes, most: int = _ALL) -> list[WebSocketMessage]:
        """Take bytes and read up to `most` frames; return the messages that these complete, in order.

        The first frame that breaks a rule ends the list as a `FrameError`; give nothing to the reader after that.
        """
        position = 0
        if self.unread:
            data, position = self._join_unread(data)
        elif self._buffer:
            self._buffer += data
            if len(self._buffer) < self._wanted:
                return []
            data = bytes(self._buffer)
            self._buffer.clear()
        messages: list[WebSocketMessage] = []
        try:
            while len(data) - position >= 2:
                if not most:
                    self.unread, self._position = data, position
                    return messages
                most -= 1
                stop = self._read(data, position, messages)
                if stop > len(data):
                    self._wanted = stop - position
                    break
                position = stop
            else:
                self._wanted = 2
        except FrameError as error:
            # Its traceback refers to `messages`, and to its callers: only the garbage collector would free them.
            messages.append(error.with_traceback(None))
            return messages
        if position < len(data):
            self._buffer += data[position:]
        return messages

    def only_text(self, data: bytes) -> str | None:
        """The message in bytes that are one short text frame of a client, as most are; None if they are anything else.

        What it gives is read. Whatever it does not give, `receive` has to be given, which also says what is wrong.
        """
        size = len(data) - 6
        if (
            not 0 < size < 126
            or data[0] != _WHOLE_TEXT
            or data[1] != size | self._masked
            or not self._masked
            or self._buffer
            or self.unread
            or self._fragments is not None
            or size > self.max_payload
        ):
            return None
        key = data[2:6] * (size // 4 + 1)
        number = int.from_bytes(data[6:], "little") ^ int.from_bytes(key[:size], "little")
        try:
            return number.to_bytes(size, "little").decode()
        except UnicodeDecodeError:
            return None

    def proceed(self, most: int = _ALL) -> list[WebSocketMessage]:
        """Read up to `most` of the frames that were left; return what `receive` does."""
        return self.receive(b"", most) if self.unread else []

    def _join_unread(self, data: bytes) -> tuple[bytes, int]:
        """The unread bytes followed by `data`, and the index to read on at."""
        unread, self.unread = self.unread, b""
        return (unread[self._position :] + data, 0) if data else (unread, self._position)

    def _read(self, data: bytes, position: int, messages: list[WebSocketMessage]) -> int:
        """Read the frame at `position`; return where it ends, beyond the end of `data` if it is not all there."""
        first = data[position]
        second = data[position + 1]
        size = second & 0x7F
        start = position + 2
        masked = self._masked
        if first & 0x70:
            raise FrameError("a reserved bit is set")
        if second & 0x80 != masked:
            raise FrameError("a frame is not masked" if masked else "a frame is masked")
        if first & 0x08:
            self._check_control(first, size)
        else:
            if size >= 126:
                width = 2 if size == 126 else 8
                if len(data) - start < width:
                    return start + width
                size = int.from_bytes(data[start : start + width], "big")
                start += width
                self._check_length(size, width)
            if first not in _WHOLE or self._fragments is not None or size > self.max_payload:
                self._check_data(first & 0x0F, size)
        if masked:
            start += 4
        stop = start + size
        if stop > len(data):
            return stop
        payload = data[start:stop]
        if masked and payload:
            payload = apply_mask(payload, data[start - 4 : start])
        if first in _WHOLE:
            messages.append(_text(payload) if first == _WHOLE_TEXT else payload)
        else:
            self._join(first, payload, messages)
        return stop

    @staticmethod
    def _check_control(first: int, size: int) -> None:
        if not first & 0x80:
            raise FrameError("a control frame is fragmented")
        if size > _MAX_CONTROL:
            raise FrameError("a control frame is longer than 125 bytes")
        if first & 0x0F > Opcode.PONG:
            raise FrameError(f"opcode {first & 0x0F:#x} is unknown")

    @staticmethod
    def _check_length(size: int, width: int) -> None:
        if size < (126 if width == 2 else 65536):
            raise FrameError("a length is not in its shortest form")
        if size >= 1 << 63:
            raise FrameError("a length has its highest bit set")

    def _check_data(self, opcode: int, size: int) -> None:
        joined = 0
        if self._fragments is None:
            if opcode == Opcode.CONTINUATION:
                raise FrameError("a continuation frame continues nothing")
            if opcode > Opcode.BINARY:
                raise FrameError(f"opcode {opcode:#x} is unknown")
        elif opcode != Opcode.CONTINUATION:
            raise FrameError("a new message starts inside a fragmented one")
        else:
            joined = len(self._fragments)
        if joined + size > self.max_payload:
            raise FrameError("a message is too big", CloseCode.TOO_BIG)

    def _join(self, first: int, payload: bytes, messages: list[WebSocketMessage]) -> None:
        """Take a control frame, or a fragment of a message."""
        opcode = first & 0x0F
        if opcode == Opcode.CLOSE:
            messages.append(_close_message(payload))
        elif opcode & 0x8:
            messages.append(Ping(payload) if opcode == Opcode.PING else Pong(payload))
        else:
            self._join_fragment(first, payload, messages)

    def _join_fragment(self, first: int, payload: bytes, messages: list[WebSocketMessage]) -> None:
        self.small_fragments += len(payload) < SMALL_FRAGMENT
        if self._fragments is None:
            self._opcode = Opcode(first & 0x0F)
            self._fragments = bytearray(payload)
            return
        self._fragments += payload
        if first & 0x80:
            whole = bytes(self._fragments)
            self._fragments = None
            messages.append(_text(whole) if self._opcode is Opcode.TEXT else whole)
