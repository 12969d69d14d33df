"""Node's server with its streams adapter, run by the tests (tests/clients/server.mjs)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

import orjson

from tests.support.paths import node_client
from tests.support.waiting import PATIENCE


class NodeError(Exception):
    """What failed over there, with the `responses` that came all the same."""

    def __init__(self, message: str, responses: Any) -> None:
        super().__init__(message)
        self.responses = responses


class NodeServer:
    """A Node server. `events` is what happened to it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.origin = ""
        self.events: list[list[Any]] = []
        self._numbers = count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._news = asyncio.Event()

    async def do(self, verb: str, *args: Any) -> Any:
        """What a verb returns there. Raises `NodeError`."""
        number = next(self._numbers)
        done = self._waiting[number] = asyncio.get_running_loop().create_future()
        assert self.process.stdin is not None
        self.process.stdin.write(orjson.dumps([number, verb, *args], _written) + b"\n")
        async with asyncio.timeout(PATIENCE):
            return await done

    async def happened(self, *event: Any) -> None:
        """Return once something has happened."""
        async with asyncio.timeout(PATIENCE):
            while list(event) not in self.events:
                self._news.clear()
                await self._news.wait()

    async def listen(self) -> None:
        """Take what it says, to its end."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            said = _read(orjson.loads(line))
            match said:
                case [int(number), "done", value]:
                    self._waiting.pop(number).set_result(value)
                case [int(number), "failed", message, responses]:
                    self._waiting.pop(number).set_exception(NodeError(message, responses))
                case ["listening", port]:
                    self.origin = f"http://127.0.0.1:{port}"
                case _:
                    self.events.append(said)
            self._news.set()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(NodeError("the Node server has ended", None))

    async def until_listening(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while not self.origin:
                self._news.clear()
                await self._news.wait()


def _written(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    raise TypeError


def _read(value: Any) -> Any:
    match value:
        case {"hex": str(text)}:
            return bytes.fromhex(text)
        case dict():
            return {key: _read(inner) for key, inner in value.items()}
        case list():
            return [_read(inner) for inner in value]
    return value


@asynccontextmanager
async def node_server(redis_url: str, **options: Any) -> AsyncIterator[NodeServer]:
    """Runs one, with options of its adapter, and `connectionStateRecovery`."""
    process = await asyncio.create_subprocess_exec(
        *node_client("server.mjs"),
        redis_url,
        orjson.dumps(options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    server = NodeServer(process)
    listening = asyncio.create_task(server.listen())
    starting = asyncio.create_task(server.until_listening())
    try:
        await asyncio.wait([listening, starting], return_when=asyncio.FIRST_COMPLETED)
        assert server.origin, "the Node server did not start"
        yield server
    finally:
        starting.cancel()
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await listening
