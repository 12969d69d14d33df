"""The Socket.IO server: the parts put together, behind the names that an application uses."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from protocol.server.bus.bus import Bus, BusFailure, MemoryBus
from protocol.server.config.options import Options
from protocol.server.dispatch.dispatch import Dispatch
from protocol.server.engine_server import http_protocol, serve, serve_lifespan
from protocol.server.engineio.hub import Hub
from protocol.server.engineio.link import Link
from protocol.server.engineio.traffic import Traffic
from protocol.server.forwarding.forwarder import Forwarder
from protocol.server.forwarding.options import Forwarding
from protocol.server.http.asgi import Receive, Scope, Send
from protocol.server.http.middleware import middleware_around
from protocol.server.namespaces.adapter import Adapter
from protocol.server.namespaces.client import ConnectedClient
from protocol.server.namespaces.handlers import RegisteredHandler
from protocol.server.namespaces.namespace_rule import Accepts, NamespaceRule
from protocol.server.private_listener.listener import PrivateListener
from protocol.server.recovery.recovery import SessionRecovery
from protocol.server.socketio.namespace import DynamicNamespace, Namespace
from protocol.server.socketio.selection import Selection
from protocol.server.socketio.socket import Socket
from protocol.server.store.store import MemoryStore, Store
from protocol.server.transports import client_bundle
from protocol.server.transports.websocket import WebSocketProtocol

if TYPE_CHECKING:
    from protocol.server.uvicorn_http.http_protocol import HttpProtocol

log = logging.getLogger(__name__)

Work: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


class Server(Namespace):
    """A Socket.IO server; it is its own main namespace, `/`.

        io = Server(cors_origins=["https://example.org"])
        app = Starlette(routes=[Mount("/socket.io", app=io)], lifespan=io.lifespan)
        uvicorn.run(app, http=io.http_protocol, ws=io.websocket_protocol, ws_per_message_deflate=False)

    The keyword arguments are those of `Options`, which raises `ValueError` for bad values, and `bus`, `store` and
    `forwarding` for several instances. It is an ASGI application for polling and websockets, and for the lifespan if it
    is the whole application. Await `start` before the first request and `stop` at the end, or use `lifespan`.
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
        self._adapter = Adapter(
            bus, self._hub, self.options, recovery, namespace_facade=Namespace, socket_facade=Socket
        )
        self._dispatch = Dispatch(self._adapter, skip_middlewares=self.options.skip_middlewares)
        self._bypass = False  # the fast websocket may be in use, and middleware was not looked for yet
        self._started = False
        self._starting = asyncio.Lock()
        self._work: list[Work] = []
        self._working: list[asyncio.Task[None]] = []
        super().__init__(self._adapter.namespace("/"))

    def _attach(self, hub: Hub, link: Link) -> ConnectedClient:
        return ConnectedClient(hub, link, self._dispatch, self.options)

    # --- namespaces ---

    @overload
    def of(self, name: str) -> Namespace: ...
    @overload
    def of(self, name: re.Pattern[str] | Accepts) -> DynamicNamespace: ...
    def of(self, name: str | re.Pattern[str] | Accepts) -> Namespace | DynamicNamespace:
        """Return the namespace with a name; the first call creates it. Raises `ValueError` for a name with a comma.

        For a pattern that must match the whole name, or a function `(name, auth) -> bool`, return the handlers of the
        namespaces that clients may create. A namespace whose name matches a pattern gets the pattern's handlers.
        """
        if isinstance(name, str):
            name = name if name.startswith("/") else f"/{name}"
            if "," in name:
                raise ValueError("a namespace's name has no comma")
            namespace: Namespace = self._adapter.namespace(name).facade
            return namespace
        rule = NamespaceRule(name)
        self._adapter.rules.append(rule)
        return DynamicNamespace(rule)

    @property
    def namespaces(self) -> Mapping[str, Namespace]:
        """The namespaces of this instance, by name."""
        return {name: local.facade for name, local in self._adapter.namespaces.items()}

    def on_new_namespace(self, listener: RegisteredHandler) -> RegisteredHandler:
        """Run `listener(namespace)`, a plain function, for each namespace that comes to be from now on: by `of`, or for
        a client that asked for it, before that is admitted. Its exceptions are logged and stop nothing."""
        self._adapter.on_new_namespace.append(listener)
        return listener

    def select(self, nsp: str) -> Selection:
        """All sockets of a namespace that this instance need not have, on every instance."""
        return Selection(self._adapter, nsp)

    def add_details(self, details: Callable[[Socket], Mapping[str, Any]]) -> None:
        """Add the items that `details(socket)`, a plain function, returns to the `data` of this instance's sockets as
        other servers get it from `fetch_sockets`."""
        self._adapter.add_details(details)

    # --- life ---

    def while_serving(self, work: Work) -> Work:
        """Run a coroutine function as a task from `start` to `stop`, which cancels it once all sessions have ended. If
        it raises, that is logged."""
        self._work.append(work)
        if self._started:
            self._working.append(asyncio.create_task(_logged(work)))
        return work

    async def start(self) -> None:
        """Start serving. Raises `BusUnavailable` and `StoreUnavailable` if these do not answer, and `OSError` if the
        address for other instances cannot be listened on.
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
        self._working = [asyncio.create_task(_logged(work)) for work in self._work]

    async def stop(self, grace: int = 10_000) -> None:
        """Stop in order, within `grace` ms and some seconds: accept no new sessions, let handlers finish, then
        close the transports, so that clients reconnect by themselves, and stop the bus.
        """
        await self._hub.drain(grace)
        await self._hub.close()
        working, self._working = self._working, []
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        if self._started:
            self._started = False
            if self._hub.forwarder is not None:
                await self._hub.forwarder.stop()
            await self._adapter.stop()
            await self._store.close()

    @property
    def routes_by_interest(self) -> bool:
        """True if this instance hears only of what is for its clients, or was sent by itself: see `InterestBus`."""
        return self._adapter.bus.routing is not None

    @property
    def gaps(self) -> int:
        """How often the bus has lost records before this instance could deliver them."""
        return self._adapter.gaps

    @property
    def bus_failure(self) -> BusFailure | None:
        """Why the bus cannot store or deliver at present; None while nothing is known to be wrong."""
        return self._adapter.bus.failure

    @property
    def recovery_history(self) -> int:
        """The number of characters of events and commands that are kept for clients that return."""
        recovery = self._adapter.recovery
        return 0 if recovery is None else recovery.size

    @property
    def kept_records(self) -> int:
        """The number of records that are kept until the bus stores them: see `batch`."""
        return self._adapter.bus.kept

    @property
    def sessions(self) -> int:
        """The number of open sessions on this instance."""
        return len(self._hub.links)

    def count_traffic(self) -> Traffic:
        """Count the packets and bytes of the sessions that begin from now on; the result has the totals."""
        return self._hub.count_traffic()

    @property
    def buffered(self) -> int:
        """The number of bytes queued for the clients of this instance. Reading it visits every client."""
        return sum(link.session.queued + link.transport.buffered for link in self._hub.links.values())

    # --- shells ---

    @property
    def websocket_protocol(self) -> type[WebSocketProtocol]:
        """The protocol class for uvicorn: `Config(app, ws=server.websocket_protocol)`. Other websocket routes of the
        application get a 404, and its middleware does not see the websockets: `allow_request` does.
        """
        self._bypass = True
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
            if self._bypass and "app" in scope:
                self._look_for_middleware(scope["app"])
            if self.options.serve_client and client_bundle.is_asked_for(scope):
                await client_bundle.serve(self.options, scope, receive, send)
                return
            await serve(self._hub, scope, receive, send)

    @asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[None]:
        """`start` and `stop`, for Starlette's `lifespan=`."""
        if self._bypass and app is not None:
            self._look_for_middleware(app)
        await self.start()
        try:
            yield
        finally:
            await self.stop()

    def _look_for_middleware(self, app: object) -> None:
        """Warn, once, of middleware that the fast websocket goes past."""
        found = middleware_around(app, self)
        if found is None:
            return
        self._bypass = False
        if found:
            log.warning(
                "the application's middleware (%s) does not see the websockets of ws=io.websocket_protocol: "
                "let allow_request decide who may connect, or leave ws= out",
                ", ".join(found),
            )


async def _logged(work: Work) -> None:
    try:
        await work()
    except Exception:
        log.exception("%r has failed, and does not run any more", work)
