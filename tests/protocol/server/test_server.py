"""The server as a whole: its options, its place in an application, and a process that stands still."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import uvicorn

from protocol import BusUnavailable, EngineServer, MemoryBus, Options, RedisBus, Server
from tests.support.engine_clients import POLLING, Recorder, WebSocketClient
from tests.support.raw_websocket import Open
from tests.support.running import Serve

App = Callable[..., Server]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"path": "io/"}, "path"),
        ({"path": "/io"}, "path"),
        ({"path": "/a b/"}, "path"),
        ({"transports": []}, "transports"),
        ({"transports": ["polling", "webtransport"]}, "transports"),
        ({"ping_interval": 0}, "ping_interval"),
        ({"ping_timeout": -1}, "ping_timeout"),
        ({"upgrade_timeout": 0}, "upgrade_timeout"),
        ({"max_payload": 0}, "max_payload"),
        ({"max_buffered": 0}, "max_buffered"),
        ({"connect_timeout": 0}, "connect_timeout"),
        ({"max_pending_events": 0}, "max_pending_events"),
        ({"max_namespaces": 0}, "max_namespaces"),
        ({"cors_origins": "*", "cors_credentials": True}, "cors_credentials"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Server(**options)


def test_an_unknown_option() -> None:
    with pytest.raises(TypeError):
        Server(ping_intervall=1)


def test_the_reference_s_defaults() -> None:
    options = Options()
    assert options.path == "/socket.io/"
    assert (options.ping_interval, options.ping_timeout) == (25_000, 20_000)
    assert (options.upgrade_timeout, options.connect_timeout) == (10_000, 45_000)
    assert (options.max_payload, options.max_attachments) == (1_000_000, 10)
    assert options.transports == ("polling", "websocket")


@pytest.mark.parametrize("ws", ["raw", "websockets-sansio"])
async def test_as_the_whole_application(make_app: App, ws: str) -> None:
    """It starts and stops with uvicorn, without a framework."""
    io = make_app()
    protocol: Any = io.websocket_protocol if ws == "raw" else ws
    config = uvicorn.Config(io, host="127.0.0.1", port=0, ws=protocol, lifespan="on", log_config=None)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(verify=False, trust_env=False) as http:
        response = await http.get(f"http://127.0.0.1:{port}/socket.io/?{POLLING}")
    assert response.text.startswith('0{"sid"')
    await io.emit("the bus is started")
    await server.shutdown()
    with pytest.raises(BusUnavailable, match=r"not started: await the server's start\(\)"):
        await io.emit("the bus is stopped")


class SlowBus(MemoryBus):
    """A bus that takes some turns of the event loop to start."""

    async def start(self, *args: Any) -> None:
        await asyncio.sleep(0)
        await super().start(*args)


async def test_without_a_lifespan(make_app: App) -> None:
    """The first request starts the server, once; none starts it again after its end."""
    io = make_app(bus=SlowBus())
    transport = httpx.ASGITransport(io)
    async with httpx.AsyncClient(transport=transport, base_url="http://test/socket.io/") as http:
        answers = await asyncio.gather(*[http.get(f"?{POLLING}") for _ in range(3)])
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        await io.emit("the bus is started")
        await io.stop()
        assert (await http.get(f"?{POLLING}")).status_code == 503
    with pytest.raises(BusUnavailable):
        await io.emit("the bus is stopped")


async def test_a_server_in_front_that_cannot_refuse_in_words(make_app: App) -> None:
    """Then the refusal is its own."""
    scope = {
        "type": "websocket",
        "path": "/socket.io/",
        "query_string": b"EIO=4&transport=x",
        "headers": [],
        "client": None,
    }
    sent = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await make_app()(scope, receive, send)
    assert sent == [{"type": "websocket.close"}]


async def test_a_process_that_stood_still(
    serve: Serve, make_app: App, open_websocket: Open, seen: Recorder
) -> None:
    """What clients sent meanwhile lies unread: nobody is called silent before it is read."""
    io = make_app(ping_interval=50, ping_timeout=200)
    websocket = await open_websocket(await serve(io))
    await websocket.receive()
    websocket.send("40")
    await websocket.receive()
    assert await websocket.receive() == "2"
    websocket.send("3")
    time.sleep(1.5)  # noqa: ASYNC251 - all of the process is to stand still
    assert await websocket.receive() == "2"
    websocket.send("3")
    assert await websocket.receive() == "2"
    assert seen.entries[1:] == []


async def test_sessions_are_counted(serve: Serve, make_app: App) -> None:
    io = make_app()
    running = await serve(io)
    clients = [await WebSocketClient.open(running) for _ in range(3)]
    assert io.sessions == 3
    for client in clients:
        await client.close()


@pytest.mark.parametrize("make", [Server, lambda: EngineServer(lambda session, message: None)])
async def test_the_lifespan(make: Callable[[], Server | EngineServer]) -> None:
    """Several times, for instance once for each test of an application."""
    server = make()
    for _ in range(2):
        sent: list[str] = []
        await server({"type": "lifespan"}, coming("lifespan.startup", "lifespan.shutdown"), into(sent))
        assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_start_that_fails() -> None:
    """The server in front is told; else it would serve clients without a bus."""
    io = Server(bus=RedisBus("unix:///nobody/listens/here", publish_timeout=20))
    sent: list[str] = []
    with pytest.raises(BusUnavailable):
        await io({"type": "lifespan"}, coming("lifespan.startup"), into(sent))
    assert sent == ["lifespan.startup.failed"]


def coming(*types: str) -> Callable[[], Awaitable[dict[str, str]]]:
    """An ASGI server's messages."""
    messages = iter(types)

    async def receive() -> dict[str, str]:
        return {"type": next(messages)}

    return receive


def into(sent: list[str]) -> Callable[[Any], Awaitable[None]]:
    """Where the types of an application's messages go."""

    async def send(message: Any) -> None:
        sent.append(message["type"])

    return send


def test_one_event_loop_after_the_other() -> None:
    """A server of a module, which the tests of an application each run in a loop of their own."""
    io = Server()
    sent: list[str] = []

    async def live() -> None:
        await io.start()
        scope = {"type": "http", "path": "/socket.io/", "query_string": POLLING.encode(), "headers": []}
        await io(scope, coming("http.request"), into(sent))
        await io.stop()

    for _ in range(2):
        asyncio.run(live())
    assert sent == ["http.response.start", "http.response.body"] * 2
