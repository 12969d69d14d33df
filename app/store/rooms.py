"""Rooms, and the numbers of their logs.

Whatever changes a room's log first locks the room's row (`lock`, `lock_all`), so the changes of one room are made one
after the other on all instances, and numbers without gaps come out. Rows of several rooms are locked in the order of
their ids, and always before rows of other tables, so nobody waits in a circle.
"""

from collections.abc import Sequence

from app.db import Queries, Row


async def insert(
    q: Queries, *, room_id: str, kind: str, name: str, description: str | None, created_by: str
) -> None:
    """Adds an empty room; its first change will be number 1."""
    await q.value(
        """
        insert into rooms (id, kind, name, description, created_by)
        values (:room_id, :kind, :name, :description, :created_by)
        """,
        room_id=room_id,
        kind=kind,
        name=name,
        description=description,
        created_by=created_by,
    )


async def lock(q: Queries, room_id: str) -> Row | None:
    """The room's row, held against every other change of its log until the transaction ends."""
    return await q.row("select id, kind from rooms where id = :room_id for no key update", room_id=room_id)


async def lock_all(q: Queries, room_ids: Sequence[str]) -> None:
    """Holds several rooms against every other change of their logs, in the order of their ids."""
    await q.rows(
        "select id from rooms where id = any(cast(:room_ids as text[])) order by id for no key update",
        room_ids=list(room_ids),
    )


async def next_seq(q: Queries, room_id: str) -> int:
    """Takes the next number of the log of a locked room."""
    seq: int = await q.value(
        "update rooms set last_seq = last_seq + 1 where id = :room_id returning last_seq", room_id=room_id
    )
    return seq


async def exists(q: Queries, room_id: str) -> bool:
    """Whether there is such a room."""
    return bool(await q.value("select true from rooms where id = :room_id", room_id=room_id))


async def of_member(q: Queries, room_id: str, user_id: str) -> Row | None:
    """A room with the membership that the user has in it now; None when there is none."""
    return await q.row(
        """
        select * from shown_rooms
        where id = :room_id and user_id = :user_id and state = 'member'
        """,
        room_id=room_id,
        user_id=user_id,
    )


async def of_user(q: Queries, user_id: str, state: str) -> list[Row]:
    """The public and private rooms that the user is a `member` of, or `invited` to, by name."""
    return await q.rows(
        """
        select * from shown_rooms
        where user_id = :user_id and state = :state and kind <> 'direct'
        order by lower(name), id
        """,
        user_id=user_id,
        state=state,
    )
