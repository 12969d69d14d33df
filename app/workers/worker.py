"""The program of one worker, which the supervisor starts: python -m app.workers.worker NUMBER METRICS CONTROL SOCKET…

METRICS is what its files of metrics are called. What follows are file descriptors: the socket to the supervisor, and
those to serve on. The settings come from the environment, as for an instance that is alone.
"""

import asyncio
import faulthandler
import os
import shutil
import signal
import socket
import sys
from contextlib import suppress

from prometheus_client import values

from app.config.settings import Settings, load_settings
from app.observability import SHARED_FOLDER
from app.observability.logging import configure_logs
from app.runtime.guarded_command import guarded
from app.runtime.startup_checks import prepare
from app.serving.server import ChatServer
from app.workers.worker_process import ALIVE, ALIVE_EVERY, READY, TELL_WHERE

LAST_RESORT = 30  # seconds beyond SHUTDOWN_TIMEOUT that an end without a supervisor may take


class Worker(ChatServer):
    """Tells the supervisor that it serves, for as long as it does, and ends with it."""

    def __init__(self, settings: Settings, control: socket.socket) -> None:
        super().__init__(settings)
        self._control = control
        self.orphaned = False
        self._last_resort = settings.shutdown_timeout // 1000 + LAST_RESORT

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server.startup`."""
        await super().startup(sockets)
        asyncio.get_running_loop().add_reader(self._control, self._orphaned)  # nothing else ever comes
        self._tell(READY)

    def _tell(self, line: bytes) -> None:
        with suppress(
            BrokenPipeError, BlockingIOError
        ):  # the supervisor is gone, as the reader learns, too, or does not read
            self._control.send(line, socket.MSG_DONTWAIT)
        asyncio.get_running_loop().call_later(ALIVE_EVERY, self._tell, ALIVE)

    def _orphaned(self) -> None:
        asyncio.get_running_loop().remove_reader(self._control)
        signal.alarm(self._last_resort)  # ends the process, for nothing else would
        self.orphaned = True
        self.ask_to_end()


def serve(number: int, metrics_name: str, control: int, listening: list[int]) -> None:
    """Serve until told to stop, or until the supervisor is gone."""
    settings = load_settings(os.environ)
    configure_logs(settings.log_level, settings.log_format, worker=number)
    values.ValueClass = values.MultiProcessValue(lambda: metrics_name)
    asyncio.run(prepare(settings))
    with socket.socket(fileno=control) as supervisor:
        worker = Worker(settings, supervisor)
        worker.run([socket.socket(fileno=fd) for fd in listening])
    if worker.orphaned:
        shutil.rmtree(os.environ[SHARED_FOLDER], ignore_errors=True)  # as the supervisor would have done


if __name__ == "__main__":
    faulthandler.register(TELL_WHERE)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it is meant for the supervisor
    number, metrics_name, control, *listening = sys.argv[1:]
    sys.exit(guarded(lambda: serve(int(number), metrics_name, int(control), [*map(int, listening)])))
