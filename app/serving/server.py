"""The process that serves the application, from a look at what it needs to an end that loses nothing."""

import asyncio
import signal
import socket
import sys
import time
from types import FrameType

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from app.config.settings import Settings
from app.http.requests import InFlight
from app.runtime.garbage_collection import seldom_collected
from app.runtime.startup_checks import prepare
from app.serving.application import create_app
from protocol import Server

LOOK_EVERY = 0.1  # seconds from one look for a second Ctrl+C to the next, as uvicorn has it


class ChatServer(uvicorn.Server):
    """uvicorn, with the application behind the fast websocket shell and an end that loses nothing.

    On SIGTERM or SIGINT it stops accepting, lets the requests and events that are under way be answered, and closes
    the transports (without a disconnect packet, so that clients come back by themselves, to another instance).
    All that takes at most the settings' `shutdown_timeout`, and some seconds to clean up.
    """

    def __init__(self, settings: Settings) -> None:
        app = create_app(settings)
        self.io: Server = app.state.io
        self._in_flight: InFlight = app.state.in_flight
        self._grace = settings.shutdown_timeout
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            forwarded_allow_ips=list(settings.forwarded_allow_ips),
            loop="uvloop",
            http=self.io.http_protocol,
            ws=self.io.websocket_protocol,
            ws_per_message_deflate=False,
            timeout_keep_alive=settings.keep_alive // 1000,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
        )
        super().__init__(config)

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server.run`; the process is this server's, and with it the garbage collector."""
        with seldom_collected():
            super().run(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server.shutdown`, which would close the websockets first."""
        for server in self.servers:
            server.close()
        draining = asyncio.create_task(self._drain())
        while not draining.done() and not self.force_exit:
            await asyncio.wait({draining}, timeout=LOOK_EVERY)
        if draining.done():
            draining.result()
        self.config.timeout_graceful_shutdown = 1  # what is left are unused connections
        await super().shutdown(sockets)

    async def _drain(self) -> None:
        started = time.monotonic()
        await self._in_flight.ended(self._grace / 1000)  # they still announce what they do
        left = self._grace - (time.monotonic() - started) * 1000
        await self.io.stop(max(0, int(left)))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """The first signal asks for the orderly end, a second Ctrl+C for an immediate one.

        Unlike uvicorn's own, the signal is not raised again afterwards: what started us has things to end, too.
        """
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True


def run(settings: Settings) -> None:
    """Brings the schema up to date, then serves until a signal ends it.

    Raises ConfigError, DatabaseUnavailable, MigrationError and BusUnavailable before anything is served, and SystemExit
    where the port cannot be had.
    """
    asyncio.run(prepare(settings))
    try:
        ChatServer(settings).run()
    except SystemExit as end:  # uvicorn has said why, and has a status of its own for it
        sys.exit(1 if end.code == STARTUP_FAILURE else end.code)
