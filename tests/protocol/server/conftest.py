"""Real servers behind uvicorn, on both websocket shells, and clients that are closed at the end."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from protocol import Server, Socket
from tests.support.engine_clients import Client, Connect, Poll, PollingClient, Recorder, WebSocketClient
from tests.support.hostile_clients import Good, GoodClient
from tests.support.raw_websocket import Open, WebSocket
from tests.support.running import RAW, Running, Serve


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """The event loop that uvicorn takes by itself."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def poll(serve: Serve, stack: AsyncExitStack) -> Poll:
    """Opens sessions over polling."""

    async def start(running: Running, **headers: str) -> PollingClient:
        client = await PollingClient.open(running, **headers)
        stack.push_async_callback(client.close)
        return client

    return start


@pytest.fixture
async def open_websocket(serve: Serve, stack: AsyncExitStack) -> Open:
    """Opens websockets, without more."""

    async def start(running: Running, *args: Any, **options: Any) -> WebSocket:
        socket = await WebSocket.open(running, *args, **options)
        stack.push_async_callback(socket.close)
        return socket

    return start


@pytest.fixture(params=["raw", "asgi", "polling"])
def way(request: pytest.FixtureRequest) -> str:
    """How the clients of `connect` come: over a websocket of one of the shells, or over polling."""
    return str(request.param)


@pytest.fixture
async def host(way: str, stack: AsyncExitStack) -> Serve:
    """Serves a server for the clients of `connect`."""

    async def start(server: Server, port: int = 0) -> Running:
        running = await Running(server, RAW if way == "polling" else way).start(port)
        stack.push_async_callback(running.stop)
        return running

    return start


@pytest.fixture
async def connect(way: str, host: Serve, stack: AsyncExitStack) -> Connect:
    """Opens sessions of the way that the test runs with."""

    async def start(running: Running) -> Client:
        kind = PollingClient if way == "polling" else WebSocketClient
        client: Client = await kind.open(running)
        stack.push_async_callback(client.close)
        return client

    return start


@pytest.fixture
def seen() -> Recorder:
    """What the handlers of `app` have seen."""
    return Recorder()


@pytest.fixture
def make_app(seen: Recorder) -> Callable[..., Server]:
    """Makes servers that echo, and record who comes, what they say, and why they go."""

    def make(**options: Any) -> Server:
        io = Server(**options)

        async def connection(socket: Socket) -> None:
            seen("connection", socket.id)

        async def disconnect(socket: Socket, reason: str) -> None:
            seen("disconnect", reason)

        async def echo(socket: Socket, *args: Any) -> tuple[Any, ...]:
            seen("echo", *args)
            await socket.emit("echo", *args)
            return args

        io.on("connection")(connection)
        io.on("disconnect")(disconnect)
        io.on("echo")(echo)
        return io

    return make


@pytest.fixture
async def good() -> AsyncIterator[Good]:
    """Lets a good client come, which must be well until the end."""
    clients = []

    async def come(running: Running) -> GoodClient:
        client = await WebSocketClient.open(running)
        await client.join()
        clients.append(GoodClient(client))
        return clients[-1]

    yield come
    for client in clients:
        await client.close()
