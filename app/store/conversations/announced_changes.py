"""How far the changes of all rooms are known to be announced, and which rooms have changed since."""

import datetime as dt
from collections.abc import Mapping

from app.db.queries import Queries
from app.db.rows import Row
from app.payloads.fields.field_types import MemberState

MOST_ROOMS = 1_000  # read at once


class SpanRow(Row, frozen=True):
    """A span of time."""

    since: dt.datetime
    until: dt.datetime


class ChangedRoomRow(Row, frozen=True):
    """A room, and how far its log has come; `direct_key` are the ids of two people with a `:` between."""

    id: str
    changed_minute: dt.datetime
    last_seq: int
    direct_key: str | None


class ChangedMemberRow(Row, frozen=True):
    """How a user has to do with a room."""

    room_id: str
    user_id: str
    state: MemberState


async def claim(q: Queries, *, every: float, late: float) -> SpanRow | None:
    """The span to look at, for the one who asks first; None where somebody has asked within the last `every` s.

    It begins `late` s before all that was looked at: a transaction may commit so long after its now. A clock that was
    set back makes it longer, and keeps nobody from looking.
    """
    return await q.row(
        SpanRow,
        """
        update announced_changes
        set looked_at = now()
        where looked_at not between now() - make_interval(secs => :every) and now()
        returning least(up_to, now()) - make_interval(secs => :late) as since, now() as until
        """,
        every=every,
        late=late,
    )


async def hasten(q: Queries) -> None:
    """Lets the next one who asks look, however short ago the last look was."""
    await q.value("update announced_changes set looked_at = '-infinity'")


async def rooms_changed(q: Queries, since: dt.datetime, *, after: str = "") -> list[ChangedRoomRow]:
    """Rooms whose logs got a number in the minute of a time or later, up to `MOST_ROOMS`, in order.

    Of those of that minute, the ones after an id.

    That it is not earlier is said twice: a comparison of rows alone does not let PostgreSQL use the partial index.
    The memberships with which a direct conversation begins are not announced, so one that has no more is left out.
    """
    return await q.rows(
        ChangedRoomRow,
        """
        select id, changed_minute, last_seq, direct_key
        from rooms
        where changed_minute >= date_trunc('minute', cast(:minute as timestamptz))
          and (changed_minute, id) > (date_trunc('minute', cast(:minute as timestamptz)), cast(:id as text))
          and (direct_key is null or last_seq > 2)
        order by changed_minute, id
        limit :limit
        """,
        minute=since,
        id=after,
        limit=MOST_ROOMS,
    )


async def members_changed(q: Queries, after: Mapping[str, int]) -> list[ChangedMemberRow]:
    """The memberships of rooms that have changed after a number in the room's log."""
    return await q.rows(
        ChangedMemberRow,
        """
        select m.room_id, m.user_id, m.state
        from unnest(cast(:room_ids as text[]), cast(:numbers as bigint[])) as after (room_id, number)
        join room_members m on m.room_id = after.room_id and m.change_seq > after.number
        """,
        room_ids=list(after),
        numbers=list(after.values()),
    )


async def note(q: Queries, up_to: dt.datetime) -> None:
    """Keeps that all changes up to a time have been announced, or their rooms told."""
    await q.value("update announced_changes set up_to = :up_to", up_to=up_to)
