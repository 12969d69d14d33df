"""The program of one worker, which the supervisor starts: python -m app.workers.worker NUMBER CONTROL SOCKET…

The arguments but the first are file descriptors: the socket to the supervisor, and those to serve on. The settings come
from the environment, as for an instance that is alone.
"""

import asyncio
import os
import signal
import socket
import sys

from app.cli import guarded
from app.config import Settings, load_settings
from app.logs import configure_logs
from app.prepare import prepare
from app.serving import ChatServer
from app.workers.process import READY


class Worker(ChatServer):
    """Tells the supervisor once it serves, and ends with it."""

    def __init__(self, settings: Settings, control: socket.socket) -> None:
        super().__init__(settings)
        self._control = control

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server.startup`."""
        await super().startup(sockets)
        asyncio.get_running_loop().add_reader(self._control, self._orphaned)  # nothing else ever comes
        self._control.send(READY)

    def _orphaned(self) -> None:
        asyncio.get_running_loop().remove_reader(self._control)
        self.should_exit = True


def serve(number: int, control: int, listening: list[int]) -> None:
    """Serve until told to stop, or until the supervisor is gone."""
    settings = load_settings(os.environ)
    configure_logs(settings.log_level, settings.log_format, worker=number)
    asyncio.run(prepare(settings))
    with socket.socket(fileno=control) as supervisor:
        Worker(settings, supervisor).run([socket.socket(fileno=fd) for fd in listening])


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it is meant for the supervisor
    number, control, *listening = map(int, sys.argv[1:])
    sys.exit(guarded(lambda: serve(number, control, listening)))
