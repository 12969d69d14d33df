"""What is read of a room's messages."""

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
        select m.id, m.room_id, m.sender_id, m.seq, m.change_seq, m.type, m.content, m.metadata, m.reply_to,
               m.client_id, m.created_at, m.modified_at, m.edited_at, m.deleted_at,
               u.username, u.display_name, u.avatar
        from messages m
        join users u on u.id = m.sender_id
        where m.room_id = :room_id and m.deleted_at is null
          and m.seq < coalesce(cast(:before as bigint), 9223372036854775807)
        order by m.seq desc
        limit :limit
        """,
        room_id=room_id,
        before=before,
        limit=limit,
    )
