"""The plain ASGI websocket shell: the same behaviour as the fast one under any ASGI server.

The server in front does the framing, so its own limits come before ours (uvicorn: `ws_max_size`, 16 MiB).
`send` waits there when the client is slow; what piles up here meanwhile is counted, and past `max_buffered`
the client is closed.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

from protocol.engineio.flood_guard import FEW
from protocol.engineio.packets import Encoded
from protocol.engineio.session import CloseReason
from protocol.errors import CloseCode, HandshakeError
from protocol.server.config.cors import ask_origin, cors_headers
from protocol.server.config.session_headers import session_headers
from protocol.server.engineio.hub import PACKETS_A_TURN, Hub
from protocol.server.engineio.link import Link
from protocol.server.engineio.request_forwarder import RequestForwarder
from protocol.server.forwarding.tunnel import as_streams, carry_messages
from protocol.server.http.asgi import Receive, Scope, Send, websocket_close, websocket_send
from protocol.server.http.request import RawHeaders, Request
from protocol.server.transports.websocket_answer import OFFER, subprotocol
from protocol.websocket.messages import Close

log = logging.getLogger(__name__)

_CLOSE_TIMEOUT = 5.0  # seconds that a closed websocket has to send what waits
_REFUSAL_TIMEOUT = 1.0  # seconds that a refused client has to go
# How the server in front tells that the client broke a rule of websockets.
_BROKEN = (CloseCode.PROTOCOL_ERROR, CloseCode.INVALID_PAYLOAD, CloseCode.TOO_BIG)


class AsgiWebSocket:
    """One websocket; `serve` runs for as long as it lives."""

    name: ClassVar[str] = "websocket"

    def __init__(self, hub: Hub, receive: Receive, send: Send) -> None:
        self._hub = hub
        self._receive = receive
        self._send = send
        self._outgoing: deque[Encoded | Close] = deque()
        self._wake = asyncio.Event()
        self._reading = asyncio.Event()
        self._reading.set()
        self._closed = False
        self._base64 = False  # the client takes no binary messages
        self._patience: asyncio.Timeout
        self.buffered = 0

    async def serve(self, scope: Scope) -> None:
        """Handle the websocket of an ASGI scope."""
        request = Request.of_scope(_with_offer(scope))
        self._base64 = request.base64
        await self._receive()  # websocket.connect
        forwarder = self._hub.forwarder
        tag = forwarder.tag_of(request) if forwarder else None
        try:
            await ask_origin(self._hub.options, request)
            if forwarder and tag:
                await self._forward(forwarder, tag, request)
                return
            existing = self._hub.check(request)
            if existing is None:
                await self._hub.admit(request)
            name = subprotocol(self._hub.options, request)
            link = existing or self._hub.open(request, self, websocket=True)
        except HandshakeError as error:
            await self._reject(scope, error, cors_headers(self._hub.options, request))
            return
        try:
            async with asyncio.timeout(None) as self._patience:
                await self._accept(request, name, link.session.id if existing is None else None)
                await self._run(link, probing=existing is not None)
        except TimeoutError:
            log.info("a websocket is left to the server in front: its client does not read")
        finally:
            self._closed = True
            link.lose(self, CloseReason.TRANSPORT_ERROR)

    async def _forward(self, forwarder: RequestForwarder, tag: str, request: Request) -> None:
        """Be a tunnel to the instance that has the session. Raises `HandshakeError` before it is one."""
        name = subprotocol(self._hub.options, request)
        other, first = await forwarder.open_websocket(tag, request)
        reader, writer = as_streams(other)
        try:
            await self._accept(request, name)
            await carry_messages(reader, writer, first, self._receive, self._send, forwarder.patience)
        finally:
            writer.close()

    async def _run(self, link: Link, *, probing: bool) -> None:
        if probing and not link.open_probe(self):
            self.close(CloseCode.NORMAL)
        writer = asyncio.create_task(self._write())
        try:
            await self._read(link)
        finally:
            self._closed = True
            writer.cancel()
            await asyncio.wait([writer])
            if not writer.cancelled() and (failure := writer.exception()):
                log.info("a websocket could not be written to: %r", failure)

    async def _accept(self, request: Request, name: str | None, opened: str | None = None) -> None:
        headers = session_headers(self._hub.options, request, opened)
        await self._send({"type": "websocket.accept", "headers": headers, "subprotocol": name})

    async def _reject(self, scope: Mapping[str, Any], error: HandshakeError, headers: RawHeaders) -> None:
        """Plain HTTP where the server in front can do that before the handshake, else its own refusal (403)."""
        if "websocket.http.response" not in scope.get("extensions", {}):
            await self._send({"type": "websocket.close"})
            return
        start = [(b"content-type", b"text/plain; charset=utf-8"), *headers]
        await self._send(
            {"type": "websocket.http.response.start", "status": error.websocket_status, "headers": start}
        )
        await self._send({"type": "websocket.http.response.body", "body": error.message.encode()})
        # uvicorn logs an error unless the application stays until the connection is gone, which it tells with a
        # second message; other servers send one.
        with suppress(TimeoutError):
            async with asyncio.timeout(_REFUSAL_TIMEOUT):
                for _ in range(2):
                    await self._receive()

    async def _read(self, link: Link) -> None:
        left = PACKETS_A_TURN
        while True:
            await self._reading.wait()
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                broken = message.get("code") in _BROKEN
                link.lose(self, CloseReason.TRANSPORT_ERROR if broken else CloseReason.TRANSPORT_CLOSE)
                return
            data = message.get("text")
            if data is None:
                data = message["bytes"]
            left -= 1
            if not left:
                await self._hub.turn(link.request.address)
                left = PACKETS_A_TURN
            if self._closed:
                continue
            if len(data if isinstance(data, bytes) else data.encode()) > link.max_payload:
                self.close(CloseCode.TOO_BIG)
                link.lose(self, CloseReason.TRANSPORT_ERROR)
                continue
            link.receive(self, data)
            if link.control_packets > FEW and (wait := link.wait_after_control()):
                await asyncio.sleep(wait / 1000)

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            while self._outgoing:
                item = self._outgoing.popleft()
                if isinstance(item, Close):
                    await websocket_close(self._send, item.code, item.reason)
                    return
                for message in item.messages(base64=self._base64):
                    await websocket_send(self._send, message)
                self.buffered -= item.size
            self._wake.clear()

    # --- Transport: what the link uses ---

    def send(self, items: list[Encoded]) -> int:
        """Hand `items` to the writer."""
        held = self.buffered
        if not self._closed:
            self._outgoing.extend(items)
            self.buffered += sum(item.size for item in items)
            self._wake.set()
        return held

    def close(self, code: CloseCode, reason: str = "") -> None:
        """Close after what was sent."""
        if not self._closed:
            self._closed = True
            self._outgoing.append(Close(code, reason))
            self._wake.set()
            self._reading.set()
            self._patience.reschedule(self._hub.loop.time() + _CLOSE_TIMEOUT)

    def abort(self) -> None:
        """Leave without what was sent: the server in front ends the connection."""
        if not self._closed:
            self._closed = True
            self._patience.reschedule(self._hub.loop.time())

    def allow(self, _max_payload: int) -> None:
        """Nothing: the link, whose limit it is, is asked for each message."""

    def pause(self) -> None:
        """Stop taking messages from the server in front."""
        self._reading.clear()

    def resume(self) -> None:
        """Take messages again."""
        self._reading.set()


def _with_offer(scope: Scope) -> Scope:
    """A scope whose headers have the subprotocols that the client offers: servers on wsproto take them out."""
    offered = scope.get("subprotocols")
    if not offered or any(name == OFFER for name, _ in scope["headers"]):
        return scope
    return {**scope, "headers": [*scope["headers"], (OFFER, ", ".join(offered).encode("latin-1"))]}
