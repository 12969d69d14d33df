"""Accounts that their users delete: the account loses its names and all that opens it at once, the rest in parts.

A row of `users` stays, under another name, for the messages and rooms that refer to it. It counts as deactivated, so
that instances of before let nobody in, either. `erased_at` is set when nothing is left to do.
"""

from app.db.queries import Queries
from app.store.log import files


async def begin(q: Queries, user_id: str, *, username: str, display_name: str, unusable: str) -> None:
    """Takes from an account its names, tokens and settings; `unusable` is a hash of chance, `username` one as well."""
    for table, column in OWN:
        await q.value(f"delete from {table} where {column} = :user_id", user_id=user_id)  # noqa: S608
    await files.drop_avatar(q, user_id)
    await q.value(
        """
        update users
        set username = cast(:username as text), skeleton = username_skeleton(:username), display_name = :display_name,
            avatar = null, credential = :unusable, deactivated_credential = :unusable, deactivated_at = now(),
            deleted_at = now(), is_administrator = false, token_generation = token_generation + 1,
            last_seen_at = null, status_text = null, status_until = null, time_zone = null,
            modified_at = now(), words_version = coalesce(words_version, 0) + 1
        where id = :user_id
        """,
        user_id=user_id,
        username=username,
        display_name=display_name,
        unusable=unusable,
    )


# What is of the account alone: tables, and the columns with its id.
OWN = (
    ("push_subscriptions", "user_id"),
    ("notification_settings", "user_id"),
    ("password_resets", "user_id"),
    ("sessions", "user_id"),
    ("known_networks", "user_id"),
    ("user_blocks", "blocker_id"),
    ("user_words", "user_id"),
    ("thread_followers", "user_id"),
    ("saved_messages", "user_id"),
    ("message_edits", "sender_id"),
)


async def to_erase(q: Queries) -> str | None:
    """Holds a deleted account of which something is left, and that no other transaction holds."""
    user_id: str | None = await q.value(
        """
        select id from users
        where deleted_at is not null and erased_at is null
        order by deleted_at
        limit 1
        for no key update skip locked
        """
    )
    return user_id


async def a_room(q: Queries, user_id: str) -> str | None:
    """A public or private room that a user is a member of, or invited to."""
    room_id: str | None = await q.value(
        """
        select m.room_id
        from room_members m
        join rooms r on r.id = m.room_id
        where m.user_id = :user_id and m.state in ('member', 'invited') and r.kind <> 'direct'
        limit 1
        """,
        user_id=user_id,
    )
    return room_id


async def finish(q: Queries, user_id: str) -> None:
    """Lets the files of an account that no message has expire, and notes that nothing is left."""
    await q.value(
        """
        with expired as (
            update files set expires_at = now() where owner_id = :user_id and message_id is null and expires_at > now()
        )
        update users set erased_at = now() where id = :user_id
        """,
        user_id=user_id,
    )
