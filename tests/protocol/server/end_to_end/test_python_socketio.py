"""python-socketio's client, an implementation of others, over polling, websocket, and the upgrade between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import engineio
import pytest
import socketio

from protocol import Refused, Server, Socket
from tests.support.engine_clients import Recorder
from tests.support.python_client import leave
from tests.support.running import Running, Serve
from tests.support.waiting import PATIENCE, until

WAYS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}


@pytest.fixture(params=WAYS)
def transports(request: pytest.FixtureRequest) -> list[str]:
    return WAYS[request.param]


@pytest.fixture(autouse=True)
def _many_packets_in_a_payload(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its limit is 16, below what the protocol's own tests send."""
    monkeypatch.setattr(engineio.payload.Payload, "max_decode_packets", 1000)


async def said_goodbye(seen: Recorder, namespace: str, *others: str) -> None:
    """On a websocket this client often closes before its goodbye is out. `others`: what may have ended it as well."""
    reasons = ("client namespace disconnect", "transport close", *others)
    await until(lambda: any(("disconnect", namespace, reason) in seen.entries for reason in reasons))


def make_io(seen: Recorder, **options: Any) -> Server:
    io = Server(**options)

    @io.on("echo")
    async def echo(socket: Socket, *args: Any) -> tuple[Any, ...]:
        await socket.emit("echo", *args)
        return args

    @io.on("leave")
    async def leave(socket: Socket, close: bool) -> None:
        await socket.disconnect(close=close)

    @io.of("/guarded").use
    async def guard(socket: Socket) -> None:
        if socket.handshake.auth.get("token") != "secret":
            raise Refused("no entry", {"code": 7})

    for namespace in (io, io.of("/guarded")):
        namespace.on("disconnect")(lambda socket, reason: seen("disconnect", socket.nsp.name, reason))
    return io


@asynccontextmanager
async def connected(
    running: Running, transports: list[str], heard: Recorder, **options: Any
) -> AsyncIterator[socketio.AsyncClient]:
    """A client that records what it hears."""
    reconnection = options.pop("reconnection", False)
    client = socketio.AsyncClient(reconnection=reconnection, reconnection_delay=0.05, handle_sigint=False)
    for namespace in options.get("namespaces", ["/"]):
        client.on("*", lambda event, *args: heard(event, *args), namespace=namespace)
        client.on("connect_error", lambda data: heard("connect_error", data), namespace=namespace)
        client.on("disconnect", lambda reason: heard("disconnect", reason), namespace=namespace)
    try:
        await client.connect(running.origin, transports=transports, wait_timeout=PATIENCE, **options)
        yield client
    finally:
        await leave(client)


async def test_events_and_acks(serve: Serve, seen: Recorder, transports: list[str]) -> None:
    io = make_io(seen)
    heard = Recorder()
    async with connected(await serve(io), transports, heard) as client:
        assert client.transport() == transports[-1]
        values = (1, "€ 👋", None, {"a": [b"\x00\x01", True]}, b"binary")
        assert await client.call("echo", values, timeout=PATIENCE) == values
        await heard.wait_for("echo", *values)
        assert await client.call("echo", timeout=PATIENCE) is None

        async def answer(value: Any) -> tuple[Any, bytes]:
            return value, b"x"

        client.on("ask", answer)
        (socket,) = await io.fetch_sockets()
        assert socket.transport == transports[-1]
        assert await socket.emit_with_ack("ask", b"value", timeout=10_000) == b"value"
        assert await io.timeout(10_000).emit_with_ack("ask", {"b": b"v"}) == [{"b": b"v"}]
        await io.emit("news", "x" * 100_000, b"y" * 100_000)
        await heard.wait_for("news", "x" * 100_000, b"y" * 100_000)
    await said_goodbye(seen, "/")


async def test_many_events(serve: Serve, seen: Recorder, transports: list[str]) -> None:
    """In order, while the transport changes under them."""
    heard = Recorder()
    async with connected(await serve(make_io(seen)), transports, heard) as client:
        for number in range(200):
            await client.emit("echo", number)
        await heard.wait_for_count(200)
    assert heard.entries[:200] == [("echo", number) for number in range(200)]


async def test_namespaces(serve: Serve, seen: Recorder, transports: list[str]) -> None:
    io = make_io(seen)
    heard = Recorder()
    async with connected(
        await serve(io), transports, heard, namespaces=["/", "/guarded"], auth={"token": "secret"}
    ) as client:
        await io.of("/guarded").emit("news", b"x")
        await heard.wait_for("news", b"x")
        await client.emit("leave", False)
        await heard.wait_for("disconnect", "server disconnect")
        await io.of("/guarded").emit("more")
        await heard.wait_for("more")
    await seen.wait_for("disconnect", "/", "server namespace disconnect")
    await said_goodbye(seen, "/guarded")


async def test_refusal(serve: Serve, seen: Recorder, transports: list[str]) -> None:
    heard = Recorder()
    running = await serve(make_io(seen))
    with pytest.raises(socketio.exceptions.ConnectionError):
        async with connected(running, transports, heard, namespaces=["/guarded"], auth={"token": "x"}):
            pass
    assert heard.entries == [("connect_error", {"message": "no entry", "data": {"code": 7}})]


async def test_heartbeat(serve: Serve, seen: Recorder, transports: list[str]) -> None:
    io = make_io(seen, ping_interval=50, ping_timeout=2_000)
    heard = Recorder()
    async with connected(await serve(io), transports, heard) as client:
        await asyncio.sleep(0.3)
        assert await client.call("echo", 1, timeout=PATIENCE) == 1
        assert seen.entries == []
    await said_goodbye(seen, "/", "ping timeout")  # over polling, where a pong was on its way as it left


@pytest.mark.parametrize("transports", ["websocket", "upgrade"], indirect=True)
async def test_reconnection(serve: Serve, seen: Recorder, transports: list[str]) -> None:
    """After the server has gone and come again on the same port. (Over polling, this client takes a close packet
    for the last word; the official one does not.)"""
    heard = Recorder()
    running = await serve(make_io(seen))
    async with connected(running, transports, heard, reconnection=True) as client:
        first = client.get_sid()
        await running.stop()
        await seen.wait_for("disconnect", "/", "server shutting down")
        await until(lambda: not client.connected)
        io = make_io(seen)
        await serve(io, running.port)
        await until(lambda: client.connected and client.get_sid() not in (None, first))
        assert await client.call("echo", 2, timeout=PATIENCE) == 2
