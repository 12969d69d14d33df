"""What servers ask each other, held to bytes that Node's streams adapter 0.3.1 writes."""

from base64 import b64decode
from datetime import UTC, datetime
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.cluster.requests import (
    AskClients,
    AskServers,
    ClassicAdapterMessage,
    ClientAnswer,
    ClientCount,
    ClusterMessage,
    FetchSockets,
    HandshakeDetails,
    ServerAnswer,
    SocketDetails,
    Sockets,
    decode,
    encode,
)
from protocol.cluster.stream_records import Broadcast, ServerSideEmit, Target
from protocol.errors import ProtocolError
from tests.support.packet_values import nested, scalars, texts

UID = "6a4e53f1ee0e5271"
NODE = [
    (
        (
            "hKR0eXBlA6RkYXRhg6ZwYWNrZXSCpHR5cGUCpGRhdGGTo2Fza8QDAQL/gqF1wKFk1/8dU1MAXgvhAKlyZXF1ZXN0SWSkYWIxMqRvcHRzg6Vy"
            "b29tc5GicjGmZXhjZXB0kaJyMqVmbGFnc4KndGltZW91dM0D6Kh2b2xhdGlsZcOjdWlksDZhNGU1M2YxZWUwZTUyNzGjbnNwpS9jaGF0"
        ),
        AskClients(
            "ab12",
            Broadcast(
                "/chat",
                Target(("r1",), ("r2",)),
                ["ask", b"\x01\x02\xff", {"u": None, "d": datetime(2020, 1, 1, 0, 0, 0, 123000, UTC)}],
                volatile=True,
            ),
            1000,
        ),
    ),
    (
        (
            "hKR0eXBlB6RkYXRhgqRvcHRzg6Vyb29tc5CmZXhjZXB0kKVmbGFnc4CpcmVxdWVzdElkpGFiMTKjdWlksDZhNGU1M2YxZWUwZTUyNzGjbnNw"
            "pS9jaGF0"
        ),
        FetchSockets("/chat", "ab12", Target()),
    ),
    (
        (
            "hKR0eXBlCKRkYXRhgqlyZXF1ZXN0SWSkYWIxMqdzb2NrZXRzkYSiaWSiczGpaGFuZHNoYWtliadoZWFkZXJzgqRob3N0oWGmYWNjZXB0oyov"
            "KqR0aW1l2T5TdW4gTm92IDIyIDIwMjYgMjE6NTI6MDEgR01UKzAwMDAgKENvb3JkaW5hdGVkIFVuaXZlcnNhbCBUaW1lKadhZGRyZXNzozo6"
            "Mad4ZG9tYWluwqZzZWN1cmXCpmlzc3VlZM8AAAGiBT6j6KN1cmyxL3NvY2tldC5pby8/RUlPPTSlcXVlcnmCo0VJT6E0oWySoTGhMqRhdXRo"
            "gaV0b2tlbqF0pXJvb21zkqJzMaFypGRhdGGCoW4BoWLEAQCjdWlksDZhNGU1M2YxZWUwZTUyNzGjbnNwpS9jaGF0"
        ),
        Sockets(
            "/chat",
            "ab12",
            (
                SocketDetails(
                    "s1",
                    HandshakeDetails(
                        headers={"host": "a", "accept": "*/*"},
                        query={"EIO": "4", "l": ["1", "2"]},
                        auth={"token": "t"},
                        address="::1",
                        url="/socket.io/?EIO=4",
                        issued=1795384321000,
                    ),
                    ("s1", "r"),
                    {"n": 1, "b": b"\x00"},
                ),
            ),
        ),
    ),
    (
        "hKR0eXBlCaRkYXRhgaZwYWNrZXSUpWhlbGxvAaPtoL3EAQejdWlksDZhNGU1M2YxZWUwZTUyNzGjbnNwpS9jaGF0",
        ServerSideEmit("/chat", ["hello", 1, "\N{REPLACEMENT CHARACTER}" * 3, b"\x07"]),
    ),
    (
        "hKR0eXBlCaRkYXRhgqlyZXF1ZXN0SWSkYWIxMqZwYWNrZXSSpWhlbGxvAaN1aWSwNmE0ZTUzZjFlZTBlNTI3MaNuc3ClL2NoYXQ=",
        AskServers("/chat", "ab12", ["hello", 1]),
    ),
    (
        "hKR0eXBlCqRkYXRhgqlyZXF1ZXN0SWSkYWIxMqZwYWNrZXTAo3VpZLA2YTRlNTNmMWVlMGU1Mjcxo25zcKUvY2hhdA==",
        ServerAnswer("/chat", "ab12", None),
    ),
    (
        "hKR0eXBlC6RkYXRhgqlyZXF1ZXN0SWSkYWIxMqtjbGllbnRDb3VudAOjdWlksDZhNGU1M2YxZWUwZTUyNzGjbnNwpS9jaGF0",
        ClientCount("/chat", "ab12", 3),
    ),
    (
        "hKR0eXBlDKRkYXRhgqlyZXF1ZXN0SWSkYWIxMqZwYWNrZXSBoWGSAcQBCaN1aWSwNmE0ZTUzZjFlZTBlNTI3MaNuc3ClL2NoYXQ=",
        ClientAnswer("/chat", "ab12", {"a": [1, b"\x09"]}),
    ),
]


