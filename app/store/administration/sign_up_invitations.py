"""Invitations by a link, found by the hash of its token: to sign up, and of people with an account into a room.

One is open until it is revoked, has expired or was used as often as it may be.
"""

import datetime as dt
from collections.abc import Sequence

from app.db.queries import Queries
from app.db.rows import Row
from app.payloads.fields.field_types import RoomKind

IS_OPEN = "i.revoked_at is null and i.expires_at > now() and (i.most_uses is null or i.uses < i.most_uses)"
ROOM_IDS = "array(select room_id from sign_up_invitation_rooms where invitation_id = i.id order by room_id)"

ROOM_NAMES = """array(
    select r.name
    from sign_up_invitation_rooms into_room
    join rooms r on r.id = into_room.room_id
    where into_room.invitation_id = i.id
    order by into_room.room_id
)"""


class OpenInvitationRow(Row, frozen=True):
    """An invitation that can be used, and the rooms that it leads to."""

    id: str
    room_ids: list[str]


class SignUpInvitationRow(Row, frozen=True):
    """An invitation, as administrators see it. `most_uses` is None for any number; `room_names` are in the order of
    `room_ids`."""

    id: str
    note: str | None
    most_uses: int | None
    uses: int
    created_at: dt.datetime
    expires_at: dt.datetime
    revoked_at: dt.datetime | None
    is_open: bool
    room_ids: list[str]
    room_names: list[str]


class LinkRow(Row, frozen=True):
    """A link into a room, with who made it."""

    id: str
    most_uses: int | None
    uses: int
    created_at: dt.datetime
    expires_at: dt.datetime
    creator_id: str
    username: str
    display_name: str | None
    avatar: str | None


class LinkedRoomRow(Row, frozen=True):
    """The room that an open link leads to, and the id of the link."""

    link_id: str
    id: str
    name: str
    description: str | None
    kind: RoomKind
    member_count: int
    joined: bool


async def insert(
    q: Queries,
    *,
    invitation_id: str,
    token_hash: str,
    note: str | None,
    most_uses: int | None,
    seconds: int,
    room_ids: Sequence[str] = (),
    into_room: str | None = None,
    created_by: str | None = None,
) -> dt.datetime:
    """Adds an invitation that is open for so many seconds; returns when it expires.

    It is one to sign up, into some rooms, or a link of somebody `into_room`.
    """
    expires_at: dt.datetime = await q.value(
        """
        with made as (
            insert into sign_up_invitations (id, token_hash, note, most_uses, expires_at, into_room, created_by)
            values (:invitation_id, :token_hash, cast(:note as text), cast(:most_uses as integer),
                    now() + make_interval(secs => :seconds), cast(:into_room as text), cast(:created_by as text))
            returning id, expires_at
        ), into_rooms as (
            insert into sign_up_invitation_rooms (invitation_id, room_id)
            select made.id, room_id from made, unnest(cast(:room_ids as text[])) as room_id
        )
        select expires_at from made
        """,
        invitation_id=invitation_id,
        token_hash=token_hash,
        note=note,
        most_uses=most_uses,
        seconds=seconds,
        room_ids=list(room_ids),
        into_room=into_room,
        created_by=created_by,
    )
    return expires_at


async def find_open(q: Queries, token_hash: str) -> OpenInvitationRow | None:
    """The open invitation to sign up with a token of that hash."""
    return await q.row(
        OpenInvitationRow,
        f"""
        select i.id, {ROOM_IDS} as room_ids
        from sign_up_invitations i
        where i.token_hash = :token_hash and i.into_room is null and {IS_OPEN}
        """,  # noqa: S608 - of constants of this program
        token_hash=token_hash,
    )


async def use(q: Queries, invitation_id: str) -> bool:
    """Counts one more use of an invitation; False if it is not open any more."""
    used = await q.value(
        f"update sign_up_invitations i set uses = uses + 1 where i.id = :invitation_id and {IS_OPEN} returning true",  # noqa: S608 - of constants of this program
        invitation_id=invitation_id,
    )
    return used is not None


async def revoke(q: Queries, invitation_id: str, *, into_room: str | None = None) -> bool:
    """Ends an invitation to sign up, or one `into_room`; False if there is none, or it was revoked before."""
    revoked = await q.value(
        """
        update sign_up_invitations set revoked_at = now()
        where id = :invitation_id and revoked_at is null and into_room is not distinct from cast(:into_room as text)
        returning true
        """,
        invitation_id=invitation_id,
        into_room=into_room,
    )
    return revoked is not None


async def listed(q: Queries, *, after: str, limit: int) -> list[SignUpInvitationRow]:
    """Invitations to sign up, in the order in which they were made, behind the one with the id `after`."""
    return await q.rows(
        SignUpInvitationRow,
        f"""
        select i.id, i.note, i.most_uses, i.uses, i.created_at, i.expires_at, i.revoked_at, {IS_OPEN} as is_open,
               {ROOM_IDS} as room_ids, {ROOM_NAMES} as room_names
        from sign_up_invitations i
        where i.id > :after and i.into_room is null
        order by i.id
        limit :limit
        """,  # noqa: S608 - of constants of this program
        after=after,
        limit=limit,
    )


async def open_links(q: Queries, room_id: str) -> list[LinkRow]:
    """The open links into a room, in the order in which they were made."""
    return await q.rows(
        LinkRow,
        f"""
        select i.id, i.most_uses, i.uses, i.created_at, i.expires_at, u.id as creator_id,
               u.username, u.display_name, u.avatar
        from sign_up_invitations i
        join users u on u.id = i.created_by
        where i.into_room = :room_id and {IS_OPEN}
        order by i.id
        """,  # noqa: S608 - of constants of this program
        room_id=room_id,
    )


async def linked_room(q: Queries, token_hash: str, user_id: str) -> LinkedRoomRow | None:
    """The room that the open link with a token of that hash leads to, as a user sees it."""
    return await q.row(
        LinkedRoomRow,
        f"""
        select i.id as link_id, r.id, r.name, r.description, r.kind,
               (select count(*)
                from (select from room_members m where m.room_id = r.id and m.state = 'member' limit 1000) counted
               ) as member_count,
               exists (
                   select from room_members mine
                   where mine.room_id = r.id and mine.user_id = :user_id and mine.state = 'member'
               ) as joined
        from sign_up_invitations i
        join rooms r on r.id = i.into_room and r.deleted_at is null
        where i.token_hash = :token_hash and {IS_OPEN}
        """,  # noqa: S608 - of constants of this program
        token_hash=token_hash,
        user_id=user_id,
    )
