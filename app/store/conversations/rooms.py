"""Rooms, and the numbers of their logs.

Whatever changes a room's log first locks the room's row (`lock`, `lock_all`), so the changes of one room are made one
after the other on all instances, and numbers without gaps come out. Rows of several rooms are locked in the order of
their ids, and always before rows of other tables, so no deadlock arises.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any, Literal

from app.db.queries import Queries
from app.db.rows import Row
from app.payloads.fields.field_types import Role, RoomKind
from app.store.log.room_log import PINS, RoomInfoRow


class LockedRoomRow(Row, frozen=True):
    """The data that decide about a change of a room, which is being deleted since `deleted_at`."""

    id: str
    kind: RoomKind
    name: str | None
    description: str | None
    is_group: bool
    archived_at: dt.datetime | None
    deleted_at: dt.datetime | None


class OwnRoomRow(RoomInfoRow, frozen=True):
    """A room of the view `shown_rooms`, as one who is in it or is invited to it sees it, with what they chose.

    `muted_until` is None where a mute has no end, or there is none. A group has `people`, the others in it, each an
    object with the fields that clients see of a user, and the time of its last message.
    """

    last_seq: int
    unread: int
    mentions: int
    role: Role
    state: Literal["member", "invited"]
    joined_at: dt.datetime
    last_read_at: dt.datetime | None
    last_read_seq: int
    unread_from: int | None
    muted: bool
    muted_until: dt.datetime | None
    is_favorite: bool
    people: list[Any] | None
    last_message_at: dt.datetime | None


async def insert(
    q: Queries,
    *,
    room_id: str,
    kind: str,
    name: str,
    description: str | None,
    created_by: str,
    words: str | None = None,
) -> None:
    """Adds an empty room; its first change will be number 1.

    `words` are what its name is found by, as a `tsvector`; None where they are made later.
    """
    await q.value(
        """
        with made as (
            insert into rooms (id, kind, name, description, created_by, words_version)
            values (:room_id, :kind, :name, :description, :created_by,
                    case when cast(:words as text) is not null then 0 end)
            returning id
        )
        insert into room_words (room_id, words)
        select id, cast(cast(:words as text) as tsvector) from made where cast(:words as text) is not null
        """,
        room_id=room_id,
        kind=kind,
        name=name,
        description=description,
        created_by=created_by,
        words=words,
    )


# A changed row of `rooms r`.
RETURNING = f"""
returning r.id, r.kind, r.name, r.description, r.created_by, r.change_seq, r.created_at, r.modified_at, r.archived_at,
          {PINS} as pins
"""


async def update(
    q: Queries,
    *,
    room_id: str,
    kind: RoomKind,
    name: str | None,
    description: str | None,
    change_seq: int,
    words: str | None = None,
) -> RoomInfoRow:
    """Changes the fields of a locked room; returns the row. `words`: see `insert`."""
    row = await q.row(
        RoomInfoRow,
        f"""
        with named as (
            insert into room_words (room_id, words)
            select :room_id, cast(cast(:words as text) as tsvector) where cast(:words as text) is not null
            on conflict (room_id) do update set words = excluded.words
        )
        update rooms r
        set kind = :kind, name = :name, description = :description, change_seq = :change_seq, modified_at = now(),
            words_version = case when cast(:words as text) is null then words_version
                                 else coalesce(words_version, 0) + 1 end
        where id = :room_id
        {RETURNING}
        """,  # noqa: S608 - of constants of this program
        room_id=room_id,
        kind=kind,
        name=name,
        description=description,
        change_seq=change_seq,
        words=words,
    )
    assert row is not None
    return row


async def lock(q: Queries, room_id: str) -> LockedRoomRow | None:
    """The room's row, held against every other change of its log until the transaction ends."""
    return await q.row(
        LockedRoomRow,
        """
        select id, kind, name, description, group_key is not null as is_group, archived_at, deleted_at from rooms
        where id = :room_id
        for no key update
        """,
        room_id=room_id,
    )


async def archive(q: Queries, room_id: str, change_seq: int, *, archived: bool) -> RoomInfoRow:
    """Archives a locked room, or takes that back; returns the row."""
    row = await q.row(
        RoomInfoRow,
        f"""
        update rooms r
        set archived_at = case when cast(:archived as boolean) then now() end, change_seq = :change_seq,
            modified_at = now()
        where id = :room_id
        {RETURNING}
        """,  # noqa: S608 - of constants of this program
        room_id=room_id,
        change_seq=change_seq,
        archived=archived,
    )
    assert row is not None
    return row


