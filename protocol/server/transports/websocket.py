"""The fast websocket shell: a protocol class for uvicorn's `ws=`, on frames of our own.

uvicorn reads the HTTP request, sees the upgrade and hands the connection over. A broadcast's frame is built
once and written as it is to each socket; what one tick of the loop queues for a connection is one write,
straight to the socket when the event loop's transport holds nothing for it, so that the order holds.
"""

import asyncio
import logging
import os
from collections.abc import Iterable
from typing import Any, ClassVar, cast

from protocol.engineio.flood_guard import FEW
from protocol.engineio.packets import Encoded
from protocol.engineio.session import CloseReason
from protocol.errors import CloseCode, FrameError, HandshakeError
from protocol.server.config.cors import ask_origin, cors_headers
from protocol.server.engineio.hub import Hub
from protocol.server.engineio.link import Link
from protocol.server.engineio.request_forwarder import RequestForwarder
from protocol.server.http.forwarded_headers import see_through
from protocol.server.http.request import RawHeaders, Request
from protocol.server.transports.paced_protocol import OPEN, PacedProtocol, WebSocketState
from protocol.server.transports.websocket_answer import accept_headers, refusal, subprotocol
from protocol.websocket import frames
from protocol.websocket.frames import Opcode
from protocol.websocket.messages import Close, Ping, Pong, WebSocketMessage
from protocol.websocket.server_handshake import parse_head, switch

log = logging.getLogger(__name__)

_CLOSE_TIMEOUT = 5.0  # seconds that the client has to answer our close frame


