"""The stream's entries, held to bytes that Node's streams adapter 0.3.1 and streams emitter 0.1.1 wrote."""

from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgpack
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from protocol.cluster.stream_names import stream_name, stream_names
from protocol.cluster.stream_records import (
    Broadcast,
    DisconnectSockets,
    Join,
    Leave,
    Record,
    RecordBatch,
    ServerSideEmit,
    Target,
    decode,
    encode,
)
from protocol.errors import ProtocolError
from protocol.socketio.json_parser import encode as encode_packet
from protocol.socketio.packets import Event

EVERYONE = Target()
DATE = datetime(2019, 12, 31, 22, 10, 0, 123000, UTC)

# Entries that Node writes exactly as we do: the same bytes for the same record.
SHARED = [
    (
        "/",
        "3",
        (
            '{"packet":{"type":2,"data":["plain",1,"€",{"a":[1.5,null,true]}]},'
            '"opts":{"rooms":[],"except":[],"flags":{}}}'
        ),
        Broadcast("/", EVERYONE, ["plain", 1, "€", {"a": [1.5, None, True]}]),
    ),
    (
        "/",
        "3",
        (
            '{"packet":{"type":2,"data":["x","a\\"b\\\\\\n\\u0001",1e-7]},'
            '"opts":{"rooms":["r1"],"except":["r2"],"flags":{"volatile":true,"compress":false}}}'
        ),
        Broadcast("/", Target(("r1",), ("r2",)), ["x", 'a"b\\\n\x01', 1e-7], volatile=True, compress=False),
    ),
    (
        "/chat",
        "3",
        (
            "gqZwYWNrZXSCpHR5cGUCpGRhdGGTo2JpbsQDAQL/hqFuzgABEXChZNf/HVNTAF4L4QChdcChZss/4AAAAAAAAKNuZWf9oXPZKMOp"
            "w6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6mkb3B0c4Olcm9vbXOSonIxonIypmV4Y2VwdJClZmxhZ3OA"
        ),
        Broadcast(
            "/chat",
            Target(("r1", "r2")),
            [
                "bin",
                b"\x01\x02\xff",
                {
                    "n": 70000,
                    "d": datetime(2020, 1, 1, 0, 0, 0, 123000, UTC),
                    "u": None,
                    "f": 0.5,
                    "neg": -3,
                    "s": "é" * 20,
                },
            ],
        ),
    ),
    (
        "/",
        "3",
        '{"packet":{"type":2,"data":[1,"number name"]},"opts":{"rooms":[],"except":[],"flags":{}}}',
        Broadcast("/", EVERYONE, [1, "number name"]),
    ),
    (
        "/",
        "4",
        '{"opts":{"rooms":["r1"],"except":[],"flags":{}},"rooms":["j1","j2"]}',
        Join("/", Target(("r1",)), ("j1", "j2")),
    ),
    (
        "/",
        "5",
        '{"opts":{"rooms":["r1"],"except":[],"flags":{}},"rooms":["j1"]}',
        Leave("/", Target(("r1",)), ("j1",)),
    ),
    (
        "/chat",
        "6",
        '{"opts":{"rooms":[],"except":[],"flags":{}},"close":true}',
        DisconnectSockets("/chat", EVERYONE, close=True),
    ),
    (
        "/",
        "6",
        '{"opts":{"rooms":["x"],"except":[],"flags":{}},"close":false}',
        DisconnectSockets("/", Target(("x",))),
    ),
    ("/", "9", '{"packet":["hello",1,"€"]}', ServerSideEmit("/", ["hello", 1, "€"])),
    ("/", "9", "gaZwYWNrZXSSpWhlbGxvxAEH", ServerSideEmit("/", ["hello", b"\x07"])),
]

