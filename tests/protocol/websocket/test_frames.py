"""One table drives writing and reading, fed whole, byte by byte and with bytes that trail; `websockets` is the peer."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.frames import Frame as PeerFrame
from websockets.frames import Opcode as PeerOpcode
from websockets.protocol import OPEN, Protocol, Side

from protocol.errors import CloseCode, FrameError
from protocol.websocket.frames import FrameReader, Opcode, apply_mask, encode, encode_close
from protocol.websocket.messages import Close, Ping, Pong, WebSocketMessage

MASK = bytes.fromhex("37fa213d")
LIMIT = 1 << 20

# What a frame says, and its bytes from a server and from a client. The first ones are those of RFC 6455 §5.7.
FRAMES: list[tuple[Opcode, bytes, WebSocketMessage, str, str]] = [
    (Opcode.TEXT, b"Hello", "Hello", "810548656c6c6f", "818537fa213d7f9f4d5158"),
    (Opcode.PING, b"Hello", Ping(b"Hello"), "890548656c6c6f", "898537fa213d7f9f4d5158"),
    (Opcode.PONG, b"Hello", Pong(b"Hello"), "8a0548656c6c6f", "8a8537fa213d7f9f4d5158"),
    (Opcode.BINARY, b"\x00\xff", b"\x00\xff", "820200ff", "828237fa213d3705"),
    (Opcode.TEXT, b"", "", "8100", "818037fa213d"),
    (Opcode.BINARY, b"", b"", "8200", "828037fa213d"),
    (Opcode.PING, b"", Ping(b""), "8900", "898037fa213d"),
    (Opcode.TEXT, "€🙂".encode(), "€🙂", "8107e282acf09f9982", "818737fa213dd5788dcda863a3"),
    (Opcode.CLOSE, b"", Close(1005, ""), "8800", "888037fa213d"),
    (Opcode.CLOSE, b"\x03\xe8", Close(1000, ""), "880203e8", "888237fa213d3412"),
    (Opcode.CLOSE, b"\x03\xf1big", Close(1009, "big"), "880503f1626967", "888537fa213d340b435450"),
    (Opcode.CLOSE, b"\x0b\xb8", Close(3000, ""), "88020bb8", "888237fa213d3c42"),
    (Opcode.CLOSE, b"\x13\x87", Close(4999, ""), "88021387", "888237fa213d247d"),
    (
        Opcode.PONG,
        bytes(125),
        Pong(bytes(125)),
        "8a7d" + "00" * 125,
        "8afd37fa213d" + ("37fa213d" * 32)[:250],
    ),
    (Opcode.BINARY, bytes(125), bytes(125), "827d" + "00" * 125, "82fd37fa213d" + ("37fa213d" * 32)[:250]),
    (
        Opcode.BINARY,
        bytes(126),
        bytes(126),
        "827e007e" + "00" * 126,
        "82fe007e37fa213d" + ("37fa213d" * 32)[:252],
    ),
    (Opcode.BINARY, bytes(256), bytes(256), "827e0100" + "00" * 256, "82fe010037fa213d" + "37fa213d" * 64),
    (
        Opcode.BINARY,
        bytes(65535),
        bytes(65535),
        "827effff" + "00" * 65535,
        "82feffff37fa213d" + ("37fa213d" * 16384)[:131070],
    ),
    (
        Opcode.BINARY,
        bytes(65536),
        bytes(65536),
        "827f0000000000010000" + "00" * 65536,
        "82ff000000000001000037fa213d" + "37fa213d" * 16384,
    ),
]

# What a server must refuse: the bytes, the close code to answer with, and words of the message.
ERRORS = [
    ("c18037fa213d", 1002, "reserved bit"),
    ("a18037fa213d", 1002, "reserved bit"),
    ("918037fa213d", 1002, "reserved bit"),
    ("8100", 1002, "not masked"),
    ("8900", 1002, "not masked"),
    ("838037fa213d", 1002, "opcode 0x3"),
    ("878037fa213d", 1002, "opcode 0x7"),
    ("078037fa213d", 1002, "opcode 0x7"),
    ("8b8037fa213d", 1002, "opcode 0xb"),
    ("8f8037fa213d", 1002, "opcode 0xf"),
    ("098037fa213d", 1002, "fragmented"),
    ("088037fa213d", 1002, "fragmented"),
    ("89fe007e" + "00" * 130, 1002, "longer than 125"),
    ("88ff0000000000010000" + "00" * 65540, 1002, "longer than 125"),
    ("808037fa213d", 1002, "continues nothing"),
    ("008037fa213d", 1002, "continues nothing"),
    ("018037fa213d818037fa213d", 1002, "inside a fragmented one"),
    ("028037fa213d018037fa213d", 1002, "inside a fragmented one"),
    ("018037fa213d838037fa213d", 1002, "inside a fragmented one"),
    ("82fe007d", 1002, "shortest form"),
    ("82ff000000000000ffff", 1002, "shortest form"),
    ("82ff8000000000000000", 1002, "highest bit"),
    ("82ff0000000000100001", 1009, "too big"),
    ("81ff0000000000100001", 1009, "too big"),
    ("01ff0000000000100001", 1009, "too big"),
    ("018137fa213d7680ff0000000000100000", 1009, "too big"),
    ("888137fa213d34", 1002, "two bytes"),
    ("818237fa213df7fa", 1007, "UTF-8"),
    ("018137fa213dd5808037fa213d", 1007, "UTF-8"),
    ("888337fa213d3412de", 1007, "UTF-8"),
]
BAD_CLOSE_CODES = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]
GOOD_CLOSE_CODES = [*range(1000, 1004), *range(1007, 1015), 3000, 4000, 4999]


def client_reader(limit: int = LIMIT) -> FrameReader:
    """A reader for a server: what it reads comes from a client."""
    return FrameReader(masked=True, max_payload=limit)


def visible(messages: Iterable[WebSocketMessage]) -> list[Any]:
    """Messages such that two of the same kind and content are equal, errors too."""
    return [(str(m), m.close_code) if isinstance(m, FrameError) else (type(m), m) for m in messages]


def read_all(reader: FrameReader, pieces: Iterable[bytes]) -> list[WebSocketMessage]:
    messages: list[WebSocketMessage] = []
    for piece in pieces:
        messages += reader.receive(piece)
        if messages and isinstance(messages[-1], FrameError):
            break
    return messages


def bytes_of(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


@pytest.mark.parametrize(("opcode", "payload", "message", "server", "client"), FRAMES)
class TestTable:
    def test_encode(
        self, opcode: Opcode, payload: bytes, message: WebSocketMessage, server: str, client: str
    ) -> None:
        assert encode(opcode, payload).hex() == server
        assert encode(opcode, payload, mask=MASK).hex() == client

    @pytest.mark.parametrize("masked", [True, False])
    def test_decode(
        self,
        masked: bool,
        opcode: Opcode,
        payload: bytes,
        message: WebSocketMessage,
        server: str,
        client: str,
    ) -> None:
        data = bytes.fromhex(client if masked else server)

        def reader() -> FrameReader:
            return FrameReader(masked=masked, max_payload=LIMIT)

        whole, trailed = reader(), reader()
        once = visible([message])
        assert visible(whole.receive(data)) == once
        assert visible(read_all(reader(), bytes_of(data))) == once
        assert visible(whole.receive(data * 2)) == once * 2, "a reader goes on after a frame"
        assert visible(trailed.receive(data + data[:1])) == once
        assert visible(trailed.receive(data[1:] + data[:-1])) == once
        assert visible(trailed.receive(data[-1:])) == once


@pytest.mark.parametrize(("data", "code", "words"), ERRORS)
def test_error(data: str, code: int, words: str) -> None:
    frames = bytes.fromhex(data)
    before = encode(Opcode.TEXT, b"before", mask=MASK)
    for pieces in ([before + frames], bytes_of(before + frames), [before + frames + b"more"]):
        text, error = read_all(client_reader(), pieces)
        assert text == "before"
        assert isinstance(error, FrameError)
        assert (error.close_code, words in str(error)) == (code, True), str(error)


def test_a_client_refuses_a_masked_frame() -> None:
    (error,) = FrameReader(masked=False, max_payload=LIMIT).receive(encode(Opcode.TEXT, b"", mask=MASK))
    assert isinstance(error, FrameError)
    assert str(error) == "a frame is masked"


@pytest.mark.parametrize("code", BAD_CLOSE_CODES)
def test_a_close_code_that_is_not_for_the_wire(code: int) -> None:
    (error,) = client_reader().receive(encode_close(code, mask=MASK))
    assert isinstance(error, FrameError)
    assert error.close_code is CloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize("code", GOOD_CLOSE_CODES)
def test_a_close_code_for_the_wire(code: int) -> None:
    assert client_reader().receive(encode_close(code, "why", mask=MASK)) == [Close(code, "why")]


@pytest.mark.parametrize("reason", ["r" * 123, "r" * 124, "é" * 61 + "r", "é" * 62, "🙂" * 31])
def test_a_long_reason_is_cut_between_characters(reason: str) -> None:
    (close,) = client_reader().receive(encode_close(1000, reason, mask=MASK))
    assert isinstance(close, Close)
    assert reason.startswith(close.reason)
    assert 120 <= len(close.reason.encode()) <= 123


class TestLimit:
    @pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY])
    def test_exactly_the_limit_passes_and_one_more_does_not(self, opcode: Opcode) -> None:
        (message,) = client_reader(1000).receive(encode(opcode, b"x" * 1000, mask=MASK))
        assert message in ("x" * 1000, b"x" * 1000)
        (error,) = client_reader(1000).receive(encode(opcode, b"x" * 1001, mask=MASK))
        assert isinstance(error, FrameError)
        assert error.close_code is CloseCode.TOO_BIG

    def test_the_header_alone_tells(self) -> None:
        (error,) = client_reader(1000).receive(encode(Opcode.BINARY, bytes(1001), mask=MASK)[:4])
        assert isinstance(error, FrameError)

    def test_it_counts_over_all_fragments(self) -> None:
        reader = client_reader(10)
        assert reader.receive(encode(Opcode.TEXT, b"12345", mask=MASK, fin=False)) == []
        assert reader.receive(encode(Opcode.CONTINUATION, b"12345", mask=MASK, fin=False)) == []
        assert reader.receive(encode(Opcode.CONTINUATION, b"", mask=MASK)) == ["1234512345"]
        assert reader.receive(encode(Opcode.TEXT, b"12345", mask=MASK, fin=False)) == []
        (error,) = reader.receive(encode(Opcode.CONTINUATION, b"123456", mask=MASK))
        assert isinstance(error, FrameError)
        assert error.close_code is CloseCode.TOO_BIG

    def test_it_does_not_hold_for_control_frames(self) -> None:
        assert client_reader(0).receive(encode(Opcode.PING, b"12345", mask=MASK)) == [Ping(b"12345")]


def test_the_fragments_of_the_rfc() -> None:
    reader = FrameReader(masked=False, max_payload=LIMIT)
    assert reader.receive(bytes.fromhex("010348656c")) == []
    assert reader.receive(bytes.fromhex("80026c6f")) == ["Hello"]


def test_a_control_frame_between_fragments_comes_first() -> None:
    data = [
        encode(Opcode.BINARY, b"a", mask=MASK, fin=False),
        encode(Opcode.PING, b"p", mask=MASK),
        encode(Opcode.CONTINUATION, b"b", mask=MASK, fin=False),
        encode(Opcode.PONG, b"q", mask=MASK),
        encode(Opcode.CONTINUATION, b"c", mask=MASK),
    ]
    assert client_reader().receive(b"".join(data)) == [Ping(b"p"), Pong(b"q"), b"abc"]


def test_a_character_may_lie_across_fragments() -> None:
    first, second = "€".encode()[:1], "€".encode()[1:]
    data = encode(Opcode.TEXT, first, mask=MASK, fin=False) + encode(Opcode.CONTINUATION, second, mask=MASK)
    assert client_reader().receive(data) == ["€"]


@pytest.mark.parametrize("cut", range(4))
def test_frames_are_read_a_few_at_a_time(cut: int) -> None:
    """What is left waits for the next call, and comes before what is received by then."""
    reader = FrameReader(masked=False, max_payload=LIMIT)
    assert reader.proceed() == []
    stream = b"".join(encode(Opcode.TEXT, b"%d" % number) for number in range(4))
    assert reader.receive(stream[: len(stream) - cut], 1) == ["0"]
    assert reader.proceed(1) == ["1"]
    assert reader.receive(stream[len(stream) - cut :], 1) == ["2"]
    assert reader.proceed() == ["3"]
    assert reader.proceed() == []


def test_nothing_received_is_nothing_read() -> None:
    reader = client_reader()
    assert reader.receive(b"") == []
    assert reader.receive(b"\x81") == []
    assert reader.receive(b"") == []
    assert reader.receive(encode(Opcode.TEXT, b"x", mask=MASK)[1:]) == ["x"]


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
def test_a_mask_undoes_itself(data: bytes, mask: bytes) -> None:
    masked = apply_mask(data, mask)
    assert masked == bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
    assert apply_mask(masked, mask) == data


# --- streams, cut anywhere ---

sizes = st.one_of(st.integers(0, 20), st.sampled_from([125, 126, 127, 65535, 65536]))
masks = st.none() | st.binary(min_size=4, max_size=4)


@st.composite
def framed_messages(draw: st.DrawFn) -> tuple[list[WebSocketMessage], list[tuple[Opcode, bytes, bool]]]:
    """Messages, and frames that carry them: data in fragments, control frames in between."""
    messages: list[WebSocketMessage] = []
    frames: list[tuple[Opcode, bytes, bool]] = []

    def control() -> None:
        kind, data = draw(st.sampled_from([Ping, Pong])), draw(st.binary(max_size=125))
        messages.append(kind(data))
        frames.append((Opcode.PING if kind is Ping else Opcode.PONG, data, True))

    for _ in range(draw(st.integers(0, 4))):
        data = draw(st.text(max_size=20) | st.binary(max_size=20) | sizes.map(bytes))
        if draw(st.booleans()):
            control()
        payload = data.encode() if isinstance(data, str) else data
        ends = [*sorted(draw(st.lists(st.integers(0, len(payload)), max_size=3))), len(payload)]
        opcode, start = Opcode.TEXT if isinstance(data, str) else Opcode.BINARY, 0
        for number, end in enumerate(ends):
            if number and draw(st.booleans()):
                control()
            frames.append((opcode, payload[start:end], number == len(ends) - 1))
            opcode, start = Opcode.CONTINUATION, end
        messages.append(data)
    return messages, frames


def cut(data: bytes, points: Sequence[int]) -> list[bytes]:
    ends = [0, *sorted(point % (len(data) + 1) for point in points), len(data)]
    return [data[start:end] for start, end in pairwise(ends)]


@given(framed_messages(), masks, st.lists(st.integers(0, 1 << 20), max_size=8))
def test_decode_undoes_encode_however_the_stream_is_cut(
    framed: tuple[list[WebSocketMessage], list[tuple[Opcode, bytes, bool]]],
    mask: bytes | None,
    points: list[int],
) -> None:
    messages, frames = framed
    data = b"".join(encode(opcode, payload, mask=mask, fin=fin) for opcode, payload, fin in frames)
    reader = FrameReader(masked=mask is not None, max_payload=LIMIT)
    assert visible(read_all(reader, cut(data, points))) == visible(messages)


frame_like = st.builds(
    lambda first, second, rest: bytes((first, second)) + rest,
    st.sampled_from([0x01, 0x81, 0x02, 0x82, 0x00, 0x80, 0x88, 0x89, 0x8A]) | st.integers(0, 255),
    st.sampled_from([0x80, 0x81, 0x82, 0x85, 0xFE, 0xFF, 0x00]) | st.integers(0, 255),
    st.binary(max_size=12),
)


@given(
    st.lists(frame_like | st.sampled_from(FRAMES[:13]).map(lambda row: bytes.fromhex(row[4])), max_size=6),
    st.lists(st.integers(0, 1 << 20), max_size=8),
    st.booleans(),
)
@example([bytes.fromhex("818137fa213d00"), bytes.fromhex("c1")], [], True)
def test_any_bytes_give_the_same_however_they_are_cut(
    parts: list[bytes], points: list[int], masked: bool
) -> None:
    data = b"".join(parts)
    whole = read_all(FrameReader(masked=masked, max_payload=50), [data])
    pieces = read_all(FrameReader(masked=masked, max_payload=50), cut(data, points))
    single = read_all(FrameReader(masked=masked, max_payload=50), bytes_of(data))
    assert visible(pieces) == visible(whole) == visible(single)
    assert not any(isinstance(message, FrameError) for message in whole[:-1])


# --- a real peer ---


@given(framed_messages(), st.booleans())
def test_websockets_reads_what_we_write(
    framed: tuple[list[WebSocketMessage], list[tuple[Opcode, bytes, bool]]], from_client: bool
) -> None:
    _, frames = framed
    peer = Protocol(Side.SERVER if from_client else Side.CLIENT, state=OPEN, max_size=None)
    for opcode, payload, fin in frames:
        peer.receive_data(encode(opcode, payload, mask=MASK if from_client else None, fin=fin))
    seen = [(frame.opcode, bytes(frame.data), frame.fin) for frame in peer.events_received()]
    assert peer.parser_exc is None
    assert seen == frames


@given(framed_messages(), st.booleans())
def test_we_read_what_websockets_writes(
    framed: tuple[list[WebSocketMessage], list[tuple[Opcode, bytes, bool]]], from_client: bool
) -> None:
    messages, frames = framed
    data = b"".join(
        PeerFrame(PeerOpcode(opcode), payload, fin).serialize(mask=from_client)
        for opcode, payload, fin in frames
    )
    assert visible(FrameReader(masked=from_client, max_payload=LIMIT).receive(data)) == visible(messages)


@given(st.sampled_from(GOOD_CLOSE_CODES), st.text(max_size=100))
def test_websockets_reads_our_close(code: int, reason: str) -> None:
    peer = Protocol(Side.CLIENT, state=OPEN)
    peer.receive_data(encode_close(code, reason))
    (close,) = client_reader().receive(encode_close(code, reason, mask=MASK))
    assert isinstance(close, Close)
    assert peer.close_rcvd is not None
    assert (peer.close_rcvd.code, peer.close_rcvd.reason) == (close.code, close.reason)


@pytest.mark.parametrize(("data", "code", "words"), ERRORS)
def test_websockets_refuses_what_we_refuse(data: str, code: int, words: str) -> None:
    peer = Protocol(Side.SERVER, state=OPEN, max_size=LIMIT)
    peer.receive_data(bytes.fromhex(data))
    refused = peer.parser_exc is not None
    # It takes lengths that are not in their shortest form, which §5.2 forbids, and leaves UTF-8 to its caller.
    assert refused is not (words == "shortest form" or (words == "UTF-8" and not data.startswith("88")))


# Short text frames alone


SHORT = [
    (encode(Opcode.TEXT, b"a", mask=MASK), "a"),
    (encode(Opcode.TEXT, "€🙂".encode(), mask=MASK), "€🙂"),
    (encode(Opcode.TEXT, b"x" * 125, mask=MASK), "x" * 125),
    (encode(Opcode.TEXT, b"", mask=MASK), None),
    (encode(Opcode.TEXT, b"x" * 126, mask=MASK), None),
    (encode(Opcode.TEXT, b"ab", mask=MASK)[:-1], None),
    (encode(Opcode.TEXT, b"ab", mask=MASK) + b"\x81", None),
    (encode(Opcode.TEXT, b"a", mask=MASK) * 2, None),
    (encode(Opcode.TEXT, b"\xff", mask=MASK), None),
    (encode(Opcode.TEXT, b"ab", mask=MASK, fin=False), None),
    (encode(Opcode.BINARY, b"ab", mask=MASK), None),
    (encode(Opcode.PING, b"ab", mask=MASK), None),
    (encode(Opcode.TEXT, b"abcdef"), None),
    (b"\xc1" + encode(Opcode.TEXT, b"ab", mask=MASK)[1:], None),
]


@pytest.mark.parametrize(("data", "text"), SHORT)
def test_a_short_text_frame_alone_is_read_at_once(data: bytes, text: str | None) -> None:
    assert FrameReader(masked=True, max_payload=LIMIT).only_text(data) == text


def test_nothing_is_read_at_once_behind_what_waits_or_where_it_is_too_large() -> None:
    data = encode(Opcode.TEXT, b"abc", mask=MASK)
    assert FrameReader(masked=True, max_payload=2).only_text(data) is None
    assert FrameReader(masked=False, max_payload=LIMIT).only_text(data) is None
    begun, fragmented, unread = (FrameReader(masked=True, max_payload=LIMIT) for _ in range(3))
    begun.receive(data[:3])
    fragmented.receive(encode(Opcode.TEXT, b"a", mask=MASK, fin=False))
    unread.receive(data, 0)
    assert [reader.only_text(data) for reader in (begun, fragmented, unread)] == [None] * 3
    assert begun.receive(data[3:]) == unread.proceed() == ["abc"]


@given(st.binary(max_size=140) | st.binary(max_size=130).map(lambda data: encode(1, data, mask=MASK)))
def test_what_is_read_at_once_is_what_would_be_read(data: bytes) -> None:
    text = FrameReader(masked=True, max_payload=LIMIT).only_text(data)
    if text is not None:
        assert FrameReader(masked=True, max_payload=LIMIT).receive(data) == [text]
