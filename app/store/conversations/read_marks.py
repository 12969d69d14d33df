"""How far members have read rooms, and what they have marked as unread."""

import datetime as dt

from app.db.queries import Queries
from app.db.rows import Row
from app.store.log.direct_key import one_has_blocked


class ReadMarkRow(Row, frozen=True):
    """How far a member has read, and since when."""

    last_read_seq: int
    read_at: dt.datetime


# What was marked as unread, of a room or of a thread, is read up to `:seq`: where the mark stands there or before.
READ_UP_TO = """
    unread_from = case
        when last_read_seq > cast(:seq as bigint) then least(cast(:seq as bigint), last_read_seq) + 1
    end,
    unread_from_mark = case when last_read_seq > cast(:seq as bigint) then last_read_seq end
"""
MARKED_UP_TO = "unread_from_mark = last_read_seq and unread_from <= cast(:seq as bigint)"


class UnreadMarkRow(Row, frozen=True):
    """How much of a room is unread for a member, as of `last_seq` of its log. `unread_from`: see `shown_rooms`."""

    last_seq: int
    last_read_seq: int
    unread_from: int | None
    unread: int
    mentions: int


async def move(q: Queries, *, room_id: str, user_id: str, seq: int) -> ReadMarkRow | None:
    """Moves a member's mark on to a place, at most to the end of the log; None when it does not move.

    The room's row is read and not locked: readers delay no other. Where one
    of two people has blocked the other, the time is not kept: a message shows no `read_at` then, though it counts as
    read for its reader.
    """
    return await q.row(
        ReadMarkRow,
        f"""
        update room_members m
        set last_read_seq = least(cast(:seq as bigint), r.last_seq),
            last_read_at = case when {one_has_blocked()} then null else now() end
        from rooms r
        where m.room_id = :room_id and m.user_id = :user_id and m.state = 'member' and r.id = m.room_id
          and least(cast(:seq as bigint), r.last_seq) > m.last_read_seq
        returning m.last_read_seq, now() as read_at
        """,  # noqa: S608 - of constants of this program
        room_id=room_id,
        user_id=user_id,
        seq=seq,
    )


async def find(q: Queries, room_id: str, user_id: str) -> ReadMarkRow | None:
    """How far a member has read, and since when; what was there before one came counts as read."""
    return await q.row(
        ReadMarkRow,
        """
        select last_read_seq, coalesce(last_read_at, joined_at) as read_at
        from room_members
        where room_id = :room_id and user_id = :user_id
        """,
        room_id=room_id,
        user_id=user_id,
    )


async def mark_unread(q: Queries, *, room_id: str, user_id: str, seq: int) -> bool:
    """Marks a room as unread from a place on that the member's mark has passed; False where it has not, and so is.

    The mark stays. A mark that moves takes it away, whatever moves it: see `shown_rooms`.
    """
    return bool(
        await q.value(
            """
            update room_members
            set unread_from = :seq, unread_from_mark = last_read_seq
            where room_id = :room_id and user_id = :user_id and state = 'member' and last_read_seq >= :seq
            returning true
            """,
            room_id=room_id,
            user_id=user_id,
            seq=seq,
        )
    )


async def read_again(q: Queries, *, room_id: str, user_id: str, seq: int) -> bool:
    """Notes that what a member had marked as unread has been read up to a place; False where nothing was."""
    return bool(
        await q.value(
            f"""
            update room_members
            set {READ_UP_TO}
            where room_id = :room_id and user_id = :user_id and state = 'member'
              and {MARKED_UP_TO}
            returning true
            """,  # noqa: S608 - of constants of this program
            room_id=room_id,
            user_id=user_id,
            seq=seq,
        )
    )


async def unread_mark(q: Queries, room_id: str, user_id: str) -> UnreadMarkRow | None:
    """How much of a room is unread for a member, and from where on; None for no member."""
    return await q.row(
        UnreadMarkRow,
        """
        select last_seq, last_read_seq, unread_from, unread, mentions
        from shown_rooms
        where id = :room_id and user_id = :user_id and state = 'member'
        """,
        room_id=room_id,
        user_id=user_id,
    )