class WebSocketProtocol(PacedProtocol):
    """One websocket. Made by uvicorn, so the arguments and the use of `server_state` are its own."""

    name: ClassVar[str] = "websocket"
    private: ClassVar[
        bool
    ]  # given by `for_hub`, as is `hub`: whether instances, who show their secret, forward it

    __slots__ = ("_base64", "_config", "_fd", "_uvicorn")

    def __init__(
        self,
        config: Any,
        server_state: Any,
        app_state: dict[str, Any],  # noqa: ARG002 - uvicorn's call
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(_loop or asyncio.get_running_loop())
        self._config = config
        self._uvicorn = server_state
        self._deferred = True
        self._fd = -1  # -1: always write through the loop's transport
        self._base64 = False  # the client takes no binary frames

    @classmethod
    def for_hub(cls, hub: Hub, *, private: bool = False) -> type["WebSocketProtocol"]:
        """The class to give to uvicorn, which makes the instances and can pass nothing of ours."""
        return type(cls.__name__, (cls,), {"hub": hub, "private": private, "__slots__": ()})

    @property
    def address(self) -> str | None:
        """Where the client is, by what proxies in front say; None before it has a session."""
        return self._link.request.address if self._link is not None else None

    # --- asyncio's and uvicorn's side ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """uvicorn hands the connection over."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods alone
        self._uvicorn.connections.add(self)
        socket = transport.get_extra_info("socket")
        if socket is not None and transport.get_extra_info("ssl_object") is None:
            self._fd = socket.fileno()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The connection is gone, by either end and in any way: the reference knows no difference either."""
        self._uvicorn.connections.discard(self)
        self._state = WebSocketState.CLOSED
        self._fd = -1
        self._cease()
        link, self._link = self._link, None
        if link is not None:
            link.lose(self, CloseReason.TRANSPORT_CLOSE)

    def eof_received(self) -> None:
        """The client sends no more; returning None lets asyncio close the connection."""

    def shutdown(self) -> None:
        """uvicorn stops: end the session, so that its client reconnects. An upgrade under way has some seconds left."""
        if self._link is not None:
            self._link.finish(CloseReason.SERVER_SHUTTING_DOWN)
            if self._state is OPEN:
                self._end_within(_CLOSE_TIMEOUT)
        else:
            self._transport.close()

    def _receive_later(self, data: bytes) -> None:
        """The first data is the request, as uvicorn writes it out."""
        if self._state is WebSocketState.HANDSHAKE:
            self._shake_hands(data)
        elif self._state is not WebSocketState.CLOSED:
            super()._receive_later(data)

    # --- handshake ---

    def _shake_hands(self, head: bytes) -> None:
        method, path, query, headers = parse_head(head)
        peer = self._transport.get_extra_info("peername")
        scope = {
            "type": "websocket",
            "method": method,
            "path": path,
            "query_string": query,
            "headers": headers,
            "client": peer[:2] if isinstance(peer, tuple) else None,
            "scheme": "ws" if self._transport.get_extra_info("ssl_object") is None else "wss",
        }
        see_through(self._config, scope)
        request, forwarder = Request.of_scope(scope), self.hub.forwarder
        if self.private and not (request.sid and forwarder and forwarder.trusts(request)):
            self._reject(403, "Forbidden", ())
        elif not self.hub.options.has_path(path):
            self._reject(404, "Not found", ())
        elif request.header("sec-websocket-version") != "13":
            self._reject(426, "Unsupported websocket version", [(b"sec-websocket-version", b"13")])
        elif len(key := request.header("sec-websocket-key") or "") != 24:
            self._reject(400, "Bad websocket key", ())
        elif forwarder and not self.private and (tag := forwarder.tag_of(request)):
            self._transport.pause_reading()
            forwarder.run(self._forward(forwarder, tag, request, key))
        elif self._is_asked_about(request):
            self._transport.pause_reading()
            self.hub.run(self._ask(request, key))
        else:
            self._admit(request, key)

    def _is_asked_about(self, request: Request) -> bool:
        is_new = not request.sid and self.hub.asks
        return is_new or (not self.private and callable(self.hub.options.cors_origins))

    async def _ask(self, request: Request, key: str) -> None:
        """Have the application's functions decide first."""
        try:
            await ask_origin(self.hub.options, request)
            if not request.sid:
                self.hub.check(request)
                await self.hub.admit(request)
        except HandshakeError as error:
            self._reject(error.websocket_status, error.message, cors_headers(self.hub.options, request))
            return
        if self._state is WebSocketState.HANDSHAKE:
            self._transport.resume_reading()
            self._admit(request, key)

    async def _forward(self, forwarder: RequestForwarder, tag: str, request: Request, key: str) -> None:
        """Leave the connection to a tunnel to the instance that has the session."""
        options = self.hub.options
        try:
            await ask_origin(options, request)
            headers = accept_headers(options, request, subprotocol(options, request))
            other, first = await forwarder.open_websocket(tag, request)
        except HandshakeError as error:
            self._reject(error.websocket_status, error.message, cors_headers(options, request))
            return
        if self._state is not WebSocketState.HANDSHAKE or self._transport.is_closing():
            other.abort()
            return
        self._uvicorn.connections.discard(self)
        self._transport.write(switch(key, headers) + first)
        forwarder.carry_bytes(self._transport, other, self._uvicorn.connections)

    def _admit(self, request: Request, key: str) -> None:
        try:
            existing = self.hub.check(request)
            chosen = subprotocol(self.hub.options, request)
            link = existing or self.hub.open(request, self, websocket=True)
        except HandshakeError as error:
            self._reject(error.websocket_status, error.message, cors_headers(self.hub.options, request))
            return
        opened = link.session.id if existing is None else None
        headers = accept_headers(self.hub.options, request, chosen, opened)
        self._state = WebSocketState.OPEN
        self._base64 = request.base64
        self._deferred = False
        self._reader.max_payload = link.max_payload
        self._write(switch(key, headers))
        self._link = link
        if existing is not None and not link.open_probe(self):
            self.close(CloseCode.NORMAL)

    def _reject(self, status: int, message: str, headers: RawHeaders) -> None:
        """A plain HTTP answer instead of the 101, and the end of the connection."""
        if self._state is WebSocketState.HANDSHAKE:
            self._write(refusal(status, message, headers))
            self._hang_up()

    # --- frames in ---

    def _handle(self, messages: list[WebSocketMessage]) -> int:
        if self._state is not OPEN:
            self._await_close(messages)
            return 0
        link, rest = self._link, iter(messages)
        for message in rest:
            if type(message) is str and link is not None:
                link.receive(self, message)
            else:
                self._handle_rare(message)
            if self._state is not OPEN:
                self._await_close(rest)  # the client's close frame may be here already
                return 0
        if link is None:
            return 0
        if self._reader.small_fragments:
            link.control_packets += self._reader.small_fragments
            self._reader.small_fragments = 0
        return link.wait_after_control() if link.control_packets > FEW else 0

    def _handle_rare(self, message: WebSocketMessage) -> None:
        match message, self._link:
            case str() | bytes(), Link() as link:
                link.receive(self, message)
            case Ping(data=payload), Link() as link:
                link.control_packets += 1
                self._answer_ping(link, payload)
            case Pong(), Link() as link:
                link.control_packets += 1
            case Close(code=code), _:
                self._answer_close(code)
            case FrameError() as error, _:
                self._fail(error)

    def _answer_ping(self, link: Link, payload: bytes) -> None:
        if self.buffered > self.hub.options.max_buffered:
            link.end_slow(self)  # it pings and never reads our pongs
        else:
            self._write(frames.encode(Opcode.PONG, payload))

    def _answer_close(self, code: int) -> None:
        self._write(frames.encode_close(CloseCode.NORMAL if code == CloseCode.NO_STATUS else code))
        self._hang_up()

    def _hang_up(self) -> None:
        """Close the connection once what is buffered has left, or some seconds later without that."""
        self._state = WebSocketState.CLOSED
        self._transport.close()
        self._end_within(_CLOSE_TIMEOUT)

    def _fail(self, error: FrameError) -> None:
        log.info("a websocket is closed: %s", error)
        link, self._link = self._link, None
        self.close(error.close_code)
        if link is not None:
            link.lose(self, CloseReason.TRANSPORT_ERROR)

    def _await_close(self, messages: Iterable[WebSocketMessage]) -> None:
        for message in messages:
            if self._state is WebSocketState.CLOSING and isinstance(message, Close | FrameError):
                self._hang_up()
                return

    # --- Transport: what the link uses ---

    @property
    def buffered(self) -> int:
        """Bytes that the event loop's transport holds."""
        return self._transport.get_write_buffer_size()

    def send(self, items: list[Encoded]) -> int:
        """All of `items` in one write."""
        if self._state is not OPEN:
            return 0
        if self._base64:
            return self._write(b"".join([item.base64_frame for item in items]))
        return self._write(items[0].frame if len(items) == 1 else b"".join([item.frame for item in items]))

    def _write(self, data: bytes) -> int:
        """Write; returns the bytes that the event loop's transport held before."""
        held = self._transport.get_write_buffer_size()
        if held or self._fd < 0:
            self._transport.write(data)
            return held
        try:
            written = os.write(self._fd, data)
        except BlockingIOError:
            written = 0
        except OSError:
            self._transport.abort()  # the loop will say so with connection_lost
            return 0
        if written < len(data):
            self._transport.write(data[written:])
        return 0

    def close(self, code: CloseCode, reason: str = "") -> None:
        """Send a close frame and wait a while for the client's."""
        if self._state is OPEN:
            self._write(frames.encode_close(code, reason))
            self._state = WebSocketState.CLOSING
            self._link = None
            self._end_within(_CLOSE_TIMEOUT)

    def abort(self) -> None:
        """Cut the connection."""
        self._state = WebSocketState.CLOSED
        self._link = None
        self._transport.abort()
