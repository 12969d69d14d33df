"""What one instance writes to another one, and reads of it, whatever clients say and whoever answers."""

import asyncio
from typing import Any
from urllib.parse import parse_qs, quote

import httptools
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol.server.forwarding.remote_instance import (
    CREDENTIAL_HEADER,
    HttpConnection,
    RemoteInstance,
    chunk,
)
from protocol.server.http.asgi import Piece
from protocol.server.http.request import Request

SID = "A" * 20
SMUGGLED = "\r\n\r\nDELETE / HTTP/1.1\r\n"
# What means something in a line of HTTP, or looks like it.
signs = st.sampled_from(
    ["\r\n", "\n", "\r", "\0", " ", "\t", "&", "#", "?", "=", "%0d%0a", ":", "\x85", "é", "4"]
)
words = st.lists(signs | st.just(SMUGGLED) | st.text(max_size=3), max_size=6).map("".join)
values = st.binary(max_size=20).map(lambda value: value.translate(None, b"\n"))  # no server lets one through
NAMES = (b"origin", b"accept-encoding", b"content-type", b"cookie", b"transfer-encoding", b"parley-forwarded")


class Listener:
    """Takes a request apart, as the listener of the other instance does."""

    def __init__(self, data: bytes) -> None:
        self.urls: list[bytes] = []
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.ends = 0
        httptools.HttpRequestParser(self).feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.urls.append(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.ends += 1


@settings(deadline=None)
@given(
    version=words,
    transport=words,
    headers=st.dictionaries(st.sampled_from(NAMES), values),
    pieces=st.none() | st.lists(st.binary() | st.just(SMUGGLED.encode()), min_size=1, max_size=4),
)
def test_a_request_stays_one(
    version: str, transport: str, headers: dict[bytes, bytes], pieces: list[bytes] | None
) -> None:
    """Of what the client says, the query, the headers and the body are what they are, and no other request."""
    query = f"EIO={quote(version)}&transport={quote(transport)}&sid={SID}&more={quote(version)}"
    request = Request(
        method="GET" if pieces is None else "POST",
        path="/anything",
        query_string=query.encode(),
        headers=headers.items(),
        address=None,
        secure=False,
    )
    first, *rest = [Piece(data, True) for data in pieces or [b""]]
    data = RemoteInstance("AAAA", "[::1]:1", "the credential").poll("/io/", request, first)
    if pieces is not None:
        data += b"".join(chunk(piece) for piece in [*rest, Piece()])
    found = Listener(data)
    assert (found.ends, found.body) == (1, b"".join(pieces or []))
    (url,) = found.urls
    path, _, asked = url.decode().partition("?")
    assert path == "/io/"
    assert parse_qs(asked, keep_blank_values=True).keys() == {"EIO", "transport", "sid"}
    assert parse_qs(asked)["sid"] == [SID]
    names = [name.decode() for name, _ in found.headers]
    assert len(set(names)) == len(names)
    assert set(names) <= {
        "host",
        CREDENTIAL_HEADER,
        "transfer-encoding",
        "origin",
        "accept-encoding",
        "content-type",
    }
    assert dict(found.headers)[CREDENTIAL_HEADER.encode()] == b"the credential"


class Transport:
    """Where a connection writes to; it is there until it is cut."""

    def __init__(self) -> None:
        self.cut = False

    def write(self, data: bytes) -> None:
        pass

    def abort(self) -> None:
        self.cut = True

    def is_closing(self) -> bool:
        return self.cut


parts = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.0 204 No Content\r\n",
        b"Content-Length: 2\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
        b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
        b"X: a\r\n b\r\n",
        b"X: a\nSet-Cookie: b\r\n",
        b"X: a\rb\r\n",
        b"\r\n",
        b"ok",
        b"2\r\nok\r\n0\r\n\r\n",
    ]
)


ONE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


@settings(deadline=None)
@example(answer=ONE + b"ok" + ONE, size=200)
@example(answer=ONE + b"ok" + ONE, size=len(ONE) + 2)
@example(answer=b"HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", size=200)
@given(answer=st.lists(parts | st.binary(max_size=9), max_size=8).map(b"".join), size=st.integers(1, 60))
def test_an_answer_is_none_or_one(answer: bytes, size: int) -> None:
    """Nothing in it becomes a header of its own, and a connection that said more than was asked is not used again."""

    async def read() -> None:
        connection, transport = HttpConnection(), Transport()
        anything: Any = transport
        connection.connection_made(anything)
        found = connection.ask(b"")
        for start in range(0, len(answer), size):
            if not transport.cut:
                connection.data_received(answer[start : start + size])
        if connection.usable:
            again = connection.ask(b"")
            connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfresh")
            assert again.result().body == b"fresh"
        if found.done():
            for header in found.result().headers:
                assert not set(b"".join(header)) & set(b"\r\n\0")
        else:
            connection.connection_lost(None)
            assert isinstance(found.exception(), ConnectionError)

    asyncio.run(read())
