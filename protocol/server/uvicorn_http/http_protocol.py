"""HTTP/1.1 for uvicorn's `http=`, with a bound on what one connection may make the server hold and do.

uvicorn's own class on httptools parses all that it reads at once and waits for ever. This one differs:

- A connection has one request at a time. What was read behind it is kept as it came, 64 KiB at most, and nothing more
  is read until the answer has left.
- Large reads, and many reads of one address, are parsed in turns, see `ReadTurns`.
- A head, the trailers of a chunked body and the framing of its chunks are bounded in bytes, before they are parsed.
- A request comes whole within a time, or the connection ends.
- An offer to change the protocol, other than a websocket's, is ignored, and the body is the request's (RFC 9110 §7.8).
- An answer is taken within a time, see `untaken_answers`. One that does not wait for its request's body ends the
  connection, see `lingering_close`, unless little of the body is left.
- `Host` is there once, and is one (RFC 9112 §3.2).

The protocol knows where a message may end before it parses: a head and a chunked body end with an empty line, any other
body has a length. So no parser is ever given bytes of two messages at once.
"""

import asyncio
from collections import Counter
from http import HTTPStatus
from typing import ClassVar, Self

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from protocol.server.config.observer import Observer
from protocol.server.engineio.hub import Hub
from protocol.server.http import beyond_asgi
from protocol.server.uvicorn_http.chunk_framing import Framing
from protocol.server.uvicorn_http.flow_control import Flow, RequestPhase
from protocol.server.uvicorn_http.lingering_close import Discarding, LingeringClose
from protocol.server.uvicorn_http.request_head import (
    RequestRefused,
    body_length,
    check_host,
    find_end,
    opens_websocket,
    tail_of,
    without_offer,
)

_PIECE = 16_384  # bytes of a chunked body that are parsed at once; a larger body may be discarded
_PIECES_A_TURN = 16  # of the event loop; a piece is smaller where an empty line ends it
_HELD = 65_536  # bytes that may be kept behind a request that is being answered

# Looking a member up in its class costs more than comparing it.
_HEAD, _SIZED, _CHUNKED, _ANSWER, _OVER = RequestPhase


