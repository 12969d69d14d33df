"""Another instance, which has sessions that clients look for here: the connections to its private listener."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import cast

import httptools
from msgspec import Struct

from protocol.server.http.asgi import Piece, Receive, read_piece
from protocol.server.http.request import Request

log = logging.getLogger(__name__)

CREDENTIAL_HEADER = "parley-forwarded"
CONNECT_WITHIN = 2.0  # seconds
_KEPT = 30.0  # seconds that a connection may lie idle; the listener itself gives it longer
_PASSED = ("origin", "accept-encoding", "content-type")  # what the answer to a poll depends on, and no more


class ForwardedAnswer(Struct):
    """An HTTP answer; header names in lower case. `whole`: it came when the request had been sent to its end."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    whole: bool


def target(path: str, request: Request) -> str:
    """Path and query of a forwarded request, whose `sid` is one by its form: what the engine asks of a query, and
    nothing else that the client says. What would need an escape is no version or transport, and neither is nothing.
    """
    version, transport = _word(request.version), _word(request.transport)
    base64 = "&b64=1" if request.base64 else ""
    return f"{path}?EIO={version}&transport={transport}&sid={request.sid}{base64}"


def _word(text: str | None) -> str:
    return text if text and text.isascii() and text.isalnum() else ""


def chunk(piece: Piece) -> bytes:
    """A piece of a body as HTTP has it (RFC 9112 §7.1); one of no length is the end."""
    some = b"%x\r\n%b\r\n" % (len(piece.data), piece.data) if piece.data else b""
    return some if piece.more else some + b"0\r\n\r\n"


class RemoteInstance:
    """An instance by its tag, at `host` and `port`. `misses`: how often in a row the store did not know it."""

    def __init__(self, tag: str, address: str, credential: str) -> None:
        self.tag = tag
        self.address = address
        self.misses = 0
        host, _, port = address.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._credential = credential
        self._idle: list[HttpConnection] = []
        self._transports: set[asyncio.Transport] = set()
        self._cut = False

    @property
    def credentials(self) -> dict[str, str]:
        """The header that opens its private listener."""
        return {CREDENTIAL_HEADER: self._credential}

    async def connect(self, protocol: asyncio.Protocol) -> asyncio.Transport:
        """A new connection. Raises `OSError`, of which `TimeoutError` is one."""
        async with asyncio.timeout(CONNECT_WITHIN):
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_connection(lambda: protocol, self._host, self._port)
        if self._cut:
            transport.abort()
            raise ConnectionAbortedError("the other instance is gone")
        self._transports.add(transport)
        return transport

    async def lend(self) -> "HttpConnection":
        """A connection that is free, for one request; `take_back` it. Raises `OSError`."""
        due = asyncio.get_running_loop().time() - _KEPT
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and connection.since > due:
                return connection
            connection.abort()
        connection = HttpConnection()
        await self.connect(connection)
        return connection

    def take_back(self, connection: "HttpConnection") -> None:
        """Keep a connection for the next request; cut one that is still busy."""
        if connection.usable:
            connection.since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            connection.abort()

    def poll(self, path: str, request: Request, first: Piece) -> bytes:
        """The bytes of a client's GET, or of its POST as far as it has come. A body goes in chunks: where it is too
        large, or for no session, the other instance finds that out, and nothing is kept here."""
        given = ((name, request.header(name)) for name in _PASSED)
        passed = {name: value for name, value in given if value is not None and value.isprintable()}
        if request.method == "GET":
            return self._head("GET", target(path, request), passed)
        return self._head("POST", target(path, request), {**passed, "transfer-encoding": "chunked"}) + chunk(
            first
        )

    def let_go(self, path: str, sids: Iterable[str]) -> bytes:
        """The bytes of a request that has the GETs of sessions answered with nothing."""
        body = " ".join(sids).encode()
        return self._head("DELETE", path, {"content-length": str(len(body))}) + body

    def _head(self, method: str, target: str, headers: Mapping[str, str]) -> bytes:
        lines = [
            f"{method} {target} HTTP/1.1",
            f"host: {self.address}",
            *(f"{name}: {value}" for name, value in ({**self.credentials, **headers}).items()),
        ]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"

    def prune(self) -> None:
        """Let go of connections that are not needed any more."""
        due = asyncio.get_running_loop().time() - _KEPT
        for connection in self._idle:
            if connection.since <= due:
                connection.abort()
        self._idle = [connection for connection in self._idle if connection.usable]
        self._transports = {transport for transport in self._transports if not transport.is_closing()}

    def cut(self) -> None:
        """End all that goes on with it, and begin nothing more: it is gone, or this instance is about to be."""
        self._cut = True
        for transport in self._transports:
            if not transport.is_closing():  # what does is on its last words
                transport.abort()
        self._transports.clear()


class HttpConnection(asyncio.Protocol):
    """A connection on which one request at a time is asked. `since`: when it came to lie idle."""

    def __init__(self) -> None:
        self.since = 0.0
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[ForwardedAnswer] | None = None  # while a request is under way
        self._sending = False  # the body of one
        self._room = asyncio.Event()
        self._room.set()
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []

    @property
    def usable(self) -> bool:
        """True while a request can be sent."""
        busy = self._answer is not None or self._sending
        return not busy and self._transport is not None and not self._transport.is_closing()

    def ask(self, request: bytes, *, more: bool = False) -> asyncio.Future[ForwardedAnswer]:
        """The answer, or `ConnectionError`. With `more`, `pass_body` sends the rest of the request.

        A request is never repeated: it may have been served, and a second GET would get what comes after the packets
        of the first.
        """
        assert self._transport is not None
        self._headers, self._body = [], []
        self._answer = asyncio.get_running_loop().create_future()
        self._sending = more
        self._transport.write(request)
        return self._answer

    async def pass_body(self, receive: Receive) -> bool:
        """Send the rest of a body as it comes from a client; false if the client goes away before its end."""
        assert self._transport is not None
        while self._sending:
            await self._room.wait()
            piece = await read_piece(receive)
            if piece is None:
                return False
            self._transport.write(chunk(piece))
            self._sending = piece.more
        return True

    def abort(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _end(self, answer: ForwardedAnswer | OSError) -> None:
        waiting, self._answer = self._answer, None
        if waiting is None or waiting.done():
            return
        if isinstance(answer, OSError):
            waiting.set_exception(answer)
        else:
            waiting.set_result(answer)

    # --- asyncio's side ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Some of an answer."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            log.warning("another instance does not answer with HTTP: %r", error)
            self.abort()

    def pause_writing(self) -> None:
        """The other instance does not take what it is sent."""
        self._room.clear()

    def resume_writing(self) -> None:
        """It does again."""
        self._room.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._room.set()
        self._end(ConnectionError(f"the connection was lost: {exc or 'the other instance closed it'}"))

    # --- the parser's side ---

    def on_message_begin(self) -> None:
        """An answer begins. One without a request would be taken for that to the next request."""
        if self._answer is None:
            self.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header of the answer."""
        self._headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        """Some of its body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Its end."""
        status = self._parser.get_status_code()
        if status >= HTTPStatus.OK:  # what is below is no answer to what is asked here
            self._end(ForwardedAnswer(status, self._headers, b"".join(self._body), whole=not self._sending))
        if status < HTTPStatus.OK or not self._parser.should_keep_alive():
            self.abort()
