"""The official JavaScript client, in Node, over polling, websocket, and the upgrade between (tests/clients)."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from protocol import (
    JSON,
    MSGPACK,
    AckTimeout,
    CloseReason,
    Disconnected,
    Incoming,
    RedisBus,
    RedisStore,
    Refused,
    Server,
    Socket,
)
from tests.support.engine_clients import Recorder
from tests.support.paths import CLIENTS
from tests.support.running import ASGI, RAW, Running, Serve

PATIENCE = 30.0  # seconds; Node takes its time to start

WAYS = {
    "polling": (RAW, "polling"),
    "websocket": (RAW, "websocket"),
    "websocket, plain": (ASGI, "websocket"),
    "upgrade": (RAW, "polling,websocket"),
    "upgrade, plain": (ASGI, "polling,websocket"),
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> tuple[str, str]:
    return WAYS[request.param]


@pytest.fixture
def shell(way: tuple[str, str]) -> str:
    return way[0]


@pytest.fixture
def transports(way: tuple[str, str]) -> str:
    return way[1]


def make_io(seen: Recorder, **options: Any) -> Server:
    """What the scenarios expect of the server."""
    io = Server(**options)

    @io.on("echo")
    async def echo(socket: Socket, *args: Any) -> tuple[Any, ...]:
        await socket.emit("echo", *args)
        return args

    @io.on("ask me")
    async def ask(socket: Socket, value: Any) -> Any:
        return await socket.emit_with_ack("ask", value, timeout=10_000)

    @io.on("ask in vain")
    async def ask_in_vain(socket: Socket) -> None:
        await socket.emit_with_ack("nobody listens", timeout=20)

    @io.on_error
    async def tell(socket: Socket, incoming: Incoming, error: Exception) -> str:
        assert isinstance(error, AckTimeout)
        return str(error)

    @io.on("tell all")
    async def tell_all(socket: Socket, text: str) -> None:
        await io.emit("news", text)

    @io.on("leave")
    async def leave(socket: Socket, close: bool) -> None:
        await socket.disconnect(close)

    @io.on("cut me off")
    async def cut_off(socket: Socket) -> None:
        socket._local.link.finish(CloseReason.FORCED_CLOSE)

    custom, guarded = io.of("/custom"), io.of("/guarded")
    custom.on("auth")(lambda socket: dict(socket.handshake.auth))

    @guarded.use
    async def guard(socket: Socket) -> None:
        if socket.handshake.auth.get("token") != "secret":
            raise Refused("no entry", {"code": 7})

    for namespace in (io, custom, guarded, io.of(re.compile(r"/room-\d"))):
        namespace.on("where")(lambda socket: socket.nsp.name)
        namespace.on("disconnect")(lambda socket, reason: seen(socket.nsp.name, reason))
    return io


class Script:
    """A scenario that runs in Node."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> Any:
        """What it says next; None at its end."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = await self._process.stdout.readline()
        return orjson.loads(line) if line else None

    async def lines(self) -> list[Any]:
        """All that it still says."""
        found = []
        while (line := await self.line()) is not None:
            found.append(line)
        assert await self._process.wait() == 0
        return found

    def proceed(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")


@asynccontextmanager
async def script(name: str, running: Running, transports: str) -> AsyncIterator[Script]:
    node = os.environ.get("PARLEY_NODE") or shutil.which("node")
    assert node is not None
    assert (CLIENTS / "node_modules").exists(), "scripts/test installs the JavaScript clients"
    process = await asyncio.create_subprocess_exec(
        node,
        CLIENTS / "run.mjs",
        name,
        running.origin,
        transports,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Script(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def final(transports: str) -> str:
    """The one that a client stays on."""
    return "websocket" if "websocket" in transports else "polling"


VALUES = ["€ 👋", 1.5, None, True, {"a": [{"b": {"hex": "0001ff"}}]}, {"hex": b"binary".hex()}]


async def test_events(serve: Serve, seen: Recorder, transports: str) -> None:
    """Text, binary and acks in both directions, and acks that do not come."""
    running = await serve(make_io(seen))
    async with script("events", running, transports) as client:
        assert await client.lines() == [
            ["echo", *VALUES],
            ["echoed", *VALUES],
            ["transport", final(transports)],
            ["echo", *VALUES],
            ["no values"],
            ["asked", {"hex": "07"}],
            ["asked", "text"],
            ["no ack", "operation has timed out"],
            ["server", "operation has timed out"],
            ["news", 100_000],
        ]
    await seen.wait_for("/", "client namespace disconnect")


async def test_text_alone(serve: Serve, seen: Recorder, transports: str) -> None:
    """Binary as text, and a subprotocol, which a client gives up without."""
    running = await serve(make_io(seen))
    async with script("text", running, transports) as client:
        assert await client.lines() == [
            ["echo", *VALUES],
            ["transport", final(transports)],
            ["echo", *VALUES],
            ["echoed", *VALUES],
            ["asked", {"hex": ""}],
        ]
    await seen.wait_for("/", "client namespace disconnect")


async def test_order(serve: Serve, seen: Recorder, transports: str) -> None:
    """300 events with binary, from before the connection is there to after the upgrade."""
    running = await serve(make_io(seen))
    async with script("order", running, transports) as client:
        assert await client.lines() == [["in order", True]]


async def test_namespaces(serve: Serve, seen: Recorder, transports: str) -> None:
    running = await serve(make_io(seen))
    async with script("namespaces", running, transports) as client:
        assert await client.lines() == [
            ["one connection", True, True, True],
            ["auth", {"token": "€"}],
            ["whereabouts", "/", "/custom"],
            ["dynamic", "/room-7"],
            ["unknown", "Invalid namespace", "undefined", False],
            ["refused", "no entry", {"code": 7}, False],
            ["let in", True],
            ["still there", "/"],
            ["back", "/custom"],
        ]
    assert ("/custom", "client namespace disconnect") in seen.entries
    for namespace in ("/", "/custom", "/guarded", "/room-7"):
        await seen.wait_for(namespace, "transport close")


async def test_reasons(serve: Serve, seen: Recorder, transports: str) -> None:
    running = await serve(make_io(seen, ping_interval=50))
    async with script("reasons", running, transports) as client:
        assert await client.lines() == [
            ["client", "io client disconnect", False],
            ["server", "io server disconnect", False],
            ["other", True, "/custom"],
            ["server, all", "io server disconnect", "io server disconnect"],
            ["alive", "/"],
        ]
    assert (await seen.wait_for_count(5))[:2] == [
        ("/", "client namespace disconnect"),
        ("/", "server namespace disconnect"),
    ]
    assert sorted(seen.entries[2:4]) == [
        ("/", "server namespace disconnect"),
        ("/custom", "server namespace disconnect"),
    ]


async def test_reconnection(serve: Serve, seen: Recorder, transports: str) -> None:
    """After the server has ended the transport, and after it was started again on the same port."""
    running = await serve(make_io(seen))
    async with script("reconnection", running, transports) as client:
        said = [await client.line() for _ in range(4)]
        assert said == [
            ["back", True, False],
            ["works", "/"],
            ["cut off", "transport close"],
            ["ready for the restart"],
        ]
        await seen.wait_for("/", "forced close")
        await running.stop()
        await seen.wait_for("/", "server shutting down")
        _, reason = await client.line()
        # Between two GETs, a client that polls finds nobody there.
        assert reason == "transport close" or (transports == "polling" and reason == "transport error")
        client.proceed()
        await serve(make_io(seen), running.port)
        assert await client.lines() == [
            ["back", True, False],
            ["works", "/"],
            ["kept", "sent while away"],
        ]


@pytest.mark.parametrize("name", ["recovery", "recovery in msgpack"])
async def test_recovery(serve: Serve, seen: Recorder, transports: str, redis_url: str, name: str) -> None:
    """What is missed comes before `connect`, once and in order: text and binary, nothing volatile, none with acks."""

    def make() -> Server:
        io = make_io(
            seen,
            recovery=120_000,
            bus=RedisBus(redis_url),
            store=RedisStore(redis_url),
            parser=JSON if name == "recovery" else MSGPACK,
        )

        @io.on("cut me off for a moment")
        async def cut_off(socket: Socket, turn: int) -> None:
            socket._local.link.finish(CloseReason.FORCED_CLOSE)
            await io.emit("n", turn, b"one")
            await io.volatile.emit("n", "volatile")
            await socket.emit("n", turn, "two")
            with pytest.raises(Disconnected):
                await socket.emit_with_ack("n", "with an ack")

        return io

    running = await serve(make())
    async with script(name, running, transports) as client:
        said = [await client.line() for _ in range(4)]
        assert said == [
            *(["back", True, True, [turn, {"hex": b"one".hex()}], [turn, "two"]] for turn in range(3)),
            ["ready for the restart"],
        ]
        await running.stop()
        again = make()
        await serve(again, running.port)
        await again.emit("n", "sent meanwhile", b"")
        client.proceed()
        assert await client.lines() == [
            ["back", True, True, ["sent meanwhile", {"hex": ""}]],
            ["anew", False, False],
        ]


async def test_msgpack(serve: Serve, seen: Recorder, transports: str) -> None:
    running = await serve(make_io(seen, parser=MSGPACK))
    values = [*VALUES, {"date": 1234567890123}, None]
    async with script("msgpack", running, transports) as client:
        assert await client.lines() == [
            ["transport", final(transports)],
            ["echo", *values],
            ["echoed", *values],
            ["asked", {"hex": "07"}],
            ["refused", "no entry", {"code": 7}],
        ]
