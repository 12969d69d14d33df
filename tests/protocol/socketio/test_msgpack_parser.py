"""Socket.IO packets in msgpack: bytes that notepack 2.2 writes, any data at all, and python-socketio as the peer."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from socketio.msgpack_packet import MsgPackPacket as PeerPacket

from protocol.errors import PacketError
from protocol.socketio.msgpack_parser import MSGPACK, decode, encode
from protocol.socketio.packets import (
    MAX_SAFE_INTEGER,
    RESERVED_EVENTS,
    Ack,
    Connect,
    ConnectError,
    Disconnect,
    Event,
    Packet,
    Rejected,
)
from tests.support.packet_values import packets, scalars

DATE = datetime(2020, 1, 1, 0, 0, 0, 123000, UTC)


def written(packet: Packet) -> bytes:
    """The one binary message that a packet becomes."""
    item = encode(packet)
    assert item.text == b""
    (message,) = item.binary
    return message


def packed(**fields: Any) -> bytes:
    return msgpack.packb(fields)


# `{type, nsp, data, id?}` as socket.io-msgpack-parser's client and server write them.
PACKETS: list[tuple[Packet, dict[str, Any]]] = [
    (Connect(), {"type": 0, "nsp": "/"}),
    (Connect("/admin", {"token": "x"}), {"type": 0, "nsp": "/admin", "data": {"token": "x"}}),
    (Disconnect("/a"), {"type": 1, "nsp": "/a"}),
    (Event(["x", b"\x01", {"a": [b""]}]), {"type": 2, "data": ["x", b"\x01", {"a": [b""]}], "nsp": "/"}),
    (Event(["x"], "/a", 0), {"type": 2, "data": ["x"], "nsp": "/a", "id": 0}),
    (Ack([b"\x00"], MAX_SAFE_INTEGER), {"type": 3, "data": [b"\x00"], "nsp": "/", "id": MAX_SAFE_INTEGER}),
    (ConnectError({"message": "no"}, "/a"), {"type": 4, "data": {"message": "no"}, "nsp": "/a"}),
]


@pytest.mark.parametrize(("packet", "fields"), PACKETS)
def test_table(packet: Packet, fields: dict[str, Any]) -> None:
    message = written(packet)
    assert message == msgpack.packb(fields)
    assert decode(message) == packet
    assert decode(msgpack.packb(dict(reversed(fields.items())) | {"options": {"compress": True}})) == packet
    for end in range(len(message)):
        with pytest.raises(PacketError):
            decode(message[:end])
    with pytest.raises(PacketError):
        decode(message + b"\x00")


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("d40000", None),
        ("c0", None),
        ("d700" + "0000016f5e66e87b", DATE),
        ("d700" + "ffffffffffffffff", datetime(1969, 12, 31, 23, 59, 59, 999000, UTC)),
        ("c403010203", b"\x01\x02\x03"),
        ("c70300010203", b"\x01\x02\x03"),
        ("c70000", b""),
        ("c7010041", b"A"),
        ("d40041", None),
        ("c7010000", b"\0"),
        ("c80001" + "0000", b"\0"),
        ("c708000000016f5e66e87b", bytes.fromhex("0000016f5e66e87b")),
        ("c90000000800" + "00" * 8, b"\0" * 8),
        ("d50041ff", b"A\xff"),
        ("d60000000001", b"\0\0\0\1"),
        ("d800" + "ab" * 16, b"\xab" * 16),
        ("c7080041414141414141ff", b"AAAAAAA\xff"),
        ("c8010000" + "ab" * 256, b"\xab" * 256),
        ("c90001000000" + "ab" * 65536, b"\xab" * 65536),
        ("d6ff00000001", datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
        ("cf0020000000000000", 2**53),
        ("cb3ff8000000000000", 1.5),
        ("a3eda0bd", "\ufffd\ufffd\ufffd"),
    ],
)
def test_values_that_node_writes(value: str, seen: Any) -> None:
    head = bytes.fromhex("83a474797065" + "02" + "a36e7370a12f" + "a464617461" + "92a178")
    event = decode(head + bytes.fromhex(value))
    assert event == Event(["x", seen])
    assert isinstance(event, Event)
    assert type(event.data[1]) is type(seen)


@pytest.mark.parametrize("field", ["data", "id"])
@pytest.mark.parametrize("absent", [None, msgpack.ExtType(0, b"\x00")])
def test_undefined_is_absent(field: str, absent: Any) -> None:
    assert decode(packed(type=0, nsp="/", **{field: absent})) == Connect()


ERRORS: list[bytes] = [
    b"",
    b"\xc1",
    b"\x80",
    b"\x90",
    b"2[1]",
    packed(type=0),
    packed(nsp="/"),
    packed(type="2", nsp="/", data=["x"]),
    packed(type=2.0, nsp="/", data=["x"]),
    packed(type=True, nsp="/"),
    packed(type=None, nsp="/"),
    packed(type=5, nsp="/", data=["x"]),
    packed(type=-1, nsp="/"),
    packed(type=2**64 - 1, nsp="/"),
    packed(type=2, nsp=b"/", data=["x"]),
    packed(type=2, nsp=None, data=["x"]),
    packed(type=2, nsp="/"),
    packed(type=2, nsp="/", data=[]),
    packed(type=2, nsp="/", data="x"),
    packed(type=2, nsp="/", data=[b"x"]),
    packed(type=2, nsp="/", data={"0": "x"}),
    packed(type=2, nsp="/", data=["x"], id=-1),
    packed(type=2, nsp="/", data=["x"], id=MAX_SAFE_INTEGER + 1),
    packed(type=2, nsp="/", data=["x"], id=1.0),
    packed(type=2, nsp="/", data=["x"], id=True),
    packed(type=2, nsp="/", data=["x"], id="1"),
    packed(type=3, nsp="/", data=["x"]),
    packed(type=3, nsp="/", id=1),
    packed(type=0, nsp="/", data=["x"]),
    packed(type=1, nsp="/", data={}),
    packed(type=4, nsp="/", data="message"),
    packed(type=2, nsp="/", data=["x", msgpack.ExtType(5, b"12")]),
    bytes.fromhex("83a47479706502a36e7370a12fa46461746192a178c70cff") + b"\xff" * 12,
    bytes.fromhex("83a47479706502a36e7370a12fa46461746192a178c703ff010203"),
    msgpack.packb({"type": 2, "nsp": "/", "data": ["x", {1: 2}]}),
    msgpack.packb({0: 2, "nsp": "/"}),
    b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data" + b"\x91" * 3000,
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    *[packed(type=2, nsp="/", data=[name]) for name in sorted(RESERVED_EVENTS)],
]


@pytest.mark.parametrize("message", ERRORS)
def test_no_packet(message: bytes) -> None:
    with pytest.raises(PacketError):
        decode(message)


def test_text_is_no_packet() -> None:
    with pytest.raises(PacketError, match="text message"):
        decode('2["x"]')


class Point(Struct):
    x: int
    at: datetime
    blob: bytes


class TestValues:
    @pytest.mark.parametrize(
        ("date", "seen"),
        [
            (DATE, DATE),
            (DATE.astimezone(timezone(timedelta(hours=5))), DATE),
            (DATE.replace(tzinfo=None), DATE),
            (DATE + timedelta(microseconds=999), DATE),
            (datetime(1, 1, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)),
            (datetime(9999, 12, 31, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)),
        ],
    )
    def test_dates_in_milliseconds(self, date: datetime, seen: datetime) -> None:
        assert decode(written(Event(["x", date]))) == Event(["x", seen])

    def test_a_struct_may_hold_binary_and_dates(self) -> None:
        packet = decode(written(Event(["x", Point(1, DATE, b"b")])))
        assert packet == Event(["x", {"x": 1, "at": DATE, "blob": b"b"}])

    @pytest.mark.parametrize("value", [b"ab", bytearray(b"ab"), memoryview(b"ab")])
    def test_forms_of_binary(self, value: Any) -> None:
        assert decode(written(Ack([value, ("tuple",)], 1))) == Ack([b"ab", ["tuple"]], 1)

    @pytest.mark.parametrize("value", [object(), {"a", "b"}, 2**64, -(2**63) - 1, "\ud83d", 1j])
    def test_what_cannot_be_sent(self, value: Any) -> None:
        with pytest.raises(TypeError):
            encode(Event(["x", value]))

    def test_what_is_too_deep_cannot_be_sent(self) -> None:
        value: list[Any] = []
        for _ in range(2000):
            value = [value]
        with pytest.raises(TypeError):
            encode(Event(["x", value]))


def of_javascript(data: Any, kind: int = 2, **fields: Any) -> bytes:
    """A packet with its fields in the order of socket.io-msgpack-parser's client."""
    return packed(type=kind, data=data, options={"compress": True}, **fields, nsp="/a")


