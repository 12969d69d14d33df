"""Users who share rooms, and when each was last seen."""

import datetime as dt
from collections.abc import Mapping, Sequence

from app.db.queries import Queries
from app.db.rows import Row


class LastSeenRow(Row, frozen=True):
    """When a user was last seen, None for never."""

    id: str
    last_seen_at: dt.datetime | None


class AcquaintancesRow(Row, frozen=True):
    """A user, and others in the user's rooms."""

    user_id: str
    others: list[str]


class RoomsRow(Row, frozen=True):
    """A user, and rooms that the user is a member of."""

    user_id: str
    room_ids: list[str]


async def last_seen(q: Queries, user_ids: Sequence[str]) -> dict[str, dt.datetime | None]:
    """When each of the users was last seen, None for never."""
    rows = await q.rows(
        LastSeenRow,
        "select id, last_seen_at from users where id = any(cast(:user_ids as text[]))",
        user_ids=list(user_ids),
    )
    return {row.id: row.last_seen_at for row in rows}


async def set_last_seen(q: Queries, ago: Mapping[str, float]) -> dict[str, dt.datetime | None]:
    """Keeps that users were seen so many seconds ago, or later; returns when each was last seen.

    The rows are locked in the order of their ids, for instances may do this for the same users at once.
    """
    rows = await q.rows(
        LastSeenRow,
        """
        with seen as (
            select u.id, now() - given.ago * interval '1 second' as seen_at
            from users u
            join unnest(cast(:user_ids as text[]), cast(:ago as double precision[])) as given (id, ago)
              on given.id = u.id
            order by u.id
            for no key update of u
        )
        update users u
        set last_seen_at = greatest(u.last_seen_at, seen.seen_at)
        from seen
        where u.id = seen.id
        returning u.id, u.last_seen_at
        """,
        user_ids=list(ago),
        ago=list(ago.values()),
    )
    return {row.id: row.last_seen_at for row in rows}


async def rooms_told(q: Queries, user_ids: Sequence[str], most_members: int) -> dict[str, list[str]]:
    """The rooms of each of the users that have at most so many members, direct ones included."""
    rows = await q.rows(
        RoomsRow,
        """
        with theirs as (
            select user_id, room_id
            from room_members
            where user_id = any(cast(:user_ids as text[])) and state = 'member'
        ), told as (
            select r.room_id
            from (select distinct room_id from theirs) r
            where not exists (
                select from room_members m
                where m.room_id = r.room_id and m.state = 'member'
                offset :most_members
            )
        )
        select user_id, array_agg(room_id) as room_ids
        from theirs
        join told using (room_id)
        group by user_id
        """,
        user_ids=list(user_ids),
        most_members=most_members,
    )
    return {row.user_id: row.room_ids for row in rows}


async def acquaintances(
    q: Queries, user_ids: Sequence[str], *, most_members: int, limit: int
) -> dict[str, list[str]]:
    """For each of the users, others in rooms of theirs that have at most so many members.

    Rooms are read until `limit` people are found, counting those of several rooms each time: first the direct ones,
    then the latest. No room is read further than to see that it is too large. Without those who blocked the user, or
    whom the user blocked.
    """
    rows = await q.rows(
        AcquaintancesRow,
        """
        select asking.user_id, array(
            select distinct found.user_id
            from (
                select near.user_id
                from (
                    select r.id
                    from room_members m
                    join rooms r on r.id = m.room_id
                    where m.user_id = asking.user_id and m.state = 'member'
                    order by r.kind <> 'direct', r.id desc
                ) mine
                cross join lateral (
                    select present.user_id, count(*) over () as members
                    from (
                        select user_id from room_members
                        where room_id = mine.id and state = 'member'
                        limit cast(:most_members as bigint) + 1
                    ) present
                ) near
                where near.members <= :most_members and near.user_id <> asking.user_id
                  and near.user_id not in (
                      select blocked_id from user_blocks where blocker_id = asking.user_id
                      union all
                      select blocker_id from user_blocks where blocked_id = asking.user_id
                  )
                limit :limit
            ) found
        ) as others
        from unnest(cast(:user_ids as text[])) as asking (user_id)
        """,
        user_ids=list(user_ids),
        most_members=most_members,
        limit=limit,
    )
    return {row.user_id: row.others for row in rows}


async def acquainted(q: Queries, user_id: str, others: Sequence[str]) -> set[str]:
    """Those of the given users who share a room of any size with a user, whether one has blocked the other or not."""
    user_ids = await q.column(
        str,
        """
        with mine as materialized (
            select room_id from room_members where user_id = :user_id and state = 'member'
        )
        select distinct user_id
        from room_members
        where user_id = any(cast(:others as text[])) and state = 'member' and room_id in (select room_id from mine)
        """,
        user_id=user_id,
        others=list(others),
    )
    return set(user_ids)
