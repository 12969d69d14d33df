"""Connections of an attacker: bytes as they are, sent as fast as they are taken, and a look at what comes back."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import NoReturn

import aiohttp
import orjson

from protocol.errors import Unreachable
from protocol.websocket import client_handshake as opening
from protocol.websocket.frames import FrameReader, Opcode, encode
from scripts.hostility.attack import ATTACKERS, SERVER, Outcome, Target

MASK = bytes(4)  # a mask of zeros leaves a payload as it is, so a frame is made once and sent many times
CHUNK = 65_536
TICK = 0.01  # seconds
TAIL = 256  # bytes; a close frame has at most 127
ANSWERS = re.compile(rb'HTTP/1\.1 (\d{3})|"reason":"(\w+)"|"(ok)":true')
LONGEST_ANSWER = 40  # bytes that ANSWERS matches at most, of what matters
NONCE = bytes(16)
ENDED = (ConnectionResetError, BrokenPipeError, asyncio.IncompleteReadError, TimeoutError)
GONE = (ConnectionError, asyncio.IncompleteReadError, Unreachable, OSError, aiohttp.ClientError)
ANSWER_WITHIN = 5.0  # seconds
PAUSE = 0.05  # seconds after a connection that could not be made


class Connection:
    """One TCP connection. `listen` reads and forgets, and counts what the server answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, outcome: Outcome) -> None:
        self.reader = reader
        self._writer = writer
        self._outcome = outcome
        self._tail = b""
        self._listening: asyncio.Task[None] | None = None

    async def send(self, data: bytes) -> None:
        """Send bytes once the server takes them. Raises ConnectionError."""
        if self._writer.is_closing() or (self._listening is not None and self._listening.done()):
            raise ConnectionResetError
        self._writer.write(data)
        await self._writer.drain()
        self._outcome.sent += len(data)

    async def answered(self) -> None:
        """Wait for an answer to what was sent. Raises ConnectionError, TimeoutError."""
        async with asyncio.timeout(ANSWER_WITHIN):
            data = await self.reader.read(CHUNK)
        self._count(data)
        if not data:
            raise ConnectionResetError

    def listen(self) -> None:
        """Read on, whatever comes."""
        self._listening = asyncio.create_task(self._listen())

    def stop_reading(self) -> None:
        """Read nothing from here on."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is that of a socket

    async def ended(self) -> None:
        """Wait for the server to end the connection, which must be listened to."""
        assert self._listening is not None
        await asyncio.shield(self._listening)

    def close(self, upgraded: bool) -> None:
        """End it, and write down who did that."""
        if self._listening is not None and self._listening.done():
            self._outcome.answers[ending(self._tail) if upgraded else "closed"] += 1
        elif self.reader.at_eof() or self._writer.is_closing():
            self._outcome.answers["closed"] += 1
        else:
            self._outcome.answers["not closed"] += 1
        if self._listening is not None:
            self._listening.cancel()
        self._writer.transport.abort()

    async def _listen(self) -> None:
        rest = b""
        with suppress(ConnectionError):
            while data := await self.reader.read(CHUNK):
                self._tail = (self._tail + data)[-TAIL:] if len(data) < TAIL else data[-TAIL:]
                rest = self._count(rest + data)

    def _count(self, text: bytes) -> bytes:
        """Write down the answers in a text; the rest of it, which may be the beginning of one."""
        end = 0
        for found in ANSWERS.finditer(text):
            self._outcome.answers[(found[1] or found[2] or found[3]).decode()] += 1
            end = found.end()
        return text[max(end, len(text) - LONGEST_ANSWER) :]


def ending(tail: bytes) -> str:
    """The close frame that bytes end with, in words."""
    for size in range(2, min(126, len(tail) - 1)):
        if tail[-size - 2 : -size] == bytes((0x80 | Opcode.CLOSE, size)):
            code, reason = int.from_bytes(tail[-size:][:2], "big"), tail[-size:][2:].decode(errors="replace")
            return f"closed {code} {reason}".rstrip()
    return "cut"


@asynccontextmanager
async def connected(
    target: Target,
    outcome: Outcome,
    *,
    port: int = 0,
    address: str = ATTACKERS[0],
    upgraded: bool = False,
    listens: bool = False,
) -> AsyncIterator[Connection]:
    """A connection for the length of the block. Raises OSError where there can be none."""
    reader, writer = await asyncio.open_connection(
        SERVER, port or target.port, local_addr=(address, 0), limit=2**24
    )
    connection = Connection(reader, writer, outcome)
    if listens:
        connection.listen()
    try:
        yield connection
    finally:
        connection.close(upgraded)


class Websocket:
    """An Engine.IO session over a websocket, opened by hand."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._frames = FrameReader(masked=False, max_payload=2**26)
        self._messages: list[object] = []

    async def open(self, target: Target) -> None:
        """The handshakes of both protocols. Raises Unreachable."""
        place = opening.parse_url(target.url, "/io/")
        await self.connection.send(opening.request(place, {}, NONCE))
        answer, rest = opening.AnswerReader(NONCE), None
        while rest is None:
            data = await self.connection.reader.read(CHUNK)
            rest = answer.receive(data, end=not data)
        self._messages += self._frames.receive(rest)
        await self.receive("0")

    async def join(self, auth: object = None) -> None:
        """Connect to the main namespace."""
        await self.send(b"40" + (b"" if auth is None else orjson.dumps(auth)))
        await self.receive("40")

    async def authenticate(self, token: str) -> None:
        """Be a device of a user from here on."""
        await self.join({"token": token})
        await self.send(b'420["authenticate"]')
        await self.receive("430")

    async def send(self, text: bytes) -> None:
        """Send a message."""
        await self.connection.send(text_frame(text))

    async def receive(self, start: str) -> None:
        """Wait for a message that begins so. Raises ConnectionError where none comes any more."""
        while True:
            while self._messages:
                message = self._messages.pop(0)
                if isinstance(message, str) and message.startswith(start):
                    return
            data = await self.connection.reader.read(CHUNK)
            if not data:
                raise ConnectionResetError
            self._messages += self._frames.receive(data)


