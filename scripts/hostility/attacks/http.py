"""Requests: bodies, trailers, chunks and heads. None needs an account, some not even the public port."""

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any

from scripts.hostility.attack import Attack, Outcome, Target
from scripts.hostility.wire import CHUNK, again, connected, crowd, flood, repeated

HOST = b"host: 127.0.0.1\r\n"
LARGE_HEAD = 60_000  # bytes; what is allowed is 64 KiB
TOO_LARGE_HEAD = 100_000
FIELDS = 12_000
MANY = 500  # connections
SLOW = 500  # connections
SLOW_EVERY = 0.5  # seconds from one byte to the next


def request(method: str, path: str, fields: bytes = b"", body: bytes = b"") -> bytes:
    """A request as bytes."""
    length = f"content-length: {len(body)}\r\n".encode() if body else b""
    return f"{method} {path} HTTP/1.1\r\n".encode() + HOST + fields + length + b"\r\n" + body


def field_of(size: int) -> bytes:
    """A header field with a value of so many bytes."""
    return b"cookie: " + b"a" * size + b"\r\n"


POLL = "/io/?EIO=4&transport=polling"
OFFER = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
OFFERED = request("POST", "/auth/sign-up", OFFER, b'{"username":"","credential":""}')
CHUNKED = b"POST /auth/sign-in HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n"
TRAILERS = CHUNKED + b"2\r\n{}\r\n0\r\n"
REFUSED = CHUNKED.replace(b"/auth/sign-in", b"/nowhere")
LARGE_CHUNK = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
EXTENDED = b"1;" + b"e=" + b"v" * 200 + b"\r\n \r\n"


async def refused_bodies(target: Target, outcome: Outcome, _: Any) -> None:
    """Requests to nowhere whose bodies are declared large; a part of each is sent."""
    start = b"POST /nowhere HTTP/1.1\r\n" + HOST + b"content-length: 5000000\r\n\r\n" + b"a" * 400_000

    async def act() -> None:
        async with connected(target, outcome, listens=True) as connection:
            await connection.send(start)
            await connection.ended()

    await crowd(MANY, outcome, act)


async def pipelined(unit: bytes, target: Target, outcome: Outcome, _: Any) -> None:
    """The same request over and over on four connections, whose answers are read."""

    async def act() -> None:
        async with connected(target, outcome, listens=True) as connection:
            await flood(connection, unit)

    await crowd(4, outcome, act)


async def endless(
    start: bytes, unit: bytes, target: Target, outcome: Outcome, _: Any, *, private: bool = False
) -> None:
    """One request that does not end, on each of four connections."""

    async def act() -> None:
        port = target.private_port if private else target.port
        async with connected(target, outcome, port=port, listens=True) as connection:
            await connection.send(start)
            await flood(connection, unit)

    await crowd(4, outcome, act)


async def one_by_one(unit: bytes, target: Target, outcome: Outcome, _: Any, *, private: bool = False) -> None:
    """Requests that are sent at once, each after the answer to the one before, on each of eight connections."""

    async def act() -> None:
        port = target.private_port if private else target.port
        async with connected(target, outcome, port=port) as connection:
            while True:
                await connection.send(unit)
                await connection.answered()

    await crowd(8, outcome, act)


async def slow(target: Target, outcome: Outcome, _: Any) -> None:
    """Heads that come a byte at a time, on many connections."""

    async def act() -> None:
        async with connected(target, outcome, listens=True) as connection:
            for byte in bytes_of(request("GET", "/health/live", field_of(CHUNK))):
                await connection.send(byte)
                await asyncio.sleep(SLOW_EVERY)

    await crowd(SLOW, outcome, act)


async def unused(target: Target, outcome: Outcome, _: Any) -> None:
    """Connections that are opened, send nothing and are kept."""
    held = asyncio.Semaphore(SLOW)

    async def act() -> None:
        async with held, connected(target, outcome, listens=True) as connection:
            await connection.ended()

    async with asyncio.TaskGroup() as group:
        for _number in range(SLOW):
            group.create_task(again(outcome, act))


def bytes_of(data: bytes) -> Iterable[bytes]:
    return (data[place : place + 1] for place in range(len(data)))


LARGE_POLL = request("GET", POLL, field_of(LARGE_HEAD))
MANY_FIELDS = b"".join(b"x%d: y\r\n" % number for number in range(FIELDS))

ATTACKS = [
    Attack("h2c", "requests with a body that offer h2c, pipelined", partial(pipelined, OFFERED)),
    Attack("requests", "small requests, pipelined", partial(pipelined, request("GET", "/health/live"))),
    Attack(
        "trailers", "a chunked request with endless trailers", partial(endless, TRAILERS, b"x-t: trailer\r\n")
    ),
    Attack(
        "private-trailers",
        "the same at the listener for other instances",
        partial(endless, TRAILERS, b"x-t: trailer\r\n", private=True),
    ),
    Attack("chunk-extensions", "chunks with long extensions", partial(endless, CHUNKED, EXTENDED)),
    Attack(
        "refused-chunks",
        "chunks of 64 KiB that go on after a refusal",
        partial(endless, REFUSED, LARGE_CHUNK),
    ),
    Attack("refused-bodies", "500 connections with 400 kB of a body that is refused", refused_bodies),
    Attack("tiny-chunks", "chunks of one byte", partial(endless, CHUNKED, b"1\r\n \r\n")),
    Attack(
        "polling-handshakes",
        "polling handshakes, pipelined",
        partial(pipelined, repeated(request("GET", POLL))[: len(request("GET", POLL)) * 20]),
    ),
    Attack("polling-heads", "polling handshakes with heads of 60 kB", partial(one_by_one, LARGE_POLL)),
    Attack(
        "large-heads",
        "heads of 100 kB in one piece",
        partial(one_by_one, request("GET", POLL, field_of(TOO_LARGE_HEAD))),
    ),
    Attack("many-fields", "heads of 12,000 fields", partial(one_by_one, request("GET", POLL, MANY_FIELDS))),
    Attack(
        "private-heads",
        "heads of 100 kB at the listener for other instances",
        partial(one_by_one, request("GET", POLL, field_of(TOO_LARGE_HEAD)), private=True),
    ),
    Attack("slow-heads", "500 connections with heads of a byte at a time", slow),
    Attack("idle", "500 connections without a byte", unused),
]
