"""Statements that read the logs of rooms."""

import datetime as dt
from collections.abc import Sequence

from app.db.queries import Queries
from app.db.rows import Row
from app.payloads.fields.field_types import MemberState, Role, RoomKind
from app.store.log.message_rows import SHOWN_MESSAGE, PagedMessageRow, ShownMessageRow
from app.store.log.pages import MAX_PAGE, ended_by_size

# The ids of the pinned messages of a room `r`, in their order. Those of deleted messages are gone: see schema.sql.
PINS = "array(select p.message_id from pins p where p.room_id = r.id order by p.place)"


class RoomInfoRow(Row, frozen=True):
    """A room's own fields. A direct conversation has no name. `pins` are the ids of its pinned messages, in order."""

    id: str
    kind: RoomKind
    name: str | None
    description: str | None
    created_by: str
    change_seq: int
    created_at: dt.datetime
    modified_at: dt.datetime
    archived_at: dt.datetime | None
    pins: list[str]


class RoomLogRow(RoomInfoRow, frozen=True):
    """A room, how far its log has come, and the caller's `state` in it."""

    last_seq: int
    state: MemberState | None


class MemberRow(Row, frozen=True):
    """A user who has, or had, to do with a room, of the view `shown_members`."""

    room_id: str
    user_id: str
    role: Role
    state: MemberState
    change_seq: int
    joined_at: dt.datetime
    left_at: dt.datetime | None
    last_read_seq: int
    last_read_at: dt.datetime | None
    username: str
    display_name: str | None
    avatar: str | None


SHOWN_MESSAGES = f"select {SHOWN_MESSAGE} from shown_messages"  # noqa: S608 - of constants of this program
SHOWN_MEMBERS = """
select room_id, user_id, role, state, change_seq, joined_at, left_at, last_read_seq, last_read_at,
       username, display_name, avatar
from shown_members
"""


async def seq_of(q: Queries, room_id: str, message_id: str) -> int | None:
    """The place of a message in its room, deleted or not; None when the room has no such message."""
    seq: int | None = await q.value(
        "select seq from messages where room_id = :room_id and id = :message_id",
        room_id=room_id,
        message_id=message_id,
    )
    return seq


OLDER = ended_by_size(
    SHOWN_MESSAGE,
    """
    select * from shown_messages
    where room_id = :room_id and deleted_at is null and (also_to_room or cast(:thread_replies as boolean))
      and seq < coalesce(cast(:below as bigint), 9223372036854775807)
    order by seq desc
    limit :limit
    """,
    "seq desc",
)
NEWER = ended_by_size(
    SHOWN_MESSAGE,
    """
    select * from shown_messages
    where room_id = :room_id and deleted_at is null and (also_to_room or cast(:thread_replies as boolean))
      and seq > :above
    order by seq
    limit :limit
    """,
    "seq",
)


async def older(
    q: Queries,
    room_id: str,
    *,
    below: int | None,
    limit: int,
    max_bytes: int = MAX_PAGE,
    thread_replies: bool = True,
) -> list[PagedMessageRow]:
    """Messages of a room below a place, or at its end, newest first, without the deleted ones: see `ended_by_size`.

    Without `thread_replies` those are left out that stand in their threads alone.
    """
    return await q.rows(
        PagedMessageRow,
        OLDER,
        room_id=room_id,
        below=below,
        limit=limit,
        max_bytes=max_bytes,
        thread_replies=thread_replies,
    )


async def newer(
    q: Queries,
    room_id: str,
    *,
    above: int,
    limit: int,
    max_bytes: int = MAX_PAGE,
    thread_replies: bool = True,
) -> list[PagedMessageRow]:
    """The messages of a room that come next after a place, newest first, without the deleted ones.

    See `older`.
    """
    rows = await q.rows(
        PagedMessageRow,
        NEWER,
        room_id=room_id,
        above=above,
        limit=limit,
        max_bytes=max_bytes,
        thread_replies=thread_replies,
    )
    return rows[::-1]


async def shown(q: Queries, message_ids: Sequence[str]) -> list[ShownMessageRow]:
    """The messages with the given ids, in no order."""
    return await q.rows(
        ShownMessageRow,
        f"{SHOWN_MESSAGES} where id = any(cast(:message_ids as text[]))",
        message_ids=list(message_ids),
    )


async def room_for(q: Queries, room_id: str, user_id: str) -> RoomLogRow | None:
    """A room with its log and the state of a user in it; None when there is no such room."""
    return await q.row(
        RoomLogRow,
        f"""
        select r.id, r.kind, r.name, r.description, r.created_by, r.change_seq, r.created_at, r.modified_at,
               r.archived_at, {PINS} as pins, r.last_seq, m.state
        from rooms r
        left join room_members m on m.room_id = r.id and m.user_id = :user_id
        where r.id = :room_id
        """,  # noqa: S608 - of constants of this program
        room_id=room_id,
        user_id=user_id,
    )


CHANGED = ended_by_size(
    SHOWN_MESSAGE,
    """
    select * from shown_messages
    where room_id = :room_id and change_seq > :after
    order by change_seq
    limit :limit
    """,
    "change_seq",
)


async def changed_messages(
    q: Queries, room_id: str, *, after: int, limit: int, max_bytes: int = MAX_PAGE
) -> list[PagedMessageRow]:
    """Messages, deleted ones too, whose last change has a number above `after`, in the order of these numbers.

    See `ended_by_size`.
    """
    return await q.rows(
        PagedMessageRow, CHANGED, room_id=room_id, after=after, limit=limit, max_bytes=max_bytes
    )


async def changed_members(q: Queries, room_id: str, *, after: int, limit: int) -> list[MemberRow]:
    """Users who have, or had, to do with a room, and whose last change has a number above `after`, in that order."""
    return await q.rows(
        MemberRow,
        f"""
        {SHOWN_MEMBERS}
        where room_id = :room_id and change_seq > :after
        order by change_seq
        limit :limit
        """,
        room_id=room_id,
        after=after,
        limit=limit,
    )
