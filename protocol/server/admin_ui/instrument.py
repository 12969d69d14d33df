"""Makes a server show itself in the admin UI."""

import asyncio
import logging
from typing import Any, Literal, TypeAlias

from protocol.errors import AckTimeout, BusUnavailable
from protocol.server.admin_ui.commands import FEATURES, Commands
from protocol.server.admin_ui.descriptions import Description, description, details_of
from protocol.server.admin_ui.feed import ALL_SOCKETS, Feed
from protocol.server.admin_ui.server_stats import KnownServers, ServerStats
from protocol.server.admin_ui.sign_in import Auth, SignIn
from protocol.server.admin_ui.watcher import Watcher
from protocol.server.server import Server
from protocol.server.socketio.namespace import Namespace
from protocol.server.socketio.socket import Socket

log = logging.getLogger(__name__)

Mode: TypeAlias = Literal["development", "production"]

MAX_LISTED = 5_000  # sockets that a page is given at once


def instrument(
    io: Server,
    *,
    auth: Auth,
    mode: Mode = "development",
    read_only: bool = False,
    namespace: str = "/admin",
    server_id: str | None = None,
    secret: str | None = None,
    stats_interval: int = 2_000,
) -> None:
    """Let operators watch a server and its clients in the page of `@socket.io/admin-ui`, and act on them.

        hasher = argon2.PasswordHasher()
        instrument(io, auth={"username": "ada", "password": hasher.hash("…")}, mode="production")

    Call it before the server starts. `auth` is a username and the argon2 hash of a password, a function
    `auth(socket) -> bool` that looks at `socket.handshake.auth` (it may be a coroutine function), or False: anyone may.
    In "development" the page is told of each socket, room and event; in "production" of counters alone, every
    `stats_interval` ms. `read_only`: the page cannot emit, join, leave or disconnect. `secret` signs sessions, so that
    a page can return to any instance that has the same; without it, to this one until it stops. Raises `ValueError` for
    values that are none. docs/server.md ("Admin UI") says more.
    """
    if mode not in ("development", "production"):
        raise ValueError(f"mode must be development or production, not {mode!r}")
    if stats_interval < 1:
        raise ValueError(f"stats_interval must be at least 1, not {stats_interval}")
    sign_in = SignIn(auth, secret)
    admin = io.of(namespace)
    if admin.parent is not None:
        raise ValueError(
            f"{namespace} shares the handlers of a pattern: the admin UI needs a namespace of its own"
        )
    instrumentation = _Instrumentation(io, admin, sign_in, mode, read_only=read_only)
    instrumentation.attach(ServerStats(io, server_id), stats_interval / 1000)


class _Instrumentation:
    def __init__(self, io: Server, admin: Namespace, sign_in: SignIn, mode: Mode, *, read_only: bool) -> None:
        self._io = io
        self._admin = admin
        self._sign_in = sign_in
        self._is_developing = mode == "development"
        self._feed = Feed(admin, self._all_sockets)
        self._watcher = Watcher(self._feed, admin)
        self._servers = KnownServers()
        self._features = [*(() if read_only else FEATURES), "AGGREGATED_EVENTS"]
        if self._is_developing:
            self._features.append("ALL_EVENTS")
        if not read_only:
            Commands(io).attach(admin)

    def attach(self, stats: ServerStats, interval: float) -> None:
        """Begin to listen, and to send while the server serves."""
        io = self._io
        self._admin.use(self._sign_in)
        self._admin.on("connection")(self._welcome)
        if self._is_developing:
            for namespace in io.namespaces.values():
                self._watcher.watch(namespace)
            io.on_new_namespace(self._watcher.watch)
            io.while_serving(self._feed.run)
            self._admin.on_any_broadcast(self._servers.heard)
        io.add_details(details_of)

        @io.while_serving
        async def send_stats() -> None:
            while True:
                await self._send_stats(stats.take())
                if self._admin.sockets and self._servers.have_gone():
                    await self._admin.local.emit(ALL_SOCKETS, await self._all_sockets())
                await asyncio.sleep(interval)

    async def _send_stats(self, taken: dict[str, Any]) -> None:
        if self._is_developing:
            self._watcher.look_at_data(list(self._io.namespaces.values()))
        try:
            await self._admin.emit("server_stats", taken)
        except BusUnavailable as error:
            log.debug("the admin UI is not told of this instance: %s", error)

    async def _welcome(self, socket: Socket) -> None:
        """A page is here."""
        if self._io.options.default_room is not None:  # else it gets nothing that is for all
            await socket.join(self._io.options.default_room)
        session = self._sign_in.new_session(socket)
        if session is not None:
            await socket.emit("session", session, local=True)
        await socket.emit("config", {"supportedFeatures": self._features}, local=True)
        if self._is_developing:
            await socket.emit(ALL_SOCKETS, await self._all_sockets(), local=True)

    async def _all_sockets(self) -> list[Description]:
        """The sockets of all namespaces on all instances, as far as they answer."""
        found: list[Description] = []
        for namespace in list(self._io.namespaces.values()):
            try:
                sockets = await namespace.fetch_sockets()
            except AckTimeout as error:
                log.warning("the admin UI shows some sockets only: %s", error)
                sockets = error.responses
            except BusUnavailable as error:
                log.warning("the admin UI shows the sockets of this instance only: %s", error)
                sockets = list(namespace.sockets.values())
            if len(sockets) > MAX_LISTED - len(found):
                log.warning("the admin UI shows %d sockets of more", MAX_LISTED)
            found += [description(each) for each in sockets[: MAX_LISTED - len(found)]]
        return found
