"""The events that clients send: each is parsed, run as the operation that it is, and acknowledged.

The events of one socket are handled one after the other. What an operation returns is the `data` of its ack;
what it raises becomes a refused ack, or an `error` event where no ack was asked for.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from msgspec import UNSET

from app import store
from app.accounts.auth import Auth
from app.accounts.sessions.sign_out import hold_token, token_channel, token_held_by, tokens_channel
from app.announce.announcer import room_channel, user_channel
from app.api.socket_deadlines import SocketDeadlines, tell_unauthenticated
from app.api.socket_user import USER, WANTS_ACK, caller_of, is_final, is_ours, room_ids_of, token_of
from app.api.user_sockets import UserSockets
from app.contract.operation import Operation
from app.core.caller import Token
from app.core.errors import Refusal, new_request_id
from app.core.outage_log import outages
from app.core.shared_reads import SharedRead
from app.db.database import Database
from app.db.errors import DatabaseUnavailable
from app.limits.rate_limits import Limits
from app.limits.refusal_streaks import RefusalStreaks
from app.observability.tracing import TracedHandler
from app.payloads.accounts.account_requests import Authenticate
from app.payloads.fields.validation import parse
from app.payloads.requests import Subscription
from app.payloads.responses import Subscribed, now, wire
from app.payloads.server_events import (
    AUTHENTICATED,
    ERROR,
    PING,
    Authenticated,
    ErrorBody,
    Ping,
)
from app.presence.presence import PresenceTracker
from app.presence.typing_indicator import TypingIndicator
from app.rooms.rooms import NOT_A_MEMBER
from protocol import BadValue, Disconnected, Incoming, Refused, Server, Socket

log = logging.getLogger(__name__)

AUTHENTICATE_WITHIN = 10.0  # seconds from the connection on
PING_EVERY = 30.0  # seconds
EVERYONE = "authenticated"  # the socket room of all authenticated sockets
ALIASES = ("io-default", "io-notification")  # the same, by the names that emitters of other servers use
UNKNOWN_EVENT = "UNKNOWN_EVENT"


class SocketHandlers:
    """Handles the events of all sockets of `io`."""

    def __init__(
        self,
        io: Server,
        db: Database,
        auth: Auth,
        limits: Limits,
        operations: Sequence[Operation],
        presence: PresenceTracker,
        typing: TypingIndicator,
        sockets_of_users: UserSockets,
        count_refusal: Callable[[str], None],
        streaks: RefusalStreaks,
        traced: Callable[[str, TracedHandler], TracedHandler],
    ) -> None:
        self._io = io
        self._db = db
        self._auth = auth
        self._limits = limits
        self._rooms: SharedRead[str, list[str]] = SharedRead(
            lambda user_ids: store.members.room_ids_of_users(db, user_ids)
        )
        self._presence = presence
        self._typing = typing
        self._sockets_of_users = sockets_of_users
        self._count_refusal = count_refusal  # by its reason
        self._streaks = streaks
        self._traced = traced
        self.operations = (*self._of_sockets(), *operations)
        self._codes = {operation.event: operation.code for operation in self.operations}
        self._deadlines = SocketDeadlines()
        self._welcomed: set[str] = (
            set()
        )  # ids of sockets that have authenticated over their present connection

    def _of_sockets(self) -> list[Operation]:
        return [
            Operation(run=self.authenticate, event="authenticate", code="AUTHENTICATE_FAILED", who="socket"),
            Operation(run=self.subscribe, event="join", code="JOIN_FAILED", who="socket"),
            Operation(run=self.unsubscribe, event="leave", code="LEAVE_FAILED", who="socket"),
        ]

    def attach(self) -> None:
        """Registers every handler with the server, once."""
        self._io.use_recovery(self.returning)
        self._io.use_event(self.gate)
        self._io.on_error(self.refused)
        self._io.on("connection")(self.connected)
        self._io.on("disconnect")(self.disconnected)
        for operation in self.operations:
            if operation.event is not None:
                self._io.on(operation.event)(self._traced(operation.event, handler_of(operation)))

    async def returning(self, socket: Socket) -> None:
        """Before a client that was away gets its session back: it comes as a stranger unless its token is still good,
        and it hears nothing of rooms whose member it is no more.
        """
        token = token_held_by(socket.data)
        if token is None or token.expires_at <= time.time():
            raise Refused("it has no token, or that has expired")
        try:
            offered = token_of(socket, Authenticate())
            if offered is not None and self._auth.verify(offered).user_id != token.user_id:
                raise Refused("it comes as another user")
            await self._auth.check(token)
            joined = await self._rooms.of(token.user_id)
            followed = {channel for channel in socket.rooms if channel.startswith(room_channel(""))}
            await socket.leave(*followed.difference(map(room_channel, joined)))
            await socket.join(EVERYONE, *ALIASES)  # an earlier version did not, when it saved the session
            await self._presence.enter(token.user_id, socket.id)
        except (Refusal, DatabaseUnavailable) as error:
            raise Refused(str(error)) from error

    async def connected(self, socket: Socket) -> None:
        """From here on the client has 10 seconds to authenticate, if it is not back with its session."""
        token = token_held_by(socket.data)
        if USER in socket.data:
            self._sockets_of_users.add(socket.data[USER], socket)
        if token is None:
            self._deadlines.set(socket, AUTHENTICATE_WITHIN, "No authentication in time")
        else:
            socket.trust()
            self._deadlines.set(socket, token.expires_at - time.time(), "The token has expired")

    async def gate(self, socket: Socket, incoming: Incoming) -> None:
        """Before each event: gives it a request id, counts it, and lets nothing but `authenticate` pass a stranger,
        nor anything whose user does not read the answers.
        """
        structlog.contextvars.bind_contextvars(request_id=new_request_id(), socket_id=socket.id)
        WANTS_ACK.set(incoming.wants_ack)
        await self._limit(socket)
        if USER in socket.data:
            self._sockets_of_users.check(socket.data[USER])
        if incoming.name not in self._codes:
            raise Refusal("invalid", "There is no such event")
        if incoming.name != "authenticate" and USER not in socket.data:
            if not self._deadlines.is_excused(socket):
                await self._streaks.refused(socket, "unauthenticated")
            raise Refusal("unauthenticated", "Emit `authenticate` first")
        if USER in socket.data:
            self._streaks.end(socket)

    async def _passes(self, socket: Socket, incoming: Incoming) -> Refusal | None:
        try:
            await self.gate(socket, incoming)
        except Refusal as refusal:
            return refusal
        return None

    async def _limit(self, socket: Socket) -> None:
        try:
            await self._limits.take_event(socket.data.get(USER), socket.handshake.address)
        except Refusal:
            await self._streaks.refused(socket, "rate_limited")
            raise

    async def authenticate(self, socket: Socket, payload: Authenticate) -> Authenticated:
        """Makes the socket one of its user's devices, or ends it.

        A socket that is authenticated may come again with a token of the same user, which renews its time. With the
        same token nothing changes, and only the ack answers; where none was asked for, the event `authenticated`.
        """
        token = self._auth.verify(token_of(socket, payload))
        user_id = token.user_id
        if socket.data.get(USER, user_id) != user_id:
            raise Refusal("conflict", "This socket belongs to another user")
        before = token_held_by(socket.data)
        with self._deadlines.looking_up(socket):
            await self._enter(socket, token, before)
        welcome = Authenticated(id=socket.id, user_id=user_id, time=now())
        if token == before and socket.id in self._welcomed:
            if not WANTS_ACK.get():
                await socket.emit(AUTHENTICATED, wire(welcome), local=True)
            return welcome
        if before is not None and before.id != token.id:
            await socket.leave(token_channel(before.id))
        socket.trust()
        self._streaks.end(socket)
        hold_token(socket, token)
        socket.data[USER] = user_id
        if socket.connected:
            self._sockets_of_users.add(user_id, socket)
            self._welcomed.add(socket.id)
        self._deadlines.set(socket, token.expires_at - time.time(), "The token has expired")
        await socket.emit(AUTHENTICATED, wire(welcome), local=True)
        await self._presence.send_snapshot(socket, user_id)
        return welcome

    async def _enter(self, socket: Socket, token: Token, before: Token | None) -> None:
        """Lets a socket hear what is for the user of its token, unless that was revoked; raises what keeps it out."""
        user_id = token.user_id
        # Here the socket hears of a later revocation, in the user's room of every later change of membership;
        # what was before is read after.
        await socket.join(token_channel(token.id), tokens_channel(user_id))
        try:
            await self._auth.check(token)
            await socket.join(user_channel(user_id), EVERYONE, *ALIASES)
            await self._follow(socket, lambda: self._rooms.of(user_id))
            await self._presence.enter(user_id, socket.id)
        except Exception:
            if USER not in socket.data:  # still a stranger, who hears nothing
                await socket.leave(*(socket.rooms - {socket.id}))
            elif token != before:
                await socket.leave(token_channel(token.id))
            raise

    async def subscribe(self, socket: Socket, payload: Subscription) -> Subscribed:
        """Makes this socket hear of the given rooms again. All must be the user's own."""
        room_ids = room_ids_of(payload)
        user_id = socket.data[USER]

        async def read() -> set[str]:
            return await store.members.rooms_among(self._db, user_id, room_ids)

        if await read() != set(room_ids) or await self._follow(socket, read) != set(room_ids):
            raise Refusal("not_a_member", NOT_A_MEMBER)
        return Subscribed(rooms=[room_channel(room_id) for room_id in room_ids])

    async def unsubscribe(self, socket: Socket, payload: Subscription) -> Subscribed:
        """Makes this socket hear no longer of the given rooms; its user stays a member."""
        channels = [room_channel(room_id) for room_id in room_ids_of(payload)]
        await socket.leave(*channels)
        return Subscribed(rooms=channels)

    async def disconnected(self, socket: Socket, _reason: str) -> None:
        """The end of a socket."""
        self._streaks.end(socket)
        self._deadlines.cancel(socket)
        self._welcomed.discard(socket.id)
        if USER in socket.data:
            self._sockets_of_users.remove(socket.data[USER], socket)
            self._presence.leave(socket.data[USER], socket.id)
            self._typing.disconnected(socket.id)

    async def refused(self, socket: Socket, incoming: Incoming, error: Exception) -> Any:
        """Answers an event that was refused or failed."""
        if isinstance(error, Disconnected):
            return None  # the client is gone
        if isinstance(error, BadValue):  # it has passed no gate
            error = await self._passes(socket, incoming) or error
        request_id = structlog.contextvars.get_contextvars().get("request_id") or new_request_id()
        refusal = outages.refusal_of(error)
        if refusal is None:
            log.error("event %s failed", incoming.name, exc_info=error)
            refusal = Refusal("internal", "Something went wrong on the server")
        self._count_refusal(refusal.reason)
        if incoming.name == "authenticate":
            if USER in socket.data:
                if is_ours(refusal):  # it has come for more time, and is not to blame where it gets none
                    self._deadlines.set_drop(socket, None)
            elif is_final(refusal):
                await tell_unauthenticated(socket, refusal.message)
                self._deadlines.set(socket, 0, None)
                if not incoming.wants_ack:  # it has been told
                    return None
            elif refusal.reason == "invalid":
                await self._streaks.refused(socket, "invalid")
            else:
                # Whose own fault it is not has its time anew; whoever is too early keeps what is left.
                self._deadlines.set_drop(socket, AUTHENTICATE_WITHIN if is_ours(refusal) else None)
        code = self._codes.get(str(incoming.name), UNKNOWN_EVENT)
        error_body = ErrorBody(
            code=code,
            reason=refusal.reason,
            message=refusal.message,
            request_id=request_id,
            retry_after=UNSET if refusal.retry_after is None else refusal.retry_after,
        )
        body = wire(error_body)
        if incoming.wants_ack:
            return {"ok": False, "error": body}
        await socket.emit(ERROR, body, local=True)
        return None

    async def ping_forever(self) -> None:
        """Emits `ping` to the sockets of this instance, for ever."""
        while True:
            await asyncio.sleep(PING_EVERY)
            await self._io.local.to(EVERYONE).emit(PING, wire(Ping(time=now())))

    async def _follow(self, socket: Socket, read: Callable[[], Awaitable[Any]]) -> set[str]:
        """Subscribes a socket to the rooms that `read` finds; returns those that it follows in the end.

        A membership may end between the reading and the subscription, and then nothing would take the socket out
        of the room. So it is read once more, after.
        """
        found = set(await read())
        await socket.join(*map(room_channel, found))
        kept = found & set(await read())
        await socket.leave(*map(room_channel, found - kept))
        return kept


def handler_of(operation: Operation) -> TracedHandler:
    """The handler of an operation's event, which answers in the form of an ack."""

    takes = operation.takes

    async def handle(socket: Socket, *args: Any) -> Any:
        payload = parse(takes, args)
        asking = socket if operation.who == "socket" else caller_of(socket)
        return {"ok": True, "data": wire(await operation.run(asking, payload))}

    return handle
