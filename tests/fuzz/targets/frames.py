"""WebSocket frames: the first byte chooses the role and how the others are cut into pieces."""

from protocol.errors import FrameError
from protocol.websocket.frames import FrameReader, Opcode, encode, encode_close
from protocol.websocket.messages import Close, Ping, Pong, WebSocketMessage
from tests.fuzz.draw import Draw, cut

MAX_PAYLOAD = 300
MASK = b"\x01\x82\x03\xff"


def check(data: bytes) -> None:
    """The messages are the same however the bytes are cut; none is larger than allowed; what is read can be written
    and read again."""
    draw = Draw(data)
    choice = draw.below(256)
    masked, seed = choice < 128, choice % 128
    wire = draw.rest()
    whole = FrameReader(masked=masked, max_payload=MAX_PAYLOAD).receive(wire)
    assert plain(whole) == plain(read(cut(wire, seed), masked))
    messages = [message for message in whole if not isinstance(message, FrameError)]
    assert len(messages) >= len(whole) - 1, "nothing comes after an error"
    assert sum(map(size, messages)) <= len(wire)
    again = b"".join(written(message, masked) for message in messages)
    assert FrameReader(masked=masked, max_payload=MAX_PAYLOAD).receive(again) == messages


def read(pieces: object, masked: bool) -> list[WebSocketMessage]:
    reader = FrameReader(masked=masked, max_payload=MAX_PAYLOAD)
    messages: list[WebSocketMessage] = []
    for piece in pieces:
        messages += reader.receive(piece)
        if messages and isinstance(messages[-1], FrameError):
            break
    return messages


def plain(messages: list[WebSocketMessage]) -> list[object]:
    return [
        (str(message), message.close_code) if isinstance(message, FrameError) else message
        for message in messages
    ]


def size(message: WebSocketMessage) -> int:
    match message:
        case Ping(data=data) | Pong(data=data):
            assert len(data) <= 125
        case Close(reason=reason):
            data = reason.encode()
            assert len(data) <= 123
        case _:
            data = message.encode() if isinstance(message, str) else message
            assert len(data) <= MAX_PAYLOAD
    return len(data)


def written(message: WebSocketMessage, masked: bool) -> bytes:
    mask = MASK if masked else None
    match message:
        case Ping(data=data):
            return encode(Opcode.PING, data, mask=mask)
        case Pong(data=data):
            return encode(Opcode.PONG, data, mask=mask)
        case Close(code=1005):
            return encode(Opcode.CLOSE, b"", mask=mask)
        case Close(code=code, reason=reason):
            return encode_close(code, reason, mask=mask)
        case str():
            return encode(Opcode.TEXT, message.encode(), mask=mask)
    return encode(Opcode.BINARY, message, mask=mask)
