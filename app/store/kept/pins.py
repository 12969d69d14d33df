"""The pinned messages of rooms, in an order of their own."""

import datetime as dt
from collections.abc import Sequence

from app.db.queries import Queries
from app.db.rows import Row
from app.store.log.message_rows import SHOWN_MESSAGE, ShownMessageRow
from app.store.log.pages import MAX_PAGE, ended_by_size


class PinnedRow(Row, frozen=True):
    """A pinned message, since when and by whom it is pinned. `there_are`: see `ended_by_size`."""

    pinned_at: dt.datetime
    pinned_by: str
    pinner_username: str
    pinner_display_name: str | None
    pinner_avatar: str | None
    message: ShownMessageRow | None
    there_are: int


SHOWN = ended_by_size(
    f"pinned_at, pinned_by, pinner_username, pinner_display_name, pinner_avatar, {SHOWN_MESSAGE}",
    """
    select p.place, p.pinned_at, p.pinned_by, pinner.username as pinner_username,
           pinner.display_name as pinner_display_name, pinner.avatar as pinner_avatar, s.*
    from pins p
    join users pinner on pinner.id = p.pinned_by
    join shown_messages s on s.id = p.message_id
    where p.room_id = :room_id and (cast(:after as text) is null or p.place > (
        select place from pins where room_id = :room_id and message_id = cast(:after as text)
    ))
    order by p.place
    limit :limit
    """,
    "place",
)


async def ids(q: Queries, room_id: str) -> list[str]:
    """The ids of the pinned messages of a room, in their order."""
    return await q.column(
        str, "select message_id from pins where room_id = :room_id order by place", room_id=room_id
    )


async def shown(
    q: Queries, room_id: str, *, after: str | None, limit: int, max_bytes: int = MAX_PAGE
) -> list[PinnedRow]:
    """The pinned messages of a room in their order, behind the one with the id `after`: see `ended_by_size`."""
    return await q.rows(PinnedRow, SHOWN, room_id=room_id, after=after, limit=limit, max_bytes=max_bytes)


async def insert(q: Queries, *, room_id: str, message_id: str, pinned_by: str) -> None:
    """Pins a message of a locked room, before all others."""
    await q.value(
        """
        insert into pins (message_id, room_id, place, pinned_by)
        select :message_id, :room_id, coalesce(min(place), 0) - 1, :pinned_by from pins where room_id = :room_id
        """,
        message_id=message_id,
        room_id=room_id,
        pinned_by=pinned_by,
    )


async def delete(q: Queries, message_id: str) -> None:
    """Takes the pin of a message of a locked room away."""
    await q.value("delete from pins where message_id = :message_id", message_id=message_id)


async def put_in_order(q: Queries, message_ids: Sequence[str]) -> None:
    """Gives the pinned messages of a locked room, all of them, another order."""
    await q.value(
        """
        update pins p set place = given.place
        from unnest(cast(:message_ids as text[])) with ordinality as given (message_id, place)
        where p.message_id = given.message_id
        """,
        message_ids=list(message_ids),
    )
