"""Instances that forward to each other: any of them serves a session that any of them has."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, TypeAlias

import pytest

from protocol import Forwarding, Observer, RedisStore, Server
from tests.protocol.server.client import POLLING, PollingClient
from tests.protocol.server.conftest import Serve
from tests.protocol.server.running import PATIENCE, Running
from tests.protocol.server.websocket import WebSocket

Start: TypeAlias = Callable[..., Awaitable[Running]]

SECRET = "for tests only"
UNKNOWN = {"code": 1, "message": "Session ID unknown"}


class Told(Observer):
    """Keeps what it is told of forwarded requests."""

    def __init__(self) -> None:
        self.forwards: list[tuple[str, bool]] = []

    def forwarded(self, kind: Any, seconds: float, *, failed: bool) -> None:
        assert 0 <= seconds < PATIENCE
        self.forwards.append((kind, failed))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def start(serve: Serve, make_app: Callable[..., Server], redis_url: str, told: Told) -> Start:
    """Serves an instance of the cluster."""

    async def start(*, secret: str = SECRET, lease: int = 10_000, **options: Any) -> Running:
        forwarding = Forwarding(host="127.0.0.1", secret=secret, lease=lease)
        return await serve(
            make_app(store=RedisStore(redis_url), forwarding=forwarding, observer=told, **options)
        )

    return start


def at(client: PollingClient, running: Running) -> None:
    """From here on the client's requests go to another instance."""
    client.url = running.url(f"{POLLING}&sid={client.sid}")


async def test_polling(start: Start, poll: Callable[..., Awaitable[PollingClient]], told: Told) -> None:
    instances = [await start() for _ in range(3)]
    client = await poll(instances[0])
    at(client, instances[1])
    await client.join()
    for number in range(6):
        at(client, instances[number % 3])
        await client.send(f'2{number}["echo","€",{number}]')
        at(client, instances[(number + 1) % 3])
        got = {await client.receive(), await client.receive()}
        assert got == {f'2["echo","€",{number}]', f'3{number}["€",{number}]'}
    assert {kind for kind, failed in told.forwards if not failed} == {"get", "post"}
    assert all(not failed for _, failed in told.forwards)


async def test_upgrade(
    start: Start, poll: Callable[..., Awaitable[PollingClient]], stack: AsyncExitStack, told: Told
) -> None:
    one, two = await start(), await start()
    client = await poll(one)
    await client.join()
    socket = await WebSocket.open(two, f"EIO=4&transport=websocket&sid={client.sid}")
    stack.push_async_callback(socket.close)
    socket.send("2probe")
    assert await socket.receive() == "3probe"
    socket.send("5")
    socket.send('42["echo","a"]')
    assert await socket.receive() == '42["echo","a"]'
    socket.send('451-["echo",{"_placeholder":true,"num":0}]')
    socket.send(b"\x00" * 300_000)
    assert await socket.receive() == '451-["echo",{"_placeholder":true,"num":0}]'
    assert await socket.receive() == b"\x00" * 300_000
    assert told.forwards == [("websocket", False)]
