"""Catch-all listeners, and what runs when a client leaves."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from protocol import Server, Socket
from tests.support.engine_clients import Connect, Recorder, joined
from tests.support.running import Serve

App = Callable[..., Server]

pytestmark = pytest.mark.usefixtures("way")


async def test_on_any(host: Serve, make_app: App, connect: Connect, seen: Recorder) -> None:
    """For every event that comes in, before its handler, whether it has one or not."""
    io = make_app()

    @io.on_any
    async def listen(socket: Socket, event: str, *args: Any) -> None:
        seen("any", event, *args)

    client = await joined(host, connect, io)
    await client.send('2["echo",1]', '2["unheard",2]', '2["echo",3]')
    assert (await seen.wait_for_count(6))[1:] == [
        ("any", "echo", 1),
        ("echo", 1),
        ("any", "unheard", 2),
        ("any", "echo", 3),
        ("echo", 3),
    ]


async def test_on_any_outgoing(host: Serve, make_app: App, connect: Connect, seen: Recorder) -> None:
    """For every event that goes out, with the socket it goes to: emitted, broadcast, or with an ack."""
    io = make_app()
    io.on_any_outgoing(lambda socket, event, *args: seen(socket.id, event, *args))
    running = await host(io)
    first, second = await connect(running), await connect(running)
    one, two = await first.join(), await second.join()
    seen.entries.clear()
    await io.to(one).emit("one", 1)
    await io.emit("both")
    (socket,) = await io.to(two).fetch_sockets()
    await socket.emit("two", 2)
    asking = asyncio.create_task(socket.emit_with_ack("ask"))
    assert [await second.receive() for _ in range(2)] == ['2["both"]', '2["two",2]']
    await second.send(str(await second.receive()).replace("2", "3", 1).replace('"ask"', "true"))
    assert await asking is True
    assert seen.entries[0] == (one, "one", 1)
    assert sorted(seen.entries[1:3]) == sorted([(one, "both"), (two, "both")])
    assert seen.entries[3:] == [(two, "two", 2), (two, "ask")]


# --- the end ---


async def test_disconnecting_and_disconnect(
    host: Serve, make_app: App, connect: Connect, seen: Recorder
) -> None:
    """After the events that came before; while `disconnecting` runs the rooms are still to be seen."""
    io = make_app()

    @io.on("connection")
    async def join(socket: Socket) -> None:
        socket.data["name"] = "ann"
        await socket.join("a", "b")

    @io.on("disconnecting")
    async def leaving(socket: Socket, reason: str) -> None:
        seen("disconnecting", reason, sorted(socket.rooms - {socket.id}), socket.connected)

    @io.on("disconnect")
    async def left(socket: Socket, reason: str) -> None:
        seen("left", reason, sorted(socket.rooms), socket.data["name"])

    client = await joined(host, connect, io)
    await client.send('2["echo",1]', "1")
    await seen.wait_for_count(5)
    reason = "client namespace disconnect"
    assert seen.entries[1:] == [
        ("echo", 1),
        ("disconnecting", reason, ["a", "b"], False),
        ("disconnect", reason),
        ("left", reason, [], "ann"),
    ]


async def test_a_lifecycle_handler_that_fails(
    host: Serve, make_app: App, connect: Connect, seen: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """The others still run."""
    io = Server()

    async def fail(socket: Socket, *args: Any) -> None:
        raise LookupError

    for name in ("connection", "disconnecting", "disconnect"):
        io.on(name)(fail)
        io.on(name)(lambda _, *args, name=name: seen(name, *args))
    client = await joined(host, connect, io)
    await client.send("1")
    reason = "client namespace disconnect"
    assert await seen.wait_for_count(3) == ["connection", ("disconnecting", reason), ("disconnect", reason)]
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 3


async def test_what_is_done_with_a_socket_that_has_gone(
    host: Serve, make_app: App, connect: Connect, seen: Recorder
) -> None:
    """Nothing, and nothing fails."""
    io = make_app()
    client = await joined(host, connect, io)
    (socket,) = await io.fetch_sockets()
    await client.send("1")
    await seen.wait_for("disconnect", "client namespace disconnect")
    await socket.emit("news")
    await socket.join("room")
    await socket.leave("room")
    await socket.disconnect()
    await socket.disconnect(close=True)
    assert socket.rooms == frozenset()
    await client.join()
    assert await io.to("room").fetch_sockets() == []


async def test_a_listener_of_outgoing_events_that_fails(
    host: Serve, make_app: App, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """The event goes out all the same, and to everybody."""
    io = make_app()

    @io.on_any_outgoing
    def fail(socket: Socket, event: str, *args: Any) -> None:
        raise RuntimeError("a listener's mistake")

    running = await host(io)
    clients = [await connect(running) for _ in range(2)]
    for client in clients:
        await client.join()
    await io.emit("news")
    asking = asyncio.create_task(io.timeout(10_000).emit_with_ack("ask"))
    for client in clients:
        assert await client.receive() == '2["news"]'
        assert await client.receive() == '20["ask"]'
        await client.send("30[1]")
    assert await asking == [1, 1]
    assert caplog.text.count("a listener of outgoing events failed") == 4
