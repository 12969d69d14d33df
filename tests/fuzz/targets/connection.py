"""The namespaces of a connection, on the server's side and the client's: messages and decisions in any order.

The first byte chooses the side and the parser. The others are steps with 0x1e between them, each a letter and what
belongs to it: `t` a text message, `b` a binary one, and decisions about a namespace.
"""

from protocol.errors import PacketError
from protocol.socketio.client_namespace_states import ClientNamespaceState as ClientState
from protocol.socketio.client_namespace_states import ClientNamespaceStates
from protocol.socketio.json_parser import JSON
from protocol.socketio.msgpack_parser import MSGPACK
from protocol.socketio.namespace_states import NamespaceState, NamespaceStates
from protocol.socketio.packets import Ack, Connect, ConnectError, Disconnect, Event, Packet, Rejected

MAX_NAMESPACES = 3

WORDS = [
    b"\x1e",
    b"t0/a,",
    b"aa",
    b"da",
    b"ra",
    b"t2/a,[1]",
    b"t1/a,",
    b't51-/a,["x",{"_placeholder":true,"num":0}]',
    b"b",
    b"ja",
    b"la",
]


def check(data: bytes) -> None:
    """Only `PacketError` is raised; a namespace is where the packets and decisions that were taken have brought it,
    and only who is in one gets its events."""
    choice = data[:1] or b"\0"
    parser = MSGPACK if choice[0] & 1 else JSON
    steps = [step.decode(errors="replace") if step[:1] != b"b" else step for step in data[1:].split(b"\x1e")]
    (check_client if choice[0] & 2 else check_server)(steps, parser)


def check_server(steps: list[str | bytes], parser: object) -> None:
    connection = NamespaceStates(parser, deadline=1, max_namespaces=MAX_NAMESPACES)
    expected: dict[str, NamespaceState] = {}
    for step in steps:
        try:
            _server_step(connection, step, expected)
        except PacketError:
            return
        assert all(connection.state(nsp) is state for nsp, state in expected.items())
        assert sum(state is not NamespaceState.ABSENT for state in expected.values()) <= MAX_NAMESPACES


def _server_step(connection: NamespaceStates, step: str | bytes, expected: dict[str, NamespaceState]) -> None:
    if isinstance(step, bytes) or step[:1] == "t":
        packet = connection.receive(step[1:])
        if packet is not None:
            _server_packet(packet.packet if isinstance(packet, Rejected) else packet, expected)
        else:
            _server_silence(connection, expected)
        return
    kind, nsp = step[:1], f"/{step[1:]}"
    before = expected.get(nsp, NamespaceState.ABSENT)
    decisions = {
        "a": (
            NamespaceState.CONNECTING,
            NamespaceState.CONNECTED,
            lambda: connection.accept(nsp, "sid", "pid"),
        ),
        "r": (
            NamespaceState.CONNECTING,
            NamespaceState.ABSENT,
            lambda: connection.refuse(nsp, "no", {"why": 1}),
        ),
        "d": (NamespaceState.CONNECTED, NamespaceState.DISMISSED, lambda: connection.dismiss(nsp)),
    }
    if kind in decisions:
        wanted, after, decide = decisions[kind]
        try:
            assert decide().size
        except PacketError:
            assert before is not wanted
            raise
        assert before is wanted
        expected[nsp] = after


def _server_silence(connection: NamespaceStates, expected: dict[str, NamespaceState]) -> None:
    """Who was dismissed may say that it leaves, which nobody is told of."""
    for nsp, state in expected.items():
        if state is NamespaceState.DISMISSED and connection.state(nsp) is NamespaceState.ABSENT:
            expected[nsp] = NamespaceState.ABSENT


def _server_packet(packet: Packet, expected: dict[str, NamespaceState]) -> None:
    before = expected.get(packet.nsp, NamespaceState.ABSENT)
    match packet:
        case Connect():
            assert before in (NamespaceState.ABSENT, NamespaceState.DISMISSED)
            expected[packet.nsp] = NamespaceState.CONNECTING
        case Event() | Ack():
            assert before is NamespaceState.CONNECTED
        case Disconnect():
            assert before is NamespaceState.CONNECTED
            expected[packet.nsp] = NamespaceState.ABSENT
        case ConnectError():
            raise AssertionError("a client refuses nothing")


def check_client(steps: list[str | bytes], parser: object) -> None:
    connection = ClientNamespaceStates(parser)
    expected: dict[str, ClientState] = {}
    for step in steps:
        try:
            _client_step(connection, step, expected)
        except PacketError:
            return
        assert all(connection.state(nsp) is state for nsp, state in expected.items())


def _client_step(
    connection: ClientNamespaceStates, step: str | bytes, expected: dict[str, ClientState]
) -> None:
    if isinstance(step, bytes) or step[:1] == "t":
        packet = connection.receive(step[1:])
        if packet is not None:
            _client_packet(packet.packet if isinstance(packet, Rejected) else packet, expected)
        return
    kind, nsp = step[:1], f"/{step[1:]}"
    before = expected.get(nsp, ClientState.ABSENT)
    if kind == "j":
        assert connection.join(nsp, {"a": 1}).size
        assert before is ClientState.ABSENT
        expected[nsp] = ClientState.JOINING
    elif kind == "l":
        assert connection.leave(nsp).size
        assert before is ClientState.JOINED
        expected[nsp] = ClientState.ABSENT


def _client_packet(packet: Packet, expected: dict[str, ClientState]) -> None:
    before = expected.get(packet.nsp, ClientState.ABSENT)
    match packet:
        case Connect(data=data):
            assert before is ClientState.JOINING
            assert isinstance(data["sid"], str)
            expected[packet.nsp] = ClientState.JOINED
        case ConnectError():
            assert before is ClientState.JOINING
            expected[packet.nsp] = ClientState.ABSENT
        case Event():
            assert before is not ClientState.ABSENT
        case Ack():
            assert before is ClientState.JOINED
        case Disconnect():
            assert before is ClientState.JOINED
            expected[packet.nsp] = ClientState.ABSENT
