"""Clients that authenticate and never read again: whatever they are sent stays in the server's buffers."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import orjson

from protocol.websocket.client_handshake import parse_url, request
from protocol.websocket.frames import Opcode, encode
from scripts.cluster import CannotStart

RECEIVE_BUFFER = 4096  # bytes; what the kernel takes for a client would hide that it reads nothing
OPENED = b'"pingInterval"'  # in Engine.IO's first packet
WELCOME = b'"authenticated"'
WITHIN = 30.0  # seconds of each step
CHUNK = 65_536
NONCE = bytes(16)
MASK = bytes(4)


@asynccontextmanager
async def unreading(address: tuple[str, int], tokens: Sequence[str]) -> AsyncIterator[None]:
    """A client of each token's user that reads nothing for the length of the block. Raises CannotStart, OSError.

    One that the server has ended stays away: without reading, it does not learn of that.
    """
    connections = [socket.socket() for _ in tokens]
    try:
        for connection, token in zip(connections, tokens, strict=True):
            await asyncio.to_thread(authenticate, connection, address, token)
        yield
    finally:
        for connection in connections:
            connection.close()


def authenticate(connection: socket.socket, address: tuple[str, int], token: str) -> None:
    """Connect, and be a device of a user. Raises CannotStart, OSError."""
    connection.settimeout(WITHIN)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    connection.connect(address)
    url = parse_url(f"http://{address[0]}:{address[1]}", "/io/")
    connection.sendall(request(url, {}, NONCE))
    wait_for(connection, OPENED)
    for text in (b"40" + orjson.dumps({"token": token}), b'420["authenticate"]'):
        connection.sendall(encode(Opcode.TEXT, text, mask=MASK))
    wait_for(connection, WELCOME)


def wait_for(connection: socket.socket, words: bytes) -> None:
    """Return when something has come. Raises CannotStart, OSError."""
    heard = b""
    while words not in heard:
        data = connection.recv(CHUNK)
        if not data:
            raise CannotStart(f"the server ended a connection: {heard[-200:]!r}")
        heard += data
