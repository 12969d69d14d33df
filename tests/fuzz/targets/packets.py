"""Socket.IO packets in JSON: a text and its attachments, one after the other with 0x1e between them."""

from typing import Any

from protocol.errors import PacketError
from protocol.socketio.json_parser import JSON, Decoder
from protocol.socketio.packets import Packet
from tests.fuzz.values import MAX_DEPTH, depth, plain

MAX_ATTACHMENTS = 10  # where nothing else is said
LARGEST = 6  # times the bytes that came, and some more: "1e15" is written as 1000000000000000.0

WORDS = [
    b'{"_placeholder":true,"num":0}',
    b"52-/a,1[",
    b"61-",
    b"\x1e",
    b'"\\ud83d"',
    b"1e300",
    b"null",
    b"\xf0\x9f\x98\x80",
]


def check(data: bytes) -> None:
    """Only `PacketError` is raised; what is decoded can be encoded and decoded again, and is not much larger then."""
    packet = decoded(data)
    if packet is None:
        return
    content: Any = getattr(packet, "data", None)
    try:
        encoded = JSON.encode(packet)
    except TypeError:
        assert depth(content) > MAX_DEPTH
        return
    assert encoded.size <= LARGEST * len(data) + 32
    assert len(encoded.binary) <= MAX_ATTACHMENTS
    if depth(content) <= MAX_DEPTH:
        again = first_packet([encoded.text[1:].decode(), *encoded.binary])
        assert plain(again) == plain(packet)


def decoded(data: bytes) -> Packet | None:
    """The first packet of an input; None if there is none."""
    text, *binary = data.split(b"\x1e")
    return first_packet([text.decode(errors="replace"), *binary])


def first_packet(messages: list[str | bytes]) -> Packet | None:
    """The first packet of some messages; None if there is none."""
    decoder = Decoder(JSON)
    for message in messages:
        try:
            packet = decoder.receive(message)
        except PacketError:
            return None
        if packet is not None:
            return packet if isinstance(packet, Packet) else None
    return None
