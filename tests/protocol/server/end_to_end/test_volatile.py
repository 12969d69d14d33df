"""Volatile events: dropped where they cannot leave at once (docs/protocol.md §2)."""

import asyncio
from collections.abc import Callable

from protocol import Server
from tests.support.engine_clients import Poll, PollingClient, WebSocketClient
from tests.support.raw_websocket import Open
from tests.support.running import Serve
from tests.support.waiting import until

App = Callable[..., Server]


async def test_on_a_websocket(serve: Serve, make_app: App, open_websocket: Open) -> None:
    io = make_app()
    client = await WebSocketClient.open(await serve(io))
    socket = io.sockets[await client.join()]
    await socket.emit("direct", volatile=True)
    await io.volatile.emit("all")
    await io.to(socket.id).volatile.emit("one")
    assert [await client.receive() for _ in range(3)] == ['2["direct"]', '2["all"]', '2["one"]']
    await client.close()


async def test_on_a_websocket_that_is_not_read(serve: Serve, make_app: App, open_websocket: Open) -> None:
    """What is not volatile waits for it; then volatile events are sent again."""
    io = make_app(max_buffered=100_000_000)
    client = await WebSocketClient.open(await serve(io), receive_buffer=4096)
    socket = io.sockets[await client.join()]
    sent = 0
    while socket._local.link.writable:
        await socket.emit("fill", "x" * 500_000)
        sent += 1
        await asyncio.sleep(0.01)
    await socket.emit("dropped", volatile=True)
    await io.volatile.emit("dropped")
    await socket.emit("kept")
    for _ in range(sent):
        assert str(await client.receive()).startswith('2["fill"')
    assert await client.receive() == '2["kept"]'
    await until(lambda: socket._local.link.writable)
    await socket.emit("again", volatile=True)
    assert await client.receive() == '2["again"]'
    await client.close()


async def waiting_get(io: Server, client: PollingClient) -> "asyncio.Task[str | bytes]":
    """The client's next message, for which a GET waits at the server."""
    receiving = asyncio.create_task(client.receive())
    (socket,) = await io.fetch_sockets()
    await until(lambda: socket._local.link.writable)
    return receiving


async def test_over_polling(serve: Serve, make_app: App, poll: Poll) -> None:
    """Only while a GET waits."""
    io = make_app()
    client = await poll(await serve(io))
    socket = io.sockets[await client.join()]
    await socket.emit("dropped", volatile=True)
    await io.volatile.emit("dropped")
    await io.emit("kept")
    assert await client.receive() == '2["kept"]'

    receiving = await waiting_get(io, client)
    await socket.emit("direct", volatile=True)
    assert await receiving == '2["direct"]'
    receiving = await waiting_get(io, client)
    await io.volatile.emit("all", b"x")
    assert await receiving == '51-["all",{"_placeholder":true,"num":0}]'
    assert await client.receive() == b"x"


async def test_for_some_and_not_for_others(serve: Serve, make_app: App, poll: Poll) -> None:
    io = make_app()
    running = await serve(io)
    first, second = await poll(running), await WebSocketClient.open(running)
    await first.join()
    await second.join()
    await io.volatile.emit("news")
    assert await second.receive() == '2["news"]'
    await io.emit("kept")
    assert await first.receive() == '2["kept"]'
    await second.close()
