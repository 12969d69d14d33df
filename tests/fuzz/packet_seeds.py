"""Seeds of the targets of packets and records, made with this project's own encoders."""

from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from protocol.cluster import requests
from protocol.cluster import saved_sessions as recovery
from protocol.cluster import stream_records as broadcast
from protocol.cluster.requests import (
    AskClients,
    AskServers,
    ClientAnswer,
    ClientCount,
    FetchSockets,
    HandshakeDetails,
    ServerAnswer,
    SocketDetails,
    Sockets,
)
from protocol.cluster.saved_sessions import Saved
from protocol.cluster.stream_records import (
    Broadcast,
    DisconnectSockets,
    Join,
    Leave,
    Record,
    ServerSideEmit,
    Target,
)
from protocol.engineio import packets as engine
from protocol.engineio.engine_packet import EnginePacket, PacketType
from protocol.socketio import msgpack_parser as packets_msgpack
from protocol.socketio.json_parser import JSON
from protocol.socketio.packets import Ack, Connect, ConnectError, Event, Packet
from protocol.socketio.packets import DisconnectSockets as DisconnectPacket
from protocol.websocket import frames
from protocol.websocket.frames import Opcode
from tests.fuzz.targets.frames import MASK

VALUES: list[Any] = [
    [],
    ["a", 1, -1, 1.5, 1e300, True, False, None, ""],
    [{"a": {"b": [{"c": []}]}}, "€😀\u0000\u2028"],
    [2**53, -(2**63), 2**64 - 1, "x" * 200],
]
BINARY: list[Any] = [[b""], [b"\x00\xff", {"a": b"bytes"}], [{"a": [b"1", b"2", b"3"]}, None]]
PACKETS: list[Packet] = [
    Connect(),
    Connect("/admin", {"token": "secret", "offset": "1700000000000-0"}),
    Connect("/", {"sid": "abc", "pid": "def"}),
    ConnectError({"message": "no", "data": {"code": 1}}, "/admin"),
    DisconnectPacket(),
    DisconnectPacket("/admin"),
    *(Event(["message:send", *value]) for value in VALUES),
    *(Event([5, *value], "/a/b", 12) for value in VALUES),
    *(Ack(value, 2**53 - 1) for value in VALUES),
]
WITH_BINARY: list[Packet] = [
    *(Event(["file", *value], "/", 3) for value in BINARY),
    *(Ack(value, 7, "/admin") for value in BINARY),
]


def frame_seeds() -> list[bytes]:
    seeds = []
    for mask, choice in ((MASK, b"\x01"), (None, b"\x81")):
        texts = [
            frames.encode(Opcode.TEXT, text.encode(), mask=mask) for text in ("", "2", "42[€]", "x" * 126)
        ]
        control = [frames.encode(opcode, b"data", mask=mask) for opcode in (Opcode.PING, Opcode.PONG)]
        fragments = [
            frames.encode(Opcode.TEXT, b"one", mask=mask, fin=False),
            control[0],
            frames.encode(Opcode.CONTINUATION, b"\xe2\x82", mask=mask, fin=False),
            frames.encode(Opcode.CONTINUATION, b"\xac", mask=mask),
        ]
        binary = [frames.encode(Opcode.BINARY, b"x" * size, mask=mask) for size in (0, 3, 300, 301)]
        closes = [
            frames.encode(Opcode.CLOSE, b"", mask=mask),
            frames.encode_close(1000, "bye", mask=mask),
            frames.encode_close(1005, mask=mask),
        ]
        seeds += [choice + frame for frame in (*texts, *control, *binary, *closes)]
        seeds += [choice + b"".join(fragments), choice + b"".join((*texts, *binary[:3], *control, closes[1]))]
    return seeds


def payload_seeds() -> list[bytes]:
    packets = [
        *(EnginePacket(kind, "") for kind in PacketType),
        EnginePacket(PacketType.PING, "probe"),
        EnginePacket(PacketType.OPEN, '{"sid":"a"}'),
        EnginePacket(PacketType.MESSAGE, '2["a","€"]'),
        EnginePacket(PacketType.MESSAGE, b""),
        EnginePacket(PacketType.MESSAGE, b"\x00\x1e\xff"),
        EnginePacket(PacketType.MESSAGE, b"binary"),
    ]
    groups = [*([packet] for packet in packets), packets, packets[::-1], packets[-4:] * 3]
    return [engine.encode_payload(group).encode() for group in groups]


def packet_seeds() -> list[bytes]:
    items = [JSON.encode(packet) for packet in PACKETS + WITH_BINARY]
    seeds = [b"\x1e".join((item.text[1:], *item.binary)) for item in items]
    return [*seeds, rb'2["a","\ud83d\ude00","\ud83d"]', b'2["a",1e400]', b"2[1.0,-0.0]"]


def msgpack_seeds() -> list[bytes]:
    dated = Event(["date", datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)])
    return [packets_msgpack.encode(packet).binary[0] for packet in [*PACKETS, *WITH_BINARY, dated]]


