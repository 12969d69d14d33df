"""One worker, as the supervisor sees it: a process that says when it is ready and ends when it is told to.

The two hold the ends of a socket. The worker writes a line when it serves, and from then on one a second from its event
loop: a worker that is silent for long hangs, and is killed. It ends when the socket does, which is how it learns that
the supervisor was killed.
"""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

log = logging.getLogger(__name__)

READY = b"ready\n"
ALIVE = b"alive\n"
ALIVE_EVERY = 1.0  # seconds
SILENT_FOR = 15.0  # seconds
SILENCES = (
    2  # in a row; after the first one, one that stood still together with this process is heard of again
)
TELL_WHERE = signal.SIGUSR1  # makes a worker write to the standard error where each of its threads is
LAST_WORDS = 1.0  # seconds for that


class WorkerProcess:
    """A process that serves, made by `start`. `metrics_name` is what its files of metrics are called."""

    def __init__(
        self,
        number: int,
        metrics_name: str,
        process: asyncio.subprocess.Process,
        control: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.pid = process.pid
        self.metrics_name = metrics_name
        self._number = number
        self._process = process
        self._from_it, self._to_it = control
        self._end = asyncio.create_task(self._wait())
        self._listening: asyncio.Task[None] | None = None  # from the time that it serves

    @classmethod
    async def start(
        cls, number: int, metrics_name: str, sockets: Sequence[socket.socket], environ: Mapping[str, str]
    ) -> "WorkerProcess":
        """Start it. It has a session of its own, so that Ctrl-C in a terminal reaches the supervisor alone."""
        ours, its = socket.socketpair()
        control = await asyncio.open_connection(sock=ours)
        with its:
            fds = [its.fileno(), *(one.fileno() for one in sockets)]
            # -P: a folder `app` in the current directory is not this one
            program = [sys.executable, "-P", "-m", f"{__package__}.worker"]
            command = [*program, str(number), metrics_name, *map(str, fds)]
            try:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.DEVNULL,
                    env=environ,
                    pass_fds=fds,
                    start_new_session=True,
                )
            except BaseException:
                control[1].close()
                raise
        return cls(number, metrics_name, process, control)

    async def ready(self, within: float) -> bool:
        """True once it serves; false once it has ended, or after that many seconds without."""
        try:
            async with asyncio.timeout(within):
                serves = await self._from_it.readline() == READY
        except (TimeoutError, ConnectionError):
            return False
        if serves:
            self._listening = asyncio.create_task(self._listen())
        return serves

    async def ended(self, within: float | None = None) -> str | None:
        """How it has ended, once it has; None if that takes more seconds."""
        # Not awaited itself: with the caller, the waiting for the process would be cancelled for all.
        await asyncio.wait({self._end}, timeout=within)
        return self._end.result() if self._end.done() else None

    def when_ended(self, call: Callable[["WorkerProcess"], None]) -> None:
        """Call a function once it has ended."""
        self._end.add_done_callback(lambda _: call(self))

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it has not ended."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def stop(self, within: float) -> None:
        """Let it end in its orderly way, and by force if that takes more seconds."""
        self.send_signal(signal.SIGTERM)
        if await self.ended(within) is None:
            log.warning(
                "worker %d (process %d) did not end within %g s and is killed", self._number, self.pid, within
            )
            self.send_signal(signal.SIGKILL)
            await self.ended()

    async def _listen(self) -> None:
        """Kill it once nothing is heard of it any more."""
        silences = 0
        while silences < SILENCES:
            try:
                async with asyncio.timeout(SILENT_FOR):
                    if not await self._from_it.readline():
                        return
                silences = 0
            except TimeoutError:
                silences += 1
            except ConnectionError:
                return
        silence = SILENCES * SILENT_FOR
        log.error("worker %d (process %d) hangs for %g s and is killed", self._number, self.pid, silence)
        self.send_signal(TELL_WHERE)
        await self.ended(LAST_WORDS)
        self.send_signal(signal.SIGKILL)

    async def _wait(self) -> str:
        status = await self._process.wait()
        if self._listening is not None:
            self._listening.cancel()
        self._to_it.close()
        return (
            f"ended with status {status}" if status >= 0 else f"was ended by {signal.Signals(-status).name}"
        )