class HttpProtocol(LingeringClose):
    """One connection. Made by uvicorn. The class attributes are its bounds, in bytes and seconds."""

    max_head: ClassVar[int] = 64 * 1024  # of a request before its body; of its trailers as well
    max_target: ClassVar[int] = 8 * 1024  # of the path with its query (RFC 9110 §4.1: 8,000 at least)
    max_fields: ClassVar[int] = 100  # header fields; trailer fields, and parameters of a query, as well
    max_framing: ClassVar[int] = 1  # of a chunked body, for each byte of content, beside `max_head`
    head_within: ClassVar[float] = 10.0  # from the connection, or a request's first byte, to its head's end
    body_within: ClassVar[float] = 660.0  # from there to the end of the body
    late_body_within: ClassVar[float] = 10.0  # from an answer that did not wait for it, to the end
    observer: ClassVar[Observer] = Observer()

    flow: Flow
    _phase = _HEAD
    _unparsed = b""
    _tail = b""  # the last bytes that were parsed, as far as an empty line may begin in them
    _head = 0  # bytes of the head so far
    _fields = 0  # header fields, or trailer fields
    _left = 0  # bytes of a sized body
    _framing: Framing  # of the body
    _offer = False  # the head offers a websocket or what is ignored, and has not been acted upon
    _refusal: RequestRefused | None = None

    @classmethod
    def of(cls, hub: Hub, **attributes: object) -> type[Self]:
        """The class to give to uvicorn, which takes turns with the other connections of a hub."""
        attributes |= {
            "observer": hub.options.observer,
            "arrive": hub.turns.arrive,
            "defer": staticmethod(hub.defer),
            "end_polling": staticmethod(hub.end_polling),
            **cls.new_lines(),
            "discarding": Discarding(),
            "idle": Counter(),
        }
        return type(cls.__name__, (cls,), attributes)

    # --- asyncio's side ---

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """See asyncio."""
        super().connection_made(transport)
        self.flow = Flow(transport, self._parse_soon)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some of a request, or of several."""
        if self._phase is _OVER:
            self._throw_away()
            return
        self._unparsed = self._unparsed + data if self._unparsed else data
        if self._phase is _ANSWER:
            self._hold()
        else:
            self._parse_in_turn(len(data))

    # --- in pieces that end no later than the message does ---

    def _parse_soon(self) -> None:
        if not self._waits and self._phase is not _OVER:
            self._wait_for_turn(self._parse)

    def _parse(self) -> None:
        """Parse what was read: to the end of the request, or as much as one turn of the event loop allows."""
        self._waits = False
        if self._unparsed:
            self._unset_keepalive_if_required()
        for _ in range(_PIECES_A_TURN):
            phase = self._phase
            if not self._unparsed or phase is _ANSWER or phase is _OVER or self.flow.read_paused:
                break
            try:
                self._feed(self._next_piece())
            except RequestRefused as refused:
                self._refuse(refused)
        else:
            self._parse_soon()
        if self._phase is not _OVER:
            if self._unparsed or self.flow.held:
                self._hold()
            if self._deadline_of is not self._phase:
                self._watch()

    def _hold(self) -> None:
        """Keep what is left to be parsed, and read no more until it is. Too much behind one request is dropped: the
        connection ends with its answer."""
        if self._phase is _ANSWER and (len(self._unparsed) > _HELD or not self.cycle.keep_alive):
            self.cycle.keep_alive = False
            self._unparsed = b""
        self.flow.hold(self._waits or bool(self._unparsed))

    def _next_piece(self) -> bytes:
        """Take what may be parsed at once. Raises `RequestRefused` for a head that is too large."""
        data = self._unparsed
        if self._phase is _SIZED:
            size = min(self._left, len(data))
            self._left -= size
        else:
            # A head is looked through to its end, however it is cut; a body no further than it is parsed.
            end = find_end(self._tail, data if self._phase is _HEAD else data[:_PIECE])
            size = end or len(data)
            if self._phase is _HEAD:
                self._head += size
                if self._head > self.max_head:
                    raise RequestRefused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The head is too large")
            elif size > _PIECE:
                size, end = _PIECE, 0
            self._tail = tail_of(self._tail, data[:size]) if not end else b""
        if size == len(data):
            self._unparsed = b""
            return data
        self._unparsed = data[size:]
        return data[:size]

    def _feed(self, piece: bytes) -> None:
        """Give a piece to the parser. Raises `RequestRefused`."""
        framing = self._framing if self._phase is _CHUNKED else None
        content = framing.content if framing else 0
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            self._take_offer()
        except httptools.HttpParserError:
            refusal, self._refusal = self._refusal, None
            raise refusal or RequestRefused(HTTPStatus.BAD_REQUEST, "Invalid HTTP request") from None
        if framing:
            framing.count(len(piece), framing.content - content, self.max_head, self.max_framing)

    # --- what the parser has come to; what is raised here becomes its own error ---

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field, or a trailer field, which is not for the application (RFC 9110 §6.5.1)."""
        self._fields += 1
        if self._fields > self.max_fields:
            self._refusal = RequestRefused(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request has too many header fields"
            )
            raise self._refusal
        if self._phase is _HEAD:
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The end of the head."""
        try:
            self.check_head()
        except RequestRefused as refused:
            self._refusal = refused
            raise
        if self.parser.should_upgrade():
            self._offer = True  # the parser stops here
            self.scope["method"] = self.parser.get_method().decode("ascii")
            return
        length = body_length(self.headers)
        self._phase = _CHUNKED if length is None else _SIZED
        self._left = length or 0
        self._fields = 0
        self._framing = Framing()
        beyond_asgi.offer(self.scope, self._reference)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of the body."""
        self._framing.content += len(body)
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.body += body
            if len(cycle.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            cycle.message_event.set()

    def discard_body(self) -> None:
        """See `protocol.server.http.beyond_asgi`."""
        self.cycle.body = bytearray()
        if self.cycle.more_body:
            self.flow.pause_reading()
        if self._phase is _CHUNKED:
            self._unparsed = b""

    def on_message_complete(self) -> None:
        """The last byte of a request, or of the head of one that offers another protocol."""
        if self._offer:
            return
        cycle = self.cycle
        if cycle.response_complete:
            self._phase = _HEAD
        else:
            self._phase = _ANSWER
            cycle.more_body = False
            cycle.message_event.set()
        self._head = self._fields = 0

    def check_head(self) -> None:
        """Check a head that is complete. Raises `RequestRefused`. A subclass may check more."""
        check_host(self.headers, self.parser.get_http_version)
        if len(self.url) > self.max_target or self.url.count(b"&") >= self.max_fields:
            raise RequestRefused(HTTPStatus.REQUEST_URI_TOO_LONG, "The path or the query is too long")

    # --- offers of another protocol ---

    def _take_offer(self) -> None:
        self._offer = False
        self._fields = 0
        method, version, fields = self.parser.get_method(), self.parser.get_http_version(), self.headers
        if method == b"CONNECT":
            raise RequestRefused(HTTPStatus.NOT_IMPLEMENTED, "This server is not a proxy")
        if self.ws_protocol_class is not None and opens_websocket(method, version, fields):
            self.handle_websocket_upgrade()
        else:
            # The parser has skipped the body, which could be the other protocol's. A new one is given the same head
            # without the offer, and parses the body that follows.
            self.parser = httptools.HttpRequestParser(self)
            self._feed(without_offer(method, self.url, version, fields))

    def handle_websocket_upgrade(self) -> None:
        """From here on the connection is the websocket's."""
        self._end()
        self.flow.hold(False)
        super().handle_websocket_upgrade()
        self.parser = None  # type: ignore[assignment]  # which refers to this: only the collector would free them

    # --- the end of a request, and of the connection ---

    def on_response_complete(self) -> None:
        """An answer has left; what was read behind its request is next."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._end()
        elif self._phase is _ANSWER:
            self._phase = _HEAD
            if self._unparsed:
                self._parse_soon()
        elif self._phase is _CHUNKED or self._left > _HELD:
            self._unset_keepalive_if_required()
            self.cycle.body = bytearray()
            self._end()
            self._linger(self.late_body_within)

    def _refuse(self, refused: RequestRefused) -> None:
        """Say why, unless an answer has begun already, and end the connection."""
        self._end()
        self.observer.request_refused(refused.status)
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                self.transport.abort()
                return
        self.transport.write(refused.answer)
        self._linger()

    def _end(self) -> None:
        self._phase = _OVER
        self._unparsed = b""
        self.flow.end()
        self._expect_nothing()

    # --- deadlines ---

    def _watch(self) -> None:
        """Have a deadline for what is awaited of the client; one that stands stays."""
        self._expect_nothing()
        if self._phase is not _ANSWER:
            within = self.head_within if self._phase is _HEAD else self.body_within
            self._deadline_of = self._phase
            self._deadline = self.loop.call_later(within, self.transport.abort)
