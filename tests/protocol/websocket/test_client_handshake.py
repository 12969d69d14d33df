"""The opening handshake: the request's bytes, and every kind of answer, cut anywhere."""

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import Unreachable
from protocol.websocket.client_handshake import Address, AnswerReader, check_headers, parse_url, request

# The example of RFC 6455 §1.3.
NONCE = b"the sample nonce"
ACCEPTED = (
    b"HTTP/1.1 101 Switching Protocols\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
)
QUERY = "EIO=4&transport=websocket"


def read(answer: bytes, *, end: bool = False) -> bytes | None:
    return AnswerReader(NONCE).receive(answer, end=end)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a", Address("a", 80, False, "a", f"/io/?{QUERY}")),
        ("ws://a:80/", Address("a", 80, False, "a", f"/io/?{QUERY}")),
        ("https://A.example:8443", Address("a.example", 8443, True, "a.example:8443", f"/io/?{QUERY}")),
        ("wss://a:443?x=1&y=%20", Address("a", 443, True, "a", f"/io/?{QUERY}&x=1&y=%20")),
        ("http://[::1]:3000", Address("::1", 3000, False, "[::1]:3000", f"/io/?{QUERY}")),
        (
            "http://bücher.example",
            Address("bücher.example", 80, False, "xn--bcher-kva.example", f"/io/?{QUERY}"),
        ),
    ],
)
def test_addresses(url: str, expected: Address) -> None:
    assert parse_url(url, "/io/") == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a:80",
        "ftp://a",
        "http://",
        "http://a/path",
        "http://u:p@a",
        "http://a#b",
        "http://a:x",
        "http://a:99999",
        "http://a?b c",
        "http://a b",
        f"http://{'a' * 64}",
        "http://a?é",
    ],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - some are urllib's
        parse_url(url, "/io/")


def test_the_request() -> None:
    address = parse_url("http://a:3000", "/io/")
    assert request(address, {"Authorization": "Bearer x", "X-Name": "é"}, NONCE) == (
        b"GET /io/?EIO=4&transport=websocket HTTP/1.1\r\n"
        b"Host: a:3000\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Version: 13\r\n"
        b"Authorization: Bearer x\r\n"
        b"X-Name: \xe9\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a b", "x"),
        ("", "x"),
        ("a\r\n", "x"),
        ("a", "x\r\nb: y"),
        ("a", "\0"),
        ("a", "€"),
        ("HOST", "x"),
        ("Sec-WebSocket-Key", "x"),
        ("content-length", "1"),
    ],
)
def test_what_is_no_header(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(name))):
        check_headers({name: value})


def test_headers() -> None:
    check_headers({"Authorization": "Bearer a.b-c", "cookie": 'a="\t é"'})


@pytest.mark.parametrize("rest", [b"", b"\x81\x01a", b"\r\n\r\n"])
def test_an_accepted_request_ends_where_frames_begin(rest: bytes) -> None:
    assert read(ACCEPTED + b"Connection: keep-alive\r\n\r\n" + rest) == rest


@given(st.integers(0, len(ACCEPTED) + 2))
def test_an_answer_cut_anywhere(cut: int) -> None:
    reader = AnswerReader(NONCE)
    whole = ACCEPTED + b"\r\nxy"
    first = reader.receive(whole[:cut])
    assert (first is None) == (cut < len(ACCEPTED) + 2)
    assert (first or b"") + (reader.receive(whole[cut:]) or b"" if first is None else whole[cut:]) == b"xy"


NOT_HTTP = "the server did not answer with HTTP"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(b"SSH-2.0\r\n\r\n", NOT_HTTP, id="another protocol"),
        pytest.param(b"HTTP/2 101\r\n\r\n", NOT_HTTP, id="another version"),
        pytest.param(b"HTTP/1.1 20 OK\r\n\r\n", NOT_HTTP, id="a short status"),
        pytest.param(b"x" * 20_000, NOT_HTTP, id="an endless head"),
        pytest.param(ACCEPTED + b"a:" + b"b" * 20_000 + b"\r\n\r\n", NOT_HTTP, id="a long head in one read"),
        pytest.param(
            ACCEPTED.replace(b"Upgrade: websocket", b"Upgrade: h2c") + b"\r\n",
            "the server did not switch to a websocket",
            id="another upgrade",
        ),
        pytest.param(
            ACCEPTED.replace(b"Connection: Upgrade", b"Connection: close") + b"\r\n",
            "the server did not switch to a websocket",
            id="no upgrade of the connection",
        ),
        pytest.param(
            ACCEPTED.replace(b"s3p", b"S3P") + b"\r\n",
            "the server did not prove that it read the request",
            id="another key",
        ),
        pytest.param(
            ACCEPTED + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
            "the server chose an extension or a subprotocol that was not offered",
            id="an extension",
        ),
        pytest.param(
            ACCEPTED + b"Sec-WebSocket-Protocol: chat\r\n\r\n",
            "the server chose an extension or a subprotocol that was not offered",
            id="a subprotocol",
        ),
        pytest.param(b"HTTP/1.1 400\r\nContent-Length: 0\r\n\r\n", "HTTP 400", id="no reason, no body"),
        pytest.param(
            b'HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}{"next"}',
            "HTTP 400 Bad Request: {}",
            id="a body, and more than it",
        ),
    ],
)
def test_refusals(answer: bytes, message: str) -> None:
    with pytest.raises(Unreachable, match=f"^{re.escape(message)}$"):
        read(answer)


@pytest.mark.parametrize("beyond", [0, 1])
@pytest.mark.parametrize("last", range(5))
def test_a_head_may_have_16_kib_however_it_is_cut(beyond: int, last: int) -> None:
    head = ACCEPTED + b"a:" + b"b" * (16_384 + beyond - len(ACCEPTED) - 2)
    whole = head + b"\r\n\r\n"
    reader = AnswerReader(NONCE)

    def receive() -> bytes | None:
        first = reader.receive(whole[: len(whole) - last])
        return reader.receive(whole[len(whole) - last :]) if first is None else first

    if beyond:
        with pytest.raises(Unreachable, match=NOT_HTTP):
            receive()
    else:
        assert receive() == b""


def test_a_refusal_waits_for_its_body() -> None:
    reader = AnswerReader(NONCE)
    assert reader.receive(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\n") is None
    assert reader.receive(b"No e") is None
    with pytest.raises(Unreachable, match=r"^HTTP 403 Forbidden: No en$"):
        reader.receive(b"n")


@pytest.mark.parametrize("length", [b"", b"Content-Length: x\r\n", b"Content-Length: 9\r\n"])
def test_a_refusal_ends_with_the_connection(length: bytes) -> None:
    reader = AnswerReader(NONCE)
    assert reader.receive(b"HTTP/1.0 503 Busy\r\n" + length + b"\r\nwait") is None
    with pytest.raises(Unreachable, match=r"^HTTP 503 Busy: wait$"):
        reader.receive(b"", end=True)


def test_a_refusal_may_be_endless() -> None:
    with pytest.raises(Unreachable) as refusal:
        read(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000)
    assert len(str(refusal.value)) < 70_000


def test_a_server_that_hangs_up() -> None:
    with pytest.raises(Unreachable, match=f"^{NOT_HTTP}$"):
        read(b"HTTP/1.1 101 Sw", end=True)


@given(st.binary(max_size=200), st.booleans())
def test_random_bytes(data: bytes, end: bool) -> None:
    for start in (b"", b"HTTP/1.1 ", b"HTTP/1.1 101 OK\r\n", b"HTTP/1.1 400 No\r\n"):
        with suppress(Unreachable):
            assert read(start + data, end=end) is None
