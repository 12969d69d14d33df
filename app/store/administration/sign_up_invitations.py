"""Invitations to sign up, found by the hash of their token.

One is open until it is revoked, has expired or was used as often as it may be.
"""

import datetime as dt
from collections.abc import Sequence

from app.db.queries import Queries
from app.db.rows import Row

IS_OPEN = "i.revoked_at is null and i.expires_at > now() and (i.most_uses is null or i.uses < i.most_uses)"
ROOM_IDS = "array(select room_id from sign_up_invitation_rooms where invitation_id = i.id order by room_id)"


class OpenInvitationRow(Row, frozen=True):
    """An invitation that can be used, and the rooms that it leads to."""

    id: str
    room_ids: list[str]


class SignUpInvitationRow(Row, frozen=True):
    """An invitation, as administrators see it. `most_uses` is None for any number."""

    id: str
    note: str | None
    most_uses: int | None
    uses: int
    created_at: dt.datetime
    expires_at: dt.datetime
    revoked_at: dt.datetime | None
    is_open: bool
    room_ids: list[str]


async def insert(
    q: Queries,
    *,
    invitation_id: str,
    token_hash: str,
    note: str | None,
    most_uses: int | None,
    seconds: int,
    room_ids: Sequence[str],
) -> dt.datetime:
    """Adds an invitation that is open for so many seconds; returns when it expires."""
    expires_at: dt.datetime = await q.value(
        """
        with made as (
            insert into sign_up_invitations (id, token_hash, note, most_uses, expires_at)
            values (:invitation_id, :token_hash, cast(:note as text), cast(:most_uses as integer),
                    now() + make_interval(secs => :seconds))
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
    )
    return expires_at


async def find_open(q: Queries, token_hash: str) -> OpenInvitationRow | None:
    """The open invitation with a token of that hash."""
    return await q.row(
        OpenInvitationRow,
        f"""
        select i.id, {ROOM_IDS} as room_ids
        from sign_up_invitations i
        where i.token_hash = :token_hash and {IS_OPEN}
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


async def revoke(q: Queries, invitation_id: str) -> bool:
    """Ends an invitation; False if there is none with that id, or it was revoked before."""
    revoked = await q.value(
        """
        update sign_up_invitations set revoked_at = now()
        where id = :invitation_id and revoked_at is null
        returning true
        """,
        invitation_id=invitation_id,
    )
    return revoked is not None


async def listed(q: Queries, *, after: str, limit: int) -> list[SignUpInvitationRow]:
    """Invitations in the order in which they were made, behind the one with the id `after`."""
    return await q.rows(
        SignUpInvitationRow,
        f"""
        select i.id, i.note, i.most_uses, i.uses, i.created_at, i.expires_at, i.revoked_at, {IS_OPEN} as is_open,
               {ROOM_IDS} as room_ids
        from sign_up_invitations i
        where i.id > :after
        order by i.id
        limit :limit
        """,  # noqa: S608 - of constants of this program
        after=after,
        limit=limit,
    )
