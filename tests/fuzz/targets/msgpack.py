"""Socket.IO packets in msgpack."""

import msgpack

from protocol.errors import PacketError
from protocol.socketio.msgpack_parser import decode, encode
from protocol.socketio.packets import Packet
from tests.fuzz.values import MAX_DEPTH, depth, plain

WORDS = [
    msgpack.packb(word)
    for word in ("type", "nsp", "data", "id", "/", 2, 3, None, [], {}, 2**53, b"", float("nan"))
]
WORDS += [msgpack.packb(msgpack.ExtType(0, data)) for data in (b"\0", bytes(8), b"ab")] + [
    msgpack.packb(msgpack.Timestamp(1, 5))
]


def check(data: bytes) -> None:
    """Only `PacketError` is raised; what is decoded can be encoded and decoded again, and is not much larger then."""
    try:
        packet = decode(data)
    except PacketError:
        return
    if not isinstance(packet, Packet):
        return
    content = getattr(packet, "data", None)
    try:
        encoded = encode(packet)
    except TypeError:
        assert depth(content) > MAX_DEPTH
        return
    assert encoded.text == b""
    (message,) = encoded.binary
    assert len(message) <= 3 * len(data) + 64
    if depth(content) <= MAX_DEPTH:
        assert plain(decode(message)) == plain(packet)
