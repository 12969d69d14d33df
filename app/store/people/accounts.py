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
    is_administrator: bool


class SessionAccountRow(AccountRow, frozen=True):
    """An account for which tokens can be issued."""

    token_generation: int


class CredentialAccountRow(SessionAccountRow, frozen=True):
    """An account with the hash that its password must fit, also where it is deactivated."""

    credential: str
    is_deactivated: bool


class UserRow(Row, frozen=True):
    """A user, as others see them."""

    id: str
    username: str
    display_name: str | None
    avatar: str | None


# One number for every instance, so that two first accounts take turns.
FIRST_ACCOUNT_LOCK = 7_011_746_118

# Of an account with a name in any case.
HAS_NAME = """lower(username collate "C") = lower(cast(:username as text) collate "C")"""


async def insert(
    q: Queries,
    *,
    user_id: str,
    username: str,
    display_name: str | None,
    credential: str,
    words: str | None = None,
    is_administrator: bool = False,
) -> SessionAccountRow | None:
    """Adds an account; None when the name is taken in any case, or looks like one that is.

    `words` are what its names are found by, as a `tsvector`; None where they are made later.
    """
    return await q.row(
        SessionAccountRow,
        """
        with made as (
            insert into users (id, username, skeleton, display_name, credential, words_version,
                               is_administrator)
            values (:user_id, cast(:username as text), username_skeleton(:username), :display_name, :credential,
                    case when cast(:words as text) is not null then 0 end, :is_administrator)
            on conflict do nothing
            returning id, username, display_name, avatar, last_seen_at, created_at, modified_at, is_administrator,
                      token_generation
        ), indexed as (
            insert into user_words (user_id, words)
            select id, cast(cast(:words as text) as tsvector) from made where cast(:words as text) is not null
        )
        select * from made
        """,
        user_id=user_id,
        username=username,
        display_name=display_name,
        credential=credential,
        words=words,
        is_administrator=is_administrator,
    )


async def is_first(q: Queries) -> bool:
    """True if there is no account yet; no other transaction is told so, too, before this one ends."""
    if await q.value("select exists (select from users)"):
        return False
    await q.value(f"select pg_advisory_xact_lock({FIRST_ACCOUNT_LOCK})")
    return not await q.value("select exists (select from users)")  # as it is now that the lock is held


async def find(q: Queries, user_id: str) -> AccountRow | None:
    """One account, without its credential."""
    return await q.row(
        AccountRow,
        """
        select id, username, display_name, avatar, last_seen_at, created_at, modified_at, is_administrator
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
        select id, username, display_name, avatar, last_seen_at, created_at, modified_at, is_administrator,
               token_generation, coalesce(deactivated_credential, credential) as credential,
               deactivated_at is not null as is_deactivated
        from users
        where {HAS_NAME}
        """,  # noqa: S608 - of constants of this program
        username=username,
    )


async def find_credential(q: Queries, user_id: str) -> str | None:
    """The hash that the password of an account must fit."""
    credential: str | None = await q.value(
        "select credential from users where id = :user_id", user_id=user_id
    )
    return credential


async def deactivated_among(q: Queries, *, user_ids: list[str]) -> list[str]:
    """The ids of those users whose accounts are deactivated."""
    return await q.column(
        str,
        "select id from users where id = any(cast(:user_ids as text[])) and deactivated_at is not null",
        user_ids=user_ids,
    )


async def change_credential(
    q: Queries, user_id: str, *, before: str, credential: str
) -> SessionAccountRow | None:
    """Gives an account another password in place of the one `before`, and ends its tokens; None if that has changed."""
    return await q.row(
        SessionAccountRow,
        """
        with changed as (
            update users
            set credential = :credential, token_generation = token_generation + 1, modified_at = now()
            where id = :user_id and credential = :before
            returning id, username, display_name, avatar, last_seen_at, created_at, modified_at, is_administrator,
                      token_generation
        ), obsolete as (
            delete from password_resets where user_id in (select id from changed)
        )
        select * from changed
        """,
        user_id=user_id,
        before=before,
        credential=credential,
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


async def with_beginning(q: Queries, beginning: str, *, after: str | None, limit: int) -> list[UserRow]:
    """The accounts whose usernames begin with a text in any case, by name, from the user with the id `after` on.

    The comparison is that of the index `users_username_prefix`, byte by byte, and knows no wildcards.
    """
    return await q.rows(
        UserRow,
        """
        with given as (
            select lower(cast(:beginning as text) collate "C") as prefix,
                   (select lower(username collate "C") from users where id = cast(:after as text)) as after
        )
        select id, username, display_name, avatar
        from users
        where deleted_at is null and lower(username collate "C") ~>=~ (select prefix from given)
          and lower(username collate "C") ~<~ (select prefix || chr(1114111) from given)
          and lower(username collate "C") ~>~ (select coalesce(after, '') from given)
        order by lower(username collate "C") using ~<~
        limit :limit
        """,
        beginning=beginning,
        after=after,
        limit=limit,
    )