@pytest.mark.parametrize(("payload", "message"), NODE, ids=lambda value: type(value).__name__)
def test_a_message_of_node_is_read(payload: str, message: ClusterMessage) -> None:
    assert decode(b64decode(payload)) == (UID, message)


@pytest.mark.parametrize(("payload", "message"), NODE, ids=lambda value: type(value).__name__)
def test_a_message_is_written_as_node_does(payload: str, message: ClusterMessage) -> None:
    """The same map; the order of what is in it means nothing. Half an emoji is none any more."""

    def read(raw: bytes) -> Any:
        return msgpack.unpackb(raw, timestamp=3, unicode_errors="replace")

    assert read(encode(message, UID)) == read(b64decode(payload))


@pytest.mark.parametrize("type", [0, 1, 2, 4, 5, 6, 13, 14, -1])
def test_heartbeats_and_what_else_is_not_for_us_are_ignored_unread(type: int) -> None:
    assert decode(msgpack.packb({"type": type, "uid": "a", "nsp": "/"})) is None
    assert decode(msgpack.packb({"type": type, "uid": "a", "nsp": "/", "data": "rubbish"})) is None


def test_a_broadcast_that_wants_no_answers_is_ignored() -> None:
    assert decode(message(3, {"packet": {"type": 2, "data": ["x"]}, "opts": {}})) is None


@pytest.mark.parametrize(
    "flags", [None, {}, {"timeout": None}, {"timeout": "1"}, {"timeout": 0}, {"timeout": True}]
)
def test_a_broadcast_without_a_timeout(flags: Any) -> None:
    body = {"packet": {"type": 2, "data": ["x"]}, "opts": {"flags": flags}, "requestId": "1"}
    assert decode(message(3, body)) == ("a", AskClients("1", Broadcast("/", Target(), ["x"])))


def test_a_socket_of_which_little_is_known() -> None:
    body = {"requestId": "1", "sockets": [{"id": "s", "handshake": {}, "rooms": []}]}
    assert decode(message(8, body)) == ("a", Sockets("/", "1", (SocketDetails("s", HandshakeDetails(), ()),)))


