"""One connection to the server, from its opening to its end. Each attempt to connect makes a new one."""

import asyncio
import logging
import os
import ssl
from typing import Any, Protocol

from protocol.client.options import ClientOptions
from protocol.client.websocket import ClientWebSocket
from protocol.engineio import packets as engine
from protocol.engineio.client_session import ClientSession, DisconnectReason
from protocol.engineio.engine_packet import PacketType
from protocol.engineio.packets import Encoded
from protocol.errors import Unreachable
from protocol.socketio.client_namespace_states import ClientNamespaceStates
from protocol.socketio.packets import Packet, Rejected
from protocol.websocket.client_handshake import Address, request

log = logging.getLogger(__name__)

_PONG = Encoded(b"3")
_STALL = 1_000  # ms; a timer this late means that this process stood still, not that the server was silent
_GRAIN = 10  # ms to read what came meanwhile


class ConnectionOwner(Protocol):
    """The callbacks of a connection to the `Reconnector` that made it."""

    def receive(self, connection: "ClientConnection", packet: Packet | Rejected) -> None:
        """Take a packet. Raises `PacketError`."""
        ...

    def lose(self, connection: "ClientConnection", reason: DisconnectReason) -> None:
        """The connection ended without `close` or `abort`. Called once."""
        ...


class ClientConnection:
    """A websocket with its Engine.IO session and its Socket.IO connection, and the watch over a silent server.

    `lost` is done when it ended by itself.
    """

    def __init__(self, owner: ConnectionOwner, address: Address, options: ClientOptions) -> None:
        nonce = os.urandom(16)
        self._loop = asyncio.get_running_loop()
        self.namespaces = ClientNamespaceStates(options.parser)
        self.lost: asyncio.Future[DisconnectReason] = self._loop.create_future()
        self._owner = owner
        self._address = address
        self._session = ClientSession()
        self._greeted: asyncio.Future[None] = self._loop.create_future()
        self._websocket = ClientWebSocket(
            request(address, options.headers, nonce), nonce, self, options.max_payload
        )
        self._connected = False  # until then, a connection that is being made is the event loop's to end
        self._timer: asyncio.TimerHandle | None = None
        self._paused = False

    async def open(self, context: ssl.SSLContext | None) -> None:
        """Connect and wait for the server's open packet. Raises `Unreachable`."""
        host, port = self._address.host, self._address.port
        try:
            await self._loop.create_connection(lambda: self._websocket, host, port, ssl=context)
        except OSError as error:
            raise Unreachable(f"{self._address.authority}: {error}") from error
        self._connected = True
        refusal = await self._websocket.opened
        if refusal is not None:
            raise refusal
        outcome: list[asyncio.Future[Any]] = [self._greeted, self.lost]
        await asyncio.wait(outcome, return_when=asyncio.FIRST_COMPLETED)
        if self.lost.done():
            raise Unreachable(f"the connection was lost: {self.lost.result()}")

    # --- in: what the websocket calls ---

    def receive(self, message: str | bytes) -> None:
        """Take a message. Raises `PacketError`."""
        packet = engine.decode_packet(message)
        data = self._session.receive(packet, self._now())
        if data is not None:
            inner = self.namespaces.receive(data)
            if inner is not None:
                self._owner.receive(self, inner)
        elif packet.type is PacketType.PING:
            self.send(_PONG)
        elif packet.type is PacketType.OPEN:
            self._greeted.set_result(None)
            self._watch()
        elif packet.type is PacketType.CLOSE:
            self.close()
            self.lose(DisconnectReason.TRANSPORT_CLOSE)

    def lose(self, reason: DisconnectReason) -> None:
        """The websocket ended by itself."""
        self._rest()
        self.lost.set_result(reason)
        self._owner.lose(self, reason)

    # --- out ---

    def send(self, item: Encoded) -> None:
        """Send a packet; dropped once the connection has ended."""
        self._websocket.send(item)

    async def drained(self) -> None:
        """Wait until the transport takes more."""
        await self._websocket.drained()

    def pause(self, *, paused: bool) -> None:
        """Stop reading from the server, or go on."""
        if paused is not self._paused:
            self._paused = paused
            if paused:
                self._websocket.pause()
            else:
                self._websocket.resume()

    # --- the end ---

    @property
    def closed(self) -> asyncio.Future[None] | None:
        """Done when nothing of the connection is left; None where the event loop never gave us one."""
        return self._websocket.closed if self._connected else None

    def close(self) -> None:
        """End the connection in order."""
        self._rest()
        self._websocket.close()

    def abort(self) -> None:
        """End the connection at once."""
        self._rest()
        if self._connected:
            self._websocket.abort()

    # --- time ---

    def _now(self) -> int:
        return int(self._loop.time() * 1000)

    def _watch(self) -> None:
        """Look again when the server's ping is overdue, by what is known now.

        Nothing is put off while reading is paused: a server that hears no pong for so long has given us up.
        """
        due = self._session.deadline
        assert due is not None  # for the open packet is there
        self._timer = self._loop.call_at((due + 1) / 1000, self._check, due)

    def _check(self, due: int) -> None:
        now, deadline = self._now(), self._session.deadline
        if now - due > _STALL:
            self._timer = self._loop.call_later(_GRAIN / 1000, self._check, now)
        elif deadline is not None and now < deadline:
            self._watch()
        else:
            log.info("the server is silent; its connection is cut")
            self.abort()
            self.lose(DisconnectReason.PING_TIMEOUT)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
