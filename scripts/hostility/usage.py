"""Memory and processor time of an instance, with the processes that it has started."""

import asyncio
from contextlib import suppress

import psutil
from msgspec import Struct

EVERY = 0.2  # seconds
MB = 1_000_000


class Usage(Struct, frozen=True):
    """Resident memory in MB, and seconds of processor time since the start."""

    memory: float
    cpu: float


def usage_of(process: psutil.Process) -> Usage:
    """What a process and those below it use now; nothing where it has ended."""
    memory, cpu = 0, 0.0
    with suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        cpu += times.children_user + times.children_system  # of those that have ended
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = one.cpu_times()
                cpu += times.user + times.system
                memory += one.memory_info().rss
    return Usage(memory / MB, cpu)


class Watch:
    """Looks at a process all the time; `peak` is the most memory that was seen, in MB."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self.peak = 0.0

    def look(self) -> Usage:
        """What it uses now."""
        found = usage_of(self._process)
        self.peak = max(self.peak, found.memory)
        return found

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(EVERY)

    async def falls_to(self, memory: float, within: float) -> tuple[Usage, float | None]:
        """Wait until it uses no more memory than that: what it uses then, and after how many seconds (None: never)."""
        start = asyncio.get_running_loop().time()
        while True:
            found = usage_of(self._process)
            passed = asyncio.get_running_loop().time() - start
            if found.memory <= memory:
                return found, passed
            if passed > within:
                return found, None
            await asyncio.sleep(EVERY)
