"""Signing out: a token that is revoked, and the sockets that live on it, on every instance.

A socket enters the channels of its token and of its user's tokens before the token is looked up, so one that
authenticates while its token is revoked is either refused or hears of it. What cannot be announced, because the bus is
away or the instance dies, is found by the next look at the tokens of all sockets.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol

import msgspec

from app import store
from app.accounts.sessions.open_sessions import SessionList
from app.core.caller import Caller, Token
from app.core.errors import Refusal
from app.db.database import Database
from app.payloads.accounts.account_requests import SessionRef, SignOut
from app.payloads.responses import now, wire
from app.payloads.server_events import UNAUTHENTICATED, Unauthenticated
from protocol import BusUnavailable, Server, Socket

log = logging.getLogger(__name__)

LOOK_EVERY = 60.0  # seconds from one look at the tokens of this instance's sockets to the next
TOKENS_AT_ONCE = 1_000  # in one statement
SIGNED_OUT = "You have signed out"
ENDED = "This session was ended from another one of yours"
OVER = "This session is over: sign in again"  # where a look found it, and not why
DEACTIVATED = "Your account was deactivated: ask an administrator"
LIVES_ON = "token"  # the key in `socket.data` of the claims of the token that a socket lives on


def token_channel(token_id: str) -> str:
    """The socket room of the sockets that live on a token."""
    return f"token:{token_id}"


def tokens_channel(user_id: str) -> str:
    """The socket room of the sockets that live on any token of a user."""
    return f"tokens:{user_id}"


def hold_token(socket: Socket, token: Token) -> None:
    """Notes what a socket lives on, in a form that can be saved with it."""
    socket.data[LIVES_ON] = msgspec.to_builtins(token)


def token_held_by(data: Mapping[str, Any]) -> Token | None:
    """The token in a socket's data, that it lives on; None for a stranger."""
    claims = data.get(LIVES_ON)
    return None if claims is None else msgspec.convert(claims, Token)


class Sockets(Protocol):
    """A selection of sockets: of an instance, of all, or of an emitter."""

    async def emit(self, event: str, *args: Any) -> None:
        """Sends an event. Raises BusUnavailable."""

    async def disconnect_sockets(self, close: bool = False) -> None:
        """Disconnects them; with `close`, ends their sessions. Raises BusUnavailable."""


class SignOuts:
    """Revokes tokens and ends their sockets."""

    def __init__(self, io: Server, db: Database, sessions: SessionList) -> None:
        self._io = io
        self._db = db
        self._sessions = sessions

    async def sign_out(self, caller: Caller, payload: SignOut) -> None:
        """Revokes the token that is presented, or with `everywhere` all tokens of its user.

        Sockets that were authenticated with them get `unauthenticated` and are disconnected.
        """
        token = caller.token
        assert token is not None, "only a token opens this door"
        if payload.everywhere:
            await store.tokens.revoke_all(self._db, token.user_id)
            channel = tokens_channel(token.user_id)
        else:
            await store.tokens.revoke(
                self._db, token_id=token.id, user_id=token.user_id, expires_at=token.expires_at
            )
            channel = token_channel(token.id)
        await self._announce_end(channel, SIGNED_OUT)

    async def end_session(self, caller: Caller, payload: SessionRef) -> None:
        """Ends one of the user's sessions, also the one that asks; its sockets get `unauthenticated` and end.

        Refused: `not_found` for what is no open session of the user's.
        """
        if not await store.sessions.end(self._db, session_id=payload.session_id, user_id=caller.user_id):
            raise Refusal("not_found", "You have no such open session")
        await self._announce_end(token_channel(payload.session_id), ENDED)

    async def end_sessions(self, user_id: str, why: str, *, except_token: str | None = None) -> None:
        """Ends the sockets on all tokens of a user, which were revoked, and tells them `why`.

        Those on the token with the id `except_token` have until the next look to authenticate with a newer one.
        """
        kept = () if except_token is None else (token_channel(except_token),)
        await self._announce_end(tokens_channel(user_id), why, kept)

    async def _announce_end(self, channel: str, why: str, kept: Sequence[str] = ()) -> None:
        try:
            await end_sockets(self._io.in_(channel).except_(*kept), why)
        except BusUnavailable:
            log.warning(
                "a token was revoked; its sockets end within %d s, when they are looked at", LOOK_EVERY
            )

    async def look(self) -> None:
        """Ends the sockets of this instance whose token is not valid any more; notes which sessions are in use, and
        forgets what has expired anyway.

        Raises DatabaseUnavailable.
        """
        sockets = await self._io.local.fetch_sockets()
        held = {token for socket in sockets if (token := token_held_by(socket.data)) is not None}
        for tokens in _parts(held.union(self._sessions.take_used())):
            invalid = await store.tokens.invalid_among(
                self._db,
                token_ids=[token.id for token in tokens],
                user_ids=[token.user_id for token in tokens],
                generations=[token.generation for token in tokens],
            )
            await self._end_found([token for token in tokens if token.id in invalid])
            await self._note_use([token for token in tokens if token.id not in invalid])
        await store.tokens.forget_expired(self._db)
        await store.sessions.forget_expired(self._db)
        await store.known_networks.forget_old(self._db)

    async def _end_found(self, invalid: Sequence[Token]) -> None:
        if not invalid:
            return
        users = [token.user_id for token in invalid]
        deactivated = await store.accounts.deactivated_among(self._db, user_ids=users)
        for token in invalid:
            why = DEACTIVATED if token.user_id in deactivated else OVER
            await end_sockets(self._io.local.in_(token_channel(token.id)), why)

    async def _note_use(self, tokens: Sequence[Token]) -> None:
        await store.sessions.note_use(
            self._db,
            token_ids=[token.id for token in tokens],
            user_ids=[token.user_id for token in tokens],
            generations=[token.generation for token in tokens],
            issued_at=[token.issued_at for token in tokens],
            expires_at=[token.expires_at for token in tokens],
        )


async def end_sockets(sockets: Sockets, why: str) -> None:
    """Tells sockets that they are signed out, and disconnects them. Raises BusUnavailable."""
    await sockets.emit(UNAUTHENTICATED, wire(Unauthenticated(message=why, time=now())))
    await sockets.disconnect_sockets(close=True)


def _parts(tokens: Iterable[Token]) -> Iterable[list[Token]]:
    left = iter(tokens)
    while part := list(islice(left, TOKENS_AT_ONCE)):
        yield part