async def touch(q: Queries, room_id: str, change_seq: int) -> RoomInfoRow:
    """Notes that what hangs on a locked room has changed; returns the row."""
    row = await q.row(
        RoomInfoRow,
        f"update rooms r set change_seq = :change_seq, modified_at = now() where id = :room_id {RETURNING}",  # noqa: S608 - of constants of this program
        room_id=room_id,
        change_seq=change_seq,
    )
    assert row is not None
    return row


async def lock_all(q: Queries, room_ids: Sequence[str]) -> list[str]:
    """Holds several rooms against every other change of their logs, in the order of their ids.

    Returns the ids of those that there are and that are not being deleted. What follows in the transaction has a plan
    that was made once. Left to itself, PostgreSQL goes on planning the statement that stores messages anew for as long
    as a connection lives, or does not: that is chance, and takes as long as to run it.
    """
    return await q.column(
        str,
        """
        select id, set_config('plan_cache_mode', 'force_generic_plan', true) from (
            select id, deleted_at from rooms
            where id = any(cast(:room_ids as text[]))
            order by id
            for no key update
        ) held
        where deleted_at is null
        """,
        room_ids=list(room_ids),
    )


async def next_seq(q: Queries, room_id: str) -> int:
    """Takes the next number of the log of a locked room."""
    seq: int = await q.value(
        """
        update rooms set last_seq = last_seq + 1, changed_minute = date_trunc('minute', now())
        where id = :room_id
        returning last_seq
        """,
        room_id=room_id,
    )
    return seq


async def last_seq(q: Queries, room_id: str) -> int:
    """The number of the last change in the log of a room; 0 where there is no such room."""
    return await q.value("select last_seq from rooms where id = :room_id", room_id=room_id) or 0


async def exists(q: Queries, room_id: str) -> bool:
    """True if there is such a room."""
    return bool(await q.value("select true from rooms where id = :room_id", room_id=room_id))


async def no_conversations_among(q: Queries, room_ids: Sequence[str]) -> set[str]:
    """Those of the ids that are of public or private rooms, which are not being deleted."""
    found = await q.column(
        str,
        """
        select id from rooms
        where id = any(cast(:room_ids as text[])) and kind <> 'direct' and group_key is null and deleted_at is null
        """,
        room_ids=list(room_ids),
    )
    return set(found)


# The others who are in a room `r`, of a member `m`, as clients see them.
PEOPLE = """
select coalesce(jsonb_agg(jsonb_build_object('id', u.id, 'username', u.username, 'displayName', u.display_name,
                                             'avatar', u.avatar) order by lower(u.username)), '[]')
from room_members other
join users u on u.id = other.user_id
where other.room_id = r.id and other.state = 'member' and other.user_id <> m.user_id
"""
# `shown_rooms` with what the member chose for themself.
OWN = f"""
select r.id, r.kind, r.name, r.description, r.created_by, r.change_seq, r.created_at, r.modified_at, r.archived_at,
       {PINS} as pins, r.last_seq, r.unread, r.mentions, r.role, r.state, r.joined_at, r.last_read_at, r.last_read_seq,
       r.unread_from, coalesce(m.muted_until > now(), false) as muted,
       case when m.muted_until > now() and isfinite(m.muted_until) then m.muted_until end as muted_until,
       m.is_favorite,
       case when r.group_key is not null then ({PEOPLE}) end as people,
       case when r.group_key is not null then (
           select created_at from messages where room_id = r.id order by seq desc limit 1
       ) end as last_message_at
from shown_rooms r
join room_members m on m.room_id = r.id and m.user_id = r.user_id
"""  # noqa: S608 - of constants of this program


async def of_member(q: Queries, room_id: str, user_id: str, state: str = "member") -> OwnRoomRow | None:
    """A room with how the user belongs to it now, as `member` or as `invited`; None when in no such way."""
    return await q.row(
        OwnRoomRow,
        f"{OWN} where r.id = :room_id and r.user_id = :user_id and r.state = :state",
        room_id=room_id,
        user_id=user_id,
        state=state,
    )


async def of_user(q: Queries, user_id: str) -> list[OwnRoomRow]:
    """The public and private rooms that the user is a member of, by name; groups as direct conversations are listed.

    A group is among them once anything was written in it, to who began it before, and not while it is hidden.
    """
    return await q.rows(
        OwnRoomRow,
        f"""
        {OWN}
        where r.user_id = :user_id and r.state = 'member' and r.kind <> 'direct' and (
            r.group_key is null
            or (r.created_by = r.user_id and m.hidden_at_seq is null)
            or exists (
                select from messages where room_id = r.id and seq > coalesce(m.hidden_at_seq, 0)
            )
        )
        order by lower(r.name), r.id
        """,
        user_id=user_id,
    )
