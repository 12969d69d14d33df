"""The place of one worker: at most one process serves there, but for the moment in which it is replaced."""

import asyncio
import logging
import signal
import socket
import time
from collections.abc import Mapping

from prometheus_client.multiprocess import mark_process_dead

from app.workers.listening import Port
from app.workers.process import WorkerProcess

log = logging.getLogger(__name__)

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where the workers' metrics are, for whichever is asked for them

READY_WITHIN = 60.0  # seconds
BACKOFF = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds before a worker that crashed starts again, and again
HEALTHY_AFTER = 60.0  # seconds of service after which a crash counts as the first one
GIVE_UP_WITHIN = 5.0  # seconds that one that does not come to serve has to end


class NotReady(Exception):
    """A process did not come to serve. The text says which, and why."""


class Slot:
    """Worker `number`. `stop_within` is how many seconds its orderly end may take."""

    def __init__(self, number: int, port: Port, environ: Mapping[str, str], stop_within: float) -> None:
        self._number = number
        self._port = port
        self._environ = environ
        self._stop_within = stop_within
        self._sockets: list[socket.socket] = []
        self._alive: set[WorkerProcess] = set()
        self._current: WorkerProcess | None = None
        self._serves_since = 0.0  # by time.monotonic
        self._crashes = 0  # in a row
        self._changing = asyncio.Lock()

    async def start(self) -> bool:
        """Start the worker. Returns whether it serves."""
        async with self._changing:
            try:
                self._current = await self._serving_process()
            except NotReady as failure:
                log.error("worker %d could not start: %s", self._number, failure)
            return self._current is not None

    async def keep(self) -> None:
        """Start the worker again whenever it ends without having been told to, for ever."""
        while True:
            if self._current is not None and not await self._crashed(self._current):
                continue
            pause = BACKOFF[min(self._crashes, len(BACKOFF) - 1)]
            self._crashes += 1
            log.warning("worker %d starts again in %g s", self._number, pause)
            await asyncio.sleep(pause)
            if self._current is None:  # nobody has asked for a replacement meanwhile
                await self.start()

    async def replace(self) -> bool:
        """Start a new worker and, once it serves, end the old one. If it does not, the old one stays: false."""
        async with self._changing:
            old = self._current
            try:
                self._current = await self._serving_process()
            except NotReady as failure:
                stays = "nothing runs in its place" if old is None else f"process {old.pid} stays"
                log.error("worker %d is not replaced, %s: %s", self._number, stays, failure)
                return False
        if old is not None:
            await old.stop(self._stop_within)
        return True

    def send_signal(self, number: signal.Signals) -> None:
        """To whatever runs here."""
        for process in self._alive:
            process.send_signal(number)

    async def stop(self) -> None:
        """End whatever runs here."""
        await asyncio.gather(*(process.stop(self._stop_within) for process in self._alive))
        self._let_go()

    async def _crashed(self, process: WorkerProcess) -> bool:
        """Waits until a process has ended; false if another one has taken its place."""
        how = await process.ended
        async with self._changing:
            if self._current is not process:
                return False
            self._current = None
            self._let_go()
        log.error("worker %d (process %d) %s", self._number, process.pid, how)
        if time.monotonic() - self._serves_since > HEALTHY_AFTER:
            self._crashes = 0
        return True

    async def _serving_process(self) -> WorkerProcess:
        """A new process that serves. Raises NotReady."""
        if not self._sockets:
            self._sockets = self._port.sockets()
        process = await WorkerProcess.start(self._number, self._sockets, self._environ)
        self._alive.add(process)
        process.ended.add_done_callback(lambda _: self._forget(process))
        if await process.ready(READY_WITHIN):
            self._serves_since = time.monotonic()
            log.info("worker %d (process %d) serves", self._number, process.pid)
            return process
        await asyncio.wait({process.ended}, timeout=1)  # what has closed its end of the socket is about to
        how = process.ended.result() if process.ended.done() else f"did not serve within {READY_WITHIN:g} s"
        await process.stop(GIVE_UP_WITHIN)
        raise NotReady(f"process {process.pid} {how}")

    def _forget(self, process: WorkerProcess) -> None:
        self._alive.discard(process)
        # Or what it had at its end, such as connections, would count for ever.
        mark_process_dead(process.pid, self._environ[SHARED_FOLDER])

    def _let_go(self) -> None:
        self._port.release(self._sockets)
        self._sockets = []
