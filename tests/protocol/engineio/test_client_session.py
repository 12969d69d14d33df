"""The session of a client: what each packet does in each state, and the server's open packet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.engineio.client_session import TRANSITIONS, ClientSession, ClientSessionState
from protocol.engineio.engine_packet import EnginePacket, PacketType
from protocol.errors import PacketError

START = 1_000_000
OPEN = EnginePacket(
    PacketType.OPEN,
    '{"sid":"abc","upgrades":[],"pingInterval":300,"pingTimeout":200,"maxPayload":1000,"later":[1]}',
)
PACKETS = {kind: EnginePacket(kind) for kind in PacketType} | {PacketType.OPEN: OPEN}
TO_REACH = {
    ClientSessionState.OPENING: [],
    ClientSessionState.OPEN: [OPEN],
    ClientSessionState.CLOSED: [OPEN, EnginePacket(PacketType.CLOSE)],
}


def in_state(state: ClientSessionState) -> ClientSession:
    session = ClientSession()
    for packet in TO_REACH[state]:
        session.receive(packet, START)
    assert session.state is state
    return session


@pytest.mark.parametrize("kind", PacketType)
@pytest.mark.parametrize("state", ClientSessionState)
def test_every_packet_in_every_state(state: ClientSessionState, kind: PacketType) -> None:
    session = in_state(state)
    after = TRANSITIONS[state].get(kind)
    if after is None:
        with pytest.raises(
            PacketError, match=f"{kind.name} is not allowed in a session that is {state.name}"
        ):
            session.receive(PACKETS[kind], START)
        assert session.state is state
    else:
        data = session.receive(PACKETS[kind], START)
        assert session.state is after
        assert data == ("" if kind is PacketType.MESSAGE else None)


def test_the_open_packet() -> None:
    session = ClientSession()
    assert (session.id, session.deadline) == (None, None)
    session.receive(OPEN, START)
    assert (session.id, session.deadline) == ("abc", START + 500)


@pytest.mark.parametrize("data", ["text", b"binary"])
def test_messages_do_not_put_off_the_deadline(data: str | bytes) -> None:
    session = in_state(ClientSessionState.OPEN)
    assert session.receive(EnginePacket(PacketType.MESSAGE, data), START + 400) == data
    assert session.deadline == START + 500


def test_a_ping_puts_off_the_deadline() -> None:
    session = in_state(ClientSessionState.OPEN)
    session.receive(EnginePacket(PacketType.PING), START + 300)
    assert session.deadline == START + 800


@pytest.mark.parametrize(
    "data",
    [
        "",
        "[]",
        '{"sid":"a","pingInterval":1}',
        '{"sid":1,"pingInterval":1,"pingTimeout":1}',
        '{"sid":"a","pingInterval":0,"pingTimeout":1}',
        '{"sid":"a","pingInterval":1,"pingTimeout":-1}',
        '{"sid":"a","pingInterval":1.5,"pingTimeout":1}',
        '{"sid":"a","pingInterval":2147483648,"pingTimeout":1}',
        '{"sid":"a","pingInterval":1,"pingTimeout":1%s}' % ("0" * 400),  # for which no timer can be set
        '{"sid":"a","pingInterval":1,"pingTimeout":1',
        '{"sid":"a","x":' + "[" * 100_000,
    ],
)
def test_what_is_no_open_packet(data: str) -> None:
    with pytest.raises(PacketError):
        ClientSession().receive(EnginePacket(PacketType.OPEN, data), START)


@given(st.text(max_size=30))
def test_any_text_for_an_open_packet(data: str) -> None:
    session = ClientSession()
    with pytest.raises(PacketError):
        session.receive(EnginePacket(PacketType.OPEN, data), START)
