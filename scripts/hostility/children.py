"""Processes of their own that are told what to do, and tell what came of it, in lines of JSON."""

import asyncio
import subprocess
import sys
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
import orjson

LIMIT = 2**26  # bytes of a line
END_WITHIN = 5.0  # seconds

T = TypeVar("T")


class ChildEnded(Exception):
    """A process is gone that should not be. The text is one sentence."""


class Child:
    """A module of this package, run as a process."""

    def __init__(self, module: str, process: asyncio.subprocess.Process) -> None:
        self._module = module
        self._process = process

    @classmethod
    async def start(cls, module: str, assignment: msgspec.Struct) -> "Child":
        """Start it with what it is to do."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module), stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=LIMIT
        )
        child = cls(module, process)
        child.tell(assignment)
        return child

    def tell(self, what: Any) -> None:
        """Send a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(what) + b"\n")

    async def told(self, within: float) -> Any:
        """The next line that it says. Raises ChildEnded, also where none comes within so many seconds."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(within):
                line = await self._process.stdout.readline()
        except TimeoutError:
            raise ChildEnded(f"{self._module} has said nothing for {within:g} s.") from None
        if not line:
            status = await self._process.wait()
            raise ChildEnded(f"{self._module} has ended with status {status}.")
        return orjson.loads(line)

    async def stop(self) -> None:
        """End it."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(END_WITHIN):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


# --- the process's own side ---


async def assigned(kind: type[T]) -> tuple[asyncio.StreamReader, T]:
    """The standard input, and what its first line assigns."""
    reader = asyncio.StreamReader(limit=LIMIT)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    return reader, msgspec.json.decode(await line_of(reader), type=kind)


async def line_of(reader: asyncio.StreamReader) -> bytes:
    """The next line. Where there is none any more, nobody waits for this process: it ends."""
    line = await reader.readline()
    if not line:
        raise SystemExit(1)
    return line


def say(what: Any) -> None:
    """Write a line."""
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()
