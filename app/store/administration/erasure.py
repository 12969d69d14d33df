"""Messages that are erased many at a time: a tombstone stays of each, and a number of the room's log tells of it.

The room is locked, as for any other change of its log.
"""

from collections.abc import Sequence

from app.db.queries import Queries

# The numbers of the log for messages that change at once.
NUMBERED = """
numbered as (
    select id, seq, row_number() over (order by seq) as number
    from messages
    where room_id = :room_id and id = any(cast(:message_ids as text[])) and deleted_at is null
), raised as (
    update rooms
    set last_seq = last_seq + (select count(*) from numbered), changed_minute = date_trunc('minute', now())
    where id = :room_id and exists (select from numbered)
    returning last_seq - (select count(*) from numbered) as before
)
"""


async def detach_files(q: Queries, message_ids: Sequence[str]) -> None:
    """Takes the files from messages; they expire at once."""
    await q.value(
        """
        update files set message_id = null, expires_at = now()
        where message_id = any(cast(:message_ids as text[]))
        """,
        message_ids=list(message_ids),
    )


async def wipe_all(q: Queries, room_id: str, message_ids: Sequence[str]) -> None:
    """Leaves of messages of a locked room only that they were there; see `store.messages.wipe`. Not of their files."""
    await q.value(
        f"""
        with {NUMBERED}, reactions_gone as (
            delete from reactions where message_id in (select id from numbered)
        ), mentions_gone as (
            delete from mentions where message_id in (select id from numbered)
        ), words_gone as (
            delete from message_words where room_id = :room_id and seq in (select seq from numbered)
        )
        update messages m
        set content = '', metadata = null, change_seq = raised.before + numbered.number, deleted_by = null,
            deleted_at = now(), modified_at = now(), words_version = coalesce(m.words_version, 0) + 1
        from numbered, raised
        where m.id = numbered.id
        """,  # noqa: S608 - of constants of this program
        room_id=room_id,
        message_ids=list(message_ids),
    )


async def touch_all(q: Queries, room_id: str, message_ids: Sequence[str]) -> None:
    """Notes that what hangs on messages of a locked room has changed, and that their words are to be made anew."""
    await q.value(
        f"""
        with {NUMBERED}, noted as (
            insert into words_to_make (kind, id) select 'message', id from numbered
        )
        update messages m
        set change_seq = raised.before + numbered.number
        from numbered, raised
        where m.id = numbered.id
        """,  # noqa: S608 - of constants of this program
        room_id=room_id,
        message_ids=list(message_ids),
    )


async def rooms_with_old(q: Queries, limit: int) -> list[str]:
    """Rooms whose oldest message is older than the room keeps them.

    Along `seq` times do not go back, so one look at the index tells that of a room.
    """
    return await q.column(
        str,
        """
        select r.id from rooms r
        where r.retention_days is not null and r.deleted_at is null and (
            select m.created_at from messages m
            where m.room_id = r.id and m.deleted_at is null
            order by m.seq
            limit 1
        ) < now() - make_interval(days => r.retention_days)
        order by r.id
        limit :limit
        """,
        limit=limit,
    )


async def old_messages(q: Queries, room_id: str, limit: int) -> list[str]:
    """The oldest messages of a locked room that are older than it keeps them."""
    return await q.column(
        str,
        """
        select m.id from messages m
        join rooms r on r.id = m.room_id
        where m.room_id = :room_id and m.deleted_at is null
          and m.created_at < now() - make_interval(days => r.retention_days)
        order by m.seq
        limit :limit
        """,
        room_id=room_id,
        limit=limit,
    )


async def room_of_sender(q: Queries, user_id: str, *, with_files: bool) -> str | None:
    """A room that has messages of a user, or with `with_files` such that have files."""
    room_id: str | None = await q.value(
        """
        select room_id from messages where sender_id = :user_id and deleted_at is null limit 1
        """
        if not with_files
        else """
        select m.room_id from files f
        join messages m on m.id = f.message_id and m.sender_id = f.owner_id and m.deleted_at is null
        where f.owner_id = :user_id and f.message_id is not null
        limit 1
        """,
        user_id=user_id,
    )
    return room_id


async def of_sender(q: Queries, room_id: str, user_id: str, *, with_files: bool, limit: int) -> list[str]:
    """Messages of a user in a locked room that are not deleted; with `with_files` such that have files."""
    return await q.column(
        str,
        """
        select m.id from messages m
        where m.room_id = :room_id and m.sender_id = :user_id and m.deleted_at is null
          and (not cast(:with_files as boolean) or exists (select from files f where f.message_id = m.id))
        order by m.seq
        limit :limit
        """,
        room_id=room_id,
        user_id=user_id,
        with_files=with_files,
        limit=limit,
    )


async def without_text(q: Queries, message_ids: Sequence[str]) -> list[str]:
    """Those of some messages that say nothing but by their files."""
    return await q.column(
        str,
        "select id from messages where id = any(cast(:message_ids as text[])) and content !~ '[^[:space:]]'",
        message_ids=list(message_ids),
    )
