"""The opening of a websocket on the server's side: the head as it came, what a client offers, and the answer."""

import pytest

from protocol.websocket.server_handshake import offered_subprotocols, parse_head, switch


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/io/?EIO=4", "/io/", b"EIO=4"),
        (b"/io/?a=?b", "/io/", b"a=?b"),
        (b"/io/", "/io/", b""),
        (b"http://parley.test:80/io/?EIO=4", "/io/", b"EIO=4"),
        (b"http://parley.test?EIO=4", "/", b"EIO=4"),
    ],
)
def test_a_head_is_taken_apart(target: bytes, path: str, query: bytes) -> None:
    head = b"GET " + target + b" HTTP/1.1\r\nHost: parley.test\r\nX-Time:  12:30 \r\nX-None:\r\n\r\n"
    fields = [(b"host", b"parley.test"), (b"x-time", b"12:30"), (b"x-none", b"")]
    assert parse_head(head) == ("GET", path, query, fields)


def test_the_answer_is_that_of_the_rfc() -> None:
    """The key and the answer of RFC 6455 §1.3."""
    answer = switch("dGhlIHNhbXBsZSBub25jZQ==", [(b"Sec-WebSocket-Protocol", b"chat")])
    assert answer == (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("v1", ["v1"]),
        ("v1,v2", ["v1", "v2"]),
        (" v2 ,\tv1", ["v2", "v1"]),
        ("v10.stomp, v11.stomp", ["v10.stomp", "v11.stomp"]),
        ("!#$%&'*+-.^_`|~", ["!#$%&'*+-.^_`|~"]),
    ],
)
def test_subprotocols_in_the_client_s_order(header: str, names: list[str]) -> None:
    assert offered_subprotocols(header) == names


@pytest.mark.parametrize(
    "header", ["", ",", "v1,", ",v1", "v1,,v2", "v1, v1", "v 1", '"v1"', "v1;q=1", "é", "a\r"]
)
def test_an_offer_that_is_malformed(header: str) -> None:
    with pytest.raises(ValueError, match="Sec-WebSocket-Protocol"):
        offered_subprotocols(header)
