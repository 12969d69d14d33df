"""Who may begin a direct conversation with a user, and who may invite the user to rooms."""

from app.db.queries import Queries, Row


async def settings(q: Queries, user_id: str) -> Row:
    """A user's `direct_messages_from` and `invitations_from`."""
    row = await q.row(
        "select direct_messages_from, invitations_from from users where id = :user_id", user_id=user_id
    )
    assert row is not None
    return row


async def update(
    q: Queries, user_id: str, *, direct_messages_from: str | None, invitations_from: str | None
) -> Row:
    """Changes the settings that are not None; returns all of them, as `settings` does."""
    row = await q.row(
        """
        update users
        set direct_messages_from = coalesce(cast(:direct_messages_from as text), direct_messages_from),
            invitations_from = coalesce(cast(:invitations_from as text), invitations_from)
        where id = :user_id
        returning direct_messages_from, invitations_from
        """,
        user_id=user_id,
        direct_messages_from=direct_messages_from,
        invitations_from=invitations_from,
    )
    assert row is not None
    return row


async def towards(q: Queries, user_id: str, other_id: str) -> Row | None:
    """What another user allows to a user; None where there is no such other user.

    The row says whether either has blocked the other, `blocked` by the other and `blocking` by the user; has the
    other's settings; and says whether both are members of a room, direct conversations aside: `share_room`.
    """
    return await q.row(
        """
        select u.direct_messages_from, u.invitations_from,
               exists (select from user_blocks where blocker_id = u.id and blocked_id = :user_id) as blocked,
               exists (select from user_blocks where blocker_id = :user_id and blocked_id = u.id) as blocking,
               exists (
                   select
                   from room_members mine
                   join rooms r on r.id = mine.room_id and r.kind <> 'direct'
                   join room_members theirs on theirs.room_id = r.id
                   where mine.user_id = :user_id and mine.state = 'member'
                     and theirs.user_id = u.id and theirs.state = 'member'
               ) as share_room
        from users u
        where u.id = :other_id
        """,
        user_id=user_id,
        other_id=other_id,
    )
