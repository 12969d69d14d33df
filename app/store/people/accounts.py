"""Accounts."""

import datetime as dt
from collections.abc import Sequence

from app.db.queries import Queries
from app.db.rows import Row


class AccountRow(Row, frozen=True):
    """An account. `last_seen_at` is None where no device of the user was ever gone."""

    id: str
    username: str
    display_name: str | None
    avatar: str | None
    last_seen_at: dt.datetime | None
    created_at: dt.datetime
    modified_at: dt.datetime


class SessionAccountRow(AccountRow, frozen=True):
    """An account for which tokens can be issued."""

    token_generation: int


class CredentialAccountRow(SessionAccountRow, frozen=True):
    """An account with the hash that its password must fit."""

    credential: str


class UserRow(Row, frozen=True):
    """A user, as others see them."""

    id: str
    username: str
    display_name: str | None
    avatar: str | None


# Of an account with a name in any case.
HAS_NAME = """lower(username collate "C") = lower(cast(:username as text) collate "C")"""


async def insert(
    q: Queries, *, user_id: str, username: str, display_name: str | None, credential: str
) -> SessionAccountRow | None:
    """Adds an account; None when the name is taken in any case, or looks like one that is."""
    return await q.row(
        SessionAccountRow,
        """
        insert into users (id, username, skeleton, display_name, credential)
        values (:user_id, cast(:username as text), username_skeleton(:username), :display_name, :credential)
        on conflict do nothing
        returning id, username, display_name, avatar, last_seen_at, created_at, modified_at, token_generation
        """,
        user_id=user_id,
        username=username,
        display_name=display_name,
        credential=credential,
    )


async def find(q: Queries, user_id: str) -> AccountRow | None:
    """One account, without its credential."""
    return await q.row(
        AccountRow,
        """
        select id, username, display_name, avatar, last_seen_at, created_at, modified_at
        from users
        where id = :user_id
        """,
        user_id=user_id,
    )


async def find_with_credential(q: Queries, username: str) -> CredentialAccountRow | None:
    """One account by its name in any case, with the hash that its password must fit."""
    return await q.row(
        CredentialAccountRow,
        f"""
        select id, username, display_name, avatar, last_seen_at, created_at, modified_at, token_generation, credential
        from users
        where {HAS_NAME}
        """,  # noqa: S608 - of constants of this program
        username=username,
    )


async def find_by_name(q: Queries, username: str) -> str | None:
    """The id of the account with a name in any case."""
    user_id: str | None = await q.value(
        f"select id from users where {HAS_NAME}",  # noqa: S608 - of constants of this program
        username=username,
    )
    return user_id


async def lock(q: Queries, user_id: str) -> None:
    """Holds an account against others that count what it has, until the transaction ends."""
    await q.value("select id from users where id = :user_id for no key update", user_id=user_id)


async def lock_all(q: Queries, user_ids: Sequence[str]) -> None:
    """As `lock`, for several accounts in the order of their ids."""
    await q.column(
        str,
        "select id from users where id = any(cast(:user_ids as text[])) order by id for no key update",
        user_ids=list(user_ids),
    )


async def search(q: Queries, query: str, limit: int) -> list[UserRow]:
    """The accounts whose names begin with a text in any case, by name.

    The comparison is that of the index `users_username_prefix`, byte by byte, and knows no wildcards.
    """
    return await q.rows(
        UserRow,
        """
        with given as (select lower(cast(:query as text) collate "C") as prefix)
        select id, username, display_name, avatar
        from users
        where lower(username collate "C") ~>=~ (select prefix from given)
          and lower(username collate "C") ~<~ (select prefix || chr(1114111) from given)
        order by lower(username collate "C") using ~<~
        limit :limit
        """,
        query=query,
        limit=limit,
    )
