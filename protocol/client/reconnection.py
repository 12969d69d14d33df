"""The connection that a client's namespaces share: made when one of them wants it, made again when it breaks,
and closed when none wants it any more."""

import asyncio
import random
import ssl
from typing import TYPE_CHECKING

from protocol import backoff
from protocol.client.connection import ClientConnection
from protocol.client.options import ClientOptions
from protocol.engineio.client_session import DisconnectReason
from protocol.errors import Unreachable
from protocol.socketio.client_namespace_states import ClientNamespaceState
from protocol.socketio.packets import Packet, Rejected
from protocol.websocket.client_handshake import Address

if TYPE_CHECKING:
    from protocol.client.socket_state import ClientSocketState

_FLOOD = 65_536  # events in front of an ack that is awaited; more than one read of the socket can hold


class Reconnector:
    """`connection` is the open connection, None while there is none; `sockets` has one entry a namespace."""

    def __init__(self, address: Address, options: ClientOptions) -> None:
        self.options = options
        self.connection: ClientConnection | None = None
        self.sockets: dict[str, ClientSocketState] = {}
        self._address = address
        self._ssl = options.ssl
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Future[None]] = set()
        self._awaited = 0  # acks
        self._crowded = False  # whether a namespace has, or had a moment ago, too many events to handle

    # --- connect ---

    async def admit(self, socket: "ClientSocketState") -> None:
        """Have a namespace joined: now, where there is a connection, else once there is one."""
        if self.connection is not None:
            await self._join(self.connection, socket)
        elif self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def release(self) -> None:
        """Close the connection, or give up to make one, if no namespace wants it any more."""
        if self._active():
            return
        task, self._task = self._task, None
        if task is not None:
            self._end(task)
            task.cancel()
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()
            self._end(connection.closed)

    async def closed(self) -> None:
        """Wait until nothing is left of the connections that were ended."""
        ending = self._ending - {asyncio.current_task()}
        if ending:
            await asyncio.wait(ending)

    def _active(self) -> list["ClientSocketState"]:
        return [socket for socket in self.sockets.values() if socket.active]

    def _end(self, future: asyncio.Future[None] | None) -> None:
        if future is not None and not future.done():
            self._ending.add(future)
            future.add_done_callback(self._ending.discard)

    async def _run(self) -> None:
        """Connect, and again, for as long as a namespace wants it."""
        options, attempt = self.options, 0
        while True:
            try:
                connection = await self._open()
            except Unreachable as error:
                final = not options.reconnection or attempt == options.reconnection_attempts
                for socket in self._active():
                    socket.miss(error, final=final)
            else:
                attempt = 0
                await asyncio.gather(*[self._join(connection, socket) for socket in self._active()])
                await asyncio.shield(connection.lost)
            if not self._active():
                break
            wait = backoff.delay(
                attempt,
                first=options.reconnection_delay,
                most=options.reconnection_delay_max,
                jitter=options.randomization_factor,
                chance=random.random(),
            )
            attempt += 1
            await asyncio.sleep(wait / 1000)
        self._task = None

    async def _open(self) -> ClientConnection:
        if self._address.secure and self._ssl is None:
            self._ssl = ssl.create_default_context()
        connection = ClientConnection(self, self._address, self.options)
        try:
            async with asyncio.timeout(self.options.connect_timeout / 1000):
                await connection.open(self._ssl if self._address.secure else None)
            self.connection = connection
        except TimeoutError as error:
            raise Unreachable(f"no connection within {self.options.connect_timeout} ms") from error
        finally:
            if self.connection is not connection:
                connection.abort()
                self._end(connection.closed)
        return connection

    async def _join(self, connection: ClientConnection, socket: "ClientSocketState") -> None:
        try:
            async with asyncio.timeout(self.options.connect_timeout / 1000):
                auth = await socket.credentials()
            still = socket.active and self.connection is connection
            if still and connection.namespaces.state(socket.name) is ClientNamespaceState.ABSENT:
                connection.send(connection.namespaces.join(socket.name, auth))
        except Exception as error:  # noqa: BLE001 - the application gets what its auth function raises
            socket.fail(error)

    # --- backpressure ---

    def expect(self, change: int) -> None:
        """One ack more, or one less, is awaited."""
        self._awaited += change
        self.relieve()

    def relieve(self) -> None:
        """Read on, if few enough events wait."""
        if self._crowded:
            self.throttle()

    def throttle(self) -> None:
        """Stop reading while a namespace has too many events to handle. Its handler may wait for an ack that
        comes behind them: then read on for some more.
        """
        limit = self.options.max_pending_events
        bound = max(limit, _FLOOD) if self._awaited else limit
        waiting = max(socket.waiting for socket in self.sockets.values())
        self._crowded = waiting >= limit
        if self.connection is not None:
            self.connection.pause(paused=waiting >= bound)

    # --- what the connection calls ---

    def receive(self, connection: ClientConnection, packet: Packet | Rejected) -> None:
        """Hand a packet to its namespace."""
        self.sockets[packet.nsp].receive(connection, packet)

    def lose(self, connection: ClientConnection, reason: DisconnectReason) -> None:
        """The connection is gone; `_run` will make another, if a namespace wants it."""
        if connection is not self.connection:
            return
        self._end(connection.closed)
        self.connection = None
        final = not self.options.reconnection or self.options.reconnection_attempts == 0
        for socket in self._active():
            socket.lose(reason, final=final)
