"""The place of one worker: at most one process serves there, but for the moment in which it is replaced."""

import asyncio
import itertools
import logging
import signal
import socket
import time
from collections.abc import Mapping

from prometheus_client.multiprocess import mark_process_dead

from app.observability import SHARED_FOLDER
from app.workers.listen_sockets import Port
from app.workers.worker_process import WorkerProcess

log = logging.getLogger(__name__)


READY_WITHIN = 60.0  # seconds
BACKOFF = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds before a worker that crashed starts again, and again
HEALTHY_AFTER = 60.0  # seconds of service after which a crash counts as the first one
GIVE_UP_WITHIN = 5.0  # seconds that one that does not come to serve has to end


class NotReady(Exception):
    """A process did not come to serve. The text says which, and why."""


class WorkerSlot:
    """Worker `number`. `stop_within` is how many seconds its orderly end may take.

    Its processes take turns with the same files of metrics, which so go on counting, and do not pile up with crashes.
    """

    def __init__(self, number: int, port: Port, environ: Mapping[str, str], stop_within: float) -> None:
        self._number = number
        self._port = port
        self._environ = environ
        self._stop_within = stop_within
        self._sockets: list[socket.socket] = []
        self._alive: set[WorkerProcess] = set()
        self._current: WorkerProcess | None = None
        self._serves_since = 0.0  # by time.monotonic
        self._serves = asyncio.Event()
        self._crashes = 0  # in a row
        self._changing = asyncio.Lock()

    async def start(self) -> bool:
        """Start the worker, unless it runs. Returns whether it serves."""
        async with self._changing:
            try:
                if self._current is None:  # or a replacement has come first
                    await self._put_to_work()
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
            try:
                async with asyncio.timeout(pause):
                    await self._serves.wait()  # if a replacement is asked for meanwhile
            except TimeoutError:
                await self.start()

    async def replace(self) -> bool:
        """Start a new worker and, once it serves, end the old one. If it does not, the old one stays: false."""
        async with self._changing:
            old = self._current
            try:
                await self._put_to_work()
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
        self._let_go()  # or connections would still be dealt to sockets that no process accepts from any more
        await asyncio.gather(*(process.stop(self._stop_within) for process in self._alive))

    async def _crashed(self, process: WorkerProcess) -> bool:
        """Waits until a process has ended; false if another one has taken its place."""
        how = await process.ended()
        async with self._changing:
            if self._current is not process:
                return False
            self._current = None
            self._serves.clear()
            self._let_go()
        log.error("worker %d (process %d) %s", self._number, process.pid, how)
        if time.monotonic() - self._serves_since > HEALTHY_AFTER:
            self._crashes = 0
        return True

    async def _put_to_work(self) -> None:
        """Start a process, which is the current one once it serves. Raises NotReady."""
        process = await self._started()
        self._alive.add(process)
        process.when_ended(self._forget)
        if not await process.ready(READY_WITHIN):
            how = await process.ended(within=1)  # what has closed its end of the socket is about to
            await process.stop(GIVE_UP_WITHIN)
            raise NotReady(f"process {process.pid} {how or f'did not serve within {READY_WITHIN:g} s'}")
        self._current = process
        self._serves_since = time.monotonic()
        self._serves.set()
        log.info("worker %d (process %d) serves", self._number, process.pid)

    async def _started(self) -> WorkerProcess:
        used = {process.metrics_name for process in self._alive}
        names = (f"{self._number}-{turn}" for turn in itertools.count())
        free = next(name for name in names if name not in used)
        try:
            if not self._sockets:
                self._sockets = self._port.sockets()
            return await WorkerProcess.start(self._number, free, self._sockets, self._environ)
        except OSError as error:  # such as no memory, or too many processes
            raise NotReady(f"no process could be made: {error.strerror or error}") from error

    def _forget(self, process: WorkerProcess) -> None:
        self._alive.discard(process)
        # Or what it had at its end, such as connections, would count for ever.
        mark_process_dead(process.metrics_name, self._environ[SHARED_FOLDER])

    def _let_go(self) -> None:
        self._port.release(self._sockets)
        self._sockets = []
