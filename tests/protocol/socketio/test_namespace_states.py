"""The Socket.IO side of a session: every packet and decision in every state of a namespace, and any order of them."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from protocol.engineio.packets import Encoded
from protocol.errors import PacketError
from protocol.socketio.json_parser import JSON
from protocol.socketio.msgpack_parser import MSGPACK
from protocol.socketio.msgpack_parser import decode as decode_msgpack
from protocol.socketio.namespace_states import NamespaceInput, NamespaceState, NamespaceStates, ServerDecision
from protocol.socketio.packet_limits import MAX_ATTACHMENTS, PacketLimits
from protocol.socketio.packets import Ack, Connect, ConnectError, Disconnect, Event, Parser, Rejected
from tests.support.tries import tries

PACKETS = [
    Connect("/a", {"token": "x"}),
    Disconnect("/a"),
    Event(["x"], "/a", 1),
    Ack(["x"], 1, "/a"),
    ConnectError({"message": "x"}, "/a"),
]
DECISIONS: dict[ServerDecision, Callable[[NamespaceStates], Encoded]] = {
    ServerDecision.ACCEPT: lambda connection: connection.accept("/a", "sid"),
    ServerDecision.REFUSE: lambda connection: connection.refuse("/a", "no"),
    ServerDecision.DISMISS: lambda connection: connection.dismiss("/a"),
}
TO_REACH: dict[NamespaceState, list[NamespaceInput]] = {
    NamespaceState.ABSENT: [],
    NamespaceState.CONNECTING: [Connect],
    NamespaceState.CONNECTED: [Connect, ServerDecision.ACCEPT],
    NamespaceState.DISMISSED: [Connect, ServerDecision.ACCEPT, ServerDecision.DISMISS],
}
# All that is allowed; whatever else a client sends closes its connection (docs/protocol.md §2).
ALLOWED: dict[tuple[NamespaceState, NamespaceInput], NamespaceState] = {
    (NamespaceState.ABSENT, Connect): NamespaceState.CONNECTING,
    (NamespaceState.CONNECTING, ServerDecision.ACCEPT): NamespaceState.CONNECTED,
    (NamespaceState.CONNECTING, ServerDecision.REFUSE): NamespaceState.ABSENT,
    (NamespaceState.CONNECTED, Event): NamespaceState.CONNECTED,
    (NamespaceState.CONNECTED, Ack): NamespaceState.CONNECTED,
    (NamespaceState.CONNECTED, Disconnect): NamespaceState.ABSENT,
    (NamespaceState.CONNECTED, ServerDecision.DISMISS): NamespaceState.DISMISSED,
    (NamespaceState.DISMISSED, Event): NamespaceState.DISMISSED,
    (NamespaceState.DISMISSED, Ack): NamespaceState.DISMISSED,
    (NamespaceState.DISMISSED, Disconnect): NamespaceState.ABSENT,
    (NamespaceState.DISMISSED, Connect): NamespaceState.CONNECTING,
}
INPUTS: dict[NamespaceInput, Callable[[NamespaceStates], Any]] = {
    **{type(packet): lambda connection, packet=packet: give(connection, packet) for packet in PACKETS},
    **DECISIONS,
}


def make(parser: Parser = JSON, **options: Any) -> NamespaceStates:
    return NamespaceStates(parser, deadline=45_000, **options)


def give(connection: NamespaceStates, packet: Any, parser: Parser = JSON) -> Any:
    """Let the client send a packet."""
    item = parser.encode(packet)
    messages = ([item.text.decode()[1:]] if item.text else []) + list(item.binary)
    *first, last = [connection.receive(message) for message in messages]
    assert first == [None] * len(first)
    return last


def in_state(state: NamespaceState) -> NamespaceStates:
    connection = make()
    for step in TO_REACH[state]:
        INPUTS[step](connection)
    assert connection.state("/a") is state
    return connection


@pytest.mark.parametrize(
    "input", INPUTS, ids=lambda input: input.name if isinstance(input, ServerDecision) else input.__name__
)
@pytest.mark.parametrize("state", NamespaceState)
def test_every_input_in_every_state(state: NamespaceState, input: NamespaceInput) -> None:
    connection = in_state(state)
    after = ALLOWED.get((state, input))
    if after is None:
        with pytest.raises(PacketError, match=f"namespace that is {state.name}"):
            INPUTS[input](connection)
        assert connection.state("/a") is state
        return
    answer = INPUTS[input](connection)
    assert connection.state("/a") is after
    if not isinstance(input, ServerDecision):
        dropped = state is NamespaceState.DISMISSED and input is not Connect
        assert answer == (None if dropped else next(packet for packet in PACKETS if type(packet) is input))


@pytest.mark.parametrize("parser", [JSON, MSGPACK], ids=["json", "msgpack"])
def test_what_the_server_says(parser: Parser) -> None:
    def said(item: Encoded) -> Any:
        return (
            parser.decode(item.text.decode()[1:], PacketLimits())
            if item.text
            else decode_msgpack(*item.binary)
        )

    connection = make(parser)
    give(connection, Connect(), parser)
    assert said(connection.refuse("/", "no")) == ConnectError({"message": "no"})
    give(connection, Connect(), parser)
    assert said(connection.refuse("/", "no", {"code": 1})) == ConnectError(
        {"message": "no", "data": {"code": 1}}
    )
    give(connection, Connect("/a"), parser)
    assert said(connection.accept("/a", "sid")) == Connect("/a", {"sid": "sid"})
    assert said(connection.dismiss("/a")) == Disconnect("/a")
    give(connection, Connect("/b"), parser)
    assert said(connection.accept("/b", "sid", "pid")) == Connect("/b", {"sid": "sid", "pid": "pid"})


def test_a_refusal_that_cannot_be_sent_leaves_the_client_waiting() -> None:
    connection = in_state(NamespaceState.CONNECTING)
    with pytest.raises(TypeError):
        connection.refuse("/a", "no", object())
    assert connection.state("/a") is NamespaceState.CONNECTING
    connection.refuse("/a", "no")
    assert connection.state("/a") is NamespaceState.ABSENT


def test_the_deadline_is_for_the_first_namespace() -> None:
    connection = make()
    give(connection, Connect("/a"))
    assert connection.deadline == 45_000
    connection.refuse("/a", "no")
    assert connection.deadline == 45_000
    give(connection, Connect("/b"))
    connection.accept("/b", "sid")
    assert connection.deadline is None
    connection.dismiss("/b")
    assert connection.deadline is None


def test_namespaces_are_apart() -> None:
    connection = in_state(NamespaceState.CONNECTED)
    give(connection, Connect("/b"))
    assert (connection.state("/a"), connection.state("/b")) == (
        NamespaceState.CONNECTED,
        NamespaceState.CONNECTING,
    )
    assert connection.state("/") is NamespaceState.ABSENT
    with pytest.raises(PacketError):
        give(connection, Event(["x"], "/b"))
    assert give(connection, Event(["x"], "/a")) == Event(["x"], "/a")


def test_the_number_of_namespaces_is_limited() -> None:
    connection = make(max_namespaces=2)
    for nsp in ("/a", "/b"):
        give(connection, Connect(nsp))
        connection.accept(nsp, "sid")
    with pytest.raises(PacketError, match="more than 2 namespaces"):
        give(connection, Connect("/c"))
    assert connection.state("/c") is NamespaceState.ABSENT
    connection.dismiss("/a")
    give(connection, Connect("/a"))
    assert connection.state("/a") is NamespaceState.CONNECTING, "one that it had already counts once"
    give(connection, Disconnect("/b"))
    give(connection, Connect("/c"))
    assert connection.state("/c") is NamespaceState.CONNECTING


REJECTED = [
    ('0/a,{"x":1e400}', Connect("/a")),
    ('2/a,1["x",1e400]', Event(["x"], "/a", 1)),
    ("3/a,1[1e400]", Ack([], 1, "/a")),
]


@pytest.mark.parametrize(("text", "packet"), REJECTED)
@pytest.mark.parametrize("state", NamespaceState)
def test_a_payload_that_cannot_be_carried_changes_no_rule(
    state: NamespaceState, text: str, packet: Any
) -> None:
    """Its packet is allowed where it would be with any other payload, and moves the namespace alike."""
    connection = in_state(state)
    after = ALLOWED.get((state, type(packet)))
    if after is None:
        with pytest.raises(PacketError, match=f"namespace that is {state.name}"):
            connection.receive(text)
        return
    answer = connection.receive(text)
    assert connection.state("/a") is after
    if state is NamespaceState.DISMISSED and not isinstance(packet, Connect):
        assert answer is None
    else:
        assert isinstance(answer, Rejected)
        assert answer.packet == packet


class TestAttachments:
    @pytest.mark.parametrize(
        "packet", [Event(["x", b"1", {"y": b"2"}], "/a", 7), Ack([b"1", [b"2"]], 7, "/a")]
    )
    def test_a_packet_is_complete_with_the_last_one(self, packet: Event | Ack) -> None:
        connection = in_state(NamespaceState.CONNECTED)
        for _ in range(2):
            assert give(connection, packet) == packet
        assert give(connection, Event(["x"], "/a")) == Event(["x"], "/a")

    def test_binary_that_belongs_to_nothing(self) -> None:
        with pytest.raises(PacketError):
            in_state(NamespaceState.CONNECTED).receive(b"stray")

    def test_text_where_binary_is_due(self) -> None:
        connection = in_state(NamespaceState.CONNECTED)
        assert connection.receive('51-/a,["x",{"_placeholder":true,"num":0}]') is None
        with pytest.raises(PacketError, match="attachment is due"):
            connection.receive('2/a,["x"]')
        assert connection.state("/a") is NamespaceState.CONNECTED

    def test_a_placeholder_that_names_none(self) -> None:
        connection = in_state(NamespaceState.CONNECTED)
        assert connection.receive('51-/a,["x",{"_placeholder":true,"num":1}]') is None
        with pytest.raises(PacketError, match="names no attachment"):
            connection.receive(b"1")

    def test_for_a_namespace_that_is_not_joined(self) -> None:
        connection = make()
        assert connection.receive('51-["x",{"_placeholder":true,"num":0}]') is None
        with pytest.raises(PacketError, match="ABSENT"):
            connection.receive(b"1")

    def test_their_number_is_limited(self) -> None:
        connection = in_state(NamespaceState.CONNECTED)
        with pytest.raises(PacketError, match="11 attachments"):
            give(connection, Event(["x", *[b"1"] * (MAX_ATTACHMENTS + 1)], "/a"))
        few = make(limits=PacketLimits(1))
        give(few, Connect())
        few.accept("/", "sid")
        assert give(few, Event(["x", b"1"])) == Event(["x", b"1"])
        with pytest.raises(PacketError, match="2 attachments"):
            give(few, Event(["x", b"1", b"2"]))
        few.allow(PacketLimits(2))
        assert give(few, Event(["x", b"1", b"2"])) == Event(["x", b"1", b"2"])


class TestAcks:
    def test_each_is_taken_once(self) -> None:
        connection = make()
        assert connection.take_ack("/", 0) is None
        assert not connection.owes_acks
        connection.expect_ack("/", 0, "zero")
        assert connection.owes_acks
        connection.expect_ack("/a", 0, "zero of a")
        assert connection.take_ack("/", 0) == "zero"
        assert connection.take_ack("/", 0) is None
        assert connection.take_ack("/a", 1) is None
        assert connection.take_ack("/a", 0) == "zero of a"

    def test_all_of_a_namespace(self) -> None:
        connection = make()
        assert connection.take_acks("/") == []
        for nsp, number in (("/", 1), ("/a", 1), ("/", 2)):
            connection.expect_ack(nsp, number, f"{number} of {nsp}")
        assert connection.take_acks("/") == ["1 of /", "2 of /"]
        assert connection.take_acks("/") == []
        assert connection.take_ack("/a", 1) == "1 of /a"


NAMESPACES = st.sampled_from(["/", "/a", "/b"])


class AnyOrder(RuleBasedStateMachine):
    """Whatever the client sends and the server decides, each namespace is where the table says, and the others stay."""

    def __init__(self) -> None:
        super().__init__()
        self.connection = make(max_namespaces=2)
        self.states: dict[str, NamespaceState] = dict.fromkeys(["/", "/a", "/b"], NamespaceState.ABSENT)
        self.accepted = False

    def expect(self, nsp: str, input: NamespaceInput, act: Callable[[], Any]) -> Any:
        after = ALLOWED.get((self.states[nsp], input))
        joined = sum(state is not NamespaceState.ABSENT for state in self.states.values())
        if after is None or (self.states[nsp] is NamespaceState.ABSENT and joined == 2):
            with pytest.raises(PacketError):
                act()
            return None
        answer = act()
        self.states[nsp] = after
        return answer

    @rule(
        nsp=NAMESPACES,
        kind=st.sampled_from([Connect, Disconnect, Event, Ack, ConnectError]),
        binary=st.booleans(),
    )
    def receive(self, nsp: str, kind: Any, binary: bool) -> None:
        data: list[Any] = ["x", b"binary"] if binary else ["x"]
        packet = {
            Connect: Connect(nsp),
            Disconnect: Disconnect(nsp),
            Event: Event(data, nsp),
            Ack: Ack(data, 3, nsp),
            ConnectError: ConnectError({}, nsp),
        }[kind]
        dropped = self.states[nsp] is NamespaceState.DISMISSED and kind is not Connect
        answer = self.expect(nsp, kind, lambda: give(self.connection, packet))
        assert answer is None or (answer == packet and not dropped)

    @rule(
        message=st.sampled_from(["", "7", "2", "2[]", '2["connect"]', "3[]", "4", '50-["x"]', b"", b"stray"])
    )
    def receive_what_is_no_packet(self, message: str | bytes) -> None:
        with pytest.raises(PacketError):
            self.connection.receive(message)

    @rule(nsp=NAMESPACES)
    def accept(self, nsp: str) -> None:
        if self.expect(nsp, ServerDecision.ACCEPT, lambda: self.connection.accept(nsp, "sid")) is not None:
            self.accepted = True

    @rule(nsp=NAMESPACES)
    def refuse(self, nsp: str) -> None:
        self.expect(nsp, ServerDecision.REFUSE, lambda: self.connection.refuse(nsp, "no"))

    @rule(nsp=NAMESPACES)
    def dismiss(self, nsp: str) -> None:
        self.expect(nsp, ServerDecision.DISMISS, lambda: self.connection.dismiss(nsp))

    @invariant()
    def it_is_where_the_table_says(self) -> None:
        assert {nsp: self.connection.state(nsp) for nsp in self.states} == self.states
        assert (self.connection.deadline is None) is self.accepted


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=tries(100), stateful_step_count=30, deadline=None)
