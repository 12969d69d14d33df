"""Blocks: which users want nothing from which other users."""

import datetime as dt
from collections.abc import Sequence

from app.db.queries import Queries
from app.db.rows import Row


class BlockRow(Row, frozen=True):
    """A block, and the user who is blocked."""

    created_at: dt.datetime
    user_id: str
    username: str
    display_name: str | None
    avatar: str | None


class BlocksRow(Row, frozen=True):
    """A user, and those whom the user blocked or who blocked the user."""

    user_id: str
    other_ids: list[str]


BLOCKED_USERS = """
select b.created_at, u.id as user_id, u.username, u.display_name, u.avatar
from user_blocks b
join users u on u.id = b.blocked_id
"""
# The users who blocked a user, and those whom that user blocked.
OTHERS_OF_BLOCKS = """
select blocked_id as other_id from user_blocks where blocker_id = :user_id
union all
select blocker_id from user_blocks where blocked_id = :user_id
"""


async def find(q: Queries, blocker_id: str, blocked_id: str) -> BlockRow | None:
    """A user's block of another."""
    return await q.row(
        BlockRow,
        f"""
        {BLOCKED_USERS}
        where b.blocker_id = :blocker_id and b.blocked_id = :blocked_id
        """,
        blocker_id=blocker_id,
        blocked_id=blocked_id,
    )


async def listed(q: Queries, blocker_id: str, *, after: str | None, limit: int) -> list[BlockRow]:
    """The blocks of a user, as `find` has them, in the order of the blocked users' ids, after `after`."""
    return await q.rows(
        BlockRow,
        f"""
        {BLOCKED_USERS}
        where b.blocker_id = :blocker_id and b.blocked_id > coalesce(cast(:after as text), '')
        order by b.blocked_id
        limit :limit
        """,
        blocker_id=blocker_id,
        after=after,
        limit=limit,
    )


async def count(q: Queries, blocker_id: str) -> int:
    """How many users a user has blocked."""
    number: int = await q.value(
        "select count(*) from user_blocks where blocker_id = :blocker_id", blocker_id=blocker_id
    )
    return number


async def insert(q: Queries, blocker_id: str, blocked_id: str) -> None:
    """Adds a block that there is not yet."""
    await q.value(
        "insert into user_blocks (blocker_id, blocked_id) values (:blocker_id, :blocked_id)",
        blocker_id=blocker_id,
        blocked_id=blocked_id,
    )


async def delete(q: Queries, blocker_id: str, blocked_id: str) -> bool:
    """Takes a block back; false where there was none."""
    deleted = await q.value(
        "delete from user_blocks where blocker_id = :blocker_id and blocked_id = :blocked_id returning true",
        blocker_id=blocker_id,
        blocked_id=blocked_id,
    )
    return deleted is not None


async def between(q: Queries, user_id: str, others: Sequence[str]) -> set[str]:
    """Those of the given users who blocked a user, or whom that user blocked."""
    other_ids = await q.column(
        str,
        """
        select blocked_id as other_id from user_blocks
        where blocker_id = :user_id and blocked_id = any(cast(:others as text[]))
        union
        select blocker_id from user_blocks
        where blocked_id = :user_id and blocker_id = any(cast(:others as text[]))
        """,
        user_id=user_id,
        others=list(others),
    )
    return set(other_ids)


async def in_room(q: Queries, room_id: str, user_id: str) -> list[str]:
    """The members of a room who blocked a user, or whom that user blocked."""
    return await q.column(
        str,
        f"""
        select m.user_id
        from (select distinct other_id from ({OTHERS_OF_BLOCKS}) others) blocks
        join room_members m on m.room_id = :room_id and m.user_id = blocks.other_id and m.state = 'member'
        """,  # noqa: S608 - of constants of this program
        room_id=room_id,
        user_id=user_id,
    )


async def of_acquaintances(q: Queries, user_ids: Sequence[str]) -> dict[str, list[str]]:
    """By user: those who blocked them, or whom they blocked, of those who share a room of any kind with them."""
    rows = await q.rows(
        BlocksRow,
        """
        select blocks.user_id, array_agg(blocks.other_id) as other_ids
        from (
            select blocker_id as user_id, blocked_id as other_id from user_blocks
            where blocker_id = any(cast(:user_ids as text[]))
            union
            select blocked_id, blocker_id from user_blocks
            where blocked_id = any(cast(:user_ids as text[]))
        ) blocks
        where exists (
            select
            from room_members mine
            join room_members theirs on theirs.room_id = mine.room_id
            where mine.user_id = blocks.user_id and mine.state = 'member'
              and theirs.user_id = blocks.other_id and theirs.state = 'member'
        )
        group by blocks.user_id
        """,
        user_ids=list(user_ids),
    )
    return {row.user_id: row.other_ids for row in rows}