# Entries that say the same in other bytes.
READ = [
    (
        "/",
        "3",
        '{"packet":{"type":2,"data":["x",1e+21]},"opts":{"rooms":[],"except":[],"flags":{}}}',
        Broadcast("/", EVERYONE, ["x", 1e21]),
    ),
    (
        "/chat",
        "3",
        '{"packet":{"type":2,"data":["half","\\ud83d"]},"opts":{"rooms":[],"except":[],"flags":{}}}',
        Broadcast("/chat", EVERYONE, ["half", "\N{REPLACEMENT CHARACTER}"]),
    ),
    (
        "/",
        "3",
        '{"packet":{"type":2,"data":["nonack"]},"opts":{"rooms":["r1"],"except":[],"flags":{"timeout":1000}}}',
        Broadcast("/", Target(("r1",)), ["nonack"]),
    ),
    (
        "/",
        "3",
        '{"packet":{"type":2,"data":["e",1],"nsp":"/"},"opts":{"rooms":[],"flags":{},"except":[]}}',
        Broadcast("/", EVERYONE, ["e", 1]),
    ),
    (
        "/chat",
        "3",
        "gqZwYWNrZXSDpHR5cGUCpGRhdGGSomVixAEJo25zcKUvY2hhdKRvcHRzg6Vyb29tc5GhcqVmbGFnc4Godm9sYXRpbGXDpmV4Y2VwdJA=",
        Broadcast("/chat", Target(("r",)), ["eb", b"\x09"], volatile=True),
    ),
    (
        "/",
        "3",
        '{"packet":{"type":2,"data":["x"]},"opts":{"rooms":null,"flags":{"volatile":null,"compress":null}}}',
        Broadcast("/", EVERYONE, ["x"]),
    ),
    ("/", "3", '{"packet":{"type":2,"data":["x"]},"opts":{"flags":null}}', Broadcast("/", EVERYONE, ["x"])),
    (
        "/",
        "3",
        '{"packet":{"type":2,"data":["x"]},"opts":{"flags":{"volatile":1,"compress":true,"broadcast":true}}}',
        Broadcast("/", EVERYONE, ["x"], volatile=True),
    ),
    ("/", "6", '{"opts":{"rooms":[],"except":[]}}', DisconnectSockets("/", EVERYONE)),
]

# What Node does not write, and reads as one of its own.
MOVED = DisconnectSockets("/", Target(("sid",)), moved=True)
MOVED_DATA = '{"opts":{"rooms":["sid"],"except":[],"flags":{}},"close":false,"moved":true}'


def test_a_client_that_has_come_back_elsewhere() -> None:
    assert encode(MOVED, "uid") == entry("/", "6", MOVED_DATA, "uid")
    assert decode(entry("/", "6", MOVED_DATA)) == MOVED


BATCH = RecordBatch(
    "/",
    (
        Join("/", Target(("u",)), ("r",)),
        Broadcast("/", Target(("u",)), ["one", 1]),
        Leave("/", Target(("u",)), ("s",)),
        DisconnectSockets("/", Target(("v",)), close=True),
    ),
)
BATCH_DATA = (
    '{"opts":{"rooms":["u"],"except":[],"flags":{}},"rooms":["r"],"then":['
    '{"type":"3","data":{"packet":{"type":2,"data":["one",1]},"opts":{"rooms":["u"],"except":[],"flags":{}}}},'
    '{"type":"5","data":{"opts":{"rooms":["u"],"except":[],"flags":{}},"rooms":["s"]}},'
    '{"type":"6","data":{"opts":{"rooms":["v"],"except":[],"flags":{}},"close":true}}]}'
)


def test_a_batch_is_its_first_record_and_what_comes_then() -> None:
    assert encode(BATCH, "uid") == entry("/", "4", BATCH_DATA, "uid")
    assert decode(entry("/", "4", BATCH_DATA)) == BATCH


def test_a_batch_with_an_emoji_that_was_cut_in_half() -> None:
    halved = decode(entry("/", "4", BATCH_DATA.replace('"one"', '"\\ud83d"')))
    assert isinstance(halved, RecordBatch)
    assert halved.records[1] == Broadcast("/", Target(("u",)), ["\N{REPLACEMENT CHARACTER}", 1])


def entry(nsp: str, type: str, data: str, uid: str = "6a4e53f1ee0e5271") -> dict[str, str]:
    return {"uid": uid, "nsp": nsp, "type": type, "data": data}


def packed(value: Any) -> str:
    return b64encode(msgpack.packb(value)).decode()


@pytest.mark.parametrize(("nsp", "type", "data", "record"), SHARED + READ)
def test_an_entry_of_node_is_read(nsp: str, type: str, data: str, record: Record) -> None:
    assert decode(entry(nsp, type, data)) == record


@pytest.mark.parametrize(("nsp", "type", "data", "record"), SHARED)
def test_a_record_is_written_as_node_does(nsp: str, type: str, data: str, record: Record) -> None:
    assert encode(record, "6a4e53f1ee0e5271") == entry(nsp, type, data)


@pytest.mark.parametrize("type", ["1", "2", "7", "8", "10", "11", "12", "13", "0", "14", "-3", "", "x"])
def test_other_types_are_ignored_unread(type: str) -> None:
    assert decode({"uid": "a", "nsp": "/", "type": type}) is None
    assert decode(entry("/", type, "rubbish")) is None


def test_rooms_may_be_numbers_to_javascript() -> None:
    data = '{"packet":{"type":2,"data":["x"]},"opts":{"rooms":[7,"r"],"except":[1.5],"flags":{}}}'
    record = decode(entry("/", "3", data))
    assert isinstance(record, Broadcast)
    assert record.target == Target((7, "r"), (1.5,))  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [10**20, -(10**20), 2**64, -(2**63) - 1])
