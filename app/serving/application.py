"""The one place where the parts are put together: settings → database, bus, server, services, routes, life and end."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

import msgspec
from starlette.applications import Starlette
from starlette.routing import Mount

from app.accounts.blocks import UserBlocks
from app.accounts.passwords import Passwords
from app.accounts.privacy import PrivacySettings
from app.accounts.profiles import Profiles
from app.accounts.sessions import sign_out
from app.accounts.sessions.sign_out import SignOuts
from app.accounts.user_search import UserSearch
from app.administration.rest_operations import Administration
from app.announce import log_sweeper
from app.announce.announcer import Announcer
from app.announce.log_sweeper import LogSweeper
from app.api import administrator_operations, personal_operations, room_operations, user_sockets
from app.api import operations as contract
from app.api.rest_routes import Api, path_finder, rest
from app.api.socket_handlers import SocketHandlers
from app.api.user_sockets import UserSockets
from app.api_docs.routes import Descriptions
from app.attachments import attachments as files
from app.attachments.attachments import Files
from app.attachments.routes import FileRoutes
from app.attachments.storage.storage import open_storage
from app.config.settings import Settings
from app.contract.operation import Operation
from app.contract.reads_in_turn import in_turn
from app.core.background_tasks import every, running
from app.core.redis_scripts import SoftState
from app.db.database import Database
from app.erasure.account_deletion import AccountDeletion
from app.erasure.erasure import Erasure
from app.erasure.room_deletion import RoomDeletion
from app.exports.routes import ExportRoutes
from app.http.budgets import Budgeted, budgets_of
from app.http.requests import InFlight
from app.http.slow_refusals import SlowRefusals, pace_of
from app.http.web_files import WebFiles
from app.kept_messages.edit_history import EditHistories, EditsSeenBy
from app.kept_messages.saved_messages import UserSavedMessages
from app.limits.concurrency import READS_AT_ONCE, UserConcurrency
from app.limits.configured_buckets import buckets_of
from app.limits.rate_limits import Limits
from app.limits.refusal_streaks import RefusalStreaks
from app.link_previews.previews import LinkPreviews
from app.messages.direct import Direct, Groups
from app.messages.edits import MessageEdits
from app.messages.group_mentions import GroupMentions
from app.messages.history import MessageHistory
from app.messages.sync import Sync
from app.messages.writer import MessageWriter
from app.notifications import notifications
from app.notifications.notifications import Notifications
from app.observability import gauges as sampling
from app.observability.gauges import Sampler
from app.observability.health import Health
from app.observability.metrics import Metrics
from app.observability.metrics_route import MetricsRoute
from app.observability.tracing import traces_of
from app.payloads.responses import Message
from app.presence.typing_indicator import TypingIndicator
from app.rooms import membership_sweeper as subscriptions
from app.rooms.invitations import InvitationLinks, Invitations
from app.rooms.members import RoomMembers
from app.rooms.membership_sweeper import MembershipSweeper
from app.rooms.pins import RoomPins
from app.rooms.preferences import RoomPreferences
from app.rooms.room_settings import RoomSettings
from app.rooms.rooms import Rooms
from app.runtime import memory_return
from app.runtime.cluster_bus import bus_of
from app.runtime.memory_return import MemoryReturn
from app.search_index import indexer
from app.search_index.indexer import Indexer
from app.search_index.message_search import MessageSearch
from app.serving.accounts_and_presence import auth_of, presence_of
from app.serving.admin_ui import admin_ui
from app.serving.socket_server import SOCKET_PATH, socket_server
from app.store.log.pages import MAX_PAGE
from app.threads.user_threads import UserThreads

CLOSE_WITHIN = 2.0  # seconds that the last messages have to be written after their senders are gone


def create_app(settings: Settings) -> Starlette:
    """The ASGI application. Its `state.io` is the Socket.IO server, for `Config(ws=io.websocket_protocol)`.

    It expects the schema to be up to date: `app.runtime.startup_checks` sees to that, or `parley migrate`.
    """
    chat = Chat(settings)
    handlers = chat.handlers
    handlers.attach()
    in_flight = InFlight()
    api = Api(chat.auth, chat.limits, handlers.operations)
    file_routes = FileRoutes(
        chat.files, chat.storage, api.caller, max_size=settings.max_file_size, allow=chat.limits.take_upload
    )
    exports = ExportRoutes(chat.db, api.caller, api.administrator)
    health = Health({"postgresql": chat.db.ping, "redis": chat.bus.ping})
    metrics = MetricsRoute(chat.metrics, settings)
    descriptions = Descriptions(
        handlers.operations, [*file_routes.described(), *exports.described(), *health.described()]
    )
    files_of_pages = WebFiles()
    answering = (api, file_routes, exports, health, metrics, descriptions, files_of_pages)
    of_operators = admin_ui(
        settings, chat.io, SOCKET_PATH
    )  # before the files of the pages, which may have any name
    routes = [*of_operators, *(route for part in answering for route in part.routes())]
    pace = pace_of(settings)
    polling = SlowRefusals(Budgeted(chat.io, chat.budgets, before=True), pace)
    app = Starlette(routes=[Mount(SOCKET_PATH, app=polling)], lifespan=chat.lifespan)
    app.router.redirect_slashes = False  # a redirect would repeat the Host that the client sent
    # Not a Mount of "/", which has not every path: none with a newline.
    answer = rest(
        routes,
        settings.cors_origin,
        in_flight,
        lambda address: chat.limits.take_event(None, address),
        chat.budgets,
        pace,
        chat.metrics.request_answered,
        files_of_pages.unknown,
    )
    app.router.default = chat.traces.requests(answer, path_finder(routes))
    app.state.io = chat.io
    app.state.in_flight = in_flight
    app.state.descriptions = descriptions
    return app


class Chat:
    """The parts of one instance behind its doors, which are the events of sockets and REST."""

    def __init__(self, settings: Settings) -> None:
        self._grace = settings.shutdown_timeout
        self.metrics = Metrics()
        self.traces = traces_of(settings)
        self.db = Database(
            settings.database_url, pool_size=settings.database_pool, statements=self.traces.statements
        )
        self.bus = bus_of(settings)
        self.storage = open_storage(settings)
        self._soft_state = SoftState(settings.redis_url)
        self.limits = Limits(self._soft_state, buckets_of(settings))
        self.io = socket_server(settings, self.bus, self.limits, self.metrics)
        self._sampler = Sampler(self.metrics, self.io, self.db, self.bus)
        self._presence = presence_of(settings, self.io, self.db, self._soft_state)
        self._announcer = Announcer(self.io, self.db, lost=self.metrics.announcement_lost)
        self.auth = auth_of(settings, self.db, self.limits, self._presence, self._announcer)
        self.files = Files(self.db, self.storage)
        self._groups = GroupMentions(self.db, self._presence.of, partial(self.limits.take, "group_mention"))
        present, told = self._presence.of, self.metrics.notification_sent
        self._notifications = Notifications(
            settings, self.db, self._soft_state, self._announcer, present, self.limits, told
        )
        self._writer = MessageWriter(
            self.db,
            self._announce,
            call=self._groups.of_new,
            wrote=self.metrics.batch_written,
            notify=self._notifications.notify,
            notify_all=self._notifications.to_all,
        )
        self._typing = TypingIndicator(self.io, self.db, self._soft_state)
        self._sign_outs = SignOuts(self.io, self.db, self.auth.sessions)
        self._subscriptions = MembershipSweeper(self.io, self.db, self._announcer)
        self._log_sweeper = LogSweeper(self.io, self.db, self._announcer, told=self.metrics.rooms_told)
        self._indexer = Indexer(self.db)
        self._erasure = Erasure(settings, self.db, self._announcer)
        self._previews = LinkPreviews(settings, self.db, self._announcer) if settings.link_previews else None
        self._edit_histories = EditHistories(self.db, msgspec.convert(settings.edit_history, EditsSeenBy))
        operations = [*self._user_operations(), *self._room_operations(settings.max_rooms_per_user)]
        turns = UserConcurrency(READS_AT_ONCE)
        self._sockets_of_users = UserSockets()
        self.budgets = budgets_of(settings)
        self.handlers = SocketHandlers(
            self.io,
            self.db,
            self.auth,
            self.limits,
            [in_turn(operation, turns, self._check_reader) for operation in operations],
            self._presence,
            self._typing,
            self._sockets_of_users,
            self.metrics.event_refused,
            RefusalStreaks(self.metrics.refusals_ended_socket),
            self.traces.event,
        )

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Opens what is to be open, and closes it in the order in which nothing is lost."""
        await self.db.connect()
        try:
            self.io.while_serving(self._announce_to_the_end)
            await self.io.start()
            self._presence.start()
            async with running(
                every(sampling.EVERY, self._sampler.look),
                self.handlers.ping_forever,
                self._typing.run,
                every(user_sockets.LOOK_EVERY, self._sockets_of_users.end_slow),
                every(files.SWEEP_EVERY, self.files.sweep),
                every(sign_out.LOOK_EVERY, self._sign_outs.look),
                every(log_sweeper.LOOK_EVERY, self._log_sweeper.look),
                every(subscriptions.LOOK_EVERY, self._subscriptions.look),
                self._notifications.run,
                self._notifications.forgotten.run,
                every(notifications.LOOK_EVERY, self._notifications.look),
                *self._erasure.works(),
                every(indexer.LOOK_EVERY, self._indexer.look),
                every(memory_return.LOOK_EVERY, MemoryReturn().look),
                *(self._previews.works() if self._previews is not None else ()),
            ):
                yield
        finally:
            await self.io.stop(self._grace)
            await self._log_sweeper.hand_over()
            await self._notifications.close()
            if self._previews is not None:
                await self._previews.close()
            await self._presence.close()
            await self.limits.close()
            await self._soft_state.close()
            await self.db.close()
            await asyncio.to_thread(self.traces.close)

    async def _announce_to_the_end(self) -> None:
        """Waits until the sessions have ended, and then until what was accepted is written and on its way."""
        try:
            await asyncio.Event().wait()
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_WITHIN):
                    await self._writer.close()
                    await self._announcer.close()

    def _check_reader(self, user_id: str) -> None:
        """Raises Refusal, `rate_limited`, to a user for whom a page more would be too much to wait."""
        self._sockets_of_users.check(user_id)
        self.budgets.check("user_answers", user_id, MAX_PAGE)

    async def _announce(self, message: Message, called: Sequence[str], followers: Sequence[str]) -> None:
        await self._announcer.message(message, called, followers)
        self._typing.sent(message.sender_id, message.room_id)
        if self._previews is not None:
            self._previews.note(message)

    def _user_operations(self) -> list[Operation]:
        """The operations on accounts, presence and what notifies a user."""
        passwords = Passwords(self.db, self.auth, self._sign_outs, self.limits)
        deletion = AccountDeletion(self.db, self.auth, self._sign_outs)
        notifications = self._notifications
        administration = Administration(
            self.db, self.auth, self._sign_outs, self._announcer, self._erasure.rooms
        )
        return [
            *contract.accounts(self.auth, self._sign_outs, passwords, deletion),
            *contract.presence(self._presence, self._typing),
            *personal_operations.notifications(
                notifications.preferences, notifications.subscriptions, notifications.forgotten
            ),
            *administrator_operations.administration(administration),
        ]

    def _room_operations(self, most_rooms: int) -> list[Operation]:
        """The operations on rooms and messages."""
        db, announcer, present = self.db, self._announcer, self._presence.of
        reading = MessageHistory(db, announcer)
        preferences = RoomPreferences(db, announcer)
        rooms = Rooms(
            db, announcer, most_rooms=most_rooms, may_create=self.limits.take_room, met=self._presence.meet
        )
        invitations = Invitations(db, announcer, may_invite=self.limits.take_invitation)
        return [
            *room_operations.rooms(rooms, RoomSettings(db, announcer), RoomDeletion(db, self._erasure.rooms)),
            *contract.discovery(rooms, UserSearch(db)),
            *room_operations.members(RoomMembers(db, announcer, present)),
            *room_operations.invitations(invitations),
            *room_operations.links(InvitationLinks(db, rooms, may_invite=self.limits.take_invitation)),
            *room_operations.pins(RoomPins(db, announcer)),
            *personal_operations.personal(
                UserBlocks(db, announcer, present),
                PrivacySettings(db, announcer),
                preferences,
                Profiles(db, announcer, self.files.make_square),
            ),
            *personal_operations.kept(preferences, UserSavedMessages(db, announcer)),
            *contract.conversations(
                Direct(
                    db,
                    announcer,
                    self._writer,
                    reading,
                    present,
                    may_begin=self.limits.take_conversation,
                    met=self._presence.meet,
                ),
                Groups(db, announcer, may_begin=self.limits.take_conversation, met=self._presence.meet),
            ),
            *contract.messages(
                self._writer,
                MessageEdits(
                    db,
                    announcer,
                    call=self._groups.of_edited,
                    keep=self._edit_histories.keep,
                    edited=None if self._previews is None else self._previews.note,
                ),
                self._edit_histories,
            ),
            *contract.reading(reading, MessageSearch(db), Sync(db)),
            *contract.threads(reading, UserThreads(db, announcer)),
        ]