def deep(levels: int) -> bytes:
    """An event whose argument has as many levels."""
    return of_javascript(["x", "here"], id=7).replace(b"\xa4here", b"\x91" * (levels - 1) + b"\x90")


LEFT: list[tuple[bytes, Connect | Event | Ack, str]] = [
    (of_javascript(["x", float("nan")]), Event(["x"], "/a"), "out of range"),
    (of_javascript(["x", [float("-inf")]], id=7), Event(["x"], "/a", 7), "out of range"),
    (b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\x01\xca\x7f\x80\0\0", Event([1]), "out of range"),
    (deep(64), Event(["x"], "/a", 7), "levels"),
    (deep(1000), Event(["x"], "/a", 7), "levels"),
    (deep(1100), Event(["x"], "/a", 7), "too deep"),
    (deep(100_000), Event(["x"], "/a", 7), "too deep"),
    (of_javascript(["x", [[]] * 100_000], id=7), Event(["x"], "/a", 7), "100000 values"),
    (of_javascript(["x", {"a": [1] * 100_000}]), Event(["x"], "/a"), "100000 values"),
    (of_javascript([1.5, [1] * 100_000]), Event([1.5], "/a"), "100000 values"),
    (of_javascript([[1] * 100_000], 3, id=7), Ack([], 7, "/a"), "100000 values"),
    (of_javascript({"a": "x" * 16_384}, 0), Connect("/a"), "16384 bytes"),
    (of_javascript({"a": [[]] * 1000}, 0), Connect("/a"), "1000 values"),
    (of_javascript({"a": float("inf")}, 0), Connect("/a"), "out of range"),
]


@pytest.mark.parametrize(("message", "left", "words"), LEFT)
def test_a_payload_that_cannot_be_carried(message: bytes, left: Connect | Event | Ack, words: str) -> None:
    seen = decode(message)
    assert isinstance(seen, Rejected)
    assert seen.packet == left
    assert words in str(seen.error)
    assert (seen.error.__traceback__, seen.error.__context__) == (None, None)


def test_what_is_within_the_limits() -> None:
    assert isinstance(decode(deep(63)), Event)
    many = [1] * 90_000
    assert decode(packed(type=2, nsp="/", data=["x", many, "y" * 20_000])) == Event(["x", many, "y" * 20_000])
    assert decode(of_javascript(["x", "\x7f", 1e308, b"\xca\xff\xff"])) == Event(
        ["x", "\x7f", 1e308, b"\xca\xff\xff"], "/a"
    )


@pytest.mark.parametrize(
    "message",
    [
        of_javascript([[1] * 100_000]),  # has no name
        of_javascript(["x" * 3000, [1] * 100_000]),
        of_javascript([[1] * 100_000], 1),
        of_javascript("x" * 100_001),
        deep(1100)[:-20],  # has no namespace
        deep(1100) + b"\xc1",
        b"\x91" * 2000,
        packed(type=2, nsp="/", data=["x", "y" * 300])[:-1],
        b"\x82\xa4type\x02" + msgpack.packb([[1]] * 60_000) + b"\x01",
    ],
)
def test_a_packet_that_is_wrong_whatever_it_carries(message: bytes) -> None:
    with pytest.raises(PacketError):
        decode(message)


def test_a_list_that_is_longer_than_its_message_is_none() -> None:
    """No room is made for what a message promises and does not hold."""
    with pytest.raises(PacketError, match="not msgpack"):
        decode(packed(type=2, nsp="/")[:-1] + b"\xa1/\xa4data" + b"\xdc\xff\xff" * 100)


def test_the_parser_is_these_functions() -> None:
    assert (MSGPACK.encode, MSGPACK.decode) == (encode, decode)


# --- any data ---

milliseconds = st.datetimes(timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)
leaves = scalars | st.binary(max_size=300) | milliseconds


@given(packets(leaves))
def test_decode_undoes_encode(packet: Packet) -> None:
    assert decode(written(packet)) == packet


@given(
    st.binary(max_size=60)
    | st.builds(lambda packet, at, junk: written(packet)[:at] + junk + written(packet)[at + 1 :],
                packets(leaves), st.integers(0, 60), st.binary(max_size=2))
)  # fmt: skip
def test_any_bytes_decode_or_are_a_packet_error(message: bytes) -> None:
    try:
        packet = decode(message)
    except PacketError:
        return
    assert isinstance(packet, Packet | Rejected)


class Extension(Struct, frozen=True):
    """An extension 0 as it is written, and what it is."""

    written: bytes
    value: Any


def buffer_of(width: int, content: bytes) -> Extension:
    """An ArrayBuffer, with as many bytes for its length."""
    head = bytes([0xC7 + (1, 2, 4).index(width)]) + len(content).to_bytes(width, "big") + b"\0"
    return Extension(head + content, content)


def date_of(date: datetime) -> Extension:
    return Extension(b"\xd7\0" + in_eight_bytes(date), date)


def in_eight_bytes(date: datetime) -> bytes:
    since = date - datetime(1970, 1, 1, tzinfo=UTC)
    return (since // timedelta(milliseconds=1)).to_bytes(8, "big", signed=True)


def event_of(*values: Any) -> bytes:
    """An event with extensions and other values, of which there are less than 15."""
    parts = [value.written if isinstance(value, Extension) else msgpack.packb(value) for value in values]
    head = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data" + bytes([0x91 + len(values)]) + b"\xa1x"
    return head + b"".join(parts)


contents = st.binary(max_size=300) | milliseconds.map(in_eight_bytes)
extensions = st.one_of(
    st.builds(buffer_of, st.sampled_from([2, 4]), contents),
    st.builds(buffer_of, st.just(1), contents.filter(lambda content: len(content) < 256)),
    milliseconds.map(date_of),
    st.binary(min_size=1, max_size=1).map(lambda content: Extension(b"\xd4\0" + content, None)),
)
# Texts, binary and numbers may hold the bytes of a header, and lists and maps have headers of their own.
plain = scalars | st.binary(max_size=300)
lookalikes = st.sampled_from(["\xd7\0", "\xc7\x08\0", "\xd4\0\0", "\xc7\1\0\0"]).map(lambda head: head * 20)
numbers = st.integers(-(2**63), 2**64 - 1) | st.sampled_from(
    [0xD700, 0xC70800, -40_000, -200, -33, -32, 127, 128]
)
others = st.one_of(
    plain,
    numbers,
    lookalikes,
    lookalikes.map(lambda text: text.encode("latin-1")),
    st.lists(plain, max_size=20),
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), plain, max_size=20),
)


