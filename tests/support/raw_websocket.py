"""A websocket client on a plain socket, which can break every rule."""

import asyncio
import base64
import os
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple, Protocol, TypeAlias

from protocol.websocket import frames
from protocol.websocket.frames import FrameReader, Opcode
from protocol.websocket.messages import Close, WebSocketMessage
from tests.support.waiting import PATIENCE

WEBSOCKET = "EIO=4&transport=websocket"
ABNORMAL = 1006  # how RFC 6455 §7.1.5 calls a connection that ends without a close frame


class Served(Protocol):
    """Where a server is."""

    @property
    def port(self) -> int: ...

    @property
    def path(self) -> str: ...

    def url(self, query: str) -> str: ...


class Answer(NamedTuple):
    """An HTTP answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Refusal(Exception):
    """The handshake was answered otherwise than with 101."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)
        self.answer = answer


async def connect(
    port: int, *, receive_buffer: int | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A TCP connection to the server."""
    plain = socket.socket()
    plain.setblocking(False)
    if receive_buffer is not None:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", port))
    return await asyncio.open_connection(sock=plain)


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """The next HTTP answer on a connection."""
    async with asyncio.timeout(PATIENCE):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {}
        for line in head[1:-2]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        status = int(head[0].split(" ")[1])
        body = b"" if status == 101 else await reader.readexactly(int(headers.get("content-length", "0")))
    return Answer(status, headers, body)


def opening(
    running: Served, query: str = WEBSOCKET, headers: Iterable[str] = (), path: str | None = None
) -> bytes:
    """The request that asks for a websocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {path or running.path}?{query} HTTP/1.1",
        f"Host: 127.0.0.1:{running.port}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        *headers,
    ]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")


class WebSocket:
    """An open websocket. What it sends is masked, unless it is given to `write`."""

    def __init__(self, answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.answer = answer
        self.writer = writer
        self._reader = reader
        self._frames = FrameReader(masked=False, max_payload=1 << 30)
        self._messages: list[WebSocketMessage] = []

    @classmethod
    async def open(
        cls,
        running: Served,
        query: str = WEBSOCKET,
        *,
        headers: Iterable[str] = (),
        path: str | None = None,
        receive_buffer: int | None = None,
    ) -> "WebSocket":
        """Connect. Raises `Refusal`."""
        reader, writer = await connect(running.port, receive_buffer=receive_buffer)
        try:
            writer.write(opening(running, query, headers, path))
            answer = await read_answer(reader)
            if answer.status != 101:
                raise Refusal(answer)
        except BaseException:
            writer.close()
            raise
        return cls(answer, reader, writer)

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)

    def send_frame(self, opcode: int, payload: bytes = b"", *, fin: bool = True) -> None:
        self.write(frames.encode(opcode, payload, mask=os.urandom(4), fin=fin))

    def send(self, message: str | bytes) -> None:
        """Send a message in one frame."""
        if isinstance(message, str):
            self.send_frame(Opcode.TEXT, message.encode())
        else:
            self.send_frame(Opcode.BINARY, message)

    async def receive(self) -> WebSocketMessage:
        """The next message or control frame. Raises `EOFError` at the end of the connection."""
        async with asyncio.timeout(PATIENCE):
            while not self._messages:
                try:
                    data = await self._reader.read(65_536)
                except ConnectionError:
                    data = b""
                if not data:
                    raise EOFError
                self._messages = self._frames.receive(data)
        return self._messages.pop(0)

    async def until_close(self) -> Close:
        """The close frame of the server, whatever comes before it; ABNORMAL where the connection ends without one."""
        try:
            while True:
                message = await self.receive()
                if isinstance(message, Close):
                    return message
        except EOFError:
            return Close(ABNORMAL, "")

    async def until_end(self) -> None:
        """Return once the server has ended the connection."""
        try:
            while True:
                await self.receive()
        except EOFError:
            return

    async def close(self) -> None:
        """Cut the connection."""
        self.writer.transport.abort()


Open: TypeAlias = Callable[..., Awaitable[WebSocket]]
