"""Reactions to messages of locked rooms."""

from app.db.queries import Queries
from app.db.rows import Row


class ReactionCountsRow(Row, frozen=True):
    """How many reactions a message has (`reactions`), of how many kinds (`kinds`), of a given kind (`of_kind`) and of a
    user (`of_user`), and whether the user's is among those of the kind (`mine`).
    """

    reactions: int
    kinds: int
    of_kind: int
    of_user: int
    mine: bool


async def count(q: Queries, *, message_id: str, kind: str, user_id: str) -> ReactionCountsRow:
    """Counts the reactions to a message."""
    row = await q.row(
        ReactionCountsRow,
        """
        select count(*) as reactions,
            count(distinct kind) as kinds,
            count(*) filter (where kind = :kind) as of_kind,
            count(*) filter (where user_id = :user_id) as of_user,
            count(*) filter (where kind = :kind and user_id = :user_id) > 0 as mine
        from reactions
        where message_id = :message_id
        """,
        message_id=message_id,
        kind=kind,
        user_id=user_id,
    )
    assert row is not None
    return row


async def insert(q: Queries, *, message_id: str, kind: str, user_id: str) -> None:
    """Adds a reaction."""
    await q.value(
        "insert into reactions (message_id, kind, user_id) values (:message_id, :kind, :user_id)",
        message_id=message_id,
        kind=kind,
        user_id=user_id,
    )


async def delete(q: Queries, *, message_id: str, kind: str, user_id: str) -> bool:
    """Takes a reaction back; false where there was none."""
    deleted = await q.value(
        """
        delete from reactions
        where message_id = :message_id and kind = :kind and user_id = :user_id
        returning true
        """,
        message_id=message_id,
        kind=kind,
        user_id=user_id,
    )
    return deleted is not None
