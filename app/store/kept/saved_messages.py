"""Messages that users have saved for themselves. With the message or the membership they go: triggers see to that."""

import datetime as dt

from app.db.queries import Queries
from app.db.rows import Row
from app.store.log.message_rows import SHOWN_MESSAGE, ShownMessageRow
from app.store.log.pages import MAX_PAGE, ended_by_size


class SavedMessageRow(Row, frozen=True):
    """A saved message; `saved_id` is its place in the list. `there_are`: see `ended_by_size`."""

    saved_id: str
    saved_at: dt.datetime
    message: ShownMessageRow | None
    there_are: int


async def save(q: Queries, *, saved_id: str, user_id: str, message_id: str) -> dt.datetime | None:
    """Saves a message that is there for a member of its room; the time, or None where it was saved before.

    The message and the membership are held, so that neither ends before this is seen by what ends it.
    """
    saved_at: dt.datetime | None = await q.value(
        """
        with there as (
            select msg.id
            from messages msg
            join room_members m on m.room_id = msg.room_id and m.user_id = :user_id and m.state = 'member'
            where msg.id = :message_id and msg.deleted_at is null
            for share of msg, m
        )
        insert into saved_messages (id, user_id, message_id)
        select :saved_id, :user_id, id from there
        on conflict (user_id, message_id) do nothing
        returning saved_at
        """,
        saved_id=saved_id,
        user_id=user_id,
        message_id=message_id,
    )
    return saved_at


async def remove(q: Queries, *, user_id: str, message_id: str) -> bool:
    """Takes a message from those that a user has saved; False where it is none."""
    return bool(
        await q.value(
            """
            delete from saved_messages where user_id = :user_id and message_id = :message_id
            returning true
            """,
            user_id=user_id,
            message_id=message_id,
        )
    )


async def saved_at(q: Queries, user_id: str, message_id: str) -> dt.datetime | None:
    """When a user saved a message; None where they have not."""
    found: dt.datetime | None = await q.value(
        "select saved_at from saved_messages where user_id = :user_id and message_id = :message_id",
        user_id=user_id,
        message_id=message_id,
    )
    return found


async def count(q: Queries, user_id: str) -> int:
    """How many messages a user has saved."""
    number: int = await q.value(
        "select count(*) from saved_messages where user_id = :user_id", user_id=user_id
    )
    return number


async def ids(q: Queries, user_id: str) -> list[str]:
    """The messages that a user has saved, the last saved first."""
    return await q.column(
        str,
        "select message_id from saved_messages where user_id = :user_id order by id desc",
        user_id=user_id,
    )


SAVED = ended_by_size(
    f"saved_id, saved_at, {SHOWN_MESSAGE}",
    """
    select page.id as saved_id, page.saved_at, s.*
    from page
    join shown_messages s on s.id = page.message_id
    """,
    "saved_id desc",
    given="""
    with page as (
        select id, saved_at, message_id
        from saved_messages
        where user_id = :user_id and (cast(:before as text) is null or id < :before)
        order by id desc
        limit :limit
    )
    """,
)


async def listed(
    q: Queries, user_id: str, *, before: str | None, limit: int, max_bytes: int = MAX_PAGE
) -> list[SavedMessageRow]:
    """The messages that a user has saved, the last saved first, from the place `before` on: see `ended_by_size`."""
    return await q.rows(
        SavedMessageRow, SAVED, user_id=user_id, before=before, limit=limit, max_bytes=max_bytes
    )