@pytest.mark.parametrize("more", ["", ',"\\ud83d"'])
def test_a_whole_number_beyond_64_bits_is_a_float_which_can_be_sent_on(number: int, more: str) -> None:
    data = f'{{"packet":{{"type":2,"data":["x",{number}{more}]}},"opts":{{}}}}'
    record = decode(entry("/", "3", data))
    assert isinstance(record, Broadcast)
    assert record.data[1] == float(number)
    assert type(record.data[1]) is float
    encode_packet(Event(record.data))
    encode(record, "uid")


def test_what_wants_answers_is_ignored() -> None:
    assert decode(entry("/", "9", '{"packet":["hello"],"requestId":"b7"}')) is None
    body = {"packet": {"type": 2, "data": ["x"]}, "opts": {}, "requestId": "b7"}
    assert decode(entry("/", "3", orjson.dumps(body).decode())) is None
    assert decode(entry("/", "3", packed(body))) is None


@pytest.mark.parametrize("missing", ["nsp", "type", "data"])
def test_a_missing_field_is_refused(missing: str) -> None:
    fields = entry("/", "4", '{"opts":{},"rooms":[]}')
    del fields[missing]
    with pytest.raises(ProtocolError, match=missing):
        decode(fields)


@pytest.mark.parametrize(
    ("type", "data"),
    [
        ("3", ""),
        ("3", "{"),
        ("3", "{}"),
        ("3", "[]"),
        ("3", '{"packet":{"type":2,"data":["x"]}}'),
        ("3", '{"packet":{"type":3,"data":["x"]},"opts":{}}'),
        ("3", '{"packet":{"type":2,"data":[]},"opts":{}}'),
        ("3", '{"packet":{"type":2,"data":"x"},"opts":{}}'),
        ("3", '{"packet":{"type":2,"data":[{}]},"opts":{}}'),
        ("3", '{"packet":{"type":2,"data":[true]},"opts":{}}'),
        ("3", '{"packet":{"type":2,"data":["x"]},"opts":{"rooms":"r"}}'),
        ("3", '{"packet":{"type":2,"data":["x"]},"opts":{"except":[null]}}'),
        ("3", '{"packet":{"type":2,"data":["\\ud83d"]},"opts":[]}'),
        ("3", '{"packet":{"type":2,"data":["\\ud83d"'),
        ("3", '{"packet":{"type":2,"data":["\ud83d"]},"opts":{}}'),
        ("3", '{"packet":{"type":2,"data":' + "[" * 100_000),
        ("3", "gqZw€"),
        ("3", "gqZwYWNrZXS"),
        ("3", packed(["x"])),
        ("3", packed({"packet": {"type": 2, "data": ["x", msgpack.ExtType(5, b"12345")]}, "opts": {}})),
        ("4", '{"opts":{}}'),
        ("4", '{"opts":{},"rooms":[1]}'),
        ("5", '{"rooms":["r"]}'),
        ("6", '{"close":true}'),
        ("4", '{"opts":{},"rooms":[],"then":{}}'),
        ("4", '{"opts":{},"rooms":[],"then":[{"type":"3"}]}'),
        ("4", '{"opts":{},"rooms":[],"then":[{"type":"4","data":{"opts":{}}}]}'),
        ("4", '{"opts":{},"rooms":[],"then":[{"type":"9","data":{"packet":["x"]}}]}'),
        ("4", '{"opts":{},"rooms":[],"then":[{"type":"7","data":{}}]}'),
        (
            "6",
            '{"opts":{},"then":[{"type":"6","data":{"opts":{},"then":[{"type":"6","data":{"opts":{}}}]}}]}',
        ),
        (
            "6",
            '{"opts":{},"then":[{"type":"3","data":{"packet":{"type":2,"data":["x"]},"opts":{},"requestId":"1"}}]}',
        ),
        ("6", packed({"opts": {}, "then": [{"type": "6", "data": {"opts": {}}}] * 100})),
        ("9", "{}"),
        ("9", '{"packet":[]}'),
        ("9", '{"packet":[null]}'),
        ("9", '{"packet":"x"}'),
    ],
)
def test_a_malformed_entry_is_refused(type: str, data: str) -> None:
    with pytest.raises(ProtocolError):
        decode(entry("/", type, data))


class Message(Struct):
    text: str
    blob: bytes | None = None


@dataclass
class Place:
    name: str


def test_structs_dataclasses_tuples_and_dates_are_sent() -> None:
    data = ["x", Message("a"), Place("b"), (1, 2), DATE]
    sent = decode(encode(Broadcast("/", EVERYONE, data), "a"))
    assert sent == Broadcast(
        "/",
        EVERYONE,
        ["x", {"text": "a", "blob": None}, {"name": "b"}, [1, 2], "2019-12-31T22:10:00.123000Z"],
    )


