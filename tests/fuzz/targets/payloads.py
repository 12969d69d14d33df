"""Engine.IO packets, and the bodies of polling requests."""

from protocol.engineio.engine_packet import EnginePacket
from protocol.engineio.packets import (
    SEPARATOR,
    Encoded,
    decode_packet,
    decode_payload,
    encode_packet,
    encode_payload,
    join_payload,
)
from protocol.errors import PacketError
from protocol.websocket import frames


def check(data: bytes) -> None:
    """Only `PacketError` is raised, after the packets that came before the fault; what is decoded can be encoded and
    decoded again; a packet means the same on a websocket and in a payload."""
    packets, whole = decoded(data)
    assert sum(len(packet.data) for packet in packets) <= len(data)
    if whole:
        assert len(packets) == data.count(SEPARATOR.encode()) + 1
    if not packets:
        return
    assert decoded(encode_payload(packets).encode()) == (packets, True)
    assert [decode_packet(encode_packet(packet)) for packet in packets] == packets
    items = [encoded(packet) for packet in packets]
    assert decoded(join_payload(items)) == (packets, True)
    reader = frames.FrameReader(masked=False, max_payload=len(data))
    received = [decode_packet(message) for item in items for message in reader.receive(item.frame)]
    assert received == packets


def decoded(body: bytes) -> tuple[list[EnginePacket], bool]:
    packets: list[EnginePacket] = []
    try:
        for packet in decode_payload(body):
            packets.append(packet)  # noqa: PERF402 - those before a fault are kept
    except PacketError:
        return packets, False
    return packets, True


def encoded(packet: EnginePacket) -> Encoded:
    message = encode_packet(packet)
    return Encoded(b"", (message,)) if isinstance(message, bytes) else Encoded(message.encode())
