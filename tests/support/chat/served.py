"""`parley serve` as a process of its own, or as many, as an operator starts it."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.config.settings import Settings
from app.embedded.child_process import is_alive
from tests.support.waiting import PATIENCE, until

CONSOLE_COMMAND = (sys.executable, "-m", "app")  # of the repository

RUNNING = re.compile(r"running on (http://\S+)")


class Served:
    """The process and what it logs, line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.url = ""
        self.lines: list[dict[str, Any]] = []
        self.plain: list[str] = []  # what is no line of the log: sentences, tracebacks
        self._news = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(
        cls,
        *arguments: str,
        settings: Settings,
        terminal: int | None = None,
        program: Sequence[str] = CONSOLE_COMMAND,
        folder: Path | None = None,
        **variables: str,
    ) -> "Served":
        """`parley serve` with any free port on the database and the Valkey of the settings, in a terminal if one is
        given by its file descriptor. `program` is what `parley` is, run in the `folder`."""
        own = {"PORT": "0", "LOG_FORMAT": "json", **UNLIMITED}
        own |= {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url}
        own |= {"BUS": settings.bus}
        own |= {"DATA_DIR": str(settings.data_dir), "JWT_SECRET": settings.jwt_secret}
        command = [*program, "serve", *arguments]
        process = await asyncio.create_subprocess_exec(
            *(command if terminal is None else [sys.executable, "-c", IN_TERMINAL, *command]),
            cwd=folder,
            env={**os.environ, **own, **variables},
            stdin=asyncio.subprocess.DEVNULL if terminal is None else terminal,
            start_new_session=terminal is not None,
            stderr=asyncio.subprocess.PIPE,
            limit=2**20,
        )
        return cls(process)

    async def ready(self) -> "Served":
        """It serves; `url` says where."""
        found = RUNNING.search(await self.logged(RUNNING))
        assert found is not None
        self.url = found[1]
        return self

    async def logged(self, pattern: str | re.Pattern[str], times: int = 1, within: float = PATIENCE) -> str:
        """Waits until lines that match have been logged so many times; returns the last of them."""
        async with asyncio.timeout(within), self._news:
            while len(found := self.matching(pattern)) < times:
                assert not self._reading.done(), f"it has ended: {self.plain} {self.events[-20:]}"
                await self._news.wait()
        return found[times - 1]

    def matching(self, pattern: str | re.Pattern[str]) -> list[str]:
        return [event for event in self.events if re.search(pattern, event)]

    @property
    def events(self) -> list[str]:
        return [line["event"] for line in self.lines]

    def workers(self) -> dict[int, psutil.Process]:
        """The processes that serve, by the number of their place."""
        found = {}
        for child in psutil.Process(self.process.pid).children():
            words = child.cmdline()
            if "app.workers.worker" in words:
                found[int(words[words.index("app.workers.worker") + 1])] = child
        return found

    async def stop(self) -> int:
        """What SIGTERM does."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self) -> int:
        """Waits for the end; returns the status. What does not end is killed, and what it logged last is told."""
        try:
            async with asyncio.timeout(PATIENCE):
                status = await self.process.wait()
                await self._reading
        except TimeoutError:
            left = psutil.Process(self.process.pid)
            for process in (*left.children(recursive=True), left):
                process.kill()
            pytest.fail(f"it did not end: {self.plain} {self.events[-20:]}")
        return status

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for raw in self.process.stderr:
            line = raw.decode()
            async with self._news:
                try:
                    self.lines.append(json.loads(line))
                except ValueError:
                    self.plain.append(line)
                self._news.notify_all()
        async with self._news:
            self._news.notify_all()


UNLIMITED = {
    f"{name}_RATE": "0" for name in ("EVENT", "ADDRESS", "SIGN_IN", "SIGN_UP", "CONVERSATION", "UPLOAD")
} | {"SIGN_IN_RATE_OF_NAME": "0"}

# Makes its input the terminal that its session is controlled by, and goes on as the command. Whoever runs the tests by
# `nohup` ignores SIGHUP; in a window it is not ignored.
IN_TERMINAL = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGHUP, signal.SIG_DFL)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


async def gone(processes: list[psutil.Process]) -> None:
    """Waits until none of them runs any more."""
    await until(lambda: not any(map(is_alive, processes)))