def test_beside_binary_they_are_sent_as_well() -> None:
    data = ["x", Message("a", b"\x00"), Place("b"), (1, 2), DATE, bytearray(b"c"), memoryview(b"d")]
    sent = decode(encode(Broadcast("/", EVERYONE, data), "a"))
    assert sent == Broadcast(
        "/", EVERYONE, ["x", {"text": "a", "blob": b"\x00"}, {"name": "b"}, [1, 2], DATE, b"c", b"d"]
    )


@pytest.mark.parametrize("value", [object(), {1: 2}, {b"k": 1}, 2**64, {1, 2}, "\ud83d"])
@pytest.mark.parametrize("blob", [[], [b"\x00"]])
def test_what_json_cannot_express_is_refused_with_and_without_binary(value: Any, blob: list[bytes]) -> None:
    with pytest.raises(TypeError):
        encode(Broadcast("/", EVERYONE, ["x", *blob, value]), "a")


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text
    | st.binary(max_size=20)
)
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=10)
rooms = st.lists(text, max_size=3).map(tuple)
targets = st.builds(Target, rooms, rooms)
records = (
    st.builds(
        Broadcast,
        text,
        targets,
        st.builds(lambda name, rest: [name, *rest], text | st.integers(0, 9), st.lists(values)),
        st.booleans(),
        st.booleans(),
    )
    | st.builds(Join, text, targets, rooms)
    | st.builds(Leave, text, targets, rooms)
    | st.builds(DisconnectSockets, text, targets, st.booleans())
    | st.builds(ServerSideEmit, text, st.lists(values).map(lambda rest: ["x", *rest]))
)


in_batch = (
    st.builds(
        Broadcast,
        st.just("/"),
        targets,
        st.builds(lambda name, rest: [name, *rest], text | st.integers(0, 9), st.lists(values)),
    )
    | st.builds(Join, st.just("/"), targets, rooms)
    | st.builds(Leave, st.just("/"), targets, rooms)
    | st.builds(DisconnectSockets, st.just("/"), targets, st.booleans())
)
batches = st.builds(RecordBatch, st.just("/"), st.lists(in_batch, min_size=2, max_size=5).map(tuple))
records |= batches


@given(records)
def test_what_is_written_is_read_back(record: Record) -> None:
    fields = encode(record, "a")
    assert list(fields) == ["uid", "nsp", "type", "data"]
    assert decode(fields) == record


@given(st.sampled_from("34569"), st.binary(max_size=200))
def test_random_bytes_raise_only_protocol_errors(type: str, data: bytes) -> None:
    only_protocol_errors(entry("/", type, data.decode("utf-8", "replace")))
    only_protocol_errors(entry("/", type, "{" + data.decode("utf-8", "surrogateescape")))
    only_protocol_errors(entry("/", type, b64encode(data).decode()))
    head = msgpack.packb({"opts": {}})[1:] + msgpack.packb("packet")
    inner = b"\x82" + msgpack.packb("type") + b"\x02" + msgpack.packb("data") + b"\x92\xa1x" + data
    only_protocol_errors(entry("/", type, b64encode(b"\x82" + head + inner).decode()))


def only_protocol_errors(fields: dict[str, str]) -> None:
    try:
        decode(fields)
    except ProtocolError:
        return


@given(records, st.data())
def test_damaged_entries_raise_only_protocol_errors(record: Record, data: st.DataObject) -> None:
    fields = encode(record, "a")
    body = fields["data"]
    cut = data.draw(st.integers(0, len(body)))
    only_protocol_errors(fields | {"data": body[:cut]})
    only_protocol_errors(fields | {"data": body[:cut] + data.draw(text) + body[cut + 1 :]})


# What Node computes.
@pytest.mark.parametrize(
    ("nsp", "of_two", "of_three", "of_five"),
    [
        ("/", "1", "2", "2"),
        ("/chat", "1", "1", "3"),
        ("/über", "0", "0", "2"),
        ("/\N{WAVING HAND SIGN}", "1", "1", "4"),
        ("", "0", "0", "0"),
        ("/a/long/name/of/a/namespace/that/overflows", "-1", "0", "-4"),
    ],
)
def test_the_stream_of_a_namespace(nsp: str, of_two: str, of_three: str, of_five: str) -> None:
    assert stream_name("s", 1, nsp) == "s"
    assert [stream_name("s", count, nsp) for count in (2, 3, 5)] == [
        f"s-{n}" for n in (of_two, of_three, of_five)
    ]


@given(st.text(), st.integers(1, 7))
def test_the_stream_of_a_namespace_is_one_of_all(nsp: str, count: int) -> None:
    assert stream_name("s", count, nsp) in stream_names("s", count)


def test_all_streams() -> None:
    assert stream_names("s", 1) == ["s"]
    assert stream_names("s", 2) == ["s--1", "s-0", "s-1"]
