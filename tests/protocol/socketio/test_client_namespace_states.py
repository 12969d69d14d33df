"""The Socket.IO side of a client: every packet and decision in every state, and a client and a server that talk."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from protocol.engineio.packets import Encoded
from protocol.errors import PacketError
from protocol.socketio import namespace_states as server_side
from protocol.socketio.client_namespace_states import (
    TRANSITIONS,
    ClientDecision,
    ClientNamespaceInput,
    ClientNamespaceState,
    ClientNamespaceStates,
)
from protocol.socketio.json_parser import JSON
from protocol.socketio.msgpack_parser import MSGPACK
from protocol.socketio.namespace_states import NamespaceStates
from protocol.socketio.packets import Ack, Connect, ConnectError, Disconnect, Event, Packet, Parser, Rejected
from tests.support.tries import tries

PACKETS: list[Packet] = [
    Connect("/a", {"sid": "x"}),
    Disconnect("/a"),
    Event(["x"], "/a", 1),
    Ack(["x"], 1, "/a"),
    ConnectError({"message": "x"}, "/a"),
]
TO_REACH: dict[ClientNamespaceState, list[ClientNamespaceInput]] = {
    ClientNamespaceState.ABSENT: [],
    ClientNamespaceState.JOINING: [ClientDecision.JOIN],
    ClientNamespaceState.JOINED: [ClientDecision.JOIN, Connect],
}


def messages(item: Encoded) -> list[str | bytes]:
    """The Engine.IO messages of a packet."""
    return [*([item.text.decode()[1:]] if item.text else []), *item.binary]


def give(connection: ClientNamespaceStates, packet: Packet, parser: Parser = JSON) -> Packet | None:
    """Let the server send a packet."""
    *first, last = [connection.receive(message) for message in messages(parser.encode(packet))]
    assert first == [None] * len(first)
    return last


INPUTS: dict[ClientNamespaceInput, Callable[[ClientNamespaceStates], Any]] = {
    **{type(packet): lambda connection, packet=packet: give(connection, packet) for packet in PACKETS},
    ClientDecision.JOIN: lambda connection: connection.join("/a", {"token": "t"}),
    ClientDecision.LEAVE: lambda connection: connection.leave("/a"),
}


def in_state(state: ClientNamespaceState) -> ClientNamespaceStates:
    connection = ClientNamespaceStates(JSON)
    for step in TO_REACH[state]:
        INPUTS[step](connection)
    assert connection.state("/a") is state
    return connection


@pytest.mark.parametrize("input", INPUTS, ids=lambda input: getattr(input, "__name__", None) or input.name)
@pytest.mark.parametrize("state", ClientNamespaceState)
def test_every_input_in_every_state(state: ClientNamespaceState, input: ClientNamespaceInput) -> None:
    connection = in_state(state)
    after = TRANSITIONS[state].get(input)
    if after is None:
        with pytest.raises(PacketError, match=f"not allowed in a namespace that is {state.name}"):
            INPUTS[input](connection)
        assert connection.state("/a") is state
    else:
        INPUTS[input](connection)
        assert connection.state("/a") is after
    assert connection.state("/b") is ClientNamespaceState.ABSENT


@pytest.mark.parametrize("state", [ClientNamespaceState.ABSENT, ClientNamespaceState.JOINING])
@pytest.mark.parametrize("packet", [Event(["x"], "/a"), Ack([], 0, "/a"), Disconnect("/a")])
def test_what_comes_too_late_is_dropped(state: ClientNamespaceState, packet: Packet) -> None:
    connection = in_state(ClientNamespaceState.JOINED)
    connection.leave("/a")
    if state is ClientNamespaceState.JOINING:
        connection.join("/a", None)
    assert connection.state("/a") is state
    assert give(connection, packet) is None


@pytest.mark.parametrize("packet", [Ack([], 0, "/a"), Disconnect("/a")])
def test_what_cannot_be_of_before_is_dropped(packet: Packet) -> None:
    assert give(in_state(ClientNamespaceState.JOINING), packet) is None


def test_what_was_missed_comes_before_the_answer() -> None:
    connection = in_state(ClientNamespaceState.JOINING)
    assert give(connection, Event(["x", b"y"], "/a")) == Event(["x", b"y"], "/a")
    assert give(connection, Connect("/a", {"sid": "x"})) == Connect("/a", {"sid": "x"})


@pytest.mark.parametrize("packet", [Event(["x", b"y"], "/a", 5), Ack([1, b"y"], 0, "/a"), Disconnect("/a")])
def test_what_comes_in_time_is_given(packet: Packet) -> None:
    assert give(in_state(ClientNamespaceState.JOINED), packet) == packet


@pytest.mark.parametrize("packet", [Connect("/a", {"sid": "x"}), ConnectError({"message": "no"}, "/a")])
def test_the_answer_to_a_wish_to_join(packet: Packet) -> None:
    assert give(in_state(ClientNamespaceState.JOINING), packet) == packet


@pytest.mark.parametrize("data", [None, {}, {"sid": 1}])
def test_a_server_of_socket_io_2(data: dict[str, Any] | None) -> None:
    with pytest.raises(PacketError, match="without an id"):
        give(in_state(ClientNamespaceState.JOINING), Connect("/a", data))


def test_what_cannot_be_carried_is_rejected_and_ends_nothing() -> None:
    """The limits of what a server sends are wider than those of clients."""
    connection = in_state(ClientNamespaceState.JOINED)
    for text, left in (('2/a,["x",1e400]', Event(["x"], "/a")), ("3/a,5[1e400]", Ack([], 5, "/a"))):
        rejected = connection.receive(text)
        assert isinstance(rejected, Rejected)
        assert rejected.packet == left
    assert isinstance(connection.receive('2/a,["x",' + "[" * 250 + "]" * 251), Event)
    assert isinstance(connection.receive('2/a,["x",' + "[" * 300 + "]" * 301), Rejected)


def test_an_answer_that_cannot_be_carried_lets_nobody_in() -> None:
    with pytest.raises(PacketError, match="cannot be carried"):
        in_state(ClientNamespaceState.JOINING).receive('0/a,{"sid":"x","more":1e400}')


def test_packets_to_send() -> None:
    connection = ClientNamespaceStates(JSON)
    assert connection.join("/", None).text == b"40"
    assert connection.join("/a", {"t": 1}).text == b'40/a,{"t":1}'
    give(connection, Connect("/a", {"sid": "x"}))
    assert connection.leave("/a").text == b"41/a,"


class Dialogue(RuleBasedStateMachine):
    """A client and a server in one namespace, each of which sends and decides at any time it may; what they
    have sent waits on the wire. Whatever they do, neither breaks the protocol, and in the end they agree."""

    parser = JSON

    def __init__(self) -> None:
        super().__init__()
        self.client = ClientNamespaceStates(self.parser)
        self.server = NamespaceStates(self.parser, deadline=0)
        self.to_client: list[str | bytes] = []
        self.to_server: list[str | bytes] = []

    @property
    def known(self) -> server_side.NamespaceState:
        return self.server.state("/")

    @precondition(lambda self: self.client.state("/") is ClientNamespaceState.ABSENT)
    @rule()
    def join(self) -> None:
        self.to_server += messages(self.client.join("/", None))

    @precondition(lambda self: self.client.state("/") is ClientNamespaceState.JOINED)
    @rule()
    def leave(self) -> None:
        self.to_server += messages(self.client.leave("/"))

    @precondition(lambda self: self.client.state("/") is ClientNamespaceState.JOINED)
    @rule()
    def client_emits(self) -> None:
        self.to_server += messages(self.parser.encode(Event(["x", b"y"], "/", 1)))

    @precondition(lambda self: self.known is server_side.NamespaceState.CONNECTED)
    @rule(with_ack=st.booleans())
    def server_emits(self, with_ack: bool) -> None:
        packet: Packet = Ack([b"y"], 1) if with_ack else Event(["x", b"y"])
        self.to_client += messages(self.parser.encode(packet))

    @precondition(lambda self: self.known is server_side.NamespaceState.CONNECTING)
    @rule(accepts=st.booleans())
    def server_decides(self, accepts: bool) -> None:
        self.to_client += messages(
            self.server.accept("/", "sid") if accepts else self.server.refuse("/", "no")
        )

    @precondition(lambda self: self.known is server_side.NamespaceState.CONNECTED)
    @rule()
    def server_dismisses(self) -> None:
        self.to_client += messages(self.server.dismiss("/"))

    @precondition(lambda self: self.to_client)
    @rule()
    def client_reads(self) -> None:
        self.client.receive(self.to_client.pop(0))

    @precondition(lambda self: self.to_server)
    @rule()
    def server_reads(self) -> None:
        self.server.receive(self.to_server.pop(0))

    @invariant()
    def they_agree_once_all_is_read(self) -> None:
        if not self.to_client and not self.to_server:
            inside = self.known is server_side.NamespaceState.CONNECTED
            assert inside == (self.client.state("/") is ClientNamespaceState.JOINED)


class MsgpackDialogue(Dialogue):
    parser = MSGPACK


TestDialogue = Dialogue.TestCase
TestMsgpackDialogue = MsgpackDialogue.TestCase
TestDialogue.settings = TestMsgpackDialogue.settings = settings(
    max_examples=tries(200), stateful_step_count=30
)