def connection_seeds() -> list[bytes]:
    server = [b"t0", b"a", b't2["a",1]', b't51-["x",{"_placeholder":true,"num":0}]', b"bfile", b"t1"]
    server += [b"t0/b,{}", b"rb", b"t0/b,", b"ab", b"t32/b,1[2]", b"db", b"t2/b,[1]", b"t0/b,"]
    client = [b"j", b't0{"sid":"a"}', b't2["x"]', b"l", b"t1", b"jb", b't4/b,{"message":"no"}', b"jb"]
    packed = [b"j", b"b" + packets_msgpack.encode(Connect("/", {"sid": "a"})).binary[0]]
    packed += [b"b" + packets_msgpack.encode(Event(["x", b"y"])).binary[0], b"l"]
    taken = [b"b" + packets_msgpack.encode(packet).binary[0] for packet in (Connect(), Event(["x"], "/", 1))]
    packed_server = [taken[0], b"a", taken[1], b"d", taken[1], taken[0]]
    runs = ((b"0", server), (b"2", client), (b"3", packed), (b"1", packed_server))
    return [
        side + b"\x1e".join(steps[:count]) for side, steps in runs for count in range(1, len(steps) + 1, 2)
    ]


def session_seeds() -> list[bytes]:
    polling = [6, 0, 1, 0, 2, 0, 7, 0, 3, 8, 8, 0, 6, 0, 0, 9, 2, 0, 3, 6, 12, 5, 6, 0, 2, 0]
    upgrade = [6, 0, 5, 0, 4, 5, 2, 0, 6, 0, 2, 0, 4, 10, 1, 0, 2, 0, 13, 1]
    dropped = [5, 0, 0, 4, 5, 0, 4, 5, 10, 0, 12, 3, 0, 12]
    silent = [0, 8, 2, 0, 3, 8, 0, 7, 11, 0, 0, 10]
    return [bytes([first, *steps]) for first in (0, 1) for steps in (polling, upgrade, dropped, silent)]


def client_session_seeds() -> list[bytes]:
    opened = b'0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'
    return [
        opened,
        opened + b"\x1e2\x1e4hello\x1e6\x1e1",
        opened + b"\x1e4\xe2\x82\xac",
        b"4",
        b'0{"sid":1}',
        b"0",
    ]


RECORDS: list[Record] = [
    *(Broadcast("/", Target(("r1",), ("r2",)), ["x", *value], volatile=True) for value in VALUES + BINARY),
    *(ServerSideEmit("/chat", ["x", *value]) for value in VALUES + BINARY),
    Broadcast("/", Target(), ["x"], compress=False),
    Join("/", Target(("r1",)), ("r2", "r3")),
    Leave("/", Target(), ("r2",)),
    DisconnectSockets("/", Target(("sid",)), close=True),
    DisconnectSockets("/", Target(("sid",)), moved=True),
]


def broadcast_seeds() -> list[bytes]:
    entries = [broadcast.encode(record, "uid") for record in RECORDS]
    seeds = []
    for entry in entries:
        kind, body = entry["type"].encode(), entry["data"].encode()
        if not body.startswith(b"{"):
            kind, body = b"m" + kind, b64decode(body)
        seeds.append(b"\x1e".join((kind, entry["nsp"].encode(), body)))
    half = (
        rb'{"packet":{"type":2,"data":["x","\ud83d",100000000000000000000]},"opts":{"flags":{"volatile":1}}}'
    )
    return [*seeds, b"3\x1e/\x1e" + half]


def request_seeds() -> list[bytes]:
    handshake = HandshakeDetails(
        headers={"host": "a"}, query={"EIO": "4"}, auth={"token": "x"}, issued=1.7e12
    )
    messages: list[requests.ClusterMessage] = [
        FetchSockets("/", "id", Target(("r1",), ("r2",))),
        ServerSideEmit("/", ["x", 1]),
        *(AskServers("/", "id", ["x", *value]) for value in VALUES + BINARY),
        *(AskClients("id", Broadcast("/", Target(), ["x", *value]), 500) for value in VALUES),
        Sockets("/", "id", (SocketDetails("sid", handshake, ("sid", "r1"), {"a": 1}),)),
        *(ServerAnswer("/", "id", value) for value in VALUES),
        ClientCount("/", "id", 3),
        *(ClientAnswer("/", "id", value) for value in BINARY),
    ]
    return [requests.encode(message, "uid") for message in messages]


def recovery_seeds() -> list[bytes]:
    sessions = [
        Saved(sid="s", pid="p", rooms=frozenset({"s"}), data={"a": [1, b"x"]}),
        Saved(
            sid="s",
            pid="p",
            rooms=frozenset(),
            data={},
            nsp="/",
            live=True,
            offset="5-0",
            since="2-0",
            sent="4-1",
        ),
        Saved(sid="s", pid="p", rooms=frozenset(), data={1: None}, offset="5-0", since="3-0", before="1-0"),
    ]
    texts = [recovery.encode(saved).encode() for saved in sessions]
    offsets = [b"1700000000000-0", b"0-0", b"9" * 20 + b"-1", b"-1-0", b"1-"]
    steps = [
        b"\x01\x01\x70" + bytes(range(0, 240, 7)),
        b"\x00\x00\x70\x00\x93\x00\xc8\x00\x10\x00\xc9\x00\x50\x00\xca",
        b"\x02\x01\x30" + b"\x01\xf0\x00\x00" * 6,
        b"\x03\x03\x70" + b"\x00\xf1" * 9 + b"\x02\xff" + b"\x00\xf1" * 3,
    ]
    kinds = [(b"\0", [b64decode(text) for text in texts]), (b"\1", texts), (b"\2", offsets), (b"\3", steps)]
    return [kind + seed for kind, seeds in kinds for seed in seeds]


SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "frames": frame_seeds,
    "payloads": payload_seeds,
    "packets": packet_seeds,
    "msgpack": msgpack_seeds,
    "connection": connection_seeds,
    "session": session_seeds,
    "client_session": client_session_seeds,
    "broadcast": broadcast_seeds,
    "requests": request_seeds,
    "recovery": recovery_seeds,
}
