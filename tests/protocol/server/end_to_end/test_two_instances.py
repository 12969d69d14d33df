"""Two servers on one Redis: what one emits reaches the clients of both."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, TypeAlias

import pytest

from protocol import InterestBus, RedisBus, Server, Socket
from tests.support.engine_clients import Client, Recorder, WebSocketClient
from tests.support.running import Serve
from tests.support.waiting import until

App = Callable[..., Server]
Cluster: TypeAlias = Callable[..., Awaitable[None]]

FENCE = '2["fence"]'


class Pair:
    """Servers `one` and `two`; a client of each, in room "all", and one each in room "1" or "2"."""

    def __init__(self) -> None:
        self.servers: list[Server] = []
        self.clients: list[Client] = []

    @property
    def sockets(self) -> list[Socket]:
        return [socket for server in self.servers for socket in server.sockets.values()]

    async def heard(self) -> list[list[str | bytes]]:
        """What each client has received since the last time."""
        await self.servers[0].emit("fence")
        found = []
        for client in self.clients:
            messages: list[str | bytes] = []
            while (message := await client.receive()) != FENCE:
                messages.append(message)
            found.append(messages)
        return found


@pytest.fixture(params=[RedisBus, InterestBus])
def kind(request: pytest.FixtureRequest) -> type[RedisBus | InterestBus]:
    """Both modes of the bus."""
    kind: type[RedisBus | InterestBus] = request.param
    return kind


@pytest.fixture
async def pair(
    serve: Serve,
    make_app: App,
    redis_url: str,
    stack: AsyncExitStack,
    kind: type[RedisBus | InterestBus],
) -> Pair:
    pair = Pair()
    for number in (1, 2):
        io = make_app(bus=kind(redis_url))
        running = await serve(io)
        client = await WebSocketClient.open(running)
        stack.push_async_callback(client.close)
        sid = await client.join()
        await io.sockets[sid].join("all", str(number))
        pair.servers.append(io)
        pair.clients.append(client)
    return pair


async def test_emit(pair: Pair) -> None:
    """From either server, to everyone, rooms, or one; in the order of the stream for all."""
    one, two = pair.servers
    first, second = (socket.id for socket in pair.sockets)
    await one.emit("a", b"\x01")
    await two.to("1").emit("b", "€")
    await one.to("all").except_("2").emit("c")
    await two.to(first).emit("d")
    await one.to(second).emit("e", None)
    await two.local.emit("f")
    binary = ['51-["a",{"_placeholder":true,"num":0}]', b"\x01"]
    found = await pair.heard()
    assert found[0] == [*binary, '2["b","€"]', '2["c"]', '2["d"]']
    assert sorted(map(str, found[1])) == sorted(map(str, [*binary, '2["e",null]', '2["f"]']))


async def test_one_order_for_all(pair: Pair) -> None:
    await asyncio.gather(*(server.emit("n", number) for number in range(50) for server in pair.servers))
    first, second = await pair.heard()
    assert len(first) == 100
    assert first == second


async def test_rooms_over_the_bus(pair: Pair) -> None:
    one, two = pair.servers
    await one.in_("2").sockets_join("new")
    await one.to("new").emit("a")
    await two.in_("new").sockets_leave("new")
    await one.to("new").emit("b")
    assert await pair.heard() == [[], ['2["a"]']]


async def test_disconnect_over_the_bus(pair: Pair, seen: Recorder) -> None:
    one, two = pair.servers
    await one.in_("2").disconnect_sockets()
    assert await pair.clients[1].receive() == "1"
    await seen.wait_for("disconnect", "server namespace disconnect")
    await two.disconnect_sockets(close=True)
    assert await pair.clients[0].until_lost() == ["1"]
    await until(lambda: one.sessions == 0)


async def test_other_namespaces(pair: Pair) -> None:
    one, two = pair.servers
    two.of("/custom")
    await pair.clients[1].join("/custom")
    await one.of("/custom").emit("news")
    await one.of("/unknown").emit("nobody")
    assert await pair.clients[1].receive() == '2/custom,["news"]'
    assert await pair.heard() == [[], []]


async def test_volatile(pair: Pair) -> None:
    await pair.servers[0].volatile.emit("news")
    assert await pair.heard() == [['2["news"]'], ['2["news"]']]


async def test_emitting_from_a_handler(pair: Pair) -> None:
    """The ack of the event comes after what the handler emitted: emitting returns once it is stored."""
    one = pair.servers[0]

    @one.on("tell")
    async def tell(socket: Socket, *args: Any) -> bool:
        await one.emit("told", *args)
        return True

    await pair.clients[0].send('25["tell",1]')
    received = [await pair.clients[0].receive() for _ in range(2)]
    assert sorted(map(str, received)) == ['2["told",1]', "35[true]"]
    assert await pair.clients[1].receive() == '2["told",1]'
