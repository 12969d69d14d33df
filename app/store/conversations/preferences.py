"""Preferences of members for themselves: favourites, muted rooms and hidden conversations."""

import datetime as dt

from app.db.queries import Queries
from app.db.rows import Row


class MuteRow(Row, frozen=True):
    """The mute of a room by a member; `muted_until` is None where that is for good, or not at all."""

    muted: bool
    muted_until: dt.datetime | None


async def mute(q: Queries, *, room_id: str, user_id: str, seconds: int | None) -> MuteRow | None:
    """Mutes a room for a member for so many seconds, or with None until it is unmuted; 0 unmutes it.

    Returns None for no member.
    """
    return await q.row(
        MuteRow,
        """
        update room_members
        set muted_until = case when cast(:seconds as bigint) is null then 'infinity'
                               when cast(:seconds as bigint) > 0
                               then now() + cast(:seconds as bigint) * interval '1 second' end
        where room_id = :room_id and user_id = :user_id and state = 'member'
        returning muted_until is not null as muted,
                  case when isfinite(muted_until) then muted_until end as muted_until
        """,
        room_id=room_id,
        user_id=user_id,
        seconds=seconds,
    )


async def set_favorite(q: Queries, *, room_id: str, user_id: str, favorite: bool) -> bool:
    """Makes a room a favourite of a member, or no longer; False where that is so already, and for no member."""
    return bool(
        await q.value(
            """
            update room_members
            set is_favorite = :favorite
            where room_id = :room_id and user_id = :user_id and state = 'member' and is_favorite <> :favorite
            returning true
            """,
            room_id=room_id,
            user_id=user_id,
            favorite=favorite,
        )
    )


async def hide(q: Queries, *, room_id: str, user_id: str) -> int | None:
    """Takes a direct conversation, or a group, off a user's list until there is a message after the number returned.

    None where this is neither of the user's.
    """
    seq: int | None = await q.value(
        """
        update room_members m
        set hidden_at_seq = r.last_seq
        from rooms r
        where m.room_id = :room_id and m.user_id = :user_id and m.state = 'member'
          and r.id = m.room_id and (r.kind = 'direct' or r.group_key is not null)
        returning m.hidden_at_seq
        """,
        room_id=room_id,
        user_id=user_id,
    )
    return seq
