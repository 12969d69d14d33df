"""The other ends that the client's tests need besides our server: one that can break every rule, and a wire that can
break."""

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable
from typing import TypeAlias, cast

from protocol import Client
from protocol.socketio.json_parser import JSON
from protocol.socketio.packets import Connect, Parser
from protocol.websocket import frames
from protocol.websocket.frames import FrameReader, Opcode
from protocol.websocket.messages import WebSocketMessage
from tests.support.closing import stop_listening
from tests.support.waiting import PATIENCE, until

OPEN = '0{"sid":"engine","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'


class RawPeer:
    """One connection of a client, seen from the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.request = b""
        self.writer = writer
        self._reader = reader
        self._frames = FrameReader(masked=True, max_payload=1_000_000)
        self._messages: list[WebSocketMessage] = []

    async def read_request(self) -> None:
        async with asyncio.timeout(PATIENCE):
            self.request = await self._reader.readuntil(b"\r\n\r\n")

    def switch(self) -> None:
        """Answer the request with 101."""
        key = self.request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        self.writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def send(self, *messages: str | bytes) -> None:
        """Send whole messages."""
        for message in messages:
            if isinstance(message, str):
                self.writer.write(frames.encode(Opcode.TEXT, message.encode()))
            else:
                self.writer.write(frames.encode(Opcode.BINARY, message))

    async def open(self, greeting: str = OPEN, sid: str = "sid", parser: Parser = JSON) -> None:
        """Answer the request, greet, and let the client into the main namespace."""
        self.switch()
        self.send(greeting)
        asked, accepted = parser.encode(Connect()), parser.encode(Connect("/", {"sid": sid}))
        assert await self.receive() == (asked.text.decode() or asked.binary[0])
        self.send(accepted.text.decode() or accepted.binary[0])

    async def receive(self) -> WebSocketMessage | None:
        """The client's next message; None where it has ended the connection."""
        async with asyncio.timeout(PATIENCE):
            while not self._messages:
                data = await self._reader.read(65536)
                if not data:
                    return None
                self._messages += self._frames.receive(data)
        return self._messages.pop(0)

    async def rest(self) -> list[WebSocketMessage]:
        """All that the client sends until it ends the connection."""
        messages = []
        while (message := await self.receive()) is not None:
            messages.append(message)
        return messages


class RawServer:
    """Accepts connections and does with them what the test says."""

    def __init__(self) -> None:
        self.url = ""
        self._peers: asyncio.Queue[RawPeer] = asyncio.Queue()
        self._all: list[RawPeer] = []
        self._server: asyncio.Server

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = RawPeer(reader, writer)
        self._all.append(peer)
        self._peers.put_nowait(peer)

    async def accept(self) -> RawPeer:
        """The next connection, whose request is read."""
        async with asyncio.timeout(PATIENCE):
            peer = await self._peers.get()
        await peer.read_request()
        return peer

    async def stop(self) -> None:
        await stop_listening(self._server)
        for peer in self._all:
            peer.writer.transport.abort()
        await self._server.wait_closed()


class Wire(asyncio.Protocol):
    """One end of a proxied connection."""

    def __init__(self, proxy: "Proxy") -> None:
        self.proxy = proxy
        self.other: Wire | None = None
        self.transport: asyncio.Transport
        self.early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one by its methods alone
        self.proxy.wires.add(self)

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self.early += data
        elif not self.proxy.silent:
            self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.proxy.wires.discard(self)
        if self.other is not None:
            self.other.transport.close()


class Proxy:
    """A TCP proxy in front of a server on this machine, which can cut its connections, or swallow what they carry."""

    def __init__(self, port: int) -> None:
        self.silent = False
        self.accepted = 0
        self.url = ""
        self.wires: set[Wire] = set()
        self._port = port
        self._server: asyncio.Server
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def _accept(self) -> Wire:
        self.accepted += 1
        wire = Wire(self)
        task = asyncio.get_running_loop().create_task(self._connect(wire))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return wire

    async def _connect(self, near: Wire) -> None:
        loop = asyncio.get_running_loop()
        _, far = await loop.create_connection(lambda: Wire(self), "127.0.0.1", self._port)
        near.other, far.other = far, near
        far.transport.write(near.early)

    def cut(self) -> None:
        """Break all connections off."""
        for wire in list(self.wires):
            wire.transport.abort()

    async def stop(self) -> None:
        await stop_listening(self._server)
        self.cut()
        await until(lambda: not self.wires and not self._tasks)


NewClient: TypeAlias = Callable[..., Client]


NewProxy: TypeAlias = Callable[[int], Awaitable[Proxy]]
