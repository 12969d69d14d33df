"""The Engine.IO server: a hub of sessions behind the shells that bring clients to it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from protocol.engineio.packets import Encoded
from protocol.engineio.session import CloseReason
from protocol.server.config.options import EngineOptions
from protocol.server.engineio.hub import Hub
from protocol.server.engineio.link import Link
from protocol.server.http.asgi import Receive, Scope, Send
from protocol.server.transports import polling
from protocol.server.transports.asgi_websocket import AsgiWebSocket
from protocol.server.transports.websocket import WebSocketProtocol

if TYPE_CHECKING:
    from protocol.server.uvicorn_http.http_protocol import HttpProtocol


class EngineServer:
    """An Engine.IO server. It calls `on_message(session, message)` for each message of a client, `str` or `bytes`.

        echo = EngineServer(lambda session, message: session.send_message(message), path="/engine.io/")

    The keyword arguments are the options of the first table in `docs/server.md`. It is an ASGI application for polling
    and websockets; `websocket_protocol` is the fast websocket, for uvicorn's `ws=`.
    """

    def __init__(self, on_message: "Callable[[EngineSession, str | bytes], None]", **options: Any) -> None:
        self.options = EngineOptions(**options)
        self.hub = Hub(self.options, lambda _, link: EngineSession(link, on_message))

    @property
    def websocket_protocol(self) -> type[WebSocketProtocol]:
        """The protocol class for uvicorn's `ws=`."""
        return WebSocketProtocol.for_hub(self.hub)

    @property
    def http_protocol(self) -> "type[HttpProtocol]":
        """The protocol class for uvicorn's `http=`."""
        return http_protocol(self.hub)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve an ASGI scope."""
        if scope["type"] == "lifespan":
            await serve_lifespan(self.lifespan(), receive, send)
        else:
            await serve(self.hub, scope, receive, send)

    @asynccontextmanager
    async def lifespan(self, _app: object = None) -> AsyncIterator[None]:
        """Close all sessions at the end; for Starlette's `lifespan=`."""
        self.hub.accepting = True
        try:
            yield
        finally:
            await self.hub.close()


def http_protocol(hub: Hub) -> "type[HttpProtocol]":
    """The class to give to uvicorn, which tells the hub's observer of what it refuses."""
    from protocol.server.uvicorn_http.http_protocol import HttpProtocol  # uvicorn takes long to import

    return HttpProtocol.of(hub)


async def serve(hub: Hub, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve an ASGI scope, a polling request or a websocket."""
    if scope["type"] == "websocket":
        await AsgiWebSocket(hub, receive, send).serve(scope)
    else:
        await polling.serve(hub, scope, receive, send)


async def serve_lifespan(lifespan: AbstractAsyncContextManager[None], receive: Receive, send: Send) -> None:
    """Serve the ASGI lifespan of a server that is the whole application."""
    await receive()
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(lifespan)
        except Exception as error:
            # Where nothing is said, the server in front takes it that there is no lifespan, and serves all the same.
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})


class EngineSession:
    """One client of an `EngineServer`: `send_message` sends to it, `close` ends its session."""

    __slots__ = ("_link", "_on_message")

    deadline: int | None = None

    def __init__(self, link: Link, on_message: "Callable[[EngineSession, str | bytes], None]") -> None:
        self._link = link
        self._on_message = on_message

    def send_message(self, message: str | bytes) -> None:
        """Send a message: `str` as text, `bytes` as binary."""
        if isinstance(message, str):
            self._link.send(Encoded(b"4" + message.encode()))
        else:
            self._link.send(Encoded(b"", (message,)))

    def close(self) -> None:
        """End the session, after the queued messages were sent."""
        self._link.finish(CloseReason.FORCED_CLOSE)

    def receive(self, message: str | bytes) -> None:
        """Take a message from the link."""
        self._on_message(self, message)

    def expire(self) -> None:
        """Nothing expires here but what the session itself watches."""

    def end(self, reason: CloseReason) -> None:
        """Nothing is kept that would have to go."""
