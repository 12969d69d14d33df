"""Public rooms, as any user finds them."""

import datetime as dt

from app.db.queries import Queries
from app.db.rows import Row


class PublicRoomRow(Row, frozen=True):
    """A public room, as any user sees it, and whether the caller has `joined` it."""

    id: str
    name: str
    description: str | None
    created_at: dt.datetime
    member_count: int
    joined: bool


async def is_public(q: Queries, room_id: str) -> bool:
    """True if there is such a public room."""
    return bool(
        await q.value("select true from rooms where id = :room_id and kind = 'public'", room_id=room_id)
    )


PUBLIC = """
select r.id, r.name, r.description, r.created_at,
       (select count(*)
        from (select from room_members m where m.room_id = r.id and m.state = 'member' limit 1000) counted
       ) as member_count,
       exists (
           select from room_members mine
           where mine.room_id = r.id and mine.user_id = :user_id and mine.state = 'member'
       ) as joined
from rooms r
where r.kind = 'public' and r.archived_at is null and r.id > coalesce(cast(:after as text), '')
"""


async def public(q: Queries, user_id: str, *, after: str | None, limit: int) -> list[PublicRoomRow]:
    """Public rooms that are not archived in the order in which they were made, after the one with the id `after`."""
    return await q.rows(
        PublicRoomRow, f"{PUBLIC} order by r.id limit :limit", user_id=user_id, after=after, limit=limit
    )


async def public_one(q: Queries, user_id: str, room_id: str) -> PublicRoomRow | None:
    """A public room; None where there is none with this id, or it is not public, or archived."""
    return await q.row(
        PublicRoomRow, f"{PUBLIC} and r.id = :room_id", user_id=user_id, room_id=room_id, after=None
    )


async def public_with_words(
    q: Queries, user_id: str, *, asked: str, after: str | None, limit: int
) -> list[PublicRoomRow]:
    """As `public`, only rooms whose names fit a `tsquery`."""
    return await q.rows(
        PublicRoomRow,
        f"""
        with fitting as materialized (
            select room_id from room_words where words @@ (select cast(:asked as tsquery))
        )
        {PUBLIC} and r.id in (select room_id from fitting)
        order by r.id
        limit :limit
        """,  # noqa: S608 - of constants of this program
        user_id=user_id,
        asked=asked,
        after=after,
        limit=limit,
    )
