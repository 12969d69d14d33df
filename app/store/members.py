"""Memberships: one row for each user who ever had to do with a room."""

from collections.abc import Sequence

from app.db import Queries, Row


async def room_ids_of_user(q: Queries, user_id: str) -> list[str]:
    """The ids of all rooms of a user, direct ones included."""
    rows = await q.rows(
        "select room_id from room_members where user_id = :user_id and state = 'member'", user_id=user_id
    )
    return [row["room_id"] for row in rows]


async def rooms_among(q: Queries, user_id: str, room_ids: Sequence[str]) -> set[str]:
    """Those of the given rooms that the user is a member of."""
    rows = await q.rows(
        """
        select room_id from room_members
        where user_id = :user_id and state = 'member' and room_id = any(cast(:room_ids as text[]))
        """,
        user_id=user_id,
        room_ids=list(room_ids),
    )
    return {row["room_id"] for row in rows}


async def state(q: Queries, room_id: str, user_id: str) -> Row | None:
    """How a user has to do with a room, tombstones and bans included; None when never."""
    return await q.row(
        "select state, role from room_members where room_id = :room_id and user_id = :user_id",
        room_id=room_id,
        user_id=user_id,
    )


async def shown(q: Queries, room_id: str, user_id: str) -> Row | None:
    """Somebody who has to do with a room, tombstones and bans included, with the user's name."""
    return await q.row(
        "select * from shown_members where room_id = :room_id and user_id = :user_id",
        room_id=room_id,
        user_id=user_id,
    )


async def others(q: Queries, room_id: str, user_id: str) -> Row:
    """Whether a room has other members, and other admins, than the user: `members` and `admins`."""
    row = await q.row(
        """
        select exists (
                   select from room_members
                   where room_id = :room_id and user_id <> :user_id and state = 'member'
               ) as members,
               exists (
                   select from room_members
                   where room_id = :room_id and user_id <> :user_id and state = 'member' and role = 'admin'
               ) as admins
        """,
        room_id=room_id,
        user_id=user_id,
    )
    assert row is not None
    return row


async def put(q: Queries, *, member_id: str, room_id: str, user_id: str, role: str, change_seq: int) -> None:
    """Makes a user a member of a locked room, anew or again; what came before counts as read."""
    await q.value(
        """
        insert into room_members (id, room_id, user_id, role, change_seq, last_read_seq)
        values (:member_id, :room_id, :user_id, :role, :change_seq, :change_seq)
        on conflict (room_id, user_id) do update
        set role = excluded.role, state = 'member', change_seq = excluded.change_seq, joined_at = now(),
            left_at = null, changed_by = null, last_read_at = null, last_read_seq = excluded.last_read_seq
        """,
        member_id=member_id,
        room_id=room_id,
        user_id=user_id,
        role=role,
        change_seq=change_seq,
    )


async def mark_left(q: Queries, *, room_id: str, user_id: str, change_seq: int) -> None:
    """Turns a membership of a locked room into a tombstone."""
    await q.value(
        """
        update room_members
        set state = 'left', role = 'member', left_at = now(), change_seq = :change_seq, changed_by = null
        where room_id = :room_id and user_id = :user_id
        """,
        room_id=room_id,
        user_id=user_id,
        change_seq=change_seq,
    )
