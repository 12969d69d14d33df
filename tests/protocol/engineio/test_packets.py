"""Engine.IO packets and payloads: one table for both directions, and python-engineio as the peer."""

from base64 import b64encode

import pytest
from engineio.packet import Packet as PeerPacket
from engineio.payload import Payload as PeerPayload
from hypothesis import given
from hypothesis import strategies as st

from protocol.engineio.engine_packet import EnginePacket, PacketType
from protocol.engineio.packets import (
    CLOSE,
    NOOP,
    PING,
    PROBE_PONG,
    Encoded,
    decode_packet,
    decode_payload,
    encode_packet,
    encode_payload,
    join_payload,
)
from protocol.errors import PacketError
from protocol.websocket.frames import FrameReader

# A packet as one websocket message and within a polling payload. The first ones stand in engine.io-parser's tests.
PACKETS: list[tuple[EnginePacket, str | bytes, str]] = [
    (EnginePacket(PacketType.MESSAGE, "test"), "4test", "4test"),
    (EnginePacket(PacketType.MESSAGE, bytes([1, 2, 3, 4])), bytes([1, 2, 3, 4]), "bAQIDBA=="),
    (EnginePacket(PacketType.OPEN, '{"sid":"x"}'), '0{"sid":"x"}', '0{"sid":"x"}'),
    (EnginePacket(PacketType.CLOSE), "1", "1"),
    (EnginePacket(PacketType.PING), "2", "2"),
    (EnginePacket(PacketType.PING, "probe"), "2probe", "2probe"),
    (EnginePacket(PacketType.PONG, "probe"), "3probe", "3probe"),
    (EnginePacket(PacketType.MESSAGE), "4", "4"),
    (EnginePacket(PacketType.MESSAGE, "€é🙂\n"), "4€é🙂\n", "4€é🙂\n"),
    (EnginePacket(PacketType.MESSAGE, "b"), "4b", "4b"),
    (EnginePacket(PacketType.MESSAGE, b""), b"", "b"),
    (EnginePacket(PacketType.MESSAGE, b"\x1e\xff>?"), b"\x1e\xff>?", "bHv8+Pw=="),
    (EnginePacket(PacketType.UPGRADE), "5", "5"),
    (EnginePacket(PacketType.NOOP), "6", "6"),
]


@pytest.mark.parametrize(("packet", "message", "part"), PACKETS)
def test_table(packet: EnginePacket, message: str | bytes, part: str) -> None:
    assert encode_packet(packet) == message
    assert decode_packet(message) == packet
    assert type(decode_packet(message).data) is type(packet.data)
    assert encode_payload([packet]) == part
    assert list(decode_payload(part.encode())) == [packet]
    assert decode_packet(part) == packet  # binary may be text on a websocket, too


def test_all_in_one_payload() -> None:
    body = "\x1e".join(part for _, _, part in PACKETS)
    packets = [packet for packet, _, _ in PACKETS]
    assert encode_payload(packets) == body
    assert list(decode_payload(body.encode())) == packets


@pytest.mark.parametrize("message", ["", "7", "9x", "a", "-1", " 4", "٤x", "¹", "\x1e", "test", "B"])
def test_no_packet(message: str) -> None:
    with pytest.raises(PacketError, match="packet type"):
        decode_packet(message)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "packet type"),
        (b"abc", "packet type"),
        (b"4x\x1e", "packet type"),
        (b"\x1e4x", "packet type"),
        (b"4x\x1e\x1e4y", "packet type"),
        (b"bA", "base64"),
        (b"bAQIDBA", "base64"),
        (b"bAQIDBA=", "base64"),
        (b"bAQIDBA===", "base64"),
        (b"bAQ==DBA=", "base64"),
        (b"b=", "base64"),
        (b"bAQ ID", "base64"),
        (b"b-_-_", "base64"),
        ("bé€".encode(), "base64"),
        (b"4\xff", "UTF-8"),
        (b"4\xed\xa0\x80", "UTF-8"),
    ],
)
def test_no_payload(body: bytes, words: str) -> None:
    with pytest.raises(PacketError, match=words):
        list(decode_payload(body))


@pytest.mark.parametrize("message", ["bA", "bAQIDBA", "bAQ==DBA=", "b=", "bAQ ID", "b-_-_", "bé€"])
def test_text_that_is_no_binary_packet(message: str) -> None:
    with pytest.raises(PacketError, match="base64"):
        decode_packet(message)


def test_packets_before_a_bad_one_are_given() -> None:
    packets = decode_payload(b"4one\x1ebAQ==\x1e!")
    assert next(packets) == EnginePacket(PacketType.MESSAGE, "one")
    assert next(packets) == EnginePacket(PacketType.MESSAGE, b"\x01")
    with pytest.raises(PacketError):
        next(packets)


