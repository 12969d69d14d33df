"""Another instance, which has sessions that clients look for here: the connections to its private listener."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import cast

import httptools
from msgspec import Struct

from protocol.server.request import Request

log = logging.getLogger("protocol.owner")

CREDENTIAL_HEADER = "parley-forwarded"
CONNECT_WITHIN = 2.0  # seconds
_KEPT = 30.0  # seconds that a connection may lie idle; the listener itself gives it longer
_PASSED = ("origin", "accept-encoding", "content-type")  # what the answer to a poll depends on, and no more


class Answer(Struct):
    """An HTTP answer; header names as they came."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def target(path: str, request: Request) -> str:
    """Path and query of a forwarded request, whose `sid` is one by its form: what the engine asks of a query, and
    nothing else that the client says. What would need an escape is no version or transport, and neither is nothing.
    """
    version, transport = _word(request.version), _word(request.transport)
    return f"{path}?EIO={version}&transport={transport}&sid={request.sid}"


def _word(text: str | None) -> str:
    return text if text and text.isascii() and text.isalnum() else ""


class Owner:
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

    @property
    def credentials(self) -> dict[str, str]:
        """The header that opens its private listener."""
        return {CREDENTIAL_HEADER: self._credential}

    async def connect(self, protocol: asyncio.Protocol) -> asyncio.Transport:
        """A new connection. Raises `OSError`, of which `TimeoutError` is one."""
        async with asyncio.timeout(CONNECT_WITHIN):
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_connection(lambda: protocol, self._host, self._port)
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

    def poll(self, path: str, request: Request, body: bytes) -> bytes:
        """The bytes of a client's GET or POST."""
        given = ((name, request.header(name)) for name in _PASSED)
        passed = {name: value for name, value in given if value is not None and value.isprintable()}
        return self._request(request.method, target(path, request), passed, body)

    def let_go(self, path: str, sids: Iterable[str]) -> bytes:
        """The bytes of a request that has the GETs of sessions answered with nothing."""
        return self._request("DELETE", path, {}, " ".join(sids).encode())

    def _request(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> bytes:
        lines = [
            f"{method} {target} HTTP/1.1",
            f"host: {self.address}",
            *(f"{name}: {value}" for name, value in ({**self.credentials, **headers}).items()),
        ]
        if method != "GET":
            lines.append(f"content-length: {len(body)}")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body

    def prune(self) -> None:
        """Let go of connections that nobody needs any more."""
        due = asyncio.get_running_loop().time() - _KEPT
        for connection in self._idle:
            if connection.since <= due:
                connection.abort()
        self._idle = [connection for connection in self._idle if connection.usable]
        self._transports = {transport for transport in self._transports if not transport.is_closing()}

    def cut(self) -> None:
        """End all that goes on with it: it is gone, or this instance is about to be."""
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
        self._answer: asyncio.Future[Answer] | None = None  # while a request is under way
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []

    @property
    def usable(self) -> bool:
        """Whether a request can be asked."""
        return self._answer is None and self._transport is not None and not self._transport.is_closing()

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        """The answer, or `ConnectionError`. A request is never repeated: it may have been served, and a second GET
        would get what comes after the packets of the first."""
        assert self._transport is not None
        self._headers, self._body = [], []
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def abort(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _end(self, answer: Answer | OSError) -> None:
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
        except httptools.HttpParserError as error:
            log.warning("another instance does not answer with HTTP: %s", error)
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._end(ConnectionError(f"the connection was lost: {exc or 'the other instance closed it'}"))

    # --- the parser's side ---

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
            self._end(Answer(status, self._headers, b"".join(self._body)))
        if status < HTTPStatus.OK or not self._parser.should_keep_alive():
            self.abort()
