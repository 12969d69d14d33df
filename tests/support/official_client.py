"""The official JavaScript client, run in Node (tests/clients), and the server that its scenarios expect."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson

from protocol import (
    AckTimeout,
    CloseReason,
    Incoming,
    Refused,
    Server,
    Socket,
)
from tests.support.engine_clients import Recorder
from tests.support.paths import node_client
from tests.support.running import Running
from tests.support.waiting import PATIENCE


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
    process = await asyncio.create_subprocess_exec(
        *node_client("run.mjs"),
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
