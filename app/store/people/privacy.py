"""The users who may begin a direct conversation with a user, and those who may invite the user to rooms."""

from app.db.queries import Queries
from app.db.rows import Row
from app.payloads.fields.field_types import Audience


class PrivacyRow(Row, frozen=True):
    """The privacy settings of a user."""

    direct_messages_from: Audience
    invitations_from: Audience


class TowardsRow(PrivacyRow, frozen=True):
    """The privacy settings of a user towards another one.

    `blocked` says whether the user has blocked the other one, `blocking` whether the other one has blocked the user,
    and `share_room` whether both are members of a room, direct conversations aside.
    """

    blocked: bool
    blocking: bool
    share_room: bool


async def settings(q: Queries, user_id: str) -> PrivacyRow:
    """The settings of a user."""
    row = await q.row(
        PrivacyRow,
        "select direct_messages_from, invitations_from from users where id = :user_id",
        user_id=user_id,
    )
    assert row is not None
    return row


async def update(
    q: Queries, user_id: str, *, direct_messages_from: str | None, invitations_from: str | None
) -> PrivacyRow:
    """Changes the settings that are not None; returns all of them, as `settings` does."""
    row = await q.row(
        PrivacyRow,
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


async def towards(q: Queries, user_id: str, other_id: str) -> TowardsRow | None:
    """The privacy settings of another user towards a user; None where there is no such other user."""
    return await q.row(
        TowardsRow,
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
