"""Engine.IO v4 packets and polling payloads (engine.io-protocol, revision 4).

A packet is one type digit and data. On a websocket a text packet is a text frame and a binary message is a
bare binary frame; in a polling payload packets are joined with 0x1e and a binary message is `b` and base64.
That form of a binary message is allowed on a websocket too, and is what a client wants that asks with `b64=1`.
"""

import binascii
from base64 import b64encode
from collections.abc import Iterable, Iterator

from protocol.engineio.engine_packet import EnginePacket, PacketType
from protocol.errors import PacketError
from protocol.websocket import frames

SEPARATOR = "\x1e"


class Encoded:
    """An outgoing item for one or many sessions, encoded once: a text packet, then binary messages, either of
    which may be absent.

    The websocket form and the polling form are each made at their first use and kept, so that a broadcast to a thousand
    websockets builds one frame.
    """

    __slots__ = ("_base64_frame", "_frame", "_payload", "binary", "text")

    def __init__(self, text: bytes, binary: tuple[bytes, ...] = ()) -> None:
        self.text = text
        self.binary = binary
        self._frame: bytes | None = None
        self._base64_frame: bytes | None = None
        self._payload: bytes | None = None

    @property
    def frame(self) -> bytes:
        """The unmasked websocket frames, in order."""
        frame = self._frame
        if frame is None:
            frame = frames.encode_text(self.text) if self.text else b""
            for data in self.binary:
                frame += frames.encode(frames.Opcode.BINARY, data)
            self._frame = frame
        return frame

    @property
    def base64_frame(self) -> bytes:
        """The same for a client that takes no binary frames: all are text."""
        if not self.binary:
            return self.frame
        if self._base64_frame is None:
            self._base64_frame = b"".join([frames.encode_text(part) for part in self._texts()])
        return self._base64_frame

    @property
    def payload(self) -> bytes:
        """The packets as they stand in a polling payload."""
        if self._payload is None:
            self._payload = b"\x1e".join(self._texts())
        return self._payload

    def messages(self, *, base64: bool) -> list[str | bytes]:
        """The packets as websocket messages, all of them text with `base64`."""
        if base64:
            return [part.decode() for part in self._texts()]
        return [self.text.decode(), *self.binary] if self.text else [*self.binary]

    def _texts(self) -> list[bytes]:
        texts = [self.text] if self.text else []
        return texts + [b"b" + b64encode(data) for data in self.binary]

    @property
    def size(self) -> int:
        """Bytes of data, without framing."""
        return len(self.text) + sum(map(len, self.binary))


_MESSAGE = PacketType.MESSAGE
_TYPES = {str(int(kind)): kind for kind in PacketType}

CLOSE = Encoded(b"1")
PING = Encoded(b"2")
PROBE_PONG = Encoded(b"3probe")
NOOP = Encoded(b"6")


def encode_packet(packet: EnginePacket) -> str | bytes:
    """A packet as one websocket message."""
    if isinstance(packet.data, bytes):
        return packet.data
    return f"{packet.type:d}{packet.data}"


def decode_packet(data: str | bytes) -> EnginePacket:
    """A websocket message, or a packet of a polling payload. Raises `PacketError`."""
    if isinstance(data, bytes):
        return EnginePacket(_MESSAGE, data)
    kind = _TYPES.get(data[:1])
    if kind is not None:
        return EnginePacket(kind, data[1:])
    if data[:1] != "b":
        raise PacketError("unknown Engine.IO packet type")
    try:
        return EnginePacket(_MESSAGE, binascii.a2b_base64(data[1:], strict_mode=True))
    except ValueError as error:  # binascii.Error, or text outside ASCII
        raise PacketError("a binary packet is not base64") from error


def encode_payload(packets: Iterable[EnginePacket]) -> str:
    """Packets as the body of a polling request."""
    return SEPARATOR.join(
        "b" + b64encode(packet.data).decode()
        if isinstance(packet.data, bytes)
        else f"{packet.type:d}{packet.data}"
        for packet in packets
    )


def decode_payload(body: bytes) -> Iterator[EnginePacket]:
    """The packets of a polling body, one after the other, each decoded when it is asked for. Raises `PacketError`."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise PacketError("a polling payload is not UTF-8") from error
    start = 0
    while start <= len(text):
        stop = text.find(SEPARATOR, start)  # not split, which would make all of a million packets at once
        part = text[start:] if stop < 0 else text[start:stop]
        start = len(text) + 1 if stop < 0 else stop + 1
        yield decode_packet(part)


def join_payload(items: Iterable[Encoded]) -> bytes:
    """The body of a polling answer."""
    return b"\x1e".join([item.payload for item in items])
