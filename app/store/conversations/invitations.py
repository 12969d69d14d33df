"""Invitations to rooms: memberships in the state `invited`, whose `changed_by` is the inviter."""

from app.db.queries import Queries
from app.db.rows import Row
from app.store.conversations.rooms import OWN, OwnRoomRow


class PendingRow(Row, frozen=True):
    """How many invitations of an inviter have no answer yet: to any user, and to a certain one."""

    of_inviter: int
    of_pair: int


# How long an inviter has to wait before inviting a user who declined to the same room again.
HOURS_AFTER_DECLINE = 24


async def pending(q: Queries, inviter_id: str, user_id: str) -> PendingRow:
    """Counts the invitations of an inviter that have no answer yet, and those of them to the user."""
    row = await q.row(
        PendingRow,
        """
        select count(*) as of_inviter, count(*) filter (where user_id = :user_id) as of_pair
        from room_members
        where changed_by = :inviter_id and state = 'invited'
        """,
        inviter_id=inviter_id,
        user_id=user_id,
    )
    assert row is not None
    return row


async def is_hidden(q: Queries, room_id: str, user_id: str) -> bool:
    """True if a user does not see an invitation to a room because they blocked its inviter."""
    return bool(
        await q.value(
            """
            select true
            from room_members m
            join user_blocks b on b.blocker_id = m.user_id and b.blocked_id = m.changed_by
            where m.room_id = :room_id and m.user_id = :user_id and m.state = 'invited'
            """,
            room_id=room_id,
            user_id=user_id,
        )
    )


async def was_declined(q: Queries, room_id: str, user_id: str, inviter_id: str) -> bool:
    """True if a user has declined an invitation by this inviter to this room lately."""
    return bool(
        await q.value(
            """
            select true from declined_invitations
            where room_id = :room_id and user_id = :user_id and inviter_id = :inviter_id
              and declined_at > now() - cast(:hours as integer) * interval '1 hour'
            """,
            room_id=room_id,
            user_id=user_id,
            inviter_id=inviter_id,
            hours=HOURS_AFTER_DECLINE,
        )
    )


async def note_declined(q: Queries, room_id: str, user_id: str) -> None:
    """Keeps that a user declines the invitation to a locked room; forgets what is over of those declined before."""
    await q.value(
        """
        with over as (
            delete from declined_invitations
            where user_id = :user_id and room_id <> :room_id
              and declined_at <= now() - cast(:hours as integer) * interval '1 hour'
        )
        insert into declined_invitations (room_id, user_id, inviter_id)
        select room_id, user_id, changed_by
        from room_members
        where room_id = :room_id and user_id = :user_id and state = 'invited' and changed_by is not null
        on conflict (user_id, room_id, inviter_id) do update set declined_at = now()
        """,
        room_id=room_id,
        user_id=user_id,
        hours=HOURS_AFTER_DECLINE,
    )


async def of_user(q: Queries, user_id: str, *, before: str | None, limit: int) -> list[OwnRoomRow]:
    """The rooms that a user is invited to, the latest made first, without invitations by users whom they blocked.

    `before` is the id of a room.
    """
    return await q.rows(
        OwnRoomRow,
        f"""
        {OWN}
        where r.user_id = :user_id and r.state = 'invited' and r.id < coalesce(cast(:before as text), 'z')
          and not exists (
              select from user_blocks b where b.blocker_id = m.user_id and b.blocked_id = m.changed_by
          )
        order by r.id desc
        limit :limit
        """,
        user_id=user_id,
        before=before,
        limit=limit,
    )
