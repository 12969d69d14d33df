"""Memberships: one row for each user who ever had to do with a room."""

from collections.abc import Sequence

from app.db.queries import Queries
from app.db.rows import Row
from app.payloads.fields.field_types import MemberState, Role
from app.store.log.room_log import SHOWN_MEMBERS, MemberRow


class MembershipRow(Row, frozen=True):
    """How a user has to do with a room."""

    state: MemberState
    role: Role


class RoomsOfUserRow(Row, frozen=True):
    """A user, and the ids of the user's rooms."""

    user_id: str
    room_ids: list[str]


class EndedMembershipRow(Row, frozen=True):
    """An ended membership: the user and the room."""

    room_id: str
    user_id: str


class OthersRow(Row, frozen=True):
    """Two flags: a room has other members, and other admins, than a user."""

    members: bool
    admins: bool


async def room_ids_of_user(q: Queries, user_id: str) -> list[str]:
    """The ids of all rooms of a user, direct ones included."""
    return await q.column(
        str, "select room_id from room_members where user_id = :user_id and state = 'member'", user_id=user_id
    )


async def room_ids_of_users(q: Queries, user_ids: Sequence[str]) -> dict[str, list[str]]:
    """The ids of all rooms of each of the users, direct ones included."""
    rows = await q.rows(
        RoomsOfUserRow,
        """
        select user_id, array_agg(room_id) as room_ids
        from room_members
        where user_id = any(cast(:user_ids as text[])) and state = 'member'
        group by user_id
        """,
        user_ids=list(user_ids),
    )
    found = {row.user_id: row.room_ids for row in rows}
    return {user_id: found.get(user_id, []) for user_id in user_ids}


async def rooms_among(q: Queries, user_id: str, room_ids: Sequence[str]) -> set[str]:
    """Those of the given rooms that the user is a member of."""
    room_ids_of_both = await q.column(
        str,
        """
        select room_id from room_members
        where user_id = :user_id and state = 'member' and room_id = any(cast(:room_ids as text[]))
        """,
        user_id=user_id,
        room_ids=list(room_ids),
    )
    return set(room_ids_of_both)


async def state(q: Queries, room_id: str, user_id: str) -> MembershipRow | None:
    """How a user has to do with a room, tombstones and bans included; None when never."""
    return await q.row(
        MembershipRow,
        "select state, role from room_members where room_id = :room_id and user_id = :user_id",
        room_id=room_id,
        user_id=user_id,
    )


async def shown(q: Queries, room_id: str, user_id: str) -> MemberRow | None:
    """A user who has to do with a room, tombstones and bans included, with the user's name."""
    return await q.row(
        MemberRow,
        f"{SHOWN_MEMBERS} where room_id = :room_id and user_id = :user_id",
        room_id=room_id,
        user_id=user_id,
    )


async def ended_lately(q: Queries, seconds: float) -> list[EndedMembershipRow]:
    """The memberships that have ended in so many seconds and were not begun again."""
    return await q.rows(
        EndedMembershipRow,
        """
        select room_id, user_id from room_members
        where left_at > now() - cast(:seconds as double precision) * interval '1 second'
        """,
        seconds=seconds,
    )


async def others(q: Queries, room_id: str, user_id: str) -> OthersRow:
    """Looks for other members, and other admins, of a room than the user."""
    row = await q.row(
        OthersRow,
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


async def count_of_user(q: Queries, user_id: str, state: str = "member") -> int:
    """How many public and private rooms a user is a `member` of, or `invited` to."""
    count: int = await q.value(
        """
        select count(*)
        from room_members m
        join rooms r on r.id = m.room_id
        where m.user_id = :user_id and m.state = :state and m.state in ('member', 'invited') and r.kind <> 'direct'
          and r.group_key is null
        """,
        user_id=user_id,
        state=state,
    )
    return count


async def listed(q: Queries, room_id: str, *, after: str | None, limit: int) -> list[MemberRow]:
    """Members of a room and people invited to it, in the order of their ids, after `after`."""
    return await q.rows(
        MemberRow,
        f"""
        {SHOWN_MEMBERS}
        where room_id = :room_id and user_id = any(array(
            select user_id
            from room_members
            where room_id = :room_id and state in ('member', 'invited')
              and user_id > coalesce(cast(:after as text), '')
            order by user_id
            limit :limit
        ))
        order by user_id
        """,  # noqa: S608 - of constants of this program
        room_id=room_id,
        after=after,
        limit=limit,
    )


async def banned(q: Queries, room_id: str, *, after: str | None, limit: int) -> list[MemberRow]:
    """People banned from a room, in the order of their ids, after `after`."""
    return await q.rows(
        MemberRow,
        f"""
        {SHOWN_MEMBERS}
        where room_id = :room_id and state = 'banned' and user_id > coalesce(cast(:after as text), '')
        order by user_id
        limit :limit
        """,
        room_id=room_id,
        after=after,
        limit=limit,
    )


async def put(
    q: Queries,
    *,
    member_id: str,
    room_id: str,
    user_id: str,
    role: str,
    change_seq: int,
    state: str = "member",
    changed_by: str | None = None,
) -> None:
    """Gives a user a place in a locked room, anew or again; what came before counts as read."""
    await q.value(
        """
        insert into room_members (id, room_id, user_id, role, state, changed_by, change_seq, last_read_seq)
        values (:member_id, :room_id, :user_id, :role, :state, :changed_by, :change_seq, :change_seq)
        on conflict (room_id, user_id) do update
        set role = excluded.role, state = excluded.state, change_seq = excluded.change_seq, joined_at = now(),
            left_at = null, changed_by = excluded.changed_by, last_read_at = null,
            last_read_seq = excluded.last_read_seq, muted_until = null, notify = null, hidden_at_seq = null,
            unread_from = null, is_favorite = false
        """,
        member_id=member_id,
        room_id=room_id,
        user_id=user_id,
        role=role,
        state=state,
        changed_by=changed_by,
        change_seq=change_seq,
    )


async def set_role(
    q: Queries, *, room_id: str, user_id: str, role: str, change_seq: int, changed_by: str
) -> None:
    """Changes what a member of a locked room may do."""
    await q.value(
        """
        update room_members
        set role = :role, change_seq = :change_seq, changed_by = :changed_by
        where room_id = :room_id and user_id = :user_id
        """,
        room_id=room_id,
        user_id=user_id,
        role=role,
        change_seq=change_seq,
        changed_by=changed_by,
    )


async def mark_left(
    q: Queries,
    *,
    room_id: str,
    user_id: str,
    change_seq: int,
    state: str = "left",
    changed_by: str | None = None,
) -> None:
    """Turns a user's row in a locked room into a tombstone: `left`, `removed` or `banned`."""
    await q.value(
        """
        update room_members
        set state = :state, role = 'member', left_at = coalesce(left_at, now()), change_seq = :change_seq,
            changed_by = :changed_by
        where room_id = :room_id and user_id = :user_id
        """,
        room_id=room_id,
        user_id=user_id,
        state=state,
        change_seq=change_seq,
        changed_by=changed_by,
    )


async def has_more_than(q: Queries, room_id: str, number: int) -> bool:
    """True if a room has more members than `number`."""
    return bool(
        await q.value(
            """
            select exists (
                select from room_members where room_id = :room_id and state = 'member' offset :number
            )
            """,
            room_id=room_id,
            number=number,
        )
    )
