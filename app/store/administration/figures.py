"""Figures of the whole instance, for administrators."""

from app.db.queries import Queries
from app.db.rows import Row

COUNTED = 100_000  # messages and files up to which they are counted; of more PostgreSQL's estimate is told


class FiguresRow(Row, frozen=True):
    """How much there is. People are active who used a session in the last day, or week."""

    people: int
    administrators: int
    deactivated: int
    active_in_day: int
    active_in_week: int
    public_rooms: int
    private_rooms: int
    conversations: int
    messages: int
    files: int
    file_bytes: int
    database_bytes: int


async def read(q: Queries) -> FiguresRow:
    """The figures of now."""
    row = await q.row(
        FiguresRow,
        """
        with people as (
            select count(*) as people, count(*) filter (where is_administrator) as administrators,
                   count(*) filter (where deactivated_at is not null) as deactivated
            from users
        ), active as (
            select count(distinct user_id) filter (where last_seen_at > now() - interval '1 day') as in_day,
                   count(distinct user_id) as in_week
            from sessions
            where last_seen_at > now() - interval '7 days'
        ), kinds as (
            select count(*) filter (where kind = 'public') as public_rooms,
                   count(*) filter (where kind = 'private' and group_key is null) as private_rooms,
                   count(*) filter (where kind = 'direct' or group_key is not null) as conversations
            from rooms
            where deleted_at is null
        ), counted as (
            select (select count(*) from (select from messages limit cast(:counted as bigint)) few) as messages,
                   (select count(*) from (select from files limit cast(:counted as bigint)) few) as files
        ), estimated as (
            select cast(max(reltuples) filter (where relname = 'messages') as bigint) as messages,
                   cast(max(reltuples) filter (where relname = 'files') as bigint) as files
            from pg_class
            where oid in (cast('messages' as regclass), cast('files' as regclass))
        )
        select people.people, people.administrators, people.deactivated, active.in_day as active_in_day,
               active.in_week as active_in_week, kinds.public_rooms, kinds.private_rooms, kinds.conversations,
               case when counted.messages < :counted then counted.messages
                    else greatest(counted.messages, estimated.messages) end as messages,
               case when counted.files < :counted then counted.files
                    else greatest(counted.files, estimated.files) end as files,
               (select cast(coalesce(sum(size), 0) as bigint) from files) as file_bytes,
               pg_database_size(current_database()) as database_bytes
        from people, active, kinds, counted, estimated
        """,
        counted=COUNTED,
    )
    assert row is not None
    return row
