"""The interface of forwarding for transports, which cannot import it: forwarding is built on top of the engine."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from protocol.server.http.asgi import Receive, Send
from protocol.server.http.request import Request


class RequestForwarder(Protocol):
    """Requests for sessions of other instances. See `protocol.server.forwarding.forwarder.Forwarder`."""

    @property
    def patience(self) -> float:
        """Seconds that a client may be before it takes what waits for it."""
        ...

    async def start(self) -> None:
        """Begin. Raises `OSError` and `StoreUnavailable`."""
        ...

    async def stop(self) -> None:
        """End what is forwarded."""
        ...

    def trusts(self, request: Request) -> bool:
        """True if a request comes from another instance."""
        ...

    def tag_of(self, request: Request) -> str | None:
        """The tag of the other instance that may have the session which a request names."""
        ...

    async def poll(self, tag: str, request: Request, receive: Receive, send: Send) -> None:
        """Answer with what the other instance answers. Raises `HandshakeError`."""
        ...

    async def open_websocket(self, tag: str, request: Request) -> tuple[asyncio.Transport, bytes]:
        """A websocket to the other instance, and what came on it already. Raises `HandshakeError`."""
        ...

    def carry_bytes(self, client: asyncio.Transport, other: asyncio.Transport, connections: set[Any]) -> None:
        """Tie two websockets to each other, byte by byte."""
        ...

    def run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run what opens a tunnel."""
        ...
