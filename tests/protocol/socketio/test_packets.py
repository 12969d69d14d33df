"""Socket.IO packets in JSON: one table for both directions, any data at all, and python-socketio as the peer."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Struct
from socketio.packet import Packet as PeerPacket

from protocol.engineio.packets import Encoded
from protocol.errors import PacketError
from protocol.socketio.json_parser import JSON, attach, decode, encode, packet_of
from protocol.socketio.packet_limits import MAX_ATTACHMENTS, OF_CLIENTS, OF_SERVERS, PacketLimits
from protocol.socketio.packets import (
    MAX_SAFE_INTEGER,
    RESERVED_EVENTS,
    Ack,
    Connect,
    ConnectError,
    Disconnect,
    Event,
    Packet,
    Partial,
    Rejected,
)
from tests.support.packet_values import packets, scalars

B1, B2 = b"\x01\x02", b""

# A packet, its text (without Engine.IO's `4`) and its attachments. The first ones stand in the protocol's text.
PACKETS: list[tuple[Packet, str, tuple[bytes, ...]]] = [
    (Connect(), "0", ()),
    (Connect("/", {"token": "123"}), '0{"token":"123"}', ()),
    (Connect("/admin", {"sid": "x"}), '0/admin,{"sid":"x"}', ()),
    (Connect("/admin"), "0/admin,", ()),
    (Connect("/", {}), "0{}", ()),
    (ConnectError({"message": "Not authorized"}), '4{"message":"Not authorized"}', ()),
    (ConnectError({"message": "no", "data": [1]}, "/a"), '4/a,{"message":"no","data":[1]}', ()),
    (Event(["foo"]), '2["foo"]', ()),
    (Event(["foo"], "/admin"), '2/admin,["foo"]', ()),
    (Event(["foo"], id=12), '212["foo"]', ()),
    (Event(["foo"], "/admin", 12), '2/admin,12["foo"]', ()),
    (Event(["foo"], id=0), '20["foo"]', ()),
    (Event([1, None, True, 1.5, "é€🙂", {"a": []}]), '2[1,null,true,1.5,"é€🙂",{"a":[]}]', ()),
    (Event([0.5]), "2[0.5]", ()),
    (Event(["x"], id=MAX_SAFE_INTEGER), '29007199254740991["x"]', ()),
    (Ack([], 12), "312[]", ()),
    (Ack(["bar"], 13, "/admin"), '3/admin,13["bar"]', ()),
    (Disconnect(), "1", ()),
    (Disconnect("/admin"), "1/admin,", ()),
    (Event(["baz", B1]), '51-["baz",{"_placeholder":true,"num":0}]', (B1,)),
    (
        Event(["x", {"a": [B1, {"b": B2}]}, 7], "/admin", 3),
        '52-/admin,3["x",{"a":[{"_placeholder":true,"num":0},{"b":{"_placeholder":true,"num":1}}]},7]',
        (B1, B2),
    ),
    (Ack([B1], 15), '61-15[{"_placeholder":true,"num":0}]', (B1,)),
    (Ack([B1], 0, "/a"), '61-/a,0[{"_placeholder":true,"num":0}]', (B1,)),
]


def decoded(item: Encoded) -> Packet:
    """The packet of what `encode` gave."""
    packet = decode(item.text.decode()[1:], PacketLimits(1000))
    packet = attach(packet, list(item.binary)) if isinstance(packet, Partial) else packet
    assert not isinstance(packet, Rejected)
    return packet


@pytest.mark.parametrize(("packet", "text", "binary"), PACKETS)
class TestTable:
    def test_encode(self, packet: Packet, text: str, binary: tuple[bytes, ...]) -> None:
        item = encode(packet)
        assert (item.text.decode(), item.binary) == ("4" + text, binary)

    def test_decode(self, packet: Packet, text: str, binary: tuple[bytes, ...]) -> None:
        seen = decode(text)
        if binary:
            assert isinstance(seen, Partial)
            assert seen.attachments == len(binary)
            seen = attach(seen, list(binary))
        assert seen == packet


@pytest.mark.parametrize(
    ("text", "packet"),
    [
        ("0/admin", Connect("/admin")),
        ("1/admin", Disconnect("/admin")),
        ("0/a?b=1,", Connect("/a?b=1")),
        ("0/", Connect("/")),
        ("01", Connect("/")),
        ("11", Disconnect("/")),
        ("2/,1[2]", Event([2], "/", 1)),
        ('2 ["foo"]', Event(["foo"])),
        ('2[ "foo" , 1 ]', Event(["foo", 1])),
        ('200000000000001["foo"]', Event(["foo"], id=1)),
        ('2["[",1]', Event(["[", 1])),
        (f'2["{"n" * 30}"]', Event(["n" * 30])),
        ('2/a-namespace-longer-than-the-head,1["x"]', Event(["x"], "/a-namespace-longer-than-the-head", 1)),
        ('2["x",{"_placeholder":true,"num":0}]', Event(["x", {"_placeholder": True, "num": 0}])),
        ("2[1e400]", None),
        ("2[-1.5]", Event([-1.5])),
        ("2[123456789012345678901234567890]", Event([1.2345678901234568e29])),
        ('2["\\ud83d\\ude42"]', Event(["🙂"])),
        ('2["a\\ud83db"]', Event(["a\ufffdb"])),
        ('2["a\\uDE42b",{"\\ud83d":1}]', Event(["a\ufffdb", {"\ufffd": 1}])),
        ('31["\\udc00"]', Ack(["\ufffd"], 1)),
        ('2["\\uD83D"]', Event(["\ufffd"])),
        ('0{"a":"\\ud800"}', Connect("/", {"a": "\ufffd"})),
        ('4{"message":1}', ConnectError({"message": 1})),
    ],
)
def test_what_others_write(text: str, packet: Packet | None) -> None:
    if packet is None:
        with pytest.raises(PacketError):
            decode(text)
    else:
        assert decode(text) == packet


ERRORS = [
    *["", " ", "7", "9[]", "-1", "a", "٢[]", "[", '["x"]', "\x00"],
    *["0[]", "0null", "0null[]", "0/a,1null", '0"x"', "0{", "0{}x", "0[1]", "0true"],
    *["1{}", "1null", "1/a, null", "1[]", "1/a,[]", '1"x"'],
    *[
        "2",
        "2{}",
        "2[]",
        '2"x"',
        "21",
        "2/a",
        "2/a,",
        "2/a,1",
        "2[",
        '2["x"',
        '2["x"]]',
        "2[NaN]",
        "2[,]",
        "2['x']",
    ],
    *["2[null]", "2[true]", "2[false]", "2[[]]", "2[{}]", '2[{"a":1}]', '2{"x":1}', '2-1["x"]', '21.5["x"]'],
    *[f'2["{name}"]' for name in sorted(RESERVED_EVENTS)],
    *[f'2/a,1["{name}",1]' for name in sorted(RESERVED_EVENTS)],
    *[
        '29007199254740992["x"]',
        f'2{"9" * 17}["x"]',
        f'2{"9" * 100}["x"]',
        f"3{'9' * 17}[]",
        "39007199254740992[]",
    ],
    *['2٣["x"]', "3٣[]", '2²["x"]'],
    *["3", "3[]", "31", "31{}", '31"x"', "3/a,[]", "31[", "3{}"],
    *["4", "4[]", '4"message"', "4null"],
    *["5", "51", '5["x"]', '50-["x"]', '511-["x"]', '5-["x"]', '5-1-["x"]', '5x-["x"]', '5999999-["x"]'],
    *[
        '51-"x"',
        "51-[]",
        "51-{}",
        "51-",
        '51-[{"_placeholder":true,"num":0}]',
        '51-["disconnect"]',
        '5٣-["x"]',
    ],
    *["61-[]", "61-1{}", "60-1[]", "6", "61-1", "611-1[]"],
    *[
        '2["\\ud83d",]',
        '2["\\ud83d",NaN]',
        '2["\\ud83d"',
        '2["\\ud83"]',
        '2["\\udzzz"]',
        '2["connect","\\ud83d"]',
    ],
    "2" + "[" * 5000,
    '2["\\ud83d",' + "[" * 100_000,
]


@pytest.mark.parametrize("text", ERRORS)
def test_no_packet(text: str) -> None:
    with pytest.raises(PacketError):
        decode(text)


LEFT: list[tuple[str, Connect | Event | Ack, str]] = [
    ('2["x",1e400]', Event(["x"]), "out of range"),
    ('2/a,7["x",1e400]', Event(["x"], "/a", 7), "out of range"),
    ('212[ "x\\u0041" , -1e400]', Event(["xA"], id=12), "out of range"),
    ("2[5,1e400]", Event([5]), "out of range"),
    ('2["x",' + "[" * 64 + "]" * 65, Event(["x"]), "levels"),
    ('23["x",' + "[" * 5000 + "]" * 5001, Event(["x"], id=3), "levels"),
    ('2["\\ud83d",' + "[" * 5000 + "]" * 5001, Event(["\ufffd"]), "levels"),
    ('2["\\ud83d",' + "9" * 5000 + "]", Event(["\ufffd"]), "out of range"),
    ("2[" + '"x",' * 100_001 + "1]", Event(["x"]), "100000 values"),
    ("35[1e400]", Ack([], 5), "out of range"),
    ("3/a,5[" + "[" * 64 + "]" * 65, Ack([], 5, "/a"), "levels"),
    ('0{"a":1e400}', Connect(), "out of range"),
    ('0/a,{"a":"' + "x" * 16_384 + '"}', Connect("/a"), "16384 bytes"),
    ('0{"a":"' + "€" * 5_500 + '"}', Connect(), "16384 bytes"),
    ('0{"a":[' + "[]," * 500 + "1]}", Connect(), "1000 values"),
]


@pytest.mark.parametrize(("text", "left", "words"), LEFT)
def test_a_payload_that_cannot_be_carried(text: str, left: Connect | Event | Ack, words: str) -> None:
    """The packet is told by its head. The error holds nothing of the payload, as its traceback would."""
    seen = decode(text)
    assert isinstance(seen, Rejected)
    assert (seen.packet, seen.nsp) == (left, left.nsp)
    assert words in str(seen.error)
    assert (seen.error.__traceback__, seen.error.__context__) == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        "2" + "[" * 5000 + "]" * 5000,  # has no name
        '2["connect",1e400]',
        "2[null,1e400]",
        '2{"x":1e400}',
        '2["' + "x" * 1001 + '",1e400]',
        "2[1-1,1e400]",
        "3[1e400]",
        '1{"x":1e400}',
        '4{"message":1e400}',
        '50-["x",1e400]',
        '2["x",1e400',
    ],
)
def test_a_packet_that_is_wrong_whatever_it_carries(text: str) -> None:
    with pytest.raises(PacketError):
        decode(text)


def test_limits_are_given() -> None:
    auth = '0{"a":"' + "x" * 193 + '"}'
    assert isinstance(decode(auth, PacketLimits(auth=200)), Rejected)
    assert decode(auth, PacketLimits(auth=202)) == Connect("/", {"a": "x" * 193})
    many = '2["x"' + ",1" * 150 + "]"
    assert isinstance(decode(many, PacketLimits(values=150)), Rejected)
    assert decode(many, PacketLimits(values=151)) == Event(["x", *[1] * 150])
    deep = '2["x",' + "[" * 200 + "]" * 201
    assert isinstance(decode(deep, OF_CLIENTS), Rejected)
    assert isinstance(decode(deep, OF_SERVERS), Event)


def test_a_stranger_s_payload_has_no_more_values_than_a_connect() -> None:
    strangers = PacketLimits(values=1000, auth_values=150).of_strangers()
    assert strangers == PacketLimits(values=150, auth_values=150)
    assert PacketLimits(values=100, auth_values=150).of_strangers().values == 100


def test_binary_alone_is_no_packet() -> None:
    with pytest.raises(PacketError, match="belongs to no packet"):
        decode(b"2[1]")


@pytest.mark.parametrize("kind", [5, 6, 7, -1])
def test_a_type_that_msgpack_may_claim(kind: int) -> None:
    with pytest.raises(PacketError, match="packet type"):
        packet_of(kind, "/", None, ["x"])


class TestAttachments:
    def test_as_many_as_are_allowed(self) -> None:
        assert isinstance(decode(f'5{MAX_ATTACHMENTS}-["x"]'), Partial)
        assert isinstance(decode('5400-["x"]', PacketLimits(400)), Partial)
        with pytest.raises(PacketError, match="401 attachments"):
            decode('5401-["x"]', PacketLimits(400))

    def test_one_that_is_never_named(self) -> None:
        partial = Partial(Event(["x", {"_placeholder": True, "num": 1}]), attachments=2)
        assert attach(partial, [b"a", b"b"]) == Event(["x", b"b"])

    @pytest.mark.parametrize("buffer", [b"b", b""])
    def test_one_that_is_named_twice_would_be_sent_on_more_often_than_it_came(self, buffer: bytes) -> None:
        placeholder = {"_placeholder": True, "num": 1}
        partial = Partial(Event(["x", placeholder, {"y": [placeholder]}]), attachments=2)
        with pytest.raises(PacketError, match="two placeholders name one attachment"):
            attach(partial, [b"a", buffer])

    @pytest.mark.parametrize("value", [False, 1, "true", None])
    def test_what_is_no_placeholder(self, value: Any) -> None:
        data = ["x", {"_placeholder": value, "num": 0}]
        assert attach(Partial(Event(list(data)), 1), [b"a"]) == Event(data)

    @pytest.mark.parametrize("number", [-1, 1, 0.0, True, False, "0", None, [], 2**70])
    def test_a_number_that_names_none(self, number: Any) -> None:
        with pytest.raises(PacketError, match="names no attachment"):
            attach(Partial(Ack([{"_placeholder": True, "num": number}], 1), 1), [b"a"])

    def test_no_number(self) -> None:
        with pytest.raises(PacketError, match="names no attachment"):
            attach(Partial(Event(["x", [{"_placeholder": True}]]), 1), [b"a"])

    def test_deep_down(self) -> None:
        text = '51-["x",' + "[" * 62 + '{"_placeholder":true,"num":0}' + "]" * 63
        partial = decode(text)
        assert isinstance(partial, Partial)
        event = attach(partial, [b"deep"])
        assert isinstance(event, Event)
        value: Any = event.data[1]
        while isinstance(value, list):
            (value,) = value
        assert value == b"deep"

    def test_what_is_rejected_takes_its_attachments_along(self) -> None:
        partial = decode('51-/a,3["x",1e400,{"_placeholder":true,"num":7}]')
        assert isinstance(partial, Partial)
        rejected = attach(partial, [b"a"])
        assert isinstance(rejected, Rejected)
        assert rejected.packet == Event(["x"], "/a", 3)


class Point(Struct):
    x: int
    at: datetime
    blob: bytes


class TestValues:
    def test_a_struct_may_hold_binary_and_dates(self) -> None:
        at = datetime(2020, 1, 1, 0, 0, 0, 123000, UTC)
        item = encode(Event(["x", Point(1, at, b"b"), [Point(2, at, b"c")]]))
        first = '{"x":1,"at":"2020-01-01T00:00:00.123000Z","blob":{"_placeholder":true,"num":0}}'
        second = '{"x":2,"at":"2020-01-01T00:00:00.123000Z","blob":{"_placeholder":true,"num":1}}'
        assert item.text.decode() == f'452-["x",{first},[{second}]]'
        assert item.binary == (b"b", b"c")

    def test_a_struct_of_json_alone(self) -> None:
        class Plain(Struct):
            x: int

        assert encode(Event(["x", Plain(1)])).text == b'42["x",{"x":1}]'

    @pytest.mark.parametrize("value", [b"ab", bytearray(b"ab"), memoryview(b"ab"), memoryview(b"a.b.")[::2]])
    def test_forms_of_binary(self, value: Any) -> None:
        item = encode(Ack([value], 1))
        assert item.binary == (b"ab",)
        assert type(item.binary[0]) is bytes

    @pytest.mark.parametrize(
        ("value", "json"),
        [
            (datetime(2020, 1, 1), '"2020-01-01T00:00:00Z"'),  # noqa: DTZ001 - one without a zone is meant
            (date(2020, 1, 1), '"2020-01-01"'),
            (("tuple", 1), '["tuple",1]'),
            (float("nan"), "null"),
            (float("inf"), "null"),
        ],
    )
    def test_what_becomes_json(self, value: Any, json: str) -> None:
        assert encode(Event(["x", value])).text.decode() == f'42["x",{json}]'

    @pytest.mark.parametrize(
        "make", [lambda v: Event(["x", v]), lambda v: Ack([v], 1), lambda v: Ack([b"", v], 1)]
    )
    @pytest.mark.parametrize("value", [object(), {1: 2}, {"a", "b"}, 2**64, -(2**63) - 1, "\ud83d", 1j])
    def test_what_cannot_be_sent(self, make: Any, value: Any) -> None:
        with pytest.raises(TypeError):
            encode(make(value))

    def test_a_refusal_may_hold_a_struct_but_no_binary(self) -> None:
        class Why(Struct):
            code: int

        assert (
            encode(ConnectError({"message": "no", "data": Why(3)})).text
            == b'44{"message":"no","data":{"code":3}}'
        )
        assert encode(Connect("/", {"why": Why(3)})).text == b'40{"why":{"code":3}}'
        with pytest.raises(TypeError, match="bytes"):
            encode(ConnectError({"message": "no", "data": b"binary"}))
        with pytest.raises(TypeError, match="bytes"):
            encode(Connect("/", {"auth": b"binary"}))


def test_the_parser_is_these_functions() -> None:
    assert (JSON.encode, JSON.decode) == (encode, decode)


# --- any data ---


@given(packets(scalars | st.binary(max_size=20)))
@example(Event(["x", {"": [b"", {"num": b""}]}], id=0))
def test_decode_undoes_encode(packet: Packet) -> None:
    assert decoded(encode(packet)) == packet


@given(
    st.text(max_size=30)
    | st.from_regex(r"\A[0-7]{0,3}-?(/[a-z]*,?)?[0-9]{0,3}[\[{]?[\[\]{}\",:a0-9]*[\]}]?\Z")
    | st.builds(lambda packet, at, junk: str(encode(packet).text[1:], "utf-8", "ignore")[:at] + junk,
                packets(scalars), st.integers(0, 60), st.text(max_size=3))
)  # fmt: skip
def test_any_text_decodes_or_is_a_packet_error(text: str) -> None:
    try:
        packet = decode(text)
    except PacketError:
        return
    if not isinstance(packet, Partial | Rejected):
        assert decoded(encode(packet)) == packet


# --- a real peer ---

KINDS = {Connect: 0, Disconnect: 1, Event: 2, Ack: 3, ConnectError: 4}


def parts(packet: Packet) -> tuple[int, str, Any, int | None]:
    return KINDS[type(packet)], packet.nsp, getattr(packet, "data", None), getattr(packet, "id", None)


@given(packets(scalars | st.binary(max_size=20)))
def test_socketio_reads_what_we_write(packet: Packet) -> None:
    item = encode(packet)
    peer = PeerPacket(encoded_packet=item.text.decode()[1:])
    assert peer.attachment_count == len(item.binary)
    for buffer in item.binary:
        peer.add_attachment(buffer)
    kind = peer.packet_type - (3 if item.binary else 0)
    assert (kind, peer.namespace or "/", peer.data, peer.id) == parts(packet)


@given(packets(scalars | st.binary(max_size=20)))
def test_we_read_what_socketio_writes(packet: Packet) -> None:
    kind, nsp, data, number = parts(packet)
    written = PeerPacket(kind, data, nsp, number).encode()
    text, *buffers = written if isinstance(written, list) else [written]
    seen = decode(text, PacketLimits(1000))
    assert (attach(seen, buffers) if isinstance(seen, Partial) else seen) == packet
