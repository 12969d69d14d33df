"""A cluster of the tests: instances that forward to each other, in this process or in processes of their own."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from protocol import Forwarding, Observer, RedisStore, Server, Socket
from protocol.server.forwarding.remote_instance import CREDENTIAL_HEADER
from tests.support.engine_clients import POLLING, PollingClient
from tests.support.paths import node_client
from tests.support.running import Running
from tests.support.waiting import PATIENCE

SECRET = "for tests only"
UNKNOWN = {"code": 1, "message": "Session ID unknown"}


def forwarding(**options: Any) -> Forwarding:
    return Forwarding(**{"host": "127.0.0.1", "secret": SECRET, **options})


def credentials(secret: str = SECRET) -> dict[str, str]:
    """What an instance shows another one."""
    return {CREDENTIAL_HEADER: forwarding(secret=secret).credential}


def lease_of(session_id: str) -> str:
    """The key in the store of the instance that has a session."""
    return f"parley:instance:{session_id[:4]}"


def turn_to(client: PollingClient, running: "Running | Process") -> None:
    """From here on the client's requests go to this instance."""
    client.url = running.url(f"{POLLING}&sid={client.sid}")


class Told(Observer):
    """Keeps what it is told of forwarded requests."""

    def __init__(self) -> None:
        self.forwards: list[tuple[str, bool]] = []

    def forwarded(self, kind: Any, seconds: float, *, failed: bool) -> None:
        assert 0 <= seconds < PATIENCE
        self.forwards.append((kind, failed))


class Process:
    """An instance in a process of its own, to be killed and frozen."""

    path = "/socket.io/"

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.port = port

    @classmethod
    async def start(cls, shell: str, redis_url: str, *, lease: int = 10_000, port: int = 0) -> "Process":
        program = (sys.executable, "-m", __spec__.name, shell, redis_url, str(lease), str(port))
        process = await asyncio.create_subprocess_exec(
            *program, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            return cls(process, int(await process.stdout.readline()))

    def url(self, query: str) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}?{query}"

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def round_robin(*urls: str) -> AsyncIterator[str]:
    """The URL of a proxy that gives each request to the next of the servers."""
    process = await asyncio.create_subprocess_exec(
        *node_client("round-robin.mjs"),
        *urls,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(await process.stdout.readline())}"
    finally:
        process.stdin.close()
        await process.wait()


async def main(shell: str, redis_url: str, lease: str, port: str) -> None:
    """Be an instance whose handlers echo; prints its port."""
    io = Server(store=RedisStore(redis_url), forwarding=forwarding(lease=int(lease), port=int(port)))

    @io.on("echo")
    async def echo(socket: Socket, *args: object) -> None:
        await socket.emit("echo", *args)

    running = await Running(io, shell).start()
    print(running.port, flush=True)
    stdin = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    await stdin.read()  # which ends with the tests, if they do not end this process


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
