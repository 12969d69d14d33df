"""The process that serves the application, from a look at what it needs to an end that loses nothing."""

import asyncio
import logging
import signal
import socket
import sys
import time
from contextlib import suppress
from types import FrameType

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from app.config.settings import Settings
from app.http.requests import InFlight
from app.runtime.garbage_collection import seldom_collected
from app.runtime.startup_checks import prepare
from app.serving.application import create_app
from app.serving.startup_failure import SentenceOnFailure
from protocol import FORM, Server

LOOK_EVERY = 0.1  # seconds from one look for a second Ctrl+C to the next, as uvicorn has it
TICK = 1.0  # seconds between the updates of the Date header
LOOKS_A_TICK = 10  # uvicorn counts in tenths of a second
CONNECTIONS_END_WITHIN = 1.0  # seconds at the end, for connections that nothing is asked over any more

log = logging.getLogger(__name__)


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
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked_to_end = asyncio.Event()
        config = uvicorn.Config(
            SentenceOnFailure(app),
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

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server.startup`."""
        log.info("the engine is %s", FORM)
        await super().startup(sockets)

    async def main_loop(self) -> None:
        """See `uvicorn.Server.main_loop`, which would wake ten times a second to look whether it is to end."""
        self._loop = asyncio.get_running_loop()
        looks = 0
        while not await self.on_tick(looks):
            looks += LOOKS_A_TICK
            with suppress(TimeoutError):
                await asyncio.wait_for(self._asked_to_end.wait(), TICK)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server.shutdown`, which would close the websockets first, and always wait for 0.1 s."""
        for server in self.servers:
            server.close()
        for listening in sockets or []:
            listening.close()
        draining = asyncio.create_task(self._drain())
        while not draining.done() and not self.force_exit:
            await asyncio.wait({draining}, timeout=LOOK_EVERY)
        if draining.done():
            draining.result()
        await self._close_connections()
        if not self.force_exit:
            await self.lifespan.shutdown()

    async def _close_connections(self) -> None:
        """Close those that nothing is asked over, and wait a little for what is left."""
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        until = time.monotonic() + CONNECTIONS_END_WITHIN
        while (state.connections or state.tasks) and not self.force_exit and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_EVERY / 10)
        for task in state.tasks:
            task.cancel()

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
        self.ask_to_end()

    def ask_to_end(self) -> None:
        """Begin the orderly end; may be called in a signal handler."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._asked_to_end.set)


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
