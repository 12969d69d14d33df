"""The Engine.IO session as its client sees it: messages with 0x1e between them."""

from protocol.engineio.client_session import ClientSession, ClientSessionState
from protocol.engineio.engine_packet import PacketType
from protocol.engineio.packets import decode_packet
from protocol.errors import PacketError

WORDS = [b'"sid":"a"', b'"pingInterval":', b'"pingTimeout":', b"\x1e", b"25000", b"0{"]


def check(data: bytes) -> None:
    """Only `PacketError` is raised; before the open packet there is no id and no deadline, after it there are both,
    and no number that a server gives is too large for a timer."""
    session = ClientSession()
    for now, part in enumerate(data.split(b"\x1e")):
        before = session.state
        try:
            packet = decode_packet(part.decode(errors="replace"))
            message = session.receive(packet, now)
        except PacketError:
            break
        assert before is not ClientSessionState.CLOSED
        assert (message is None) == (packet.type is not PacketType.MESSAGE)
        assert session.state is not ClientSessionState.OPENING
        assert isinstance(session.id, str)
        assert session.deadline is not None
        assert 0 < session.deadline < now + 2 * 2**31, "a time for which a timer can be set"
