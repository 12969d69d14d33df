"""Reactions to messages of locked rooms."""

from app.db import Queries, Row


async def count(q: Queries, message_id: str, kind: str) -> Row:
    """How many reactions a message has, of how many kinds, and of the given kind: `reactions`, `kinds`, `of_kind`."""
    row = await q.row(
        """
        select count(*) as reactions, count(distinct kind) as kinds, count(*) filter (where kind = :kind) as of_kind
        from reactions
        where message_id = :message_id
        """,
        message_id=message_id,
        kind=kind,
    )
    assert row is not None
    return row


async def exists(q: Queries, *, message_id: str, kind: str, user_id: str) -> bool:
    """Whether a user has reacted to a message in this way."""
    return bool(
        await q.value(
            """
            select true from reactions
            where message_id = :message_id and kind = :kind and user_id = :user_id
            """,
            message_id=message_id,
            kind=kind,
            user_id=user_id,
        )
    )


async def insert(q: Queries, *, message_id: str, kind: str, user_id: str) -> None:
    """Adds a reaction."""
    await q.value(
        "insert into reactions (message_id, kind, user_id) values (:message_id, :kind, :user_id)",
        message_id=message_id,
        kind=kind,
        user_id=user_id,
    )


async def delete(q: Queries, *, message_id: str, kind: str, user_id: str) -> None:
    """Takes a reaction back."""
    await q.value(
        "delete from reactions where message_id = :message_id and kind = :kind and user_id = :user_id",
        message_id=message_id,
        kind=kind,
        user_id=user_id,
    )
