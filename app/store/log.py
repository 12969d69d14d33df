"""What is read of a room's messages."""

from collections.abc import Sequence

from app.db import Queries, Row


async def seq_of(q: Queries, room_id: str, message_id: str) -> int | None:
    """The place of a message in its room, deleted or not; None when the room has no such message."""
    seq: int | None = await q.value(
        "select seq from messages where room_id = :room_id and id = :message_id",
        room_id=room_id,
        message_id=message_id,
    )
    return seq


async def history(q: Queries, room_id: str, *, before: int | None, limit: int) -> list[Row]:
    """The newest messages of a room, newest first, below the place `before` when one is given."""
    return await q.rows(
        """
        select * from shown_messages
        where room_id = :room_id and deleted_at is null
          and seq < coalesce(cast(:before as bigint), 9223372036854775807)
        order by seq desc
        limit :limit
        """,
        room_id=room_id,
        before=before,
        limit=limit,
    )


async def shown(q: Queries, message_ids: Sequence[str]) -> list[Row]:
    """The messages with the given ids, in no order."""
    return await q.rows(
        "select * from shown_messages where id = any(cast(:message_ids as text[]))",
        message_ids=list(message_ids),
    )
