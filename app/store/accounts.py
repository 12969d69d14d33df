"""Accounts."""

from app.db import Queries, Row


async def insert(
    q: Queries, *, user_id: str, username: str, display_name: str | None, credential: str
) -> Row | None:
    """Adds an account; None when the name is taken in any case."""
    return await q.row(
        """
        insert into users (id, username, display_name, credential)
        values (:user_id, :username, :display_name, :credential)
        on conflict do nothing
        returning id, username, display_name, avatar, last_seen_at, created_at, modified_at
        """,
        user_id=user_id,
        username=username,
        display_name=display_name,
        credential=credential,
    )


async def find(q: Queries, user_id: str) -> Row | None:
    """One account, without its credential."""
    return await q.row(
        """
        select id, username, display_name, avatar, last_seen_at, created_at, modified_at
        from users
        where id = :user_id
        """,
        user_id=user_id,
    )


async def find_with_credential(q: Queries, username: str) -> Row | None:
    """One account by its name in any case, with the hash that its password must fit."""
    return await q.row(
        """
        select id, username, display_name, avatar, last_seen_at, created_at, modified_at, credential
        from users
        where lower(username collate "C") = lower(cast(:username as text) collate "C")
        """,
        username=username,
    )
