"""What an observer is told: each thing once, where it happens."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import redis

from protocol import Observer, RedisBus, Refused, Server, Socket
from tests.support.engine_clients import Connect, Poll, PollingClient, Recorder, WebSocketClient, probe
from tests.support.hostile_clients import bad_websocket
from tests.support.raw_websocket import Open
from tests.support.running import Serve
from tests.support.waiting import PATIENCE, until

App = Callable[..., Server]


class Told(Observer):
    """Keeps all that it is told; of times only that they are none too strange."""

    def __init__(self) -> None:
        self.lines: list[tuple[Any, ...]] = []

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        return [line[1:] for line in self.lines if line[0] == kind]

    def session_opened(self, transport: str) -> None:
        self.lines.append(("opened", transport))

    def session_upgraded(self) -> None:
        self.lines.append(("upgraded",))

    def session_closed(self, transport: str, reason: str) -> None:
        self.lines.append(("closed", transport, reason))

    def client_too_slow(self) -> None:
        self.lines.append(("slow",))

    def event_handled(self, nsp: str, event: str, seconds: float, *, failed: bool) -> None:
        assert 0 <= seconds < PATIENCE
        self.lines.append(("event", nsp, event, failed))

    def record_returned(self, seconds: float) -> None:
        assert 0 <= seconds < PATIENCE
        self.lines.append(("returned",))

    def records_lost(self) -> None:
        self.lines.append(("lost",))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.mark.parametrize("way", ["raw", "asgi", "polling"], indirect=True)
async def test_a_session_from_its_beginning_to_its_end(
    host: Serve, make_app: App, connect: Connect, told: Told, way: str
) -> None:
    client = await connect(await host(make_app(observer=told)))
    transport = "polling" if way == "polling" else "websocket"
    assert told.lines == [("opened", transport)]
    await client.join()
    if isinstance(client, PollingClient):
        await client.post("1")
    else:
        await client.close()
    await until(lambda: told.of("closed"))
    assert told.lines == [("opened", transport), ("closed", transport, "transport close")]


async def test_an_upgrade(serve: Serve, make_app: App, poll: Poll, open_websocket: Open, told: Told) -> None:
    running = await serve(make_app(observer=told))
    client = await poll(running)
    await client.join()
    websocket = await probe(running, client, open_websocket)
    websocket.send("5")
    await until(lambda: told.of("upgraded"))
    await running.stop()
    reason = "server shutting down"
    assert told.lines == [("opened", "polling"), ("upgraded",), ("closed", "websocket", reason)]


async def test_a_client_that_is_too_slow(serve: Serve, make_app: App, told: Told) -> None:
    io = make_app(observer=told, max_buffered=200_000)
    running = await serve(io)
    async with bad_websocket(running, receive_buffer=4096):
        await until(lambda: io.sockets)
        async with asyncio.timeout(PATIENCE):
            while not told.of("slow"):
                await io.emit("fill", "x" * 50_000)
                await asyncio.sleep(0)
    await until(lambda: told.of("closed"))
    assert told.of("slow") == [()]
    assert told.of("closed") == [("websocket", "too slow")]


async def test_what_waits_for_a_client_that_polls_is_counted(serve: Serve, make_app: App, poll: Poll) -> None:
    io = make_app()
    client = await poll(await serve(io))
    await client.join()
    assert io.buffered == 0
    await io.emit("fill", "x" * 50_000)
    await until(lambda: io.buffered >= 50_000)
    await client.receive()
    assert io.buffered == 0


async def test_what_waits_for_a_websocket_is_counted(serve: Serve, make_app: App) -> None:
    io = make_app()
    async with bad_websocket(await serve(io), receive_buffer=4096), asyncio.timeout(PATIENCE):
        while io.buffered < 1_000_000:
            await io.emit("fill", "x" * 50_000)
            await asyncio.sleep(0)
    await until(lambda: io.buffered == 0)


async def test_events_that_have_a_handler(serve: Serve, make_app: App, told: Told, seen: Recorder) -> None:
    io = make_app(observer=told)

    @io.of("/other").on("fail")
    async def fail(socket: Socket) -> None:
        raise ValueError("on purpose")

    @io.use_event
    async def refuse(socket: Socket, incoming: Any) -> None:
        if "refused" in incoming.args or incoming.name == "made up":
            raise Refused("no")

    client = await WebSocketClient.open(await serve(io))
    await client.join()
    await client.join("/other")
    await client.send(
        '2["echo"]',
        '2["nobody"]',
        '2["made up"]',
        '2["echo","refused"]',
        '2/other,["fail"]',
        '2["echo","last"]',
    )
    await until(lambda: len(told.of("event")) >= 4)
    assert told.of("event") == [
        ("/", "echo", False),
        ("/", "echo", True),
        ("/other", "fail", True),
        ("/", "echo", False),
    ]
    await client.close()


async def test_records_that_come_back(serve: Serve, make_app: App, told: Told, redis_url: str) -> None:
    """Each of one's own once, of others none."""
    io, other = make_app(observer=told, bus=RedisBus(redis_url)), make_app(bus=RedisBus(redis_url))
    for server in (io, other):
        await serve(server)
    await asyncio.gather(*(server.emit("hello", n) for n in range(100) for server in (io, other)))
    await io.local.emit("hello")
    await until(lambda: len(told.of("returned")) >= 100)
    await other.emit("last")
    await io.emit("last")
    await until(lambda: len(told.of("returned")) >= 101)
    assert told.lines == [("returned",)] * 101


async def test_a_record_comes_back_from_memory(serve: Serve, make_app: App, told: Told) -> None:
    io = make_app(observer=told)
    await serve(io)
    await io.emit("hello")
    assert told.lines == [("returned",)]


async def test_records_that_were_lost(serve: Serve, make_app: App, told: Told, redis_url: str) -> None:
    io = make_app(observer=told, bus=RedisBus(redis_url))
    await serve(io)
    await io.emit("before")
    await until(lambda: told.of("returned"))
    await asyncio.sleep(0.01)  # or the new stream may begin with the id of the last entry
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    await io.emit("after")
    await until(lambda: told.of("lost"))
    assert told.of("lost") == [()]