@asynccontextmanager
async def websocket(
    target: Target, outcome: Outcome, token: str = "", *, listens: bool = True, joins: bool = True
) -> AsyncIterator[Websocket]:
    """A session for the length of the block, authenticated where there is a token.

    Raises what GONE lists where it is refused.
    """
    async with connected(target, outcome, upgraded=True) as connection:
        session = Websocket(connection)
        await session.open(target)
        if token:
            await session.authenticate(token)
        elif joins:
            await session.join()
        if listens:
            connection.listen()
        yield session


def text_frame(text: bytes) -> bytes:
    """A message of a client."""
    return encode(Opcode.TEXT, text, mask=MASK)


def event(name: str, payload: object, ack: int | str = "") -> bytes:
    """The text of an event."""
    return b"42" + str(ack).encode() + orjson.dumps([name, payload])


def repeated(unit: bytes) -> bytes:
    """As many of them as fit into a chunk."""
    return unit * max(1, CHUNK // len(unit))


async def flood(connection: Connection, unit: bytes, rate: float | None = None) -> NoReturn:
    """Send the same unit over and over, `rate` bytes a second or as many as are taken. Raises ConnectionError."""
    blob = repeated(unit)
    start, sent = time.monotonic(), 0
    while True:
        if rate is None:
            await connection.send(blob)
            continue
        due = int(((time.monotonic() - start) * rate - sent) / len(unit)) * len(unit)
        while due > 0:
            piece = blob[:due]
            await connection.send(piece)
            sent += len(piece)
            due -= len(piece)
        await asyncio.sleep(TICK)


async def again(outcome: Outcome, act: Callable[[], Awaitable[None]]) -> NoReturn:
    """Begin anew whenever it has ended, as an attacker does."""
    while True:
        try:
            await act()
        except Unreachable as error:
            outcome.answers[str(error).partition(":")[0]] += 1
            await asyncio.sleep(PAUSE)
        except GONE as error:
            if not isinstance(error, ENDED):  # which is written down with the connection
                outcome.answers[type(error).__name__] += 1
            await asyncio.sleep(PAUSE)


async def crowd(number: int, outcome: Outcome, act: Callable[[], Awaitable[None]]) -> None:
    """Many at once that each do the same over and over."""
    async with asyncio.TaskGroup() as group:
        for _ in range(number):
            group.create_task(again(outcome, act))
