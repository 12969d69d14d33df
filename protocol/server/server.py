"""The Socket.IO server: the parts put together, behind the names that an application uses."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, overload

from protocol.server.bus.bus import Bus, MemoryBus
from protocol.server.config.options import Options
from protocol.server.engine_server import http_protocol, serve, serve_lifespan
from protocol.server.engineio.hub import Hub
from protocol.server.engineio.link import Link
from protocol.server.forwarding.forwarder import Forwarder
from protocol.server.forwarding.options import Forwarding
from protocol.server.http.asgi import Receive, Scope, Send
from protocol.server.private_listener.listener import PrivateListener
from protocol.server.recovery.recovery import SessionRecovery
from protocol.server.socketio.adapter import Adapter
from protocol.server.socketio.client import ConnectedClient
from protocol.server.socketio.dispatch import Dispatch
from protocol.server.socketio.namespace import Accepts, DynamicNamespace, Namespace
from protocol.server.store.store import MemoryStore, Store
from protocol.server.transports.websocket import WebSocketProtocol

if TYPE_CHECKING:
    from protocol.server.uvicorn_http.http_protocol import HttpProtocol


class Server(Namespace):
    """A Socket.IO server; it is its own main namespace, `/`.

    The keyword arguments are those of `Options`. As an ASGI application it serves polling and websockets, and
    the lifespan where it is the whole application; `websocket_protocol` is the fast websocket, for uvicorn's
    `ws=`. Await `start` before the first request and `stop` at the end.
    """

    def __init__(
        self,
        *,
        bus: Bus | None = None,
        store: Store | None = None,
        forwarding: Forwarding | None = None,
        **options: Any,
    ) -> None:
        self.options = Options(**options)
        self._store = MemoryStore() if store is None else store  # an empty one is false
        self._hub = Hub(self.options, self._attach)
        if forwarding is not None:
            listener = PrivateListener(self._hub, forwarding.knows)
            self._hub.forwarder = Forwarder(self._hub, self._store, forwarding, listener)
        bus = bus or MemoryBus()
        duration = self.options.recovery
        recovery = None if duration is None else SessionRecovery(self.options, duration, bus, self._store)
        self._adapter = Adapter(bus, self._hub, self.options, recovery)
        self._dispatch = Dispatch(self._adapter)
        self._started = False
        self._starting = asyncio.Lock()
        super().__init__("/", self._adapter)
        self._adapter.add(self)

    def _attach(self, hub: Hub, link: Link) -> ConnectedClient:
        return ConnectedClient(hub, link, self._dispatch, self.options)

    # --- namespaces ---

    @overload
    def of(self, name: str) -> Namespace: ...
    @overload
    def of(self, name: re.Pattern[str] | Accepts) -> DynamicNamespace: ...
    def of(self, name: str | re.Pattern[str] | Accepts) -> Namespace | DynamicNamespace:
        """The namespace of a name, made at the first call; or, for a pattern that the whole name must match
        or for a function `(name, auth) -> bool`, the namespaces that clients may ask for. A name that a pattern
        matches gets the handlers of the pattern.
        """
        if isinstance(name, str):
            name = name if name.startswith("/") else f"/{name}"
            if "," in name:
                raise ValueError("a namespace's name has no comma")
            return self._adapter.namespace(name)
        dynamic = DynamicNamespace(name)
        self._adapter.dynamic.append(dynamic)
        return dynamic

    # --- life ---

    async def start(self) -> None:
        """Begin to serve. Raises `BusUnavailable` and `StoreUnavailable` where these do not answer, and `OSError` where
        the address for other instances is not to be had.
        """
        async with self._starting:
            if not self._started:
                await self._start()

    async def _start(self) -> None:
        await self._adapter.start()
        try:
            if self._hub.forwarder is not None:
                await self._hub.forwarder.start()
        except BaseException:
            await self._adapter.stop()
            raise
        self._started = True
        self._hub.accepting = True

    async def stop(self, grace: int = 10_000) -> None:
        """End in order, within `grace` ms and some seconds: take no new sessions, let handlers finish, then
        close the transports, so that clients reconnect by themselves, and stop the bus.
        """
        await self._hub.drain(grace)
        await self._hub.close()
        if self._started:
            self._started = False
            if self._hub.forwarder is not None:
                await self._hub.forwarder.stop()
            await self._adapter.stop()
            await self._store.close()

    @property
    def sessions(self) -> int:
        """How many sessions are open on this instance."""
        return len(self._hub.links)

    @property
    def buffered(self) -> int:
        """How many bytes are queued for the clients of this instance. It looks at each of them."""
        return sum(link.session.queued + link.transport.buffered for link in self._hub.links.values())

    # --- shells ---

    @property
    def websocket_protocol(self) -> type[WebSocketProtocol]:
        """The protocol class for uvicorn: `Config(app, ws=server.websocket_protocol)`. Other websockets of
        the application are not served then.
        """
        return WebSocketProtocol.for_hub(self._hub)

    @property
    def http_protocol(self) -> "type[HttpProtocol]":
        """The protocol class for uvicorn: `Config(app, http=server.http_protocol)`, for all requests of the process."""
        return http_protocol(self._hub)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve an ASGI scope."""
        if scope["type"] == "lifespan":
            await serve_lifespan(self.lifespan(), receive, send)
        else:
            if not self._started and self._hub.accepting:
                await self.start()  # under a server that knows no lifespan, and not again after `stop`
            await serve(self._hub, scope, receive, send)

    @asynccontextmanager
    async def lifespan(self, _app: object = None) -> AsyncIterator[None]:
        """`start` and `stop`, for Starlette's `lifespan=`."""
        await self.start()
        try:
            yield
        finally:
            await self.stop()
