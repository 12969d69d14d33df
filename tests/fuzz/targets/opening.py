"""The opening of a websocket as a client makes it. The first byte chooses: a URL, headers, or an answer to read.

Of an answer the next byte says how it is cut; `@` in it stands for the proof that the request was read.
"""

import re
from collections.abc import Iterator

from protocol.errors import Unreachable
from protocol.websocket.client_handshake import AnswerReader, check_headers, parse_url, request
from tests.fuzz.draw import Draw, cut

NONCE = bytes(16)
ACCEPT = b"ICX+Yqv66kxgM0FcWaLWlFLwTAI="
WORDS = [
    b"HTTP/1.1 101 Switching Protocols\r\n",
    b"Upgrade: websocket\r\n",
    b"Connection: Upgrade\r\n",
    b"Sec-WebSocket-Accept: @\r\n",
    b"Sec-WebSocket-Protocol: a\r\n",
    b"HTTP/1.1 400 Bad Request\r\n",
    b"Content-Length: 2\r\n",
    b"\r\n\r\n",
    b"https://",
    b"ws://",
    b"[::1]:8080",
    b"?a=b",
    b"@",
    b"\xc3\xa4",
]


def check(data: bytes) -> None:
    """Only the exceptions are raised that are documented; a request holds the lines that it was given and no more; an
    answer means the same however it is cut."""
    draw = Draw(data)
    (check_url, check_own_headers, check_answer, check_answer)[draw.below(4)](draw)


def check_url(draw: Draw) -> None:
    url, _, path = draw.rest().decode(errors="replace").partition("\x1e")
    try:
        address = parse_url(url, path or "/socket.io/")
    except ValueError:
        return
    assert 0 < address.port < 65536
    lines = request(address, {}, NONCE).split(b"\r\n")
    assert len(lines) == 8
    assert re.fullmatch(rb"GET /[!-~]* HTTP/1\.1", lines[0])
    assert re.fullmatch(rb"Host: [!-~]+", lines[1])


def check_own_headers(draw: Draw) -> None:
    fields = [line.partition("\x1e") for line in draw.rest().decode(errors="replace").split("\x1d")]
    headers = {name: value for name, _, value in fields}
    try:
        check_headers(headers)
    except ValueError:
        return
    address = parse_url("http://host", "/")
    head, rest = request(address, headers, NONCE).split(b"\r\n\r\n")
    assert rest == b""
    lines = head.split(b"\r\n")[6:]
    assert lines == [f"{name}: {value}".encode("latin-1") for name, value in headers.items()]


def check_answer(draw: Draw) -> None:
    seed = draw.below(256)
    wire = draw.rest().replace(b"@", ACCEPT)
    assert outcome(cut(wire, seed)) == outcome(iter([wire]))


def outcome(pieces: Iterator[bytes]) -> str | bytes:
    """What an answer comes to: the first bytes of the websocket, or why there is none."""
    reader = AnswerReader(NONCE)
    try:
        for piece in pieces:
            first = reader.receive(piece)
            if first is not None:
                return first + b"".join(pieces)
        reader.receive(b"", end=True)
    except Unreachable as error:
        return str(error)
    raise AssertionError("the end of an answer decides")
