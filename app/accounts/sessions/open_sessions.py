"""The sessions of users that are open: one a bearer token, with its device, since when, and when it was last used.

A session is written when its token is issued. That a token is in use is noted once in some minutes, with those of all
sockets (`app.accounts.sessions.sign_out`), so that no request and no socket waits for it. This also brings in the
tokens that an instance of an earlier version issues, without a device.
"""

from collections.abc import Iterable

from app import store
from app.accounts.sessions.user_agents import device_of
from app.core.caller import Caller, Token
from app.db.database import Database
from app.payloads.accounts.account_requests import OpenSession, OpenSessions
from app.payloads.requests import Nothing
from app.store.people.sessions import SessionRow

MOST_LISTED = 100  # the last used
MOST_USED = 10_000  # tokens of requests that are noted at once


class SessionList:
    """Keeps and lists sessions."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._used: dict[str, Token] = {}

    async def begin(self, token: Token, agent: str | None) -> None:
        """A token was issued to a client with this `User-Agent`."""
        await store.sessions.insert(
            self._db,
            session_id=token.id,
            user_id=token.user_id,
            generation=token.generation,
            issued_at=token.issued_at,
            expires_at=token.expires_at,
            user_agent=agent,
        )

    def use(self, token: Token) -> None:
        """A token was presented; that is written later."""
        if len(self._used) < MOST_USED:
            self._used[token.id] = token

    def take_used(self) -> Iterable[Token]:
        """The tokens that were presented since it was last asked for."""
        used, self._used = self._used, {}
        return used.values()

    async def list_sessions(self, caller: Caller, _: Nothing) -> OpenSessions:
        """The sessions of the user that are open, up to 100, the last used first.

        `lastSeenAt` is some minutes late at most. A session ends with its token: when it expires, a week after the
        sign-in, or when it is signed out.
        """
        current = None if caller.token is None else caller.token.id
        rows = await store.sessions.of_user(self._db, caller.user_id, limit=MOST_LISTED)
        return OpenSessions(sessions=[session_of(row, current=current) for row in rows])


def session_of(row: SessionRow, *, current: str | None) -> OpenSession:
    """A session, as its user sees it from the one with the id `current`."""
    return OpenSession(
        id=row.id,
        device=device_of(row.user_agent),
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        is_current=row.id == current,
    )
