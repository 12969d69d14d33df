"""People, as administrators see and treat them."""

import datetime as dt
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from msgspec import Struct

from app import store
from app.accounts.sign_ups import token_hash
from app.administration import audit
from app.core.errors import NO_USER, Refusal
from app.db.database import Database
from app.db.queries import Queries
from app.store.administration.account_states import PersonRow

T = TypeVar("T")

PAGE = 500  # rows read at a time
TOKEN_BYTES = 24  # of chance


class PasswordReset(Struct, frozen=True):
    """A reset that was allowed. Its `token` is shown once and kept nowhere."""

    token: str
    expires_at: dt.datetime


class People:
    """Finds people by their usernames, in any case; changes what they are, and notes that `actor` did."""

    def __init__(self, db: Database, actor: str) -> None:
        self._db = db
        self._actor = actor

    async def all(self, search: str) -> AsyncIterator[PersonRow]:
        """Those with a text in their names, in any case, in the order in which they signed up."""
        after = ""
        while rows := await store.account_states.listed(self._db, search, after=after, limit=PAGE):
            for row in rows:
                yield row
            after = rows[-1].id

    async def grant(self, name: str) -> None:
        """Makes a user an administrator. Raises Refusal: `not_found`, `conflict`."""
        await self._administrate(name, grant=True)

    async def revoke(self, name: str) -> None:
        """Makes an administrator a user like others. Raises Refusal: `not_found`, `conflict`."""
        await self._administrate(name, grant=False)

    async def deactivate(self, name: str, unusable: str) -> PersonRow:
        """Ends all tokens of a user, who cannot sign in from now on. Their sockets are left to the caller.

        `unusable` is the hash of a password of chance. Raises Refusal: `not_found`, `conflict`.
        """

        async def work(q: Queries, row: PersonRow) -> PersonRow:
            if row.deactivated_at is not None:
                raise Refusal("conflict", f"{row.username} is deactivated already")
            await store.account_states.deactivate(q, row.id, unusable=unusable)
            return row

        return await self._act("deactivate", name, work)

    async def reactivate(self, name: str) -> None:
        """Lets a deactivated user sign in again, with the same password. Raises Refusal: `not_found`, `conflict`."""

        async def work(q: Queries, row: PersonRow) -> None:
            if row.deactivated_at is None:
                raise Refusal("conflict", f"{row.username} is not deactivated")
            await store.account_states.reactivate(q, row.id)

        await self._act("reactivate", name, work)

    async def reset_password(self, name: str, seconds: int) -> PasswordReset:
        """Makes a token that sets a user's password, once, for so many seconds. The password of now stays until then.

        Raises Refusal: `not_found`, `conflict` for a deactivated user.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)

        async def work(q: Queries, row: PersonRow) -> PasswordReset:
            if row.deactivated_at is not None:
                raise Refusal("conflict", f"{row.username} is deactivated: reactivate them first")
            expires_at = await store.account_states.put_reset(
                q, row.id, token_hash=token_hash(token), seconds=seconds
            )
            return PasswordReset(token, expires_at)

        return await self._act("reset-password", name, work)

    async def _administrate(self, name: str, *, grant: bool) -> None:
        async def work(q: Queries, row: PersonRow) -> None:
            if row.is_administrator == grant:
                raise Refusal(
                    "conflict", f"{row.username} is {'an' if grant else 'no'} administrator already"
                )
            await store.account_states.set_administrator(q, row.id, is_administrator=grant)

        await self._act("grant" if grant else "revoke", name, work)

    async def _act(self, action: str, name: str, work: Callable[[Queries, PersonRow], Awaitable[T]]) -> T:
        """Does something to a user with their account held, and notes it."""

        async def act(q: Queries) -> T:
            row = await store.account_states.lock_by_name(q, name)
            if row is None or row.deleted_at is not None:
                raise Refusal("not_found", f"{NO_USER}: {name}")
            done = await work(q, row)
            await audit.note(q, self._actor, action, row.id, row.username)
            return done

        return await self._db.transaction(act)