@given(st.lists(extensions | others, min_size=1, max_size=8))
def test_extensions_are_told_apart_wherever_they_stand(values: list[Any]) -> None:
    seen = [value.value if isinstance(value, Extension) else value for value in values]
    assert decode(event_of(*values)) == Event(["x", *seen])


@pytest.mark.parametrize("length", [15, 16, 31, 32, 255, 256, 40_000, 70_000])
def test_extensions_behind_large_values(length: int) -> None:
    for value in (
        "x" * length,
        b"x" * length,
        [0] * length,
        {str(key): None for key in range(min(length, 40_000))},
    ):
        assert decode(event_of(value, date_of(DATE))) == Event(["x", value, DATE])


def test_an_extension_behind_a_map_of_the_largest_kind() -> None:
    """Such a map would have more values than are allowed; its header may be larger than it needs to be."""
    small = Extension(b"\xdf\0\0\0\1\xa1k\x01", {"k": 1})
    assert decode(event_of(small, date_of(DATE))) == Event(["x", {"k": 1}, DATE])


@pytest.mark.parametrize("first", [b"\0", b"\xff", b"A"])
@pytest.mark.parametrize("width", [1, 2, 4])
def test_array_buffers_of_every_length(width: int, first: bytes) -> None:
    for length in (*range(40), 255, 256, 65_535, 65_536):
        if length < 256**width:
            content = (first + bytes(length))[:length]
            assert decode(event_of(buffer_of(width, content))) == Event(["x", content])


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 253_402_300_800_000, -62_135_596_800_001])
def test_a_date_that_python_does_not_have_is_refused(number: int) -> None:
    """It is refused with its event, and not taken for something else."""
    seen = decode(of_javascript(["x", msgpack.ExtType(0, number.to_bytes(8, "big", signed=True))], id=7))
    assert isinstance(seen, Rejected)
    assert seen.packet == Event(["x"], "/a", 7)
    assert "year" in str(seen.error)


# --- a real peer ---

KINDS = {Connect: 0, Disconnect: 1, Event: 2, Ack: 3, ConnectError: 4}


@given(packets(scalars | st.binary(max_size=20)))
def test_socketio_reads_what_we_write(packet: Packet) -> None:
    peer = PeerPacket(encoded_packet=written(packet))
    assert (peer.packet_type, peer.namespace) == (KINDS[type(packet)], packet.nsp)
    assert (peer.data, peer.id) == (getattr(packet, "data", None), getattr(packet, "id", None))


@given(packets(scalars | st.binary(max_size=20)))
def test_we_read_what_socketio_writes(packet: Packet) -> None:
    data, number = getattr(packet, "data", None), getattr(packet, "id", None)
    assert decode(PeerPacket(KINDS[type(packet)], data, packet.nsp, number).encode()) == packet
