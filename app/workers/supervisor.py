"""Keeps a number of workers running: restarts what crashes, replaces all when asked to, ends them together.

SIGTERM and SIGINT end all in their orderly way, a second SIGINT at once. SIGHUP replaces one worker after the
other: the old one is told to end when the new one serves on the same sockets.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from tempfile import TemporaryDirectory
from types import FrameType

from app.config.settings import LEAST_POOL, Settings
from app.core.background_tasks import ended
from app.core.errors import CannotStart
from app.observability import SHARED_FOLDER
from app.workers.listen_sockets import Port
from app.workers.slot import WorkerSlot

log = logging.getLogger(__name__)

CONNECTIONS = 90  # of the 100 that PostgreSQL allows unless told otherwise
CLEANING_UP = 15.0  # seconds that an orderly end may take besides those that are left to what is under way


class WorkersFailed(CannotStart):
    """No worker could start. The text is one sentence; their own logs say why."""


def supervise(settings: Settings, environ: Mapping[str, str]) -> None:
    """Serve with `settings.workers` processes until a signal ends it. `environ` is what the settings come from.

    Raises ListenError and WorkersFailed, and what `prepare` does.
    """
    from app.runtime.startup_checks import (
        prepare,  # with the database's driver, which `parley emit` can do without
    )

    with (
        closing(Port(settings.host, settings.port)) as port,
        TemporaryDirectory(prefix="parley-metrics-") as metrics,
    ):
        asyncio.run(prepare(settings))
        given = environment(settings, environ) | {SHARED_FOLDER: metrics}
        asyncio.run(Supervisor(settings.workers, port, given, settings.shutdown_timeout).run())


def environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a worker: also what was found or made here, and its share of the connections to PostgreSQL."""
    own = {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "JWT_SECRET": settings.jwt_secret,
    }
    if not environ.get("DATABASE_POOL", "").strip():
        share = CONNECTIONS // (settings.workers + 1)  # one more runs while one is replaced
        own["DATABASE_POOL"] = str(max(LEAST_POOL, min(settings.database_pool, share)))
    return {**environ, **own}


class Supervisor:
    """Runs `count` workers on `port`, each with the environment `environ`. `grace` is its SHUTDOWN_TIMEOUT in ms."""

    def __init__(self, count: int, port: Port, environ: Mapping[str, str], grace: int) -> None:
        self._port = port
        stop_within = grace / 1000 + CLEANING_UP
        self._slots = [WorkerSlot(number, port, environ, stop_within) for number in range(1, count + 1)]
        self._stopping = asyncio.Event()
        self._renewing = asyncio.Event()
        self._terminal = Terminal()

    async def run(self) -> None:
        """Until a signal ends it. Raises WorkersFailed when no worker comes to serve at the start."""
        handlers = {signal.SIGTERM: self._stop, signal.SIGINT: self._stop, signal.SIGHUP: self._hang_up}
        with handling(handlers):
            work = asyncio.create_task(self._work())
            stopping = asyncio.create_task(self._stopping.wait())
            try:
                await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
                stopping.cancel()
                await ended(work)
            finally:
                self._port.close()  # what would still be dealt to it is better refused
                await asyncio.gather(*(slot.stop() for slot in self._slots))

    async def _work(self) -> None:
        if not any(await asyncio.gather(*(slot.start() for slot in self._slots))):
            raise WorkersFailed("none of the workers could start; their own lines above say why.")
        log.info(
            "Parley running on %s with %d workers (Press CTRL+C to quit)", self._port.url, len(self._slots)
        )
        async with asyncio.TaskGroup() as group:
            for slot in self._slots:
                group.create_task(slot.keep())
            group.create_task(self._renew())

    async def _renew(self) -> None:
        while True:
            await self._renewing.wait()
            self._renewing.clear()
            log.info("replaces the workers, one after the other")
            for slot in self._slots:
                if not await slot.replace():
                    break  # the next ones would fare no better
            else:
                log.info("all workers are replaced")

    def _stop(self, number: signal.Signals) -> None:
        if self._stopping.is_set():
            for slot in self._slots:
                slot.send_signal(number)  # for a worker, the second SIGINT is the one that waits for nothing
        self._stopping.set()

    def _hang_up(self, number: signal.Signals) -> None:
        if self._terminal.closed():
            self._stop(number)  # this is no request to renew
        else:
            self._renewing.set()


class Terminal:
    """The window in which this process was started, if it was, and is to end with it: `nohup` says otherwise."""

    def __init__(self) -> None:
        self._ends_us = has_terminal() and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN

    def closed(self) -> bool:
        """True once it is gone, which the kernel tells by SIGHUP."""
        return self._ends_us and not has_terminal()


def outlive_hangup() -> None:
    """Let SIGHUP end this process no more, unless its terminal is gone: before the workers serve, and after them, there
    is nothing to replace."""
    terminal = Terminal()

    def hang_up(_number: int, _frame: FrameType | None) -> None:
        if terminal.closed():
            raise SystemExit(0)

    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, hang_up)


def has_terminal() -> bool:
    """True if this process has a terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY))
    except OSError:
        return False
    return True


@contextmanager
def handling(handlers: Mapping[signal.Signals, Callable[[signal.Signals], None]]) -> Iterator[None]:
    """Signals go to these functions, in the running event loop; afterwards to the earlier handlers."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in handlers}
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler, number)
    try:
        yield
    finally:
        for number, earlier in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, earlier)
