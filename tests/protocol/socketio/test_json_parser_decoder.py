"""Packets put together from the messages of one connection."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import PacketError
from protocol.socketio.json_parser import JSON, Decoder
from protocol.socketio.msgpack_parser import MSGPACK
from protocol.socketio.packet_limits import PacketLimits
from protocol.socketio.packets import Ack, Event, Packet, Parser
from tests.support.packet_values import packets, scalars


def give(decoder: Decoder, packet: Packet, parser: Parser) -> list[Any]:
    item = parser.encode(packet)
    texts: list[str | bytes] = [item.text.decode()[1:]] if item.text else []
    return [decoder.receive(message) for message in (*texts, *item.binary)]


@pytest.mark.parametrize("parser", [JSON, MSGPACK], ids=["json", "msgpack"])
def test_a_packet_is_given_with_its_last_message(parser: Parser) -> None:
    decoder = Decoder(parser)
    for packet in (Event(["a", b"1", {"deep": [b"2"]}]), Ack([b""], 3), Event(["plain"]), Event(["b", b"3"])):
        *before, last = give(decoder, packet, parser)
        assert before == [None] * len(before)
        assert last == packet


@given(st.lists(packets(scalars), max_size=5))
def test_one_after_the_other(sent: list[Packet]) -> None:
    decoder = Decoder(JSON)
    received = [result for packet in sent for result in give(decoder, packet, JSON) if result is not None]
    assert received == sent


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([b"stray"], id="an attachment of nothing"),
        pytest.param(['51-["a",{"_placeholder":true,"num":0}]', "text"], id="text for an attachment"),
        pytest.param(
            ['51-["a",{"_placeholder":true,"num":1}]', b""], id="a placeholder without an attachment"
        ),
        pytest.param(['53-["a"]'], id="too many attachments"),
    ],
)
def test_faults(messages: list[str | bytes]) -> None:
    decoder = Decoder(JSON, limits=PacketLimits(2))
    *before, last = messages
    assert [decoder.receive(message) for message in before] == [None] * len(before)
    with pytest.raises(PacketError):
        decoder.receive(last)