class TestEncoded:
    def test_text(self) -> None:
        item = Encoded(b"4text")
        assert item.frame == item.base64_frame == b"\x81\x054text"
        assert item.payload == b"4text"
        assert item.messages(base64=True) == item.messages(base64=False) == ["4text"]
        assert item.size == 5

    def test_text_and_binary(self) -> None:
        item = Encoded(b"451-x", (b"\x00\x01", b""))
        assert item.frame == b"\x81\x05451-x" + b"\x82\x02\x00\x01" + b"\x82\x00"
        assert item.base64_frame == b"\x81\x05451-x" + b"\x81\x05bAAE=" + b"\x81\x01b"
        assert item.payload == b"451-x\x1ebAAE=\x1eb"
        assert item.messages(base64=False) == ["451-x", b"\x00\x01", b""]
        assert item.messages(base64=True) == ["451-x", "bAAE=", "b"]
        assert item.size == 7

    def test_binary_alone(self) -> None:
        item = Encoded(b"", (b"\x07",))
        assert item.frame == b"\x82\x01\x07"
        assert item.base64_frame == b"\x81\x05bBw=="
        assert item.payload == b"bBw=="
        assert item.messages(base64=False) == [b"\x07"]
        assert item.messages(base64=True) == ["bBw=="]
        assert item.size == 1

    def test_each_form_is_made_once(self) -> None:
        item = Encoded(b"4x", (b"\x00" * 200,))
        assert item.frame is item.frame
        assert item.base64_frame is item.base64_frame
        assert item.payload is item.payload

    @pytest.mark.parametrize(
        ("item", "packet"),
        [
            (CLOSE, EnginePacket(PacketType.CLOSE)),
            (PING, EnginePacket(PacketType.PING)),
            (PROBE_PONG, EnginePacket(PacketType.PONG, "probe")),
            (NOOP, EnginePacket(PacketType.NOOP)),
        ],
    )
    def test_those_that_are_always_the_same(self, item: Encoded, packet: EnginePacket) -> None:
        assert list(decode_payload(item.payload)) == [packet]
        assert FrameReader(masked=False, max_payload=100).receive(item.frame) == [encode_packet(packet)]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1e"), max_size=30)
packets = st.builds(EnginePacket, st.sampled_from(PacketType), texts) | st.builds(
    EnginePacket, st.just(PacketType.MESSAGE), st.binary(max_size=30)
)
items = st.builds(
    Encoded,
    st.one_of(st.just(b""), texts.map(lambda text: b"4" + text.encode())),
    st.lists(st.binary(max_size=200), min_size=1, max_size=3).map(tuple),
)


@given(packets)
def test_decode_packet_undoes_encode_packet(packet: EnginePacket) -> None:
    assert decode_packet(encode_packet(packet)) == packet


@given(st.lists(packets, min_size=1, max_size=8))
def test_decode_payload_undoes_encode_payload(many: list[EnginePacket]) -> None:
    assert list(decode_payload(encode_payload(many).encode())) == many


@given(st.lists(items, min_size=1, max_size=4))
def test_all_forms_of_what_goes_out_say_the_same(many: list[Encoded]) -> None:
    expected = list(decode_payload(join_payload(many)))
    assert len(expected) == sum(bool(item.text) + len(item.binary) for item in many)
    for base64 in (False, True):
        data = b"".join(item.base64_frame if base64 else item.frame for item in many)
        messages = FrameReader(masked=False, max_payload=1000).receive(data)
        assert messages == [message for item in many for message in item.messages(base64=base64)]
        assert [
            decode_packet(message) for message in messages if isinstance(message, str | bytes)
        ] == expected


@given(
    st.binary(max_size=40) | st.lists(st.sampled_from([b"4", b"b", b"\x1e", b"AQ==", b"\xff"])).map(b"".join)
)
def test_any_body_decodes_or_is_a_packet_error(body: bytes) -> None:
    try:
        decoded = list(decode_payload(body))
    except PacketError:
        return
    assert list(decode_payload(encode_payload(decoded).encode())) == decoded


# --- a real peer: it reads JSON where it can, so what it says is compared as text that is none ---

words = st.text(st.characters(categories=["L", "So"]), max_size=10).map(lambda text: f"<{text}")
peer_packets = st.builds(EnginePacket, st.sampled_from(PacketType), words) | st.builds(
    EnginePacket, st.just(PacketType.MESSAGE), st.binary(min_size=1, max_size=30)
)


@given(st.lists(peer_packets, min_size=1, max_size=16))
def test_engineio_reads_what_we_write(many: list[EnginePacket]) -> None:
    peer = PeerPayload(encoded_payload=encode_payload(many))
    assert [(packet.packet_type, packet.data) for packet in peer.packets] == [(p.type, p.data) for p in many]
    for packet in many:
        alone = PeerPacket(encoded_packet=encode_packet(packet))
        assert (alone.packet_type, alone.data) == (packet.type, packet.data)


@given(st.lists(peer_packets, min_size=1, max_size=16))
def test_we_read_what_engineio_writes(many: list[EnginePacket]) -> None:
    body = PeerPayload([PeerPacket(int(packet.type), packet.data) for packet in many]).encode()
    assert list(decode_payload(body.encode())) == many
    for packet in many:
        assert decode_packet(PeerPacket(int(packet.type), packet.data).encode()) == packet


def test_base64_of_every_byte() -> None:
    everything = bytes(range(256))
    part = b"b" + b64encode(everything)
    assert list(decode_payload(part)) == [EnginePacket(PacketType.MESSAGE, everything)]
    assert Encoded(b"", (everything,)).payload == part
