"""Connections by the official client, which runs in Node: tests/clients/soak.mjs has all of them."""

import asyncio
from contextlib import suppress
from typing import Any

import orjson

from scripts.soaking.connection import CALL_WITHIN, Connection, Listener, NotAnswered
from tests.support.paths import node_client

LIMIT = 2**24  # bytes of a line

TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}


class NodeProcess:
    """The process in which the connections are."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._connections: dict[str, NodeConnection] = {}

    async def start(self) -> None:
        """Start it."""
        self._process = await asyncio.create_subprocess_exec(
            *node_client("soak.mjs"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LIMIT,
        )
        self._reading = asyncio.create_task(self._read())

    async def stop(self) -> None:
        """End it."""
        if self._process is not None and self._reading is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            await self._reading

    def add(self, name: str, connection: "NodeConnection") -> None:
        """Pass on what happens to a connection."""
        self._connections[name] = connection

    def tell(self, *words: Any) -> None:
        """Let it do something."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(orjson.dumps(words) + b"\n")

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            name, what, *values = orjson.loads(line)
            self._connections[name].take(what, values)


class NodeConnection(Connection):
    """One of them, on some transports."""

    def __init__(
        self, process: NodeProcess, name: str, transports: str, url: str, token: str, listener: Listener
    ) -> None:
        self._process = process
        self._name = name
        self._start = (url, token, TRANSPORTS[transports])
        self._listener = listener
        self._socket_id: str | None = None
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._calls = 0
        process.add(name, self)

    @property
    def socket_id(self) -> str | None:
        return self._socket_id

    async def start(self) -> None:
        self._process.tell(self._name, "start", *self._start)

    async def call(self, event: str, payload: dict[str, Any]) -> dict[str, Any]:
        if self._socket_id is None:
            raise NotAnswered("disconnected")
        self._calls += 1
        number = self._calls
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self._process.tell(self._name, "call", number, event, payload)
        try:
            return await asyncio.wait_for(answer, CALL_WITHIN)
        except TimeoutError:
            raise NotAnswered("timeout") from None
        finally:
            del self._answers[number]

    async def stop(self) -> None:
        self._process.tell(self._name, "stop")

    def take(self, what: str, values: list[Any]) -> None:
        """The process says something of it."""
        match what, values:
            case "opened", [str(socket_id)]:
                self._socket_id = socket_id
                self._listener.opened()
            case "lost", [str(reason)]:
                self._socket_id = None
                for answer in self._answers.values():
                    if not answer.done():
                        answer.set_exception(NotAnswered("disconnected"))
                self._listener.lost(reason)
            case "heard", [str(event), payload]:
                self._listener.heard(event, payload)
            case "answered", [int(number), dict(answer)]:
                waiting = self._answers.get(number)
                if waiting is not None and not waiting.done():
                    waiting.set_result(answer)
