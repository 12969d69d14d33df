"""Earlier texts of messages. With the message they go, whichever way it does: a trigger sees to that."""

import datetime as dt

from app.db.queries import Queries
from app.db.rows import Row


class EarlierTextRow(Row, frozen=True):
    """A text that a message had from `written_at` on, until an edit replaced it."""

    id: str
    message_id: str
    content: str
    written_at: dt.datetime


async def keep(q: Queries, *, edit_id: str, message_id: str, change_seq: int) -> None:
    """Keeps the text of a message of a locked room that the edit of this number is about to replace."""
    await q.value(
        """
        insert into message_edits (id, message_id, sender_id, change_seq, content, written_at)
        select :edit_id, m.id, m.sender_id, cast(:change_seq as bigint), m.content, coalesce(m.edited_at, m.created_at)
        from messages m
        where m.id = :message_id
        """,
        edit_id=edit_id,
        message_id=message_id,
        change_seq=change_seq,
    )


async def let_go(q: Queries, message_id: str, *, most: int, most_characters: int) -> None:
    """Lets go of earlier texts of a message where there are more than `most`, or have more than so many characters.

    The first text stays, and of the others the last ones.
    """
    await q.value(
        """
        delete from message_edits e
        using (
            select id, row_number() over newest as place, min(change_seq) over () = change_seq as is_first,
                   sum(char_length(content)) over newest as characters
            from message_edits
            where message_id = :message_id
            window newest as (order by change_seq desc)
        ) kept
        where e.id = kept.id and not kept.is_first
          and (kept.place >= cast(:most as bigint) or kept.characters > cast(:most_characters as bigint))
        """,
        message_id=message_id,
        most=most,
        most_characters=most_characters,
    )


async def of_message(q: Queries, message_id: str) -> list[EarlierTextRow]:
    """The earlier texts of a message, the last one first."""
    return await q.rows(
        EarlierTextRow,
        """
        select id, message_id, content, written_at
        from message_edits
        where message_id = :message_id
        order by change_seq desc
        """,
        message_id=message_id,
    )


async def of_sender(q: Queries, user_id: str, *, after: str, limit: int) -> list[EarlierTextRow]:
    """The earlier texts of all messages of a user, those kept after the one with the id `after`."""
    return await q.rows(
        EarlierTextRow,
        """
        select id, message_id, content, written_at
        from message_edits
        where sender_id = :user_id and id > :after
        order by id
        limit :limit
        """,
        user_id=user_id,
        after=after,
        limit=limit,
    )
