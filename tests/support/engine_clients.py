"""An Engine.IO client that keeps its session alive, over either transport; messages are compared as they are."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import httpx
import orjson

from protocol import Server
from protocol.engineio import packets as engine
from protocol.engineio.engine_packet import EnginePacket, PacketType
from tests.support.raw_websocket import WEBSOCKET, Open, Served, WebSocket
from tests.support.running import Running, Serve
from tests.support.waiting import PATIENCE

POLLING = "EIO=4&transport=polling"


def http_client(**headers: str) -> httpx.AsyncClient:
    """A client without what takes it long to make: certificates."""
    return httpx.AsyncClient(timeout=PATIENCE, headers=headers, trust_env=False, verify=False)


def session_id(opening: Any) -> str:
    """The session's id in an open packet."""
    return str(orjson.loads(opening[1:])["sid"])


class Lost(Exception):
    """The server has ended the session."""


class Client:
    """A session. `opening` is the open packet."""

    def __init__(self, opening: str) -> None:
        self.opening: dict[str, Any] = orjson.loads(opening[1:])
        self.sid: str = self.opening["sid"]

    async def send(self, *messages: str | bytes) -> None:
        """Send messages, at once where the transport can."""
        raise NotImplementedError

    async def receive(self) -> str | bytes:
        """The next message; pings are answered. Raises `Lost`."""
        raise NotImplementedError

    async def close(self) -> None:
        """Go away without a word."""
        raise NotImplementedError

    async def join(self, namespace: str = "/", auth: str = "") -> str:
        """Enter a namespace; the socket's id."""
        prefix = "" if namespace == "/" else f"{namespace},"
        await self.send(f"0{prefix}{auth}")
        answer = await self.receive()
        assert isinstance(answer, str)
        assert answer.startswith(f"0{prefix}{{"), answer
        body = orjson.loads(answer[1 + len(prefix) :])
        assert body.keys() == {"sid"}
        return str(body["sid"])

    async def provoke(self, *messages: str | bytes) -> None:
        """Send what makes the server end the session, which it may do before all is sent."""
        with contextlib.suppress(Lost):
            await self.send(*messages)
        await self.until_lost()

    async def until_lost(self) -> list[str | bytes]:
        """What still came before the server ended the session."""
        messages = []
        try:
            while True:
                messages.append(await self.receive())
        except Lost:
            return messages


class PollingClient(Client):
    """One GET at a time, when something is waited for."""

    def __init__(self, running: Served, http: httpx.AsyncClient, opening: str) -> None:
        super().__init__(opening)
        self.http = http
        self.url = running.url(f"{POLLING}&sid={self.sid}")
        self._packets: deque[EnginePacket] = deque()

    @classmethod
    async def open(cls, running: Served, query: str = POLLING, **headers: str) -> "PollingClient":
        http = http_client(**headers)
        response = await http.get(running.url(query))
        assert response.status_code == 200, response.text
        return cls(running, http, response.text)

    async def get(self, **headers: str) -> httpx.Response:
        return await self.http.get(self.url, headers=headers)

    async def post(self, body: str | bytes, **headers: str) -> httpx.Response:
        return await self.http.post(self.url, content=body, headers={"content-type": "text/plain"} | headers)

    async def send(self, *messages: str | bytes) -> None:
        packets = [EnginePacket(PacketType.MESSAGE, message) for message in messages]
        response = await self.post(engine.encode_payload(packets))
        if response.status_code != 200:
            raise Lost

    async def receive(self) -> str | bytes:
        while True:
            while not self._packets:
                response = await self.get()
                if response.status_code != 200:
                    raise Lost
                self._packets.extend(engine.decode_payload(response.content))
            packet = self._packets.popleft()
            if packet.type is PacketType.MESSAGE:
                return packet.data
            if packet.type is PacketType.PING:
                await self.post("3")
            elif packet.type is PacketType.CLOSE:
                raise Lost

    async def close(self) -> None:
        await self.http.aclose()


class WebSocketClient(Client):
    """On one websocket from its beginning to its end."""

    def __init__(self, socket: WebSocket, opening: str) -> None:
        super().__init__(opening)
        self.socket = socket

    @classmethod
    async def open(cls, running: Served, **options: Any) -> "WebSocketClient":
        socket = await WebSocket.open(running, **options)
        opening = await socket.receive()
        assert isinstance(opening, str)
        return cls(socket, opening)

    async def send(self, *messages: str | bytes) -> None:
        for message in messages:
            self.socket.send(f"4{message}" if isinstance(message, str) else message)

    async def receive(self) -> str | bytes:
        while True:
            try:
                message = await self.socket.receive()
            except EOFError as error:
                raise Lost from error
            if isinstance(message, bytes):
                return message
            if message == "2":
                self.socket.send("3")
            elif isinstance(message, str) and message.startswith("4"):
                return message[1:]
            elif not isinstance(message, str):
                raise Lost

    async def close(self) -> None:
        await self.socket.close()


class Recorder:
    """What a server's handlers have seen, in order."""

    def __init__(self) -> None:
        self.entries: list[Any] = []
        self._news = asyncio.Event()

    def __call__(self, *entry: Any) -> None:
        self.entries.append(entry[0] if len(entry) == 1 else entry)
        self._news.set()

    async def wait_for(self, *entry: Any) -> None:
        """Return once the entry is there."""
        wanted = entry[0] if len(entry) == 1 else entry
        async with asyncio.timeout(PATIENCE):
            while wanted not in self.entries:
                self._news.clear()
                await self._news.wait()

    async def wait_for_count(self, count: int) -> list[Any]:
        """All entries, once there are this many."""
        async with asyncio.timeout(PATIENCE):
            while len(self.entries) < count:
                self._news.clear()
                await self._news.wait()
        return self.entries


Connect: TypeAlias = Callable[..., Awaitable[Client]]


Poll: TypeAlias = Callable[..., Awaitable[PollingClient]]


async def probe(running: Running, client: PollingClient, open_websocket: Open) -> WebSocket:
    """A second transport for the client, whose probe was answered."""
    socket = await open_websocket(running, f"{WEBSOCKET}&sid={client.sid}")
    socket.send("2probe")
    assert await socket.receive() == "3probe"
    return socket


async def joined(host: Serve, connect: Connect, io: Server) -> Client:
    """A client in the main namespace of a server; `host` and `connect` are the fixtures."""
    client = await connect(await host(io))
    await client.join()
    return client
