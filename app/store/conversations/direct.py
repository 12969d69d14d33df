"""Direct conversations, rooms of two people, or of one for notes to oneself; and groups, rooms of a few.

The same people have one group, and nobody else enters it. Such a room is private and has no admins: an instance of an
earlier version takes it for any private room.
"""

import datetime as dt
from collections.abc import Sequence

from app.db.queries import Queries
from app.db.rows import Row
from app.store.log.direct_key import key_of, other_person
from app.store.log.message_rows import SHOWN_MESSAGE, ShownMessageRow
from app.store.log.pages import MAX_PAGE, ended_by_size
from app.store.log.room_log import PINS


class DirectRoomRow(Row, frozen=True):
    """The room of two people, and whether anything was ever `written` in it."""

    id: str
    written: bool


class ConversationRow(Row, frozen=True):
    """A direct conversation, as one of the two sees it: with the numbers of `shown_rooms` and the other person.

    `last_message` is the last one that is not deleted, None when none is left. `there_are`: see `ended_by_size`.
    """

    conversation_id: str
    last_seq: int
    last_read_seq: int
    unread: int
    unread_from: int | None
    muted: bool
    muted_until: dt.datetime | None
    is_favorite: bool
    other_id: str
    other_username: str
    other_display_name: str | None
    other_avatar: str | None
    pins: list[str]
    last_message: ShownMessageRow | None
    there_are: int


async def find(q: Queries, user_id: str, other_id: str) -> DirectRoomRow | None:
    """The room of two people; None before there is one."""
    return await q.row(
        DirectRoomRow,
        """
        select id, exists (select from messages where room_id = rooms.id) as written
        from rooms
        where direct_key = :direct_key
        """,
        direct_key=key_of(user_id, other_id),
    )


async def insert(q: Queries, *, room_id: str, created_by: str, other_id: str) -> bool:
    """Adds the room of two people, still without them; False when they have one."""
    return bool(
        await q.value(
            """
            insert into rooms (id, kind, direct_key, created_by)
            values (:room_id, 'direct', :direct_key, :created_by)
            on conflict (direct_key) do nothing
            returning true
            """,
            room_id=room_id,
            direct_key=key_of(created_by, other_id),
            created_by=created_by,
        )
    )


async def is_conversation(q: Queries, user_id: str, room_id: str) -> bool:
    """True if a room is one of the direct conversations of a user."""
    return bool(
        await q.value(
            "select true from shown_rooms where id = :room_id and user_id = :user_id and kind = 'direct'",
            room_id=room_id,
            user_id=user_id,
        )
    )


CONVERSATIONS = ended_by_size(
    f"""
    conversation_id, last_seq, last_read_seq, unread, unread_from, muted, muted_until, is_favorite,
    other_id, other_username, other_display_name, other_avatar, pins, {SHOWN_MESSAGE}
    """,
    f"""
    select page.conversation_id, page.place, r.last_seq, r.last_read_seq, r.unread, r.unread_from,
           page.muted, page.muted_until, page.is_favorite,
           other.id as other_id, other.username as other_username, other.display_name as other_display_name,
           other.avatar as other_avatar, {PINS} as pins,
           s.*
    from page
    join shown_rooms r on r.id = page.conversation_id and r.user_id = :user_id
    join users other on other.id = {other_person("r.user_id")}
    left join shown_messages s on s.id = page.last_id
    """,  # noqa: S608 - of constants of this program
    "place desc",
    given="""
    with mine as (
        select r.id as conversation_id, last.id as last_id, coalesce(last.id, r.id) as place,
               coalesce(m.muted_until > now(), false) as muted,
               case when m.muted_until > now() and isfinite(m.muted_until) then m.muted_until end as muted_until,
               m.is_favorite,
               m.hidden_at_seq is not null and not exists (
                   select from messages where room_id = r.id and seq > m.hidden_at_seq
               ) as hidden
        from room_members m
        join rooms r on r.id = m.room_id and r.kind = 'direct'
        left join lateral (
            select id from messages
            where room_id = r.id and deleted_at is null
            order by seq desc
            limit 1
        ) last on true
        where m.user_id = :user_id and m.state = 'member'
          and (last.id is not null or exists (select from messages where room_id = r.id))
    ), page as (
        select *
        from mine
        where not hidden
          and (cast(:before as text) is null
               or place < (select place from mine where conversation_id = cast(:before as text)))
        order by place desc
        limit :limit
    )
    """,
)


async def conversations(
    q: Queries, user_id: str, *, before: str | None, limit: int, max_bytes: int = MAX_PAGE
) -> list[ConversationRow]:
    """The direct conversations of a user in which there ever was a message, the last message first.

    One without a message that is left stands where it began. `before` is the id of another conversation of that list.
    One that the user has hidden is left out until there is a message after that. See `ended_by_size`.
    """
    return await q.rows(
        ConversationRow, CONVERSATIONS, user_id=user_id, before=before, limit=limit, max_bytes=max_bytes
    )


class GroupRow(Row, frozen=True):
    """The room of some people, and whether anything was ever `written` in it."""

    id: str
    written: bool


def group_key(user_ids: Sequence[str]) -> str:
    """The key that only the room of just these people has."""
    return ":".join(sorted(user_ids))


async def find_group(q: Queries, user_ids: Sequence[str]) -> GroupRow | None:
    """The room of just these people; None before there is one."""
    return await q.row(
        GroupRow,
        """
        select id, exists (select from messages where room_id = rooms.id) as written
        from rooms
        where group_key = :group_key
        """,
        group_key=group_key(user_ids),
    )


async def insert_group(
    q: Queries, *, room_id: str, created_by: str, user_ids: Sequence[str], name: str
) -> bool:
    """Adds the room of some people, still without them; False when they have one.

    The `name` is for clients that know nothing of groups.
    """
    return bool(
        await q.value(
            """
            insert into rooms (id, kind, name, group_key, created_by, words_version)
            values (:room_id, 'private', :name, :group_key, :created_by, 0)
            on conflict (group_key) do nothing
            returning true
            """,
            room_id=room_id,
            name=name,
            group_key=group_key(user_ids),
            created_by=created_by,
        )
    )


async def unhide_group(q: Queries, room_id: str, user_id: str) -> None:
    """Puts a group on a member's list again."""
    await q.value(
        "update room_members set hidden_at_seq = null where room_id = :room_id and user_id = :user_id",
        room_id=room_id,
        user_id=user_id,
    )
