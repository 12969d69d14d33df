"""What the tests of hostile clients share: the bad client, and the good one beside it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

from protocol import Server
from tests.support.engine_clients import Client, Recorder
from tests.support.raw_websocket import WebSocket
from tests.support.running import Running
from tests.support.waiting import until

Good: TypeAlias = Callable[[Running], Awaitable["GoodClient"]]


class GoodClient:
    """Keeps exchanging events; `check` waits for some more of them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._count = 0
        self._task = asyncio.create_task(self._exchange())

    async def _exchange(self) -> None:
        while True:
            await self._client.send(f'2["echo",{self._count}]')
            assert await self._client.receive() == f'2["echo",{self._count}]'
            self._count += 1
            await asyncio.sleep(0.001)

    async def check(self, count: int = 5) -> None:
        wanted = self._count + count
        await until(lambda: self._count >= wanted or self._task.done())
        if self._task.done():
            self._task.result()

    async def close(self) -> None:
        try:
            await self.check()
        finally:
            self._task.cancel()
            await asyncio.wait([self._task])
            await self._client.close()


def make_io(seen: Recorder, **options: object) -> Server:
    """A server that echoes, and records the disconnects of those who were named."""
    io = Server(**options)
    io.on("echo")(lambda socket, *args: socket.emit("echo", *args))
    io.on("name")(lambda socket, name: socket.data.update(name=name))
    io.on("disconnect")(lambda socket, reason: "name" in socket.data and seen(socket.data["name"], reason))
    return io


@contextlib.asynccontextmanager
async def bad_websocket(running: Running, **options: int) -> AsyncIterator[WebSocket]:
    """A websocket of somebody named bad, in the main namespace."""
    socket = await WebSocket.open(running, **options)
    try:
        await socket.receive()
        socket.send("40")
        await socket.receive()
        socket.send('42["name","bad"]')
        yield socket
    finally:
        await socket.close()
