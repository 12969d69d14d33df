"""Rooms, as administrators see and treat them: lists, rooms for new people, and the deletion of a room in parts.

A room that is being deleted has `deleted_at`: first its memberships end, then its messages go, then the room itself.
"""

import datetime as dt
from collections.abc import Sequence

from app.db.queries import Queries
from app.db.rows import Row
from app.payloads.fields.field_types import RoomKind
from app.store.log.room_log import SHOWN_MEMBERS, MemberRow


class AdministeredRoomRow(Row, frozen=True):
    """A public or private room, no group. `member_count` counts up to 1,000; it `has_admin` who is not deactivated."""

    id: str
    kind: RoomKind
    name: str
    description: str | None
    created_at: dt.datetime
    member_count: int
    has_admin: bool
    is_default: bool
    retention_days: int | None
    archived_at: dt.datetime | None


class EndedRow(Row, frozen=True):
    """A membership that was ended; an invitation where it `was_member` not."""

    user_id: str
    was_member: bool


IS_DEFAULT = "select from default_rooms d where d.room_id = r.id"
# One who can act: of the admins of a room, all may have been deactivated.
HAS_ADMIN = """
select from room_members m
join users u on u.id = m.user_id
where m.room_id = r.id and m.state = 'member' and m.role = 'admin' and u.deactivated_at is null
"""
ADMINISTERED = f"""
select r.id, r.kind, r.name, r.description, r.created_at,
       (select count(*)
        from (select from room_members m where m.room_id = r.id and m.state = 'member' limit 1000) counted
       ) as member_count,
       exists ({HAS_ADMIN}) as has_admin,
       exists ({IS_DEFAULT}) as is_default, r.retention_days, r.archived_at
from rooms r
where r.kind <> 'direct' and r.group_key is null and r.deleted_at is null
"""  # noqa: S608 - of constants of this program


async def listed(
    q: Queries, search: str, *, without_admin: bool, after: str, limit: int
) -> list[AdministeredRoomRow]:
    """Rooms whose names have a text in them, in any case, by id, behind the id `after`; or only those without admin."""
    return await q.rows(
        AdministeredRoomRow,
        f"""
        {ADMINISTERED} and r.id > :after
          and position(lower(cast(:search as text)) in lower(r.name)) > 0
          and not (cast(:without_admin as boolean) and exists ({HAS_ADMIN}))
        order by r.id
        limit :limit
        """,
        search=search,
        without_admin=without_admin,
        after=after,
        limit=limit,
    )


async def find(q: Queries, room_id: str) -> AdministeredRoomRow | None:
    """A public or private room that is not being deleted."""
    return await q.row(AdministeredRoomRow, f"{ADMINISTERED} and r.id = :room_id", room_id=room_id)


async def defaults(q: Queries) -> list[AdministeredRoomRow]:
    """The rooms that whoever signs up enters, by id."""
    return await q.rows(AdministeredRoomRow, f"{ADMINISTERED} and exists ({IS_DEFAULT}) order by r.id")


async def default_ids(q: Queries) -> list[str]:
    """The ids of the rooms that whoever signs up enters."""
    return await q.column(str, "select room_id from default_rooms order by room_id")


async def add_default(q: Queries, room_id: str) -> bool:
    """Makes a locked room one that whoever signs up enters; false where it is one already."""
    added = await q.value(
        "insert into default_rooms (room_id) values (:room_id) on conflict do nothing returning true",
        room_id=room_id,
    )
    return added is not None


async def remove_default(q: Queries, room_id: str) -> bool:
    """Takes a room from those that whoever signs up enters; false where it is none."""
    removed = await q.value(
        "delete from default_rooms where room_id = :room_id returning true", room_id=room_id
    )
    return removed is not None


async def set_retention(q: Queries, room_id: str, days: int | None) -> None:
    """Has a locked room keep its messages for some days; None for ever."""
    await q.value(
        "update rooms set retention_days = cast(:days as integer) where id = :room_id",
        room_id=room_id,
        days=days,
    )


async def begin_deletion(q: Queries, room_id: str) -> None:
    """Marks a locked room as one that is being deleted: nobody finds or enters it from now on."""
    await q.value(
        """
        with no_default as (
            delete from default_rooms where room_id = :room_id
        ), not_invited as (
            delete from sign_up_invitation_rooms where room_id = :room_id
        ), not_linked as (
            delete from sign_up_invitations where into_room = :room_id
        )
        update rooms set deleted_at = now(), kind = 'private' where id = :room_id
        """,
        room_id=room_id,
    )


async def lock_deleted(q: Queries, room_id: str | None = None) -> str | None:
    """Holds a room that is being deleted and that no other transaction holds: the given one, or the oldest."""
    found: str | None = await q.value(
        """
        select id from rooms
        where deleted_at is not null and id = coalesce(cast(:room_id as text), id)
        order by deleted_at
        limit 1
        for update skip locked
        """,
        room_id=room_id,
    )
    return found


async def end_memberships(q: Queries, room_id: str, limit: int) -> list[EndedRow]:
    """Ends some memberships and invitations of a locked room, each with the next number of its log."""
    return await q.rows(
        EndedRow,
        """
        with ending as (
            select user_id, state = 'member' as was_member, row_number() over (order by user_id) as number
            from (select user_id, state from room_members
                  where room_id = :room_id and state in ('member', 'invited')
                  order by user_id
                  limit :limit) present
        ), raised as (
            update rooms
            set last_seq = last_seq + (select count(*) from ending), changed_minute = date_trunc('minute', now())
            where id = :room_id
            returning last_seq - (select count(*) from ending) as before
        )
        update room_members m
        set state = 'removed', role = 'member', left_at = coalesce(m.left_at, now()), changed_by = null,
            change_seq = raised.before + ending.number
        from ending, raised
        where m.room_id = :room_id and m.user_id = ending.user_id
        returning m.user_id, ending.was_member
        """,
        room_id=room_id,
        limit=limit,
    )


async def shown_members(q: Queries, room_id: str, user_ids: Sequence[str]) -> list[MemberRow]:
    """Users who have, or had, to do with a room, in the order of their last changes."""
    return await q.rows(
        MemberRow,
        f"{SHOWN_MEMBERS} where room_id = :room_id and user_id = any(cast(:user_ids as text[])) order by change_seq",
        room_id=room_id,
        user_ids=list(user_ids),
    )


async def delete_messages(q: Queries, room_id: str, limit: int) -> int:
    """Deletes the newest messages of a locked room, the files of which expire at once; returns how many.

    The newest first: no message that is left answers one that is gone.
    """
    message_ids = await q.column(
        str,
        "select id from messages where room_id = :room_id order by seq desc limit :limit",
        room_id=room_id,
        limit=limit,
    )
    await q.value(
        """
        update files set message_id = null, expires_at = now()
        where message_id = any(cast(:message_ids as text[]))
        """,
        message_ids=message_ids,
    )
    await q.value(
        "delete from messages where id = any(cast(:message_ids as text[]))", message_ids=message_ids
    )
    return len(message_ids)


async def delete(q: Queries, room_id: str) -> None:
    """Deletes a locked room without messages, and the traces of who was in it."""
    await q.value("delete from rooms where id = :room_id", room_id=room_id)
