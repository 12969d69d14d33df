"""The one place where the parts are put together: settings → database, bus, server, routes, life and end."""

import asyncio
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from app import contract, contract_rooms
from app.announce import Announcer
from app.api import Api, rest
from app.attachments.files import Files
from app.attachments.routes import FileRoutes
from app.attachments.storage import open_storage
from app.auth import Auth
from app.config import Settings
from app.db import Database, migrate
from app.descriptions import Descriptions
from app.direct import Direct
from app.handlers import Handlers
from app.health import Health
from app.limits import Limits, buckets_of
from app.members import RoomMembers
from app.messages import MessageWriter
from app.operations import Operation
from app.page import Page
from app.people import People
from app.presence import Presence
from app.reading import Reading
from app.refusals import Refusal
from app.requests import InFlight
from app.revisions import Revisions
from app.rooms import Rooms
from app.sign_out import SignOuts
from app.soft_state import SoftState
from app.sync import Sync
from app.tokens import Tokens
from app.typing import Typing
from app.views import Message
from protocol import Handshake, RedisBus, Refused, Server

log = logging.getLogger(__name__)

SOCKET_PATH = "/io"
LOOK_EVERY = 0.1  # seconds from one look for a second Ctrl+C to the next, as uvicorn has it
CLOSE_WITHIN = 2.0  # seconds that the last messages have to be written after their senders are gone


def create_app(settings: Settings) -> Starlette:
    """The ASGI application. Its `state.io` is the Socket.IO server, for `Config(ws=io.websocket_protocol)`.

    It expects the schema to be up to date: `run` sees to that, or `parley migrate`.
    """
    db = Database(settings.database_url)
    bus = RedisBus(settings.redis_url)
    soft_state = SoftState(settings.redis_url)
    limits = Limits(soft_state, buckets_of(settings))
    io = socket_server(settings, bus, limits)
    announcer = Announcer(io, db)
    auth = Auth(db, Tokens(settings.jwt_secret), limits)
    sign_outs = SignOuts(io, db)
    typing = Typing(io, db)
    presence = presence_of(settings, io, db, soft_state)

    async def announce(message: Message) -> None:
        await announcer.message(message)
        await typing.sent(message.sender_id, message.room_id)

    writer = MessageWriter(db, announce)
    chat = chat_operations(settings, db, announcer, writer, presence)
    operations = [*contract.accounts(auth, sign_outs), *chat, *contract.presence(presence, typing)]
    handlers = Handlers(io, db, auth, limits, operations, presence, typing)
    handlers.attach()
    storage = open_storage(settings)
    files = Files(db, storage)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await db.connect()
        await io.start()
        presence.start()
        forever = (handlers.ping_forever(), typing.run(), files.sweep_forever(), sign_outs.look_forever())
        try:
            async with running(*forever):
                yield
        finally:
            await io.stop(settings.shutdown_timeout)
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_WITHIN):
                    await writer.close()
            await presence.close()
            await limits.close()
            await soft_state.close()
            await db.close()

    health = Health({"postgresql": db.ping, "redis": bus.ping})
    in_flight = InFlight()
    api = Api(auth, limits, operations)
    file_routes = FileRoutes(
        files, storage, api.caller, max_size=settings.max_file_size, allow=limits.take_upload
    )
    descriptions = Descriptions(handlers.operations, [*file_routes.described(), *health.described()])
    answering = (api, file_routes, health, descriptions, Page())
    routes = [route for part in answering for route in part.routes()]
    web = rest(routes, settings.cors_origin, in_flight)
    app = Starlette(routes=[Mount(SOCKET_PATH, app=io)], lifespan=lifespan)
    app.router.default = web  # a Mount of "/" has not every path: none with a newline
    app.state.io = io
    app.state.in_flight = in_flight
    app.state.descriptions = descriptions
    return app


def chat_operations(
    settings: Settings, db: Database, announcer: Announcer, writer: MessageWriter, presence: Presence
) -> list[Operation]:
    """What people do with rooms and messages."""
    reading = Reading(db, announcer)
    most_rooms = settings.max_rooms_per_user
    rooms = Rooms(db, announcer, most_rooms=most_rooms)
    return [
        *contract_rooms.rooms(rooms),
        *contract_rooms.discovery(rooms, People(db)),
        *contract_rooms.members(RoomMembers(db, announcer, presence.of, most_rooms=most_rooms)),
        *contract_rooms.direct(Direct(db, announcer, writer, reading, presence.of)),
        *contract.messages(writer, Revisions(db, announcer)),
        *contract.reading(reading, Sync(db)),
    ]


@asynccontextmanager
async def running(*forever: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs what never ends by itself, until the block ends."""
    tasks = [asyncio.create_task(work) for work in forever]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def presence_of(settings: Settings, io: Server, db: Database, soft_state: SoftState) -> Presence:
    """Presence with the times that the settings have."""
    return Presence(
        io,
        db,
        soft_state,
        max_sockets=settings.max_sockets_per_user,
        hold=settings.presence_hold / 1000,
        lease=settings.presence_lease / 1000,
    )


def socket_server(settings: Settings, bus: RedisBus, limits: Limits) -> Server:
    """The Socket.IO server with the options that the settings have."""
    origins = settings.cors_origin

    async def allow(handshake: Handshake) -> bool:
        try:
            await limits.take_event(None, handshake.address)
        except Refusal as refusal:
            raise Refused(refusal.message) from refusal
        return True

    return Server(
        path=f"{SOCKET_PATH}/",
        bus=bus,
        transports=settings.transports,
        allow_upgrades=settings.allow_upgrades,
        ping_interval=settings.ping_interval,
        ping_timeout=settings.ping_timeout,
        upgrade_timeout=settings.upgrade_timeout,
        connect_timeout=settings.connect_timeout,
        max_payload=settings.max_payload,
        allow_request=allow,
        cors_origins="*" if "*" in origins else origins,
        cors_credentials=bool(origins) and "*" not in origins,
    )


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
            http="httptools",
            ws=self.io.websocket_protocol,
            ws_per_message_deflate=False,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
        )
        super().__init__(config)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server.shutdown`, which would close the websockets first."""
        for server in self.servers:
            server.close()
        draining = asyncio.create_task(self._drain())
        while not draining.done() and not self.force_exit:
            await asyncio.wait({draining}, timeout=LOOK_EVERY)
        if draining.done():
            draining.result()
        self.config.timeout_graceful_shutdown = 1  # what is left are connections that nobody uses
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

    Raises DatabaseUnavailable, MigrationError and BusUnavailable before anything is served.
    """
    asyncio.run(prepare(settings))
    ChatServer(settings).run()


async def prepare(settings: Settings) -> None:
    """Sees to it that PostgreSQL has the schema and that Redis answers; uvicorn would show a traceback for either."""
    await migrate(settings.database_url)
    bus = RedisBus(settings.redis_url)
    await bus.start(lambda *_: None, lambda: None)
    await bus.stop()