def message(type: Any, data: Any, **others: Any) -> bytes:
    packed: bytes = msgpack.packb({"type": type, "uid": "a", "nsp": "/", "data": data} | others)
    return packed


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        b"\x91",
        b"\x81\x93",
        msgpack.packb([]),
        msgpack.packb({}),
        msgpack.packb({"type": 7, "uid": "a"}),
        msgpack.packb({"type": "7", "uid": "a", "nsp": "/"}),
        msgpack.packb({"type": 7, "uid": None, "nsp": "/"}),
        msgpack.packb({1: 2}),
        msgpack.packb({"type": 1}) + b"\x00",
        message(1, msgpack.ExtType(5, b"12345")),
        b"\x91" * 100_000,
        message(7, None),
        message(7, {"opts": {}}),
        message(7, {"opts": {"rooms": "r"}, "requestId": "1"}),
        message(7, {"opts": {}, "requestId": 1}),
        message(3, {"packet": {"type": 3, "data": ["x"]}, "opts": {}, "requestId": "1"}),
        message(3, {"packet": {"type": 2, "data": [True]}, "opts": {}, "requestId": "1"}),
        message(9, {"packet": []}),
        message(9, {"packet": [{}], "requestId": "1"}),
        message(9, {"packet": "x"}),
        message(8, {"requestId": "1"}),
        message(8, {"requestId": "1", "sockets": [{"id": "s", "rooms": []}]}),
        message(8, {"requestId": "1", "sockets": [{"id": "s", "handshake": {"headers": []}, "rooms": []}]}),
        message(10, {"packet": 1}),
        message(11, {"requestId": "1", "clientCount": -1}),
        message(11, {"requestId": "1", "clientCount": 1.5}),
        message(12, []),
    ],
    ids=lambda payload: repr(payload[:60]),
)
def test_a_malformed_message_is_refused(payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(payload)


def test_a_message_of_a_classic_adapter_is_known() -> None:
    packet, opts = {"type": 2, "data": ["x"], "nsp": "/"}, {"rooms": [], "except": [], "flags": {}}
    for sender in ("emitter", "UZiQYh"):
        with pytest.raises(ClassicAdapterMessage):
            decode(msgpack.packb([sender, packet, opts]))
    for other in (
        [],
        [1, packet, opts],
        ["emitter", packet],
        ["emitter", packet, opts, 1],
        ["emitter", 1, opts],
    ):
        with pytest.raises(ProtocolError) as error:
            decode(msgpack.packb(other))
        assert not isinstance(error.value, ClassicAdapterMessage)


@pytest.mark.parametrize("value", [object(), {1: 2}, {1, 2}, 2**64, "\ud83d"])
def test_what_json_cannot_express_is_refused(value: Any) -> None:
    for it in (ServerAnswer("/", "1", value), ServerSideEmit("/", ["x", b"", value])):
        with pytest.raises(TypeError):
            encode(it, UID)


values = nested(scalars | st.binary(max_size=20))
rooms = st.lists(texts, max_size=3).map(tuple)
targets = st.builds(Target, rooms, rooms)
events = st.builds(lambda name, rest: [name, *rest], texts | st.integers(0, 9), st.lists(values, max_size=3))
objects = st.dictionaries(texts, values, max_size=3)
handshakes = st.builds(
    HandshakeDetails,
    headers=objects,
    query=objects,
    auth=values,
    address=st.none() | texts,
    secure=st.booleans(),
    xdomain=st.booleans(),
    url=texts,
    issued=st.integers(0, 4_000_000_000_000),
)
sockets = st.builds(SocketDetails, texts, handshakes, rooms, values)
messages = st.one_of(
    st.builds(FetchSockets, texts, texts, targets),
    st.builds(ServerSideEmit, texts, events),
    st.builds(AskServers, texts, texts, events),
    st.builds(
        AskClients,
        texts,
        st.builds(Broadcast, texts, targets, events, st.booleans(), st.booleans()),
        st.none() | st.integers(1, 10_000),
    ),
    st.builds(Sockets, texts, texts, st.lists(sockets, max_size=2).map(tuple)),
    st.builds(ServerAnswer, texts, texts, values),
    st.builds(ClientCount, texts, texts, st.integers(0, 10_000)),
    st.builds(ClientAnswer, texts, texts, values),
)


@given(messages, texts)
def test_what_is_written_is_read_back(message: ClusterMessage, uid: str) -> None:
    assert decode(encode(message, uid)) == (uid, message)


def test_the_namespace_of_a_broadcast_is_that_of_the_request() -> None:
    assert AskClients("1", Broadcast("/x", Target(), ["e"])).nsp == "/x"


@given(st.binary(max_size=200))
def test_random_bytes_raise_only_protocol_errors(data: bytes) -> None:
    only_protocol_errors(data)
    only_protocol_errors(b"\x84" + msgpack.packb("type") + data)
    for kind in (3, 7, 8, 9, 10, 11, 12):
        only_protocol_errors(message(kind, data))
        only_protocol_errors(message(kind, None)[:-1] + data)


def only_protocol_errors(payload: bytes) -> None:
    try:
        decode(payload)
    except ProtocolError:
        return


@given(messages, st.data())
def test_damaged_messages_raise_only_protocol_errors(message: ClusterMessage, data: st.DataObject) -> None:
    payload = encode(message, UID)
    cut = data.draw(st.integers(0, len(payload)))
    only_protocol_errors(payload[:cut])
    only_protocol_errors(payload[:cut] + data.draw(st.binary(max_size=4)) + payload[cut + 1 :])


def test_a_socket_of_node_may_be_in_rooms_that_are_numbers() -> None:
    details = {"id": "a", "handshake": {}, "rooms": ["a", 7], "data": {}}
    body = {"requestId": "1", "sockets": [details]}
    found = decode(msgpack.packb({"type": 8, "uid": UID, "nsp": "/", "data": body}))
    assert found == (UID, Sockets("/", "1", (SocketDetails("a", HandshakeDetails(), ("a", 7), {}),)))
